"""Failing examples as rows: written once, replayed first for ever, told where they no longer apply; and what local runs keep besides."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from fuzzed import Bench

from harness.core import toml
from harness.core.errors import UsageError
from harness.core.outcome import Outcome
from harness.engine.example_rows import Row, keep, rows_from
from harness.engine.fuzzing import local_database
from harness.numerics.strategies import Example

CASES = """
from planted import *
B, L = Dim("batch", 1, 8, example=2), Dim("length", 1, 64, example=12)
X = TensorSpec(name="x", dtype="float32", shape=(B, L, 5))
def case(right, target=None):
    return Case(id="planted", level="unit", inputs=(X,), build={"plain": lambda: Model(right, target)})
CASE = case(lambda x: np.cumsum(x, axis=1), windowed)
"""
MENDED = CASES.replace(", windowed)", ")")
ROUTE = "plain>plain-target@cpu"
# No budget of two examples finds this by itself: one shape of all.
RARE = CASES.replace("windowed)", "lambda x: np.cumsum(x, axis=1) + (x.shape[0] == 7 and x.shape[1] == 55))")


@pytest.fixture(autouse=True)
def on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are written, as they are not where CI is set."""
    monkeypatch.delenv("CI", raising=False)


def row(**more: Any) -> Row:
    """Return a row."""
    given: dict[str, Any] = {"lengths": {"batch": 7, "length": 55}, **more}
    return Row(case="planted", route=ROUTE, example=Example(**given), says="fails when it does", found_with={"numpy": "2.0", "a b": "1"})


def test_a_row_is_read_as_it_was_written(tmp_path: Path) -> None:
    path, rows = tmp_path / "rows.toml", [row(), row(lengths={"a.b": 0}, rung="large", seed=9), row(lengths={})]
    for one in rows:
        assert keep(one, path, tmp_path / "locks").startswith(f"examples: added to {path}")
    assert list(rows_from(path)) == rows
    assert path.read_text().count("Written by the fuzzer") == 1
    assert not list(tmp_path.glob(".rows*")), "nothing is left of the draft"


def test_texts_that_toml_must_escape_survive(tmp_path: Path) -> None:
    odd = Row(case='q"u\\o', route="a>b[x='\t']@cpu", example=Example(lengths={}), says="line\nline \u2260 \x7f", found_with={})
    keep(odd, tmp_path / "rows.toml", tmp_path)
    assert rows_from(tmp_path / "rows.toml") == (odd,)


def test_a_known_row_is_not_written_again_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "rows.toml"
    keep(row(), path, tmp_path)
    path.write_text("# ours\n" + path.read_text())
    before = path.read_text()
    assert keep(row(), path, tmp_path) == "examples: known from rows.toml"
    assert path.read_text() == before
    keep(row(seed=1), path, tmp_path)
    assert path.read_text().startswith(before.rstrip("\n"))


def test_writers_wait_for_one_another(tmp_path: Path) -> None:
    path = tmp_path / "rows.toml"
    writers = [threading.Thread(target=keep, args=(row(seed=n), path, tmp_path / "locks")) for n in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(one.example.seed for one in rows_from(path)) == list(range(8))


def test_in_ci_nothing_is_written_and_the_row_is_ready_to_paste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    path = tmp_path / "rows.toml"
    said = keep(row(), path, tmp_path)
    assert not path.exists()
    (tmp_path / "pasted.toml").write_text(said.split("\n", 1)[1])
    assert rows_from(tmp_path / "pasted.toml") == (row(),)


def test_a_file_that_cannot_be_written_costs_no_run(tmp_path: Path) -> None:
    path = tmp_path / "rows.toml"
    path.mkdir()
    assert "could not be extended" in keep(row(), path, tmp_path / "locks")
    broken = tmp_path / "broken.toml"
    broken.write_text("[[example]")
    assert "could not be extended" in keep(row(), broken, tmp_path / "locks")
    assert broken.read_text() == "[[example]", "what people wrote is theirs"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[example]]\ncase = 'c'\nlengths = {}", "row 1: route is missing"),
        ("[[example]]\ncase = 'c'\nroute = 'r'\nlengths = {}\nrungs = 'x'", "unknown key of {path}, row 1 'rungs'; did you mean rung"),
        ("[[example]]\ncase = 'c'\nroute = 'r'\nlengths = {batch = 1.5}", "a whole number >= 0 for each dimension"),
        ("[[example]]\ncase = 'c'\nroute = 'r'\nlengths = {batch = -1}", "a whole number >= 0 for each dimension"),
        ("[[example]]\ncase = 'c'\nroute = 'r'\nlengths = {}\nrung = 'huge'", "unknown rung in {path}, row 1 'huge'"),
        ("[[example]]\ncase = 'c'\nroute = 'r'\nlengths = {}\nseed = true", "seed = True; expected a whole number"),
        ("[[example]]\ncase = 3\nroute = 'r'\nlengths = {}", "case, route and says are texts"),
        ("example = 3", "example is no list of tables"),
        ("example = [3]", "row 1: 3 is no table"),
        ("[[examples]]\ncase = 'c'", "unknown table in {path} 'examples'; did you mean example"),
        ("[[example]", "is not valid TOML"),
    ],
)
def test_what_is_no_row_is_told_by_file_and_row(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rows.toml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        rows_from(path)
    assert said.replace("{path}", str(path)) in str(caught.value)


def test_no_file_is_no_rows(tmp_path: Path) -> None:
    assert rows_from(tmp_path / "rows.toml") == ()


def test_a_failure_becomes_a_row_and_the_row_is_replayed_first(bench: Bench) -> None:
    path = bench.folder / "rows.toml"
    found = bench.run(CASES, path=path)
    assert f"examples: added to {path}; it is tried first from now on. Commit the file" in found.messages
    (one,) = rows_from(path)
    assert (one.case, one.route, one.example) == ("planted", ROUTE, Example(lengths={"batch": 1, "length": 32}))
    assert one.says.startswith("fails when length >= 32; holds on ")
    again = bench.run(CASES, path=path, rows=rows_from(path))
    assert "examples: known from rows.toml" in again.messages
    assert again.shapes["smallest"] == found.shapes["smallest"]
    assert len(rows_from(path)) == 1


def test_a_row_is_tried_whatever_the_budget(bench: Bench) -> None:
    small = {"examples": {"unit": 2}}
    assert bench.run(RARE, **small).outcome is Outcome.MATCH
    record = bench.run(RARE, rows=(row(),), **small)
    assert record.outcome is Outcome.MISMATCH
    assert record.shapes["smallest"]["lengths"] == {"batch": 7, "length": 55}
    mended = bench.run(MENDED, rows=(row(),), **small)
    assert mended.outcome is Outcome.MATCH
    assert {"batch": 7, "length": 55} in mended.shapes["tried"], "a mended failure is tried for ever"


@pytest.mark.parametrize(
    ("lengths", "said"),
    [
        ({"batch": 3, "height": 4}, "the case has no dimension 'height', it has batch, length"),
        ({"batch": 3}, "it gives no length for length in 1..64"),
        ({"batch": 9, "length": 3}, "batch = 9 lies outside batch in 1..8"),
    ],
)
def test_a_row_that_no_longer_applies_is_told_and_the_run_goes_on(bench: Bench, lengths: dict[str, int], said: str) -> None:
    record = bench.run(RARE, rows=(row(lengths=lengths), row()), examples={"unit": 2})
    told = f"examples: the row for planted on {ROUTE} no longer applies: {said}; mend the row or remove it"
    assert told in record.messages
    assert record.outcome is Outcome.MISMATCH, "the other row is tried as ever"


def test_rows_of_other_cells_are_none_of_its_business(bench: Bench) -> None:
    other = Row(case="planted", route="other>route@cpu", example=Example(lengths={"nothing": 3}))
    assert bench.run(MENDED, rows=(other,)).messages == ()


def test_an_interruption_loses_no_failure(bench: Bench) -> None:
    path = bench.folder / "rows.toml"
    bench.run(CASES, fresh=True)
    first = sum(verb == "session_runs" for _, verb in bench.pool.calls)
    bench.pool.calls.clear()
    bench.pool.interrupt = first - 3
    with pytest.raises(KeyboardInterrupt):
        bench.run(CASES, fresh=True, path=path)
    (one,) = rows_from(path)
    assert one.example.lengths["length"] >= 32, "the smallest that was known so far"
    assert bench.pool.generation("plain-runtime") > 0, "its worker may still be answering: nobody asks it again"
    bench.pool.interrupt = 0
    assert bench.run(CASES, path=path, rows=rows_from(path)).shapes["smallest"]["lengths"] == {"batch": 1, "length": 32}


def test_local_runs_keep_what_failed_and_forget_what_is_mended(bench: Bench) -> None:
    store = bench.folder / "kept"
    bench.run(RARE, rows=(row(),), database=store, examples={"unit": 2})
    files = [path for path in store.rglob("*") if path.is_file()]
    assert files
    found = bench.run(RARE, database=store, examples={"unit": 2}, fresh=True)
    assert found.shapes["smallest"]["lengths"] == {"batch": 7, "length": 55}, "found without the row"
    bench.run(MENDED, database=store, examples={"unit": 2}, fresh=True)
    assert bench.run(RARE, database=store, examples={"unit": 2}, fresh=True).outcome is Outcome.MATCH


def test_ci_depends_on_nothing_that_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert local_database(tmp_path) == tmp_path / "hypothesis"
    monkeypatch.setenv("CI", "1")
    assert local_database(tmp_path) is None


def test_a_database_that_cannot_be_used_is_told_once_and_the_run_goes_on(bench: Bench) -> None:
    store = bench.folder / "kept"
    store.write_text("not a folder")
    record = bench.run(CASES, database=store)
    told = [message for message in record.messages if str(store) in message]
    assert len(told) == 1
    assert told[0].startswith(f"fuzzing: the database of failing examples at {store} is not used: ")
    assert record.shapes["smallest"]["lengths"] == {"batch": 1, "length": 32}


def test_garbage_in_the_database_is_passed_over(bench: Bench) -> None:
    store = bench.folder / "kept"
    bench.run(CASES, database=store)
    for number, folder in enumerate({path.parent for path in store.rglob("*") if path.is_file()}):
        for index, junk in enumerate((b"", b"\x00", b"\xff" * 40, b"{}", bytes(range(256)))):
            (folder / f"junk{number}{index}").write_bytes(junk)
    record = bench.run(CASES, database=store, fresh=True)
    assert record.shapes["smallest"]["lengths"] == {"batch": 1, "length": 32}
    assert not [message for message in record.messages if "database" in message]


def test_nothing_is_left_in_the_folder_one_works_in(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    here = bench.folder / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    bench.run(CASES, database=bench.folder / "kept")
    assert list(here.iterdir()) == []


def test_the_file_is_toml_that_others_can_read(tmp_path: Path) -> None:
    keep(row(), tmp_path / "rows.toml", tmp_path)
    assert toml.read(tmp_path / "rows.toml")["example"][0]["lengths"] == {"batch": 7, "length": 55}
