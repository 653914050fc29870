"""Bisection over prefixes: few conversions, the first wrong tensor, whatever cannot be asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.engine.pool import Limits, Pool
from harness.engine.prefixes import bisect, cut_points, first_wrong
from harness.numerics.align import Call
from tests.engine.blamed import Place
from tests.engine.test_blame import TAIL


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1000])
def test_the_first_wrong_name_is_found_in_log2_steps(size: int) -> None:
    names = [str(number) for number in range(size)]
    for first in {0, size // 3, size - 1, size}:
        place, asked = first_wrong(names, lambda name, first=first: int(name) >= first)  # type: ignore[misc]
        assert place == first
        assert asked <= size.bit_length()


def test_names_that_cannot_be_asked_are_passed_over() -> None:
    names = [str(number) for number in range(20)]
    place, _ = first_wrong(names, lambda name: None if name in ("9", "10", "11") else int(name) >= 14)
    assert place == 14
    place, _ = first_wrong(names, lambda name: None)
    assert place == 0 or place == 20


def test_cut_points_are_where_everything_goes_through() -> None:
    def call(inputs: str, outputs: str) -> Call:
        return Call(path=outputs, type="Op", inputs=tuple(inputs), outputs=tuple(outputs))

    calls = [call("x", "f"), call("x", "a"), call("a", "b"), call("ab", "c"), call("c", "d"), call("cd", "e"), call("e", "f")]
    assert cut_points(calls, ["f"]) == ["a", "c", "e", "f"]


def test_a_runtime_that_hides_its_tensors_is_bisected(tmp_path: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path, pool, TAIL)
    plain = place.steps.ask

    def ask(toolchain: str, verb: str, arguments: Any) -> Any:
        if verb == "tensor_names":
            raise UsageError("sessions of this runtime hide their tensors")
        return plain(toolchain, verb, arguments)

    monkeypatch.setattr(place.steps, "ask", ask)
    found = place.blame("onnx>onnxruntime@cpu")
    assert (found["hop"], found["layer"], found["type"]) == ("onnxruntime@cpu", "Sigmoid(gate)", "Sigmoid"), found
    assert "conversions of prefixes" in found["note"]


def test_prefixes_go_through_the_rest_of_the_route(tmp_path: Path, pool: Pool) -> None:
    place = Place(tmp_path, pool, TAIL)
    cell = place.cell("onnx>openvino.convert>openvino@cpu")
    trace = place.trace(cell)
    sample = place.steps.samples(cell, trace)[0][0]
    artifact = place.steps.source(cell, trace, place.steps.reference(cell, trace, sample))
    assert bisect(cell, place.steps, trace, sample, artifact, 0) is None, "OpenVINO gets every prefix right"
