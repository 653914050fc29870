"""The ratchet: bounds that could be tighter are told with what was measured, and loosening without a reason is found."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.core.outcome import Outcome, Stage
from harness.core.record import Comparison, Record
from harness.core.tolerance import Tolerance
from harness.policy.ratchet import hints, loosened
from harness.policy.tolerances import Row, read

WHY = {"reason": "deep recurrence", "expires": "2027-01-31"}
OWN = Tolerance(atol=1e-3, reason="r")
LOOSE = {"mode": "declared", "rtol": 1e-3, "atol": 1e-3, **WHY}


def rows(*tables: dict[str, Any]) -> tuple[Row, ...]:
    return read(list(tables), "/project")


def record(tolerance: Tolerance, case: str = "resnet18", route: str = "a>b@cpu", match: bool = True, **metrics: float) -> Record:
    judged = Comparison(output="y", match=match, metrics=metrics, bound=tolerance.bound())
    return Record(
        id=f"{case}[{route}]", case=case, level="e2e", route=route, framework="a", target="b@cpu", stage=Stage.COMPARE,
        outcome=Outcome.MATCH if match else Outcome.MISMATCH, comparisons=(judged,),
    )  # fmt: skip


def test_a_row_is_told_with_the_worst_over_all_it_decided() -> None:
    found = rows(LOOSE, {**LOOSE, "case": "resnet*"})
    bound = found[1].at("float32")
    cells = [record(bound, max_abs=1e-6, used=1e-3), record(bound, "resnet50", "a>c@cpu", max_abs=2.1e-6, used=2.1e-3)]
    (hint,) = hints(cells, found)
    assert hint.line == (
        "pyproject.toml, [tool.parity.tolerances], row 2 (resnet*): measured at most 2.1e-06 (0.0021 of the bound), "
        "bound rtol=0.001, atol=0.001; could be rtol=8.4e-06, atol=8.4e-06"
    )
    assert (hint.comparisons, hint.routes, hint.measured) == (2, ("a>b@cpu", "a>c@cpu"), 2.1e-6)
    assert json.loads(json.dumps(hint.to_json()))["could_be"] == {"rtol": pytest.approx(8.4e-6), "atol": pytest.approx(8.4e-6)}


def test_the_tolerance_of_a_case_is_told_by_case_and_output() -> None:
    (hint,) = hints([record(OWN, max_abs=1e-5, used=1e-2)])
    assert hint.line.startswith("resnet18, output y: measured at most 1e-05 (0.01 of the bound)")


@pytest.mark.parametrize(
    "cells",
    [
        [record(OWN, max_abs=2e-4, used=0.2)],
        [record(OWN, max_abs=1e-9, used=1e-6), record(OWN, match=False, used=2.0)],
        [record(OWN, max_abs=1e-9, used=1e-6), record(OWN)],
        [record(Tolerance(atol=0.0, reason="r"), max_abs=0.0, used=0.0)],
        [record(Tolerance(atol=1e-3), max_abs=1e-9, used=1e-6)],
        [record(Tolerance(min_sqnr_db=20, reason="r"), sqnr_db=float("inf"))],
        [record(rows({"max_ulp": 4, "case": "resnet*"})[0].at("float32"), max_abs=1e-9, used=1e-6, ulp=3)],
    ],
    ids=["near its bound", "one fails", "one was not measured", "exact already", "nobody's", "infinite", "the default beside the oracle"],
)
def test_nothing_is_told_of(cells: list[Record]) -> None:
    assert hints(cells, rows({"max_ulp": 4, "case": "resnet*"})) == []


@pytest.mark.parametrize(
    ("limits", "metrics", "could_be"),
    [
        ({"max_ulp": 64}, {"ulp": 3}, {"max_ulp": 12}),
        ({"max_kl": 0.1}, {"kl": 0.001}, {"max_kl": 0.004}),
        ({"min_cosine": 0.9}, {"cosine": 0.999}, {"min_cosine": 0.996}),
        ({"min_sqnr_db": 20}, {"sqnr_db": 60}, {"min_sqnr_db": 47.9588}),
        ({"top_k": 5, "min_top_k": 0.5}, {"top_k_agreement": 1.0}, {"min_top_k": 1.0}),
        ({"atol": 0.0, "min_fraction": 0.9}, {"fraction": 0.999, "used": 0.0, "max_abs": 1.0}, {"min_fraction": 0.996}),
    ],
    ids=str,
)
def test_each_limit_is_told_with_its_margin(limits: dict[str, Any], metrics: dict[str, float], could_be: dict[str, float]) -> None:
    (hint,) = hints([record(Tolerance(**limits, reason="r"), **metrics)])
    assert hint.could_be == pytest.approx(could_be)
    assert hints([record(Tolerance(**{**limits, **hint.could_be}, reason="r"), **metrics)]) == [], "once taken, it is told no more"


def test_a_preset_is_told_for_each_of_its_bounds() -> None:
    found = rows({"preset": "torch", "mode": "declared", **WHY})
    cells = [record(found[0].at(dtype), max_abs=1e-9, used=1e-3) for dtype in ("float32", "float16")]
    assert [hint.bound["rtol"] for hint in hints(cells, found)] == [1.3e-6, 1e-3]


def test_the_margin_is_a_factor() -> None:
    assert hints([record(OWN, max_abs=1e-4, used=0.1)], margin=2)[0].could_be == pytest.approx({"rtol": 0.0, "atol": 2e-4})
    with pytest.raises(ValueError, match="margin=0.5; expected a factor of at least 1"):
        hints([], margin=0.5)


TIGHT = {"mode": "declared", "rtol": 1e-6, "atol": 1e-6, "dtype": "float32"}
TIGHTER = {**TIGHT, "rtol": 1e-7}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ([TIGHTER], [TIGHT], ["loosened: everything, float32: rtol 1e-06 instead of 1e-07 "]),
        ([TIGHT], [TIGHTER], []),
        ([TIGHT], [TIGHT], []),
        ([TIGHTER], [{**TIGHT, **WHY}], []),
        ([TIGHTER], [{**LOOSE, "dtype": "float32"}], []),
        ([TIGHT], [], ["loosened: everything, float32: rtol 0.0001 instead of 1e-06; atol 1e-05 "]),
        ([], [TIGHT], []),
        ([{**TIGHTER, "case": "rn*"}], [{**TIGHTER, "case": "rn*"}, {**TIGHT, "case": "r*"}], ["loosened: rn*, float32: rtol"]),
        ([{**TIGHTER, "case": "a"}], [{**TIGHTER, "case": "b"}], ["loosened: a, float32: "]),
        ([{"max_ulp": 4}], [{"max_ulp": 8}], ["loosened: everything, float64: max_ulp 8 instead of 4 "]),
        ([{"min_cosine": 0.9, "case": "a"}], [{"min_cosine": 0.8, "case": "a"}], ["loosened: a, float64: min_cosine 0.8 instead of 0.9 "]),
    ],
)
def test_loosening_without_reason_and_expiry_is_found(old: list[Any], new: list[Any], told: list[str]) -> None:
    found = loosened(rows(*old), rows(*new))
    assert len(found) == len(told)
    for line, start in zip(found, told, strict=True):
        assert line.startswith(start)
