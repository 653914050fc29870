"""What Hypothesis draws and shrinks: the same each time, notable lengths, the true minimum; and what it keeps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from spaces import Ranges

from harness.core.spec import Dim
from harness.numerics.strategies import Database, Example, database_below, drawn, example_from, smallest

SPACE = Ranges(Dim("batch", 0, 16), Dim("H", 4, 64, example=8))
RUNGS = ("normal", "large", "zeros")


def test_draws_are_a_function_of_their_arguments() -> None:
    first = drawn(SPACE, RUNGS, 30, 5)
    assert first == drawn(SPACE, RUNGS, 30, 5)
    assert first != drawn(SPACE, RUNGS, 30, 6)


def test_draws_do_not_hang_on_modules_that_happen_to_be_loaded(tmp_path: Path) -> None:
    """Hypothesis takes constants from the modules of the folder one works in; the fuzzer must not."""
    (tmp_path / "mine.py").write_text("A = 13\nB = 57\nC = [9, 10, 11, 12, 14, 15, 33, 34, 35, 61]\n")
    script = (
        "import sys; sys.path[:0] = [{paths}]\n{more}from spaces import Ranges\nfrom harness.core.spec import Dim\n"
        "from harness.numerics.strategies import drawn\n"
        "print([e.to_json() for e in drawn(Ranges(Dim('b', 0, 99), Dim('h', 4, 99)), ('normal', 'large'), 60, 3)])"
    )
    paths = ", ".join(repr(str(path)) for path in (Path(__file__).parent, Path(__file__).parents[2], tmp_path))
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script.format(paths=paths, more=more)], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout
        for more in ("", "import mine\n")
    }
    assert len(outputs) == 1
    assert not (tmp_path / ".hypothesis").exists()


def test_notable_lengths_come_up() -> None:
    lengths = [example.lengths for example in drawn(SPACE, RUNGS, 80, 1)]
    assert {0, 1} <= {n["batch"] for n in lengths}
    assert len({n["H"] % 2 for n in lengths}) == 2
    assert any(n["batch"] == n["H"] for n in lengths)
    assert {"large", "zeros"} <= {example.rung for example in drawn(SPACE, RUNGS, 80, 1)}


def test_every_draw_is_admissible() -> None:
    tied = Ranges(Dim("k", 1, 20), Dim("n", 2, 40), relation=lambda n: n["n"] == 2 * n["k"])
    examples = drawn(tied, ("normal",), 20, 0)
    assert examples
    assert all(tied.holds(example.lengths) for example in examples)


def test_the_smallest_is_found_from_one_example_in_few_steps() -> None:
    asked = []

    def fails(example: Example) -> bool:
        asked.append(example)
        return example.lengths["H"] % 2 == 1 and example.lengths["batch"] >= 3

    start = Example(lengths={"batch": 15, "H": 63}, rung="zeros", seed=200)
    assert smallest(SPACE, RUNGS, start, fails) == Example(lengths={"batch": 3, "H": 5})
    assert asked[0] == start
    assert len(asked) < 60


def test_what_no_longer_fails_stays_as_it_is() -> None:
    start = Example(lengths={"batch": 15, "H": 63})
    assert smallest(SPACE, RUNGS, start, lambda _: False) == start


@pytest.mark.parametrize(
    "start",
    [
        Example(lengths={"batch": 99, "H": 63}), Example(lengths={"batch": 1, "H": 63}, rung="gone"),
        Example(lengths={"batch": 1, "H": 9}, seed=999),
    ],
)  # fmt: skip
def test_what_a_row_names_beyond_the_draws_is_left_as_it_is(start: Example) -> None:
    assert smallest(SPACE, RUNGS, start, lambda _: True) == start


def test_a_dimension_without_a_choice_costs_none() -> None:
    fixed = Ranges(Dim("a", 3, 3), Dim("b", 1, 40), Dim("c", 7, 7))
    start = Example(lengths={"a": 3, "b": 33, "c": 7}, seed=5)
    assert smallest(fixed, ("normal",), start, lambda e: e.lengths["b"] > 9).lengths == {"a": 3, "b": 10, "c": 7}


def test_examples_are_stored_and_read() -> None:
    example = Example(lengths={"batch": 1, "H": 9}, rung="large", seed=3)
    assert example_from(example.to_json()) == example


def test_what_is_kept_comes_back_and_is_forgotten(tmp_path: Path) -> None:
    database, said = database_below(tmp_path / "kept", b"cell")
    assert isinstance(database, Database)
    assert said == ""
    example = Example(lengths={"batch": 3, "H": 9}, rung="large", seed=3)
    database.keep(SPACE, RUNGS, example)
    assert database.examples(SPACE, RUNGS) == [example]
    other, _ = database_below(tmp_path / "kept", b"another cell")
    assert other is not None
    assert other.examples(SPACE, RUNGS) == []
    database.keep(SPACE, RUNGS, Example(lengths={"batch": 0, "H": 4}))
    assert len(database.examples(SPACE, RUNGS)) == 1, "the last one only"
    database.forget()
    assert database.examples(SPACE, RUNGS) == []


def test_what_was_kept_of_another_space_is_passed_over(tmp_path: Path) -> None:
    database, _ = database_below(tmp_path, b"cell")
    assert database is not None
    database.keep(SPACE, RUNGS, Example(lengths={"batch": 16, "H": 64}, rung="zeros", seed=255))
    assert database.examples(Ranges(Dim("batch", 0, 3)), ("normal",)) == []


def test_hypothesis_is_loaded_when_it_is_needed() -> None:
    script = "import sys; import harness.engine.fuzz, harness.pytest_run; print('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert done.stdout.strip() == "False"
