"""The one judge. Hard facts first, then the declared bound; every output is judged, none skipped.

Judging never logs, prints or asserts: a verdict is data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.core.record import Comparison
from harness.core.tolerance import Tolerance
from harness.numerics.declared import ELEMENTS, judge_declared
from harness.numerics.metrics import measure, widen

Bounds = Callable[[str, str], Tolerance]
"""Output name and dtype to the tolerance it is held to."""


def compare(
    actual: Mapping[str, Any],
    expected: Mapping[str, Any],
    bounds: Bounds,
    *,
    casts: Mapping[str, str] | None = None,
    oracle: Mapping[str, Any] | None = None,
    shapes: Mapping[str, int] | None = None,
) -> tuple[Comparison, ...]:
    """Judge every output of ``actual`` against ``expected``; one `Comparison` each.

    Fails on: an output missing or extra, another shape, a dtype other than expected (or than the
    converter documents in ``casts``), NaN or infinities elsewhere than expected, an empty output
    whose reference is not empty, and nothing to compare at all. ``oracle`` (float64 outputs of the
    source) adds the distances of both sides from it to the metrics; it does not decide.
    """
    found = [_one(name, actual, expected, bounds, casts or {}, oracle or {}, shapes) for name in expected]
    for name in actual:
        if name not in expected:
            fact = f"unexpected output {name!r}; the reference has {', '.join(map(repr, expected)) or 'none'}"
            found.append(_failed(name, fact, shapes))
    if not found:
        found.append(_failed("", "no outputs on either side: nothing was compared", shapes))
    return tuple(found)


def _failed(name: str, fact: str, shapes: Mapping[str, int] | None) -> Comparison:
    return Comparison(output=name, match=False, metrics={}, bound={}, facts=(fact,), shapes=shapes)


def _one(
    name: str, actual: Mapping[str, Any], expected: Mapping[str, Any], bounds: Bounds,
    casts: Mapping[str, str], oracle: Mapping[str, Any], shapes: Mapping[str, int] | None,
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
    facts += _patterns(got, want)
    tolerance = bounds(name, dtype)
    metrics = measure(got, want)
    declared, broken = judge_declared(got, want, tolerance, metrics)
    metrics.update(declared)
    if oracle.get(name) is not None and oracle[name].shape == want.shape:
        metrics["oracle"] = _against_oracle(got, want, oracle[name])
    # Elements outside the plain formula are no fact in words: the metrics and the bound say all of it.
    facts += [said for limit, said in broken.items() if limit != ELEMENTS]
    return Comparison(
        output=name, match=not facts and not broken, metrics=metrics, bound=tolerance.bound(), facts=tuple(facts), shapes=shapes
    )


def _shape(array: Any) -> str:
    return "x".join(map(str, array.shape)) or "scalar"


def _patterns(got: Any, want: Any) -> list[str]:
    """Return the hard facts about NaN and infinities, each with its first position."""
    if got.dtype.kind not in "fV" and want.dtype.kind not in "fV":
        return []
    a, e = widen(got), widen(want)
    facts = []
    for word, test in (("NaN", np.isnan), ("+inf", np.isposinf), ("-inf", np.isneginf)):
        differ = test(a) != test(e)
        if np.any(differ):
            index = [int(i) for i in np.argwhere(differ)[0]]
            facts.append(
                f"{word} at {int(np.count_nonzero(test(a)))} elements, expected at {int(np.count_nonzero(test(e)))}; "
                f"first difference at {index}"
            )
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
