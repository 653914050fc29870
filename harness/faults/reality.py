"""Is a mutant a real change? The clean and the broken model on the same inputs, judged by how far apart they are.

Nothing here runs a model: evaluators are handed in, so that the question can be asked in a worker and tested without one.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.core.value import value

MARGIN = 32 * 2.0**-24
"""Below this share of an output's root mean square, no program in float32 can be told from a correct one."""

Evaluate = Callable[[Any], Callable[[Mapping[str, Any]], Mapping[str, Any]]]
"""A model to a function from feeds to outputs."""

REAL, SUB_NOISE, EQUIVALENT = "real", "sub-noise", "equivalent"


@value
class Difference:
    """How far a mutant is from its original. ``kind`` is real, sub-noise (below the margin) or equivalent (no difference at all).

    ``scaled``: the largest difference over the root mean square of the original's output; infinite where NaN, infinities,
    shapes or types differ, or where only the mutant fails. ``feed``: which input showed it, -1 for none. ``evaluator``: which
    of the evaluators did; ``note``: in words, what no number says.
    """

    kind: str
    scaled: float
    feed: int = -1
    output: str = ""
    evaluator: int = -1
    note: str = ""


def differs(
    clean: Any, mutant: Any, feeds_list: Sequence[Mapping[str, Any]], evaluate: Evaluate | Sequence[Evaluate], margin: float = MARGIN
) -> Difference:
    """Return the largest difference over all inputs.

    ``evaluate``: one evaluator or several. The first should be exact (float64); those after it are asked only where it shows
    no real change, for faults of precision that an exact evaluation undoes. Inputs on which the original itself fails are left
    out; raises `UsageError` where it fails on all of them with every evaluator.
    """
    evaluators = [evaluate] if callable(evaluate) else list(evaluate)
    best: Difference | None = None
    reasons: list[str] = []
    for number, one in enumerate(evaluators):
        for found in _measured(clean, mutant, feeds_list, one, number, margin, reasons):
            if best is None or found.scaled > best.scaled:
                best = found
        if best is not None and best.kind == REAL:
            return best
    if best is None:
        raise UsageError(f"the original cannot be evaluated on any of {len(feeds_list)} inputs: {'; '.join(reasons[:3]) or 'no inputs'}")
    return best


def _measured(
    clean: Any, mutant: Any, feeds_list: Sequence[Mapping[str, Any]], evaluate: Evaluate, number: int, margin: float, reasons: list[str]
) -> Iterator[Difference]:  # fmt: skip
    try:
        original = evaluate(clean)
    except Exception as error:  # whatever an evaluator lacks is no statement about the mutant
        reasons.append(f"{type(error).__name__}: {error}"[:200])
        return
    for index, feeds in enumerate(feeds_list):
        try:
            wanted = original(dict(feeds))
        except Exception as error:
            reasons.append(f"{type(error).__name__}: {error}"[:200])
            continue
        try:
            got = evaluate(mutant)(dict(feeds))
        except Exception as error:
            note = f"only the mutant fails: {type(error).__name__}: {error}"[:300]
            yield Difference(kind=REAL, scaled=float("inf"), feed=index, evaluator=number, note=note)
            continue
        for name, scaled, note in _compared(wanted, got):
            kind = REAL if not scaled <= margin else SUB_NOISE if scaled else EQUIVALENT
            yield Difference(kind=kind, scaled=scaled, feed=index, output=name, evaluator=number, note=note)


def _compared(wanted: Mapping[str, Any], got: Mapping[str, Any]) -> Iterator[tuple[str, float, str]]:
    if list(wanted) != list(got):
        yield "", float("inf"), f"the outputs are {list(got)}, they were {list(wanted)}"
        return
    for name, array in wanted.items():
        yield (name, *scaled_difference(np.asarray(got[name]), np.asarray(array)))


def scaled_difference(actual: Any, expected: Any) -> tuple[float, str]:
    """Return the largest difference over the root mean square of the finite expected values, and a note where no number says it."""
    if actual.shape != expected.shape or actual.dtype != expected.dtype:
        return float("inf"), f"{actual.dtype}{list(actual.shape)}, was {expected.dtype}{list(expected.shape)}"
    if actual.dtype.kind in "iub":  # exactly: float64 would round what differs in the last digits
        return (float("inf"), "whole numbers differ") if np.any(actual != expected) else (0.0, "")
    a, e = actual.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(e)
    if np.any(np.isfinite(a) != finite) or np.any((a != e) & ~finite & ~(np.isnan(a) & np.isnan(e))):
        return float("inf"), "NaN or infinities lie elsewhere"
    if not np.any(finite):
        return 0.0, ""
    with np.errstate(over="ignore"):
        scale = float(np.sqrt(np.mean(np.square(e[finite]))))
        largest = float(np.max(np.abs(a[finite] - e[finite])))
    return (largest / scale if scale else float("inf") if largest else 0.0), ""


@value
class Census:
    """What became of many mutants: names of those that are real changes, sub-noise and equivalent."""

    real: tuple[str, ...]
    sub_noise: tuple[str, ...]
    equivalent: tuple[str, ...]


def census(found: Mapping[str, Difference]) -> Census:
    """Return the mutants by kind: only real ones may be counted when a judge misses one."""
    kinds = {kind: tuple(name for name, difference in found.items() if difference.kind == kind) for kind in (REAL, SUB_NOISE, EQUIVALENT)}
    return Census(real=kinds[REAL], sub_noise=kinds[SUB_NOISE], equivalent=kinds[EQUIVALENT])
