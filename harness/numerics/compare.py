"""The one judge. Hard facts first, then the bound: the oracle's, or a declared one. Every output is judged, none skipped.

Judging never logs, prints or asserts: a verdict is data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.core.case import Ties
from harness.core.record import Comparison
from harness.core.tolerance import Tolerance
from harness.numerics import oracle
from harness.numerics.declared import ELEMENTS, judge_declared
from harness.numerics.metrics import measure, widen
from harness.numerics.oracle import Yardstick
from harness.numerics.ties import wrong_ids

Bounds = Callable[[str, str], Tolerance]
"""Output name and dtype to the tolerance it is held to; one of mode ``oracle`` holds beside the oracle's bound."""


def compare(
    actual: Mapping[str, Any],
    expected: Mapping[str, Any],
    bounds: Bounds,
    *,
    casts: Mapping[str, str] | None = None,
    yardsticks: Mapping[str, Yardstick] | None = None,
    ties: Mapping[str, Ties] | None = None,
    shapes: Mapping[str, Any] | None = None,
) -> tuple[Comparison, ...]:
    """Judge every output of ``actual`` against ``expected``; one `Comparison` each.

    Fails on: an output missing or extra, another shape, a dtype other than expected (or than the
    converter documents in ``casts``), NaN or infinities elsewhere than expected, an empty output
    whose reference is not empty, and nothing to compare at all. A tolerance of mode ``declared`` replaces the oracle's bound; one of
    mode ``oracle`` leaves single elements to the yardstick (`harness.numerics.oracle`), or replaces it where there is none.
    """
    actual, exchanged = _untied(actual, expected, ties or {})
    found = [
        _one(name, actual, expected, bounds, casts or {}, (yardsticks or {}).get(name), shapes, exchanged.get(name, 0)) for name in expected
    ]
    for name in actual:
        if name not in expected:
            fact = f"unexpected output {name!r}; the reference has {', '.join(map(repr, expected)) or 'none'}"
            found.append(_failed(name, fact, shapes))
    if not found:
        found.append(_failed("", "no outputs on either side: nothing was compared", shapes))
    return tuple(found)


def _untied(actual: Mapping[str, Any], expected: Mapping[str, Any], ties: Mapping[str, Ties]) -> tuple[Mapping[str, Any], dict[str, int]]:
    """Return the outputs with ids that a tie allows in the expected order, and how many of each output were exchanged."""
    exchanged = {}
    for name, tie in ties.items():
        shape = np.shape(expected.get(tie.scores, 0))
        if tie.scores not in expected or any(name not in side or np.shape(side[name]) != shape for side in (actual, expected)):
            continue
        got, want = np.asarray(actual[name]), np.asarray(expected[name])
        excused = (got != want) & ~wrong_ids(got, want, np.asarray(expected[tie.scores]), tie.axis, tie.window)
        if np.any(excused):
            exchanged[name] = int(np.count_nonzero(excused))
            actual = {**actual, name: np.where(excused, want, got).astype(got.dtype)}
    return actual, exchanged


def _failed(name: str, fact: str, shapes: Mapping[str, Any] | None) -> Comparison:
    return Comparison(output=name, match=False, metrics={}, bound={}, facts=(fact,), shapes=shapes)


def _one(
    name: str, actual: Mapping[str, Any], expected: Mapping[str, Any], bounds: Bounds,
    casts: Mapping[str, str], yardstick: Yardstick | None, shapes: Mapping[str, Any] | None, exchanged: int,
) -> Comparison:  # fmt: skip
    if name not in actual:
        return _failed(name, f"output {name!r} is missing; the target returned {', '.join(map(repr, actual)) or 'none'}", shapes)
    got, want = np.asarray(actual[name]), np.asarray(expected[name])
    dtype = casts.get(name, want.dtype.name)
    facts = []
    if got.dtype.name != dtype:
        facts.append(f"dtype is {got.dtype.name}, expected {dtype}")
    if got.shape != want.shape:
        facts.append(f"shape is {_shape(got)}, expected {_shape(want)}")
        return Comparison(output=name, match=False, metrics={}, bound={}, facts=tuple(facts), shapes=shapes)
    if yardstick is not None and yardstick.oracle.shape != want.shape:
        yardstick = None
    tolerance = bounds(name, dtype)
    metrics = measure(got, want, rtol=tolerance.rtol, atol=tolerance.atol)
    facts += _patterns(metrics.pop("patterns"), got, want, yardstick)
    stick = yardstick if tolerance.mode == "oracle" else None
    declared, broken = judge_declared(got, want, tolerance, metrics, elements=stick is None)
    metrics.update(declared, **({"exchanged": exchanged} if exchanged else {}))
    if yardstick is not None and not yardstick.alone:
        metrics["oracle"] = _against_oracle(got, want, yardstick.oracle)
    # Elements outside the plain formula are no fact in words: the metrics and the bound say all of it.
    facts += [said for limit, said in broken.items() if limit != ELEMENTS]
    fits, bound = not broken, {"mode": "declared", **tolerance.bound()}
    if stick is not None:
        others = {key: part for key, part in tolerance.bound().items() if key not in ("rtol", "atol", "min_fraction", "formula")}
        fits, bound = (_whole if _exact(got) and _exact(want) else _by_oracle)(got, stick, metrics, facts)
        bound = {**others, **bound}
    return Comparison(output=name, match=fits and not facts, metrics=metrics, bound=bound, facts=tuple(facts), shapes=shapes)


def _exact(array: Any) -> bool:
    return bool(array.dtype.kind in "iub")


def _by_oracle(got: Any, yardstick: Yardstick, metrics: dict[str, Any], facts: list[str]) -> tuple[bool, dict[str, Any]]:
    judged = oracle.judge(got, yardstick)
    metrics.update(ratio=judged.ratio, tensor_ratio=judged.tensor_ratio, outside=judged.outside, undetermined=judged.undetermined)
    if got.size:
        metrics.update(_there(judged.worst, got, yardstick))
    # An answer that is the source's to the last bit is right, whatever it hangs on.
    if yardstick.ordinary and judged.undetermined and judged.undetermined == got.size and judged.parts["scale"] and metrics["max_abs"]:
        facts.append(f"nothing of it is determined at this precision: {_HANGS}")
    return judged.match, {"mode": "oracle", "formula": oracle.FORMULA, **judged.parts}


_HANGS = "the float64 answer itself hangs on the last bits of inputs and weights; judge shorter sequences or better conditioned inputs"


def _whole(got: Any, yardstick: Yardstick, metrics: dict[str, Any], facts: list[str]) -> tuple[bool, dict[str, Any]]:
    wrong, undetermined, worst = oracle.judge_whole(got, yardstick)
    metrics.update(outside=wrong, undetermined=undetermined)
    if wrong:
        metrics.update(_there(worst, got, yardstick))
    if yardstick.ordinary and undetermined * 2 > got.size:
        facts.append(f"{undetermined} of {got.size} values are near ties: {_HANGS}")
    return wrong == 0, {"mode": "exact", "formula": "equal, but where the last bits of inputs and weights decide"}


def _there(flat: int, got: Any, yardstick: Yardstick) -> dict[str, Any]:
    """Return index and values of the worst element, as metrics."""
    at = np.unravel_index(flat, got.shape)
    return {"worst": [int(i) for i in at], "actual_at_worst": float(got[at]), "expected_at_worst": float(yardstick.reference[at])}


def _shape(array: Any) -> str:
    return "x".join(map(str, array.shape)) or "scalar"


_KINDS: Mapping[str, Callable[[Any], Any]] = {"NaN": np.isnan, "+inf": np.isposinf, "-inf": np.isneginf}


def _patterns(patterns: Mapping[str, Mapping[str, Any]], got: Any, want: Any, yardstick: Yardstick | None) -> list[str]:
    """Return the hard facts about NaN and infinities, each with its first position.

    Where the float64 twin differs in this from the source itself, or hangs on the last bits, either answer is right.
    """
    facts = []
    for word, found in patterns.items():
        first = found["first"]
        if yardstick is not None:
            test = _KINDS[word]
            a, e, exact = (test(widen(array)) for array in (got, want, yardstick.oracle))
            differ = (a != e) & (a != exact) & np.isfinite(yardstick.spread)
            if yardstick.counted is not None:
                differ &= yardstick.counted
            if not np.any(differ):
                continue
            first = [int(i) for i in np.argwhere(differ)[0]]
        facts.append(f"{word} at {found['actual']} elements, expected at {found['expected']}; first difference at {first}")
    return facts


def _against_oracle(got: Any, want: Any, oracle: Any) -> dict[str, float]:
    """Return how far target and reference are from the float64 oracle, over the oracle's root mean square."""
    target, reference = measure(got, oracle), measure(want, oracle)
    return {
        "target_scaled": target["scaled"],
        "reference_scaled": reference["scaled"],
        "target_max_abs": target["max_abs"],
        "reference_max_abs": reference["max_abs"],
    }
