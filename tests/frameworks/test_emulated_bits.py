"""What flows between operators in 8 bits, asked of workers, against the same arithmetic written out in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bits
import numpy as np
import pytest

from harness.core.errors import Unavailable
from harness.core.registry import registry
from harness.core.weights import EIGHT, Inner, inner_of
from harness.engine.pool import Limits, Pool
from harness.engine.serve_reference import AMONG
from harness.engine.toolchains import locate

ABLE = sorted(name for name, adapter in registry().frameworks.items() if hasattr(adapter, "emulate"))
X = np.random.default_rng(5).normal(size=(6, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


def chain(given: Any, inner: Inner) -> Any:
    """Return ``relu(x w + b) v`` with one operator for product and bias, rounded as asked for."""

    def after(array: Any) -> Any:
        return inner(array) if inner.everywhere else array

    def before(array: Any) -> Any:
        return inner(array) if inner.factors else array

    hidden = after(np.maximum(after(before(after(given.astype(np.float64))) @ bits.W + bits.B), 0))
    return after(before(hidden) @ bits.V)


def test_the_frameworks_that_sources_are_mostly_in_can_round() -> None:
    assert {"torch", "tensorflow", "paddle", "onnx"} <= set(ABLE)


@pytest.mark.parametrize("kind", EIGHT)
@pytest.mark.parametrize("framework", ABLE)
def test_tensors_are_rounded_between_operators(framework: str, kind: str, pool: Pool) -> None:
    toolchain = registry().get("frameworks", framework).toolchain
    try:
        locate(toolchain)
    except Unavailable as absent:
        pytest.skip(f"{absent.reason}; to get it: {absent.how}")
    ref = {"file": str(Path(bits.__file__)), "case": "chain", "digest": "0"}
    answer = pool.call(toolchain, "reference", {"framework": framework, "ref": ref, "feeds": {"x": X}, "precision": kind})
    assert answer["inner"], "tensors inside of the model are spoken for"
    exact, inner = chain(X, Inner(which="none")), inner_of(kind)
    assert inner is not None
    np.testing.assert_allclose(answer["oracle"]["y"], exact, atol=1e-6)
    draws = [chain(X, one) for one in (inner, Inner(which=inner.which, among=AMONG if inner.everywhere else 1))]
    expected = np.where(np.abs(draws[1] - exact) > np.abs(draws[0] - exact), draws[1], draws[0])
    np.testing.assert_allclose(answer["emulated"]["y"], expected, atol=1e-6)
    assert (np.max(np.abs(expected - exact)) > 1e-3) == (kind != "int8-weights")
