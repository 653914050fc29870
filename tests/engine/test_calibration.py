"""Calibration: real rows where there are any, evenly taken; else draws; never what the case would not take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.protocols import Option
from harness.core.registry import Registry
from harness.core.route import Hop, Route
from harness.core.spec import Dim, TensorSpec
from harness.engine.calibration import Calibration, calibrated_hop, calibration_of, split_dim, static_hop
from harness.numerics.sampling import Sample

BATCH, LENGTH = Dim("batch", 1, 64, example=3), Dim("length", 2, 9, example=4)


def spec(name: str, *shape: Any) -> TensorSpec:
    return TensorSpec(name=name, dtype="float32", shape=shape)


class Entry:
    """What the cache holds of a case's data."""

    def __init__(self, groups: Sequence[Mapping[str, Any]]) -> None:
        self.facts = {"calibration": len(groups)}
        self._groups = groups

    def arrays(self, name: str) -> Mapping[str, Any]:
        return self._groups[int(name.split("-")[1])]


class Baked:
    """A converter with static shapes."""

    name = "baked"
    options = (Option(name="dynamic", default=False, help=""), Option(name="samples", default=8, help=""))

    def calibrates(self, options: Mapping[str, Any]) -> int:
        return int(options["samples"])


class Free(Baked):
    name = "free"
    options = (Option(name="dynamic", default=True, help=""), Option(name="samples", default=0, help=""))


REGISTRY = Registry(frameworks={}, converters={"baked": Baked(), "free": Free()}, runtimes={}, origins={})


def route(*converters: str) -> Route:
    hops = tuple(Hop(name=name, options={}) for name in converters)
    return Route(framework="onnx", converters=hops, runtime=Hop(name="r", options={}), device="cpu")


def calibration(
    inputs: Sequence[TensorSpec], wanted: int, real: Mapping[str, Any] | None = None, own: Sequence[Mapping[str, Any]] = (),
    converters: Sequence[str] = (),
) -> Calibration:  # fmt: skip
    case = Case(id="a", inputs=inputs, build={"onnx": lambda: None}, has_data=real is not None)
    samples = [] if real is None else [Sample(feeds=real, lengths={}, rung="real")]
    steps: Any = SimpleNamespace(samples=lambda cell, trace: (samples, Entry(own)), registry=REGISTRY)
    cell: Any = SimpleNamespace(case=case, route=route(*converters))
    return calibration_of(steps, cell, SimpleNamespace(), wanted)  # type: ignore[arg-type]


def rows(count: int, width: int = 2) -> Any:
    return np.arange(count * width, dtype=np.float32).reshape(count, width)


def test_rows_of_real_data_are_taken_evenly() -> None:
    found = calibration([spec("x", BATCH, 2)], 4, {"x": rows(10)})
    assert [feeds["x"].tolist() for feeds in found.feeds] == [[[2.0 * n, 2.0 * n + 1]] for n in (0, 2, 5, 7)]
    assert found.told == "calibrated with 4 samples of 10 of the real data of the case, which are also those that are judged"


def test_data_that_are_not_judged_come_first() -> None:
    found = calibration([spec("x", BATCH, 2)], 9, {"x": rows(10)}, [{"x": -rows(3)}])
    assert [feeds["x"][0, 1] for feeds in found.feeds] == [-1.0, -3.0, -5.0]
    assert found.told == "calibrated with 3 samples of 3 of the calibration data of the case"


def test_a_model_with_fixed_shapes_gets_whole_batches() -> None:
    assert [feeds["x"].shape for feeds in calibration([spec("x", BATCH, 2)], 4, {"x": rows(10)}, (), ["free"]).feeds] == [(1, 2)] * 4
    assert [feeds["x"].shape for feeds in calibration([spec("x", BATCH, 2)], 4, {"x": rows(10)}, (), ["free", "baked"]).feeds] == [(10, 2)]


@pytest.mark.parametrize(
    ("inputs", "dim"),
    [
        ([spec("x", BATCH, 2)], "batch"), ([spec("x", BATCH, 2), spec("y", BATCH, LENGTH)], "batch"), ([spec("x", 3, 2)], ""),
        ([spec("x", BATCH, 2), spec("y", LENGTH, 2)], ""), ([spec("x", BATCH, BATCH)], ""), ([spec("x", BATCH), spec("y")], ""), ([], ""),
    ],
)  # fmt: skip
def test_only_a_batch_is_taken_apart(inputs: list[TensorSpec], dim: str) -> None:
    assert split_dim(Case(id="a", inputs=inputs, build={"onnx": lambda: None}), "onnx") == dim


def test_a_batch_that_cannot_be_one_stays_whole() -> None:
    fixed = Dim("batch", 2, 8, example=4)
    assert [feeds["x"].shape for feeds in calibration([spec("x", fixed, 2)], 4, {"x": rows(4)}).feeds] == [(4, 2)]


def test_without_data_samples_are_drawn_and_those_judged_are_among_them() -> None:
    found = calibration([spec("x", BATCH, 2)], 30)
    assert [feeds["x"].shape for feeds in found.feeds][:3] == [(3, 2), (5, 2), (3, 2)]
    assert len(found.feeds) == 2 + 10
    assert found.told == "calibrated with 12 drawn samples, those that are judged among them, for want of real data"
    assert len({feeds["x"].tobytes() for feeds in found.feeds}) == 12
    assert found.digest == calibration([spec("x", BATCH, 2)], 30).digest
    assert found.digest != calibration([spec("x", BATCH, 2)], 31).digest
    assert {feeds["x"].shape for feeds in calibration([spec("x", BATCH, 2)], 30, converters=["baked"]).feeds} == {(3, 2)}


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ({"z": rows(3)}, r"calibration data: case 'a': data\(\) gave \['z'\], the case declares \['x'\]"),
        ({"x": rows(3).astype(np.float64)}, "calibration data: .* gave dtype float64, the case declares float32"),
        ({"x": rows(3, 5)}, r"calibration data: .* length 5 on axis 1"),
    ],
)  # fmt: skip
def test_bad_data_are_refused(feeds: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        calibration([spec("x", BATCH, 2)], 4, {"x": rows(3)}, [feeds])


def test_which_hop_is_static_and_which_is_calibrated() -> None:
    for names, static, calibrated in (((), "", ""), (("free",), "", ""), (("free", "baked"), "baked", "baked")):
        assert (static_hop(route(*names), REGISTRY), calibrated_hop(route(*names), REGISTRY)) == (static, calibrated)
