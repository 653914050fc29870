"""TFLite in 8 bits and in float16: judged, its share told, and reported where it did nothing or saturates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dense
import pytest

from harness.core.errors import Unavailable
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.pool import Limits, Pool
from harness.engine.toolchains import locate

CASES = {case.id: case for case in dense.CASES}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    for name in ("tensorflow", "litert"):
        try:
            locate(name)
        except Unavailable as absent:
            pytest.skip(f"{absent.reason}; to get it: {absent.how}")
    with Pool(Limits(timeout=240.0)) as pool:
        yield Engine(pool, Cache(tmp_path_factory.mktemp("cache")))


def record(engine: Engine, case: str, options: str, runtime: str = "litert") -> Record:
    route = parse_route(f"tensorflow>tflite.keras[{options}]>{runtime}@cpu", registry())
    cell = Cell(id=f"{case}[{route}]", case=CASES[case], route=route, file=str(Path(dense.__file__)), digest="0")
    return engine.run_cell(cell)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("quantise=int8", "int8 quantisation: 2 of 2 stored float tensors in int8, "),
        ("quantise=dynamic", "dynamic quantisation: 1 of 4 stored float tensors in int8"),
        ("quantise=float16", "float16 quantisation: 4 of 4 stored float tensors in float16"),
        ("float16=true", "float16 quantisation: 4 of 4 stored float tensors in float16"),
    ],
)
def test_a_clean_quantisation_matches_and_tells_its_share(engine: Engine, options: str, said: str) -> None:
    found = record(engine, "wide", options)
    assert found.outcome is Outcome.MATCH, found
    assert any(message.startswith(said) for message in found.messages), found.messages
    if options == "quantise=int8":
        assert "calibrated with 128 samples of 128 of the calibration data of the case" in found.messages


def test_one_that_did_nothing_is_no_match(engine: Engine) -> None:
    found = record(engine, "thin", "quantise=dynamic")
    assert found.outcome is Outcome.UNSUPPORTED
    assert found.error is not None
    assert found.error["message"].startswith("nothing was quantised: the TFLite converter stored no tensor in int8, which leaves weights")
    assert record(engine, "thin", "quantise=none").outcome is Outcome.MATCH


def test_a_calibration_that_saturates_is_a_mismatch_and_told(engine: Engine) -> None:
    found = record(engine, "short", "quantise=int8")
    assert found.outcome is Outcome.MISMATCH
    assert any(message.startswith("output 'output' saturates: ") for message in found.messages), found.messages


def test_two_precisions_at_once_are_refused(engine: Engine) -> None:
    found = record(engine, "wide", "float16=true,quantise=int8")
    assert found.outcome is Outcome.ERROR
    assert found.error is not None
    assert "ask for one of the two" in found.error["message"]
