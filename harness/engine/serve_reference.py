"""What a target is held to: the source's own answer, its float64 twin's, and how much both hang on the last bits. Runs inside workers."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from harness.core.case import Case
from harness.core.weights import REACH, Inner, Move, inner_of, jitter, rounded
from harness.engine.serve_gradient import is_real

JITTERS = 2
_QUICK = 1.0
"""Seconds that a run may have taken for another one, in another order of summation, to count as cheap."""
_COUNTED = 16.0
"""How often the bound counts a spread at least, see `harness.numerics.oracle`."""
AMONG = 64
"""How many samples the ranges of tensors are thought to come from that were found beforehand."""


def reference_of(adapter: Any, case: Case, model: Any, feeds: Mapping[str, Any], precision: str, draws: int = JITTERS) -> dict[str, Any]:
    """Run the source model twice in its own precision, and in float64: exactly, and with moved inputs and weights.

    Returns by output name: ``outputs``; ``oracle`` (None when the model cannot run in float64, with the reason in
    ``oracle_error``); ``spread``, elementwise: how far the float64 outputs move for each unit round-off that inputs and
    weights move (infinite where NaN or infinities come or go); ``emulated``: the float64 outputs when inputs and weights are
    rounded to ``precision`` first, None without one; with ``inner`` True tensors inside of the model are rounded as well, which a type of
    8 bits asks for and a framework with ``emulate`` does. A model that cannot run in float64 has no ``oracle``; its ``spread`` is how
    far its own outputs move when inputs do by a few units in the last place, its own rounding included. The
    spread is the largest of so many ``draws``; with 0 there is no float64 run at all, and the spread is 0. ``wobble`` is the
    largest difference between the two runs by output, ``seconds`` the time by step. Where a source can be run ``otherwise`` and is
    quick, how far that moves its answer counts as spread as well.
    """
    seconds: dict[str, float] = {}
    with timed(seconds, "reference"):
        outputs = adapter.run(model, private(feeds))
    with timed(seconds, "repeat"):
        again = adapter.run(model, private(feeds))
    wobble = {name: _largest(_apart(array, again[name])) for name, array in outputs.items()}
    answer: dict[str, Any] = {
        "outputs": outputs, "oracle": None, "spread": None, "emulated": None, "oracle_error": "", "wobble": wobble, "seconds": seconds,
        "inner": False,
    }  # fmt: skip
    if not draws:
        spread = {name: np.zeros(array.shape, np.float32) for name, array in outputs.items()}
        return {**answer, "spread": spread, "oracle_error": "none was asked for"}
    try:
        with timed(seconds, "oracle"):
            exact = adapter.oracle(case, model, private(feeds))
            answer["oracle"] = exact
        with timed(seconds, "spread"):
            spread = _spread(lambda move: adapter.oracle(case, model, _moved(feeds, move), move), exact, REACH, draws)
            cheap = hasattr(adapter, "otherwise") and seconds["repeat"] <= _QUICK
            answer["spread"] = _reordered(adapter, model, feeds, outputs, exact, spread) if cheap else spread
        if precision:
            answer["emulated"], answer["inner"] = _emulated(adapter, case, model, feeds, precision, exact)
    except Exception as error:
        answer.update(oracle=None, emulated=None, oracle_error=f"{type(error).__name__}: {error}"[:500])
        with timed(seconds, "spread"):
            answer["spread"] = _spread(lambda move: adapter.run(model, _moved(feeds, move, wide=False)), outputs, 1.0, draws)
    return answer


def _emulated(
    adapter: Any, case: Case, model: Any, feeds: Mapping[str, Any], precision: str, exact: Mapping[str, Any]
) -> tuple[Mapping[str, Any], bool]:  # fmt: skip
    """Return what the float64 twin gives in ``precision``, and whether tensors inside of it are rounded, too.

    Then it is, element by element, what is further from ``exact`` of two draws of that rounding.
    """
    move, inner = functools.partial(rounded, precision=precision), inner_of(precision)
    if inner is None or not hasattr(adapter, "emulate"):
        return adapter.oracle(case, model, _moved(feeds, move), move), False
    drawn: dict[str, Any] = {}
    for one in (inner, Inner(which=inner.which, among=AMONG if inner.everywhere else 1))[: 1 if inner.which == "none" else 2]:
        given = {name: one(array) if one.everywhere and is_real(array) else np.array(array) for name, array in feeds.items()}
        for name, array in adapter.emulate(case, model, given, move, one).items():
            # A single draw may be next to nothing by chance, above all among few elements.
            before = drawn.get(name, array)
            with np.errstate(invalid="ignore"):
                further = np.abs(array - exact[name]) > np.abs(before - exact[name]) if array.dtype.kind == "f" else False
            drawn[name] = np.where(further, array, before)
    return drawn, True


def _spread(run: Callable[[Move], Mapping[str, Any]], exact: Mapping[str, Any], reach: float, draws: int) -> dict[str, Any]:
    spread = {name: np.zeros(array.shape, _width(array)) for name, array in exact.items()}
    for seed in range(1, draws + 1):
        outputs = run(functools.partial(jitter, seed=seed))
        for name, array in exact.items():
            if name not in outputs or outputs[name].shape != array.shape:
                raise RuntimeError(f"output {name!r} has another shape when inputs move by a few units in the last place")
            spread[name] = np.maximum(spread[name], (_apart(outputs[name], array) / reach).astype(spread[name].dtype))
    return spread


def _reordered(
    adapter: Any, model: Any, feeds: Mapping[str, Any], outputs: Mapping[str, Any], exact: Mapping[str, Any], spread: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return the spread, raised to what the source's own answer moves by with other threads and another layout of its inputs.

    It rises no further than rounding explains: a source that is wrong in another layout gives its target no room.
    """
    try:
        others = adapter.otherwise(model, private(feeds))
    except Exception:  # not every model takes every layout
        return spread
    raised = dict(spread)
    for name, array in outputs.items():
        if is_real(array) and name in others and others[name].shape == array.shape:
            size = np.abs(np.where(np.isfinite(exact[name]), exact[name], 0.0))
            most = 64 * np.finfo(array.dtype).eps / 2 * np.sqrt(np.mean(np.square(size))) if size.size else 0.0
            moved = np.minimum(_apart(others[name], array), _COUNTED * spread[name] + most) / _COUNTED
            raised[name] = np.maximum(spread[name], moved.astype(spread[name].dtype))
    return raised


def _width(exact: Any) -> Any:
    """Return the type a spread is kept in: float32, but where its numbers would overflow."""
    wide = np.abs(np.asarray(exact).astype(np.float64))
    return np.float64 if np.max(wide, initial=0.0, where=np.isfinite(wide)) > 1e30 else np.float32


def _moved(feeds: Mapping[str, Any], move: Move, *, wide: bool = True) -> dict[str, Any]:
    """Return the feeds with every float moved, as float64 or in their own type."""
    moved = {name: move(name, array, array.dtype.name) if is_real(array) else np.array(array) for name, array in feeds.items()}
    return moved if wide else {name: array.astype(feeds[name].dtype) for name, array in moved.items()}


def _apart(a: Any, b: Any) -> Any:
    """Return ``|a - b|`` as float64: 0 where both are the same NaN or infinity, infinite where only one is."""
    if a.shape != b.shape:
        return np.full(b.shape, np.inf)
    a, b = np.asarray(a).astype(np.float64), np.asarray(b).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.abs(a - b)
        difference = np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, difference)
        return np.where(np.isnan(difference), np.inf, difference)


def _largest(array: Any) -> float:
    return float(array.max()) if array.size else 0.0


def private(feeds: Mapping[str, Any]) -> dict[str, Any]:
    """Return copies: no adapter can change what another one is fed."""
    return {name: np.array(array) for name, array in feeds.items()}


@contextlib.contextmanager
def timed(seconds: dict[str, float], step: str) -> Iterator[None]:
    """Note how long the block took, whatever becomes of it."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[step] = time.perf_counter() - start
