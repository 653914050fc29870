"""The exam: our judge rejects every planted bug and accepts every twin, and the rivals fail as they are documented to."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.record import Record
from harness.faults.holes import reference, run_holes
from harness.faults.holes_listed import HOLES
from harness.faults.judges import KINDS, ours
from harness.faults.rivals import RIVALS, polygraphy_runs

VERDICTS = {hole.name: (rejected, accepted) for hole, rejected, accepted in run_holes(ours, KINDS)}


def test_every_hole_of_the_list_is_there_and_has_a_name_of_its_own() -> None:
    assert {hole.number for hole in HOLES} == {f"H{number}" for number in range(1, 21)}
    assert len({hole.name for hole in HOLES}) == len(HOLES) == len(VERDICTS)
    assert all(hole.tells for hole in HOLES)


@pytest.mark.parametrize("hole", [hole.name for hole in HOLES])
def test_our_judge_rejects_the_bug_and_accepts_its_twin(hole: str) -> None:
    rejected, accepted = VERDICTS[hole]
    assert rejected, "the planted bug passes"
    assert accepted, "the harmless twin is refused"


@pytest.mark.parametrize("seed", [1, 2])
def test_the_verdicts_do_not_hang_on_the_values(seed: int) -> None:
    assert {hole.name: (rejected, accepted) for hole, rejected, accepted in run_holes(ours, KINDS, seed)} == VERDICTS


def test_questions_are_pure_functions_of_the_reference() -> None:
    for hole in HOLES:
        for ask in (hole.plant, hole.twin):
            given, untouched = reference(), reference()
            first, second = ask(given), ask(reference())
            for name, array in untouched.items():
                np.testing.assert_array_equal(given[name], array)
            assert same(first[0], second[0]), hole.name
            assert same(first[1], second[1]), hole.name


def same(first: object, second: object) -> bool:
    if isinstance(first, dict) and isinstance(second, dict):
        return list(first) == list(second) and all(same(first[name], second[name]) for name in first)
    if isinstance(first, (list, tuple)) and isinstance(second, (list, tuple)):
        return len(first) == len(second) and all(map(same, first, second))
    if first is None or isinstance(first, Record):
        return first == second
    return bool(np.array_equal(np.asarray(first), np.asarray(second), equal_nan=np.asarray(first).dtype.kind == "f"))


@pytest.mark.parametrize(
    ("rival", "missed"),
    [
        ("allclose after zip", {"broadcast-row", "broadcast-scalar", "wider-type", "count-cut", "output-extra", "renamed", "nothing"}),
        ("numpy.testing.assert_allclose", {"broadcast-scalar", "wider-type", "output-extra", "nothing"}),
        ("torch.testing.assert_close", {"nothing", "small-scaled"}),
        ("polygraphy", {"nothing", "output-missing", "output-extra", "fewer-runs", "no-runs", "wider-type", "renamed"}),
        ("torch.onnx verification", {"nan-everywhere", "broadcast-row", "broadcast-scalar", "integers-for-floats", "count-cut", "nothing"}),
        ("one-sided score", {"suspicious-gain"}),
        ("correlation", {"scaled", "offset", "small-wrong", "same-tokens", "nothing"}),
    ],
)
def test_a_rival_misses_what_it_is_known_to_miss(rival: str, missed: set[str]) -> None:
    verdicts = run_holes(RIVALS[rival], {"runs": polygraphy_runs} if rival == "polygraphy" else None)
    assert missed <= {hole.name for hole, rejected, _ in verdicts if not rejected}


def test_a_false_alarm_is_seen_too() -> None:
    verdicts = {hole.name: accepted for hole, _, accepted in run_holes(RIVALS["torch.onnx verification"])}
    assert not verdicts["empty-for-full"], "two empty tensors are infinitely far apart there"


def test_a_judge_that_raises_rejects() -> None:
    def broken(*_: object, **__: object) -> bool:
        raise RuntimeError

    assert all(rejected and not accepted for _, rejected, accepted in run_holes(broken))
