"""The whole way from a model to an answer of an NPU, with the stand-ins for CANN in CANN's place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import Manifest, manifest
from harness.engine.pool import Limits, Pool
from harness.engine.serve import Serve

FILE = Path(__file__).with_name("om_models.py")
KEEP = "precision_mode=must_keep_origin_dtype"
ONNX = f"onnx>om.atc[soc=Ascend310P3,{KEEP}]>acl@npu"
Run = Callable[..., Record]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    place = tmp_path_factory.mktemp("described")
    return manifest(FILE, FILE.parent, place, lambda file, roots: Serve().describe(file, roots))


@pytest.fixture
def run(described: Manifest, tmp_path: Path) -> Iterator[Run]:
    with Pool(Limits(timeout=240.0)) as pool:

        def ran(case_id: str, route: str = ONNX, blame: bool = False) -> Record:
            case = next(case for case in described.cases if case.id == case_id)
            cell = Cell(id=case_id, case=case, route=parse_route(route, registry()), file=described.file, digest=described.digest)
            engine = Engine(pool, Cache(tmp_path / "cache"))
            record = engine.run_cell(cell)
            return engine.blame(cell, record) if blame else record

        yield ran


def facts(record: Record) -> object:
    return record.error, [(c.output, c.facts, c.metrics.get("ratio")) for c in record.comparisons if not c.match]


@pytest.mark.parametrize("case_id", ["static", "batches", "any-batch", "images", "tokens", "many-batches"])
def test_a_good_model_matches_from_onnx_to_the_npu(case_id: str, cann: Path, run: Run) -> None:
    record = run(case_id)
    assert record.outcome is Outcome.MATCH, facts(record)
    assert (record.provenance or {})["device"] == "npu"
    assert (record.provenance or {})["soc"] == "Ascend310P3"
    assert (record.provenance or {})["precision"] == "float32"
    assert (record.versions or {})["CANN"] == "8.0.0"
