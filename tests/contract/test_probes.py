"""Every framework that traces and every session that shows its tensors: what they show is what the judged run computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.registry import registry
from harness.core.route import Route, parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell
from harness.engine.manifest import Manifest
from harness.engine.pool import Pool
from harness.engine.sides import SourceSide, TargetSide
from harness.engine.steps import Steps
from harness.engine.trace import Trace
from harness.numerics.align import align
from harness.numerics.localise import localise
from tests.contract.test_contract import ROUTES, not_here, toolchains_of

TRACING = ("mindspore", "onnx", "paddle", "tensorflow", "torch")
SHOWING = (
    "litert", "onnx.reference", "onnxruntime", "openvino", "paddle", "paddle.inference", "tensorflow", "tf.savedmodel", "torch",
    "torch.compile", "torch.exported", "torchscript",
)  # fmt: skip
# Two more ways to each format: what exporters write down differs.
MORE = (
    "torch>onnx.torchscript>onnxruntime@cpu", "tensorflow>onnx.tf2onnx>onnxruntime@cpu", "torch>onnx.dynamo>openvino.convert>openvino@cpu",
    "tensorflow>tflite.keras>litert@cpu", "paddle>paddle.static>onnx.paddle2onnx>onnxruntime@cpu", "onnx>torch.onnx2torch>torch@cpu",
    "paddle>paddle.static>paddle.inference@cpu",
)  # fmt: skip


class Opened:
    """The contract model on a route, converted."""

    def __init__(self, route: Route, pool: Pool, described: Manifest, place: Path) -> None:
        absent = not_here(route)
        if absent is not None:
            pytest.skip(f"{absent.reason}; to get it: {absent.how}")
        case = next(case for case in described.cases if case.id == "contract")
        self.cell = Cell(id="contract", case=case, route=route, file=described.file, digest=described.digest)
        self.steps = Steps(pool, Cache(place / "cache"), registry())
        trace = Trace(toolchains=tuple(toolchains_of(route)))
        self.sample = self.steps.samples(self.cell, trace)[0][0]
        self.reference = self.steps.reference(self.cell, trace, self.sample)
        self.artifact = self.steps.source(self.cell, trace, self.reference)
        for hop in route.converters:
            self.artifact = self.steps.convert(self.cell, trace, hop, self.artifact, self.sample)
        self.outputs = self.steps.run(self.cell, trace, self.artifact, [self.sample]).done[0][1]

    def source(self) -> SourceSide:
        return SourceSide(self.steps, self.cell.route.framework, self.cell.ref, None, self.sample)

    def target(self) -> TargetSide:
        return TargetSide(self.steps, self.cell, self.artifact, self.cell.route.runtime, self.cell.route.device, self.sample)


def scaled(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.max(np.abs(got.astype(float) - want.astype(float)), initial=0.0) / (np.sqrt(np.mean(want.astype(float) ** 2)) or 1.0))


def test_who_shows_what_is_known() -> None:
    found = registry()
    assert {name for name, adapter in found.frameworks.items() if hasattr(adapter, "trace")} == set(TRACING)
    assert all(hasattr(found.frameworks[name], "replay") for name in TRACING)


@pytest.mark.parametrize("framework", TRACING)
def test_a_source_is_traced_and_each_leaf_replayed(framework: str, pool: Pool, described: Manifest, place: Path) -> None:
    opened = Opened(ROUTES[f"framework {framework}"], pool, described, place)
    source = opened.source()
    assert list(source.inputs) == ["x"]
    assert list(source.outputs) == ["logits", "probs"]
    for name, key in source.outputs.items():
        np.testing.assert_array_equal(source.array(key), opened.reference.outputs[name])
    assert source.calls[0].path == ""
    assert source.calls[0].parent == -1
    leaves = [(number, call) for number, call in enumerate(source.calls) if number and call.leaf]
    assert len(leaves) >= 3
    assert len({call.name for _, call in leaves}) == len(leaves)
    for number, call in leaves:
        assert call.type
        for double in (False, True):
            if double and (framework, call.type) == ("mindspore", "BatchNorm1d"):
                continue  # its kernel for the processor has no float64
            made = source.replay(number, [source.array(key) for key in call.inputs], double)
            assert made is not None, f"{call.path} cannot be replayed in {'float64' if double else 'its own precision'}"
            for array, key in zip(made, call.outputs, strict=True):
                assert array.dtype == (np.float64 if double else np.float32)
                assert scaled(array, source.array(key)) <= (1e-5 if double else 0.0)
    assert source.replay(leaves[0][0], [np.zeros((1, 1))], False) is None, "what does not fit is told, and the worker lives"


def shown_by(route: Route, pool: Pool, described: Manifest, place: Path) -> None:
    opened = Opened(route, pool, described, place)
    with opened.target() as target:
        names = [tensor.name for tensor in target.tensors]
        assert len(set(names)) == len(names)
        inner = [tensor for tensor in target.tensors if tensor.op not in ("input", "output")]
        assert len(inner) >= 3
        assert all(tensor.op for tensor in inner)
        assert all(target.array(tensor.name).size for tensor in inner), "a tensor that is listed is shown"
        assert all(name in names for tensor in inner for name in tensor.inputs if name in {other.name for other in inner})
        assert target.moved() <= 1e-5, "probing must not change the result"
        again = pool.call(
            registry().get("runtimes", route.runtime.name).toolchain,
            "run",
            {"session": target._session, "feeds": dict(opened.sample.feeds)},
        )["outputs"]
        for name, array in opened.outputs.items():
            np.testing.assert_array_equal(again[name], array)
        assert {port.native for port in opened.artifact.outputs} <= set(target.final)
        source = opened.source()
        inputs = {key: port.native for port in opened.artifact.inputs for name, key in source.inputs.items() if name == port.name}
        outputs = {key: target.outputs[name] for name, key in source.outputs.items()}
        found = align(source.calls, target.tensors, source.array, target.array, inputs=inputs, outputs=outputs)
        verdict = localise(found, source.replay, outputs=tuple(source.outputs.values()))
    assert verdict.culprit is None
    assert verdict.between is None
    assert verdict.curve
    assert verdict.guilty == ()


@pytest.mark.parametrize("runtime", SHOWING)
def test_a_session_shows_its_tensors(runtime: str, pool: Pool, described: Manifest, place: Path) -> None:
    shown_by(ROUTES[f"runtime {runtime}"], pool, described, place)


@pytest.mark.parametrize("route", MORE)
def test_tensors_of_longer_routes_are_matched(route: str, pool: Pool, described: Manifest, place: Path) -> None:
    shown_by(parse_route(route, registry()), pool, described, place)
