"""Holes that judges were found to have, each as a bug planted into outputs and a harmless twin of it.

A `Hole` needs no model: ``plant`` takes reference outputs and returns what a sound judge must reject, ``twin`` a neighbour it
must accept. `run_holes` lets a judge sit the exam; what `judges.ours` and the rivals say of themselves is in their docstrings.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

import numpy as np

from harness.core.value import value

Outputs = Mapping[str, Any]
Judge = Callable[..., bool]
"""``judge(actual, expected, **extra) -> accepted``. ``extra``: ``casts`` (documented dtypes), ``tolerance`` ((rtol, atol)), ``ties``
(how far apart scores may lie and still be exchanged), ``task`` (bounds of a task metric)."""


@value
class Hole:
    """One hole. ``number``: the entries of the list of holes (H1 to H20) it belongs to; ``tells``: what is accepted there.

    ``kind``: ``outputs`` (actual and expected are outputs by name), ``runs`` (sequences of outputs, one for each input that was
    tried) or ``records`` (actual is a sequence of records, expected a policy). ``plant`` and ``twin`` return actual, expected, extra.
    """

    name: str
    number: str
    tells: str
    plant: Callable[[Outputs], Any]
    twin: Callable[[Outputs], Any]
    kind: str = "outputs"


def reference(seed: int = 0) -> dict[str, Any]:
    """Return realistic outputs: image scores, ids, a mask, two maps of one shape, logarithms, small and empty tensors."""
    rng = np.random.Generator(np.random.Philox(seed))
    logits = rng.normal(0.0, 3.0, (2, 11)).astype(np.float32)
    exact = logits.astype(np.float64) - np.log(np.sum(np.exp(logits.astype(np.float64)), -1, keepdims=True))
    return {
        "logits": logits,
        "logprobs": exact.astype(np.float32),
        "ids": np.argsort(-logits, axis=-1)[:, :3].astype(np.int64),
        "mask": rng.uniform(size=(2, 7)) < 0.5,
        "map": rng.normal(0.0, 1.0, (2, 3, 5, 5)).astype(np.float32),
        "other": rng.normal(0.5, 2.0, (2, 3, 5, 5)).astype(np.float32),
        "row": rng.normal(1.0, 0.2, (3,)).astype(np.float32),
        "cube": rng.normal(0.0, 1.0, (1, 5, 5, 5)).astype(np.float32),
        "small": (rng.normal(0.0, 1.0, (2, 13)) * 1e-4).astype(np.float32),
        "partial": np.where(rng.uniform(size=(4, 5)) < 0.3, np.nan, 1.0).astype(np.float32),
        "empty": np.empty((0, 5), np.float32),
        "bytes": rng.integers(0, 2, (3, 4)).astype(np.uint8),
    }


def run_holes(judge: Judge, kinds: Mapping[str, Judge] | None = None, seed: int = 0) -> list[tuple[Hole, bool, bool]]:
    """Return for each hole whether the planted bug was rejected and whether its twin was accepted.

    ``judge`` sits the questions about outputs; ``kinds`` gives those who judge ``runs`` and ``records``, whose holes are left
    out without one. A judge that raises rejects.
    """
    from harness.faults.holes_listed import HOLES

    judges = {"outputs": judge, **(kinds or {})}
    given = reference(seed)
    return [
        (hole, not _accepts(judges[hole.kind], hole.plant(given)), _accepts(judges[hole.kind], hole.twin(given)))
        for hole in HOLES
        if hole.kind in judges
    ]


def _accepts(judge: Judge, question: Any) -> bool:
    actual, expected, extra = question
    try:
        with np.errstate(all="ignore"):
            return bool(judge(actual, expected, **extra))
    except Exception:  # a judge that fails stops the release, which is all a rejection has to do
        return False


def question(actual: Any, expected: Any, **extra: Any) -> Any:
    """Return one question: what the target gave, what was expected, and what the judge is told beside."""
    return actual, expected, extra


def only(*names: str) -> Callable[[Outputs], dict[str, Any]]:
    """Return the function that picks these outputs, as copies."""
    return lambda given: {name: np.array(given[name]) for name in names}


def swapped(change: Callable[[Any], Any], *names: str, extra: Mapping[str, Any] | None = None) -> Callable[[Outputs], Any]:
    """Return a question in which the first of the named outputs is changed."""
    pick = only(*names)

    def ask(given: Outputs) -> Any:
        expected, actual = pick(given), pick(given)
        actual[names[0]] = change(actual[names[0]])
        return question(actual, expected, **dict(extra or {}))

    return ask


def one_ulp(array: Any) -> Any:
    """Return floats moved by one unit in the last place, integers and booleans as they are."""
    return np.nextafter(array, np.float32(np.inf)) if array.dtype.kind == "f" else array


def noise(*names: str) -> Callable[[Outputs], Any]:
    """Return the usual twin: every output off by one unit in the last place."""
    pick = only(*names)
    return lambda given: question({name: one_ulp(array) for name, array in pick(given).items()}, pick(given))
