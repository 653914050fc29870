"""A chain of products in 8 bits is held to what 8 bits cost it: no less, and not much more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.core.weights import Inner, rounded
from harness.numerics.oracle import UNITS, Judged, Yardstick, judge

RNG = np.random.default_rng(2)
LAYERS = [RNG.normal(size=(64, 64)) / 8.0 for _ in range(4)]
X = RNG.normal(size=(50, 64))


def chain(inner: Any = None, change: Any = None) -> Any:
    """Return the activations after four products and rectifiers, weights and tensors between rounded by ``inner``."""
    x = X if inner is None else inner(X)
    for number, layer in enumerate(LAYERS):
        weight = layer if inner is None else rounded("w", layer, "float32", precision="int8")
        if change is not None:
            weight = change(number, weight)
        x = x @ weight
        x = np.maximum(x, 0) if number < 3 else x
        x = x if inner is None else inner(x)
    return x


def wider(among: int) -> Inner:
    return Inner(which="all", among=among)


def judged(answer: Any, *, inner: bool = True) -> Judged:
    exact = chain()
    moved = X * (1 + 2.0**-24 * RNG.uniform(-1, 1, X.shape))
    spread = np.full(exact.shape, np.std(moved - X))
    stick = Yardstick(
        reference=exact.astype(np.float32), oracle=exact, spread=spread, emulated=chain(wider(0)), inner=inner, coarse=UNITS["int8"],
    )  # fmt: skip
    return judge(answer, stick)


@pytest.mark.parametrize("among", [1, 3, 16, 64, 1000])
def test_another_rounding_of_the_same_kind_matches(among: int) -> None:
    found = judged(chain(wider(among)))
    assert found.match
    assert found.undetermined == 0
    assert found.tensor_ratio > 0.05, "the bound is of the size of what it bounds"


def test_without_inner_tensors_the_yardstick_of_weights_is_too_short() -> None:
    assert not judged(chain(wider(64)), inner=False).match


@pytest.mark.parametrize("layer", range(4))
@pytest.mark.parametrize("factor", [2.0, 0.5, -1.0, 1.5])
def test_a_wrong_scale_of_one_weight_does_not(layer: int, factor: float) -> None:
    found = judged(chain(wider(64), lambda number, weight: weight * (factor if number == layer else 1.0)))
    assert not found.match


def test_one_wrong_channel_does_not() -> None:
    scale = np.ones(64)
    scale[7] = 2.0
    assert not judged(chain(wider(64), lambda number, weight: weight * (scale if number == 3 else 1.0))).match


def test_a_clipped_tensor_does_not() -> None:
    answer = chain(wider(64))
    top = 0.5 * np.max(np.abs(answer))
    assert not judged(np.clip(answer, -top, top)).match


def test_where_elements_are_open_their_mean_is_not() -> None:
    """With a draw as large as the signal every element may be anything, but all of them together may not be of another size."""
    exact = chain()
    stick = Yardstick(
        reference=exact.astype(np.float32), oracle=exact, spread=np.zeros(exact.shape), inner=True, coarse=UNITS["int8"],
        emulated=exact + RNG.normal(size=exact.shape) * 0.3 * np.std(exact),
    )  # fmt: skip
    fine = judge(exact + RNG.normal(size=exact.shape) * 0.3 * np.std(exact), stick)
    assert fine.match
    assert fine.undetermined > 0.9 * exact.size
    assert not judge(exact + RNG.normal(size=exact.shape) * 1.2 * np.std(exact), stick).match
