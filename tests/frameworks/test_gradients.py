"""Gradients of a source, asked of a worker: right, in the shape of the inputs, and none for whole numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.errors import Unavailable
from harness.core.registry import registry
from harness.engine.pool import Limits, Pool
from harness.engine.toolchains import locate
from harness.engine.worker import WorkerFailure

FILE = Path(__file__).with_name("gradients.py")
ABLE = sorted(name for name, adapter in registry().frameworks.items() if hasattr(adapter, "gradient"))
GENERATOR = np.random.default_rng(11)
FEEDS = {
    "x": GENERATOR.normal(size=(2, 3)).astype(np.float32),
    "y": GENERATOR.normal(size=(2, 3)).astype(np.float32),
    "i": GENERATOR.integers(0, 3, (2, 3)),
}
WEIGHTS = GENERATOR.normal(size=(2, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


def ask(pool: Pool, framework: str, verb: str = "gradient", *, case: str = "polynomial", file: str = str(FILE), **arguments: Any) -> Any:
    """Return a worker's answer; skip where the framework is not on this machine."""
    toolchain = registry().get("frameworks", framework).toolchain
    try:
        locate(toolchain)
    except Unavailable as absent:
        pytest.skip(f"{absent.reason}; to get it: {absent.how}")
    return pool.call(toolchain, verb, {"framework": framework, "ref": {"file": file, "case": case, "digest": "0"}, **arguments})


def test_four_frameworks_can_differentiate() -> None:
    assert {"torch", "tensorflow", "paddle", "jax"} <= set(ABLE)


@pytest.mark.parametrize("framework", ABLE)
def test_a_gradient_is_that_of_the_weighted_output(framework: str, pool: Pool) -> None:
    before = ask(pool, framework, "reference", feeds=FEEDS, precision="")["outputs"]
    answer = ask(pool, framework, feeds=FEEDS, output="cube", weights=WEIGHTS)
    found = answer["gradient"]
    assert {name: (array.shape, array.dtype.name) for name, array in found.items()} == {"x": ((2, 3), "float32"), "y": ((2, 3), "float32")}
    np.testing.assert_allclose(found["x"], 3 * FEEDS["x"] ** 2 * WEIGHTS, rtol=1e-5)
    assert not found["y"].any(), "this output does not depend on it"
    assert answer["seconds"]["gradient"] >= 0
    both = ask(pool, framework, feeds=FEEDS, output="sum", weights=WEIGHTS)["gradient"]
    np.testing.assert_allclose(both["x"], FEEDS["y"] * WEIGHTS, rtol=1e-5)
    np.testing.assert_allclose(both["y"], FEEDS["x"] * WEIGHTS, rtol=1e-5)
    after = ask(pool, framework, "reference", feeds=FEEDS, precision="")["outputs"]
    assert all(np.array_equal(before[name], after[name]) for name in before), "the model is as it was"


@pytest.mark.parametrize("framework", ABLE)
def test_a_gradient_of_layers_is_the_slope_of_their_float64_twin(framework: str, pool: Pool) -> None:
    """Dense layers, normalisation and softmax, in inference mode: the derivative along one direction, by differences."""
    file = str(FILE.parent.parent / "contract" / "declared.py")
    x = GENERATOR.normal(size=(2, 6)).astype(np.float32)
    along, weights = GENERATOR.normal(size=x.shape), GENERATOR.normal(size=(2, 4))
    ends = [(x + size * along).astype(np.float32) for size in (2**-9, -(2**-9))]
    heights = []
    for end in ends:
        oracle = ask(pool, framework, "reference", case="contract", file=file, feeds={"x": end}, precision="")["oracle"]
        heights.append(float(np.sum(weights * oracle["probs"])))
    found = ask(pool, framework, case="contract", file=file, feeds={"x": x}, output="probs", weights=weights)["gradient"]["x"]
    slope = float(np.sum(found * (ends[0].astype(np.float64) - ends[1])))
    assert slope == pytest.approx(heights[0] - heights[1], rel=1e-2, abs=1e-6)
    assert abs(slope) > 1e-5


@pytest.mark.parametrize("framework", ABLE)
def test_whole_numbers_have_no_gradient(framework: str, pool: Pool) -> None:
    found = ask(pool, framework, feeds=FEEDS, output="next", weights=np.ones((2, 3)))["gradient"]
    assert set(found) == {"x", "y"}
    assert not any(array.any() for array in found.values())
    weights = np.ones((2, 3, 3), np.float32)
    assert ask(pool, framework, case="lookup", feeds={"i": FEEDS["i"]}, output="output", weights=weights)["gradient"] == {}


@pytest.mark.parametrize("framework", ABLE)
def test_what_cannot_be_weighed_is_told(framework: str, pool: Pool) -> None:
    with pytest.raises(WorkerFailure, match="no output 'square' to differentiate; it has cube, sum, next") as failure:
        ask(pool, framework, feeds=FEEDS, output="square", weights=WEIGHTS)
    assert failure.value.kind == "usage"
    with pytest.raises(WorkerFailure, match=r"weights of shape \(3,\) for output 'cube' of shape \(2, 3\)"):
        ask(pool, framework, feeds=FEEDS, output="cube", weights=WEIGHTS[0])


def test_a_framework_that_cannot_differentiate_says_so(pool: Pool) -> None:
    assert "onnx" not in ABLE
    with pytest.raises(WorkerFailure, match="onnx gives no gradients") as failure:
        ask(pool, "onnx", feeds=FEEDS, output="cube", weights=WEIGHTS)
    assert failure.value.kind == "unsupported"
