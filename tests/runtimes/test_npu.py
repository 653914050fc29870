"""Simulated NPUs: what needs no toolchain is tested as it is, the rest through the engine where the toolchain is built."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import Unavailable, Unsupported
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.route import adapters_of, parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import manifest
from harness.engine.pool import Limits, Pool
from harness.engine.serve import Serve
from harness.engine.toolchains import locate
from harness.runtimes._qnn import lengths_of
from harness.runtimes.rknn import _failure

CASES = """
from harness import Case, Dim, TensorSpec

def graph(text):
    from onnx import parser
    head = '<ir_version: 8, opset_import: ["" : 17]> g (float[batch, 3, 8, 8] x) => (float[N, C, H, W] y) {'
    return lambda: parser.parse_model(head + text + '}')

X = TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 8, example=2), 3, 8, 8))
CASES = [
    Case(id="sound", level="unit", inputs=(X,), build={"onnx": graph("y = Relu(x)")}),
    Case(id="refused", level="unit", inputs=(X,), build={"onnx": graph("t = Softsign(x) y = Relu(t)")}),
    Case(id="overflows", level="unit", inputs=(X,), build={"onnx": graph(
        "k = Constant<value = float {300.0}>() a = Mul(x, k) b = Mul(a, a) c = Mul(b, k) y = Div(c, k)")}),
]
"""


def ran(case_id: str, text: str, place: Path) -> Record:
    route = parse_route(text, registry())
    for adapter in adapters_of(route, registry()):
        try:
            locate(adapter.toolchain)
        except Unavailable as absent:
            pytest.skip(f"{absent.reason}; to get it: {absent.how}")
    file = place / "parity_npu.py"
    file.write_text(CASES)
    described = manifest(file, place, place, lambda path, roots: Serve().describe(path, roots))
    case = next(case for case in described.cases if case.id == case_id)
    with Pool(Limits(timeout=240.0)) as pool:
        return Engine(pool, Cache(place / "cache")).run_cell(
            Cell(id=case.id, case=case, route=route, file=described.file, digest=described.digest)
        )


@pytest.mark.parametrize("route", ["onnx>qnn.htp@npu-simulated", "onnx>rknn@npu-simulated", "onnx>qnn.context>qnn.htp@npu-simulated"])
def test_a_sound_graph_matches_in_half_precision_and_says_where_it_ran(route: str, tmp_path: Path) -> None:
    record = ran("sound", route, tmp_path)
    assert record.outcome is Outcome.MATCH, (record.error, record.comparisons)
    assert (record.provenance or {})["device"] == "npu-simulated"
    assert (record.provenance or {})["precision"] == "float16"
    # Rounded to float16, and held to that: a float32 answer would differ by nothing.
    assert max(comparison.metrics["max_abs"] for comparison in record.comparisons) > 1e-5


@pytest.mark.parametrize("name", ["qnn.htp", "rknn"])
def test_a_product_beyond_the_range_of_half_precision_is_a_mismatch_on_ordinary_inputs(name: str, tmp_path: Path) -> None:
    assert ran("overflows", f"onnx>{name}@npu-simulated", tmp_path).outcome is Outcome.MISMATCH


def test_operators_that_would_run_on_the_processor_are_named(tmp_path: Path) -> None:
    record = ran("refused", "onnx>qnn.htp@npu-simulated", tmp_path)
    assert record.outcome is Outcome.UNSUPPORTED
    assert (record.error or {})["message"] == "QNN leaves operators to the CPU for SM8650: Softsign"


def test_free_dimensions_take_the_lengths_of_the_feeds() -> None:
    feeds = {"a": np.zeros((2, 5)), "b": np.zeros((2, 7))}
    assert lengths_of({"a": ["batch", 5], "b": ["batch", "length"]}, feeds) == {"batch": 2, "length": 7}
    with pytest.raises(Unsupported, match="the dimension length is 5 and 7 in the same call"):
        lengths_of({"a": ["batch", "length"], "b": ["batch", "length"]}, feeds)
    with pytest.raises(Unsupported, match="axis 1 of input 'b' has neither length nor name"):
        lengths_of({"a": ["batch", 5], "b": ["batch", None]}, feeds)


def test_a_log_of_rknn_says_why() -> None:
    log = "return code -1\nE RKNN: [14:40] Unkown op target: 0\nValueError: Traceback (most recent call last):\n  File x\n"
    refused = _failure("build", "rk3588", log + "ValueError: The input 1 of Compress('y') need to be constant!\n")
    assert isinstance(refused, Unsupported)
    assert str(refused) == "RKNN refuses the graph for rk3588 in build: ValueError: The input 1 of Compress('y') need to be constant!"
    broken = _failure("build", "rk3588", log + "some.InvalidArgument: rank 1, expected 2\n")
    assert not isinstance(broken, Unsupported)
    assert str(broken) == "rknn.build failed for rk3588: some.InvalidArgument: rank 1, expected 2"
