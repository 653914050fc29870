"""ExecuTorch through the engine, where its environment is built: what a backend took is told, what it gets wrong is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.errors import Unavailable
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

CASES = """
from harness import Case, Dim, TensorSpec, normal

def layer(name, **options):
    def build():
        import torch
        return getattr(torch.nn, name)(**options)
    return {"torch": build}

def function(call):
    def build():
        import torch
        return type("Net", (torch.nn.Module,), {"forward": lambda self, x: call(torch, x)})()
    return {"torch": build}

X = TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 8, example=2), 6), domain=normal(2.0))
CASES = [
    Case(id="linear", level="unit", inputs=(X,), build=layer("Linear", in_features=6, out_features=4), weights="random"),
    Case(id="gelu", level="unit", inputs=(X,), build=layer("GELU", approximate="tanh")),
    Case(id="refused", level="unit", inputs=(X,), build=function(lambda torch, x: torch.kthvalue(x, 2).values)),
    Case(id="quads", level="unit", inputs=(TensorSpec(name="x", dtype="float32", shape=(2, Dim("quads", 4, 64, multiple=4))),),
         build=function(lambda torch, x: x.reshape(x.shape[0], x.shape[1] // 4, 4).sum(-1))),
    Case(id="crop", level="unit", inputs=(X,), build=function(lambda torch, x: torch.nn.functional.pad(x, (-1, -2)))),
    Case(id="left", level="unit", inputs=(X,), build=function(lambda torch, x: torch.cumsum(x, 1))),
]
"""
ROUTE = "torch>torch.export>executorch.{}>executorch@cpu"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


def ran(case_id: str, lowering: str, place: Path, pool: Pool) -> Record:
    route = parse_route(ROUTE.format(lowering), registry())
    for adapter in adapters_of(route, registry()):
        try:
            locate(adapter.toolchain)
        except Unavailable as absent:
            pytest.skip(f"{absent.reason}; to get it: {absent.how}")
    file = place / "parity_executorch.py"
    file.write_text(CASES)
    described = manifest(file, place, place, lambda path, roots: Serve().describe(path, roots))
    case = next(case for case in described.cases if case.id == case_id)
    cell = Cell(id=case.id, case=case, route=route, file=described.file, digest=described.digest)
    return Engine(pool, Cache(place / "cache")).run_cell(cell)


@pytest.mark.parametrize(("lowering", "taken"), [("portable", False), ("xnnpack", True)])
def test_what_ran_where_is_told(lowering: str, taken: bool, tmp_path: Path, pool: Pool) -> None:
    record = ran("linear", lowering, tmp_path, pool)
    assert record.outcome is Outcome.MATCH, record.error
    provenance = record.provenance or {}
    assert ("XnnpackBackend" in str(provenance["provider"])) is taken
    assert str(provenance["delegated"]).startswith("0 of") is not taken


def test_a_program_whose_length_is_a_multiple_is_lowered_though_it_was_reopened(tmp_path: Path, pool: Pool) -> None:
    record = ran("quads", "portable", tmp_path, pool)
    assert record.outcome is Outcome.MATCH, record.error


def test_a_backend_that_took_nothing_says_so(tmp_path: Path, pool: Pool) -> None:
    record = ran("left", "xnnpack", tmp_path, pool)
    assert record.outcome is Outcome.MATCH, record.error
    assert "XnnpackBackend took no operator of this program" in record.messages
    assert "own kernels" in str((record.provenance or {})["provider"])


def test_a_gelu_that_a_backend_takes_for_the_exact_one_is_found(tmp_path: Path, pool: Pool) -> None:
    assert ran("gelu", "portable", tmp_path, pool).outcome is Outcome.MATCH
    assert ran("gelu", "xnnpack", tmp_path, pool).outcome is Outcome.MISMATCH


def test_an_operator_it_does_not_take_is_named(tmp_path: Path, pool: Pool) -> None:
    record = ran("refused", "portable", tmp_path, pool)
    assert record.outcome is Outcome.UNSUPPORTED
    assert "aten.kthvalue.default is not in Core ATen opset" in (record.error or {})["message"]


def test_a_kernel_that_rejects_its_arguments_is_named(tmp_path: Path, pool: Pool) -> None:
    record = ran("crop", "portable", tmp_path, pool)
    assert record.outcome is Outcome.UNSUPPORTED
    assert "aten::constant_pad_nd.out refuses its arguments: Padding values must be non-negative" in (record.error or {})["message"]
