"""What the worker measures of a source: its noise, its float64 twin, and what happens where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from harness.core.case import Case
from harness.core.spec import TensorSpec
from harness.core.weights import REACH, Move, rounded
from harness.engine.serve_reference import reference_of

X = np.random.default_rng(3).normal(0, 1, (4, 8)).astype(np.float32)
CASE = Case(id="linear", inputs=(TensorSpec(name="x", dtype="float32", shape=(4, 8)),), build={"fake": lambda: None})


class Fake:
    """A source that multiplies by a matrix."""

    def __init__(self, *, double: bool = True, drift: float = 0.0) -> None:
        self.weight = np.random.default_rng(4).normal(0, 1, (8, 3)).astype(np.float32)
        self.double, self.drift, self.calls = double, drift, 0

    def run(self, _: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
        self.calls += 1
        feeds["x"][0, 0] *= 1  # an adapter may write into what it is fed
        return {"y": feeds["x"] @ self.weight + np.float32(self.drift * self.calls)}

    def oracle(self, _: Case, __: Any, feeds: Mapping[str, Any], move: Move | None = None) -> dict[str, Any]:
        if not self.double:
            raise RuntimeError("this layer has float32 only")
        weight = self.weight.astype(np.float64) if move is None else move("w", self.weight, "float32")
        return {"y": feeds["x"].astype(np.float64) @ weight}


def test_the_spread_is_that_of_inputs_and_weights_moved_by_one_unit() -> None:
    fake = Fake()
    answer = reference_of(fake, CASE, None, {"x": X}, "")
    assert answer["wobble"] == {"y": 0.0}
    assert np.max(np.abs(answer["outputs"]["y"] - answer["oracle"]["y"])) < 1e-5
    # Products of rounded factors are off by two units at most, and by none only where the draws say so.
    most = 2.0**-24 * 2 * (np.abs(X) @ np.abs(fake.weight))
    assert np.all(answer["spread"]["y"] <= most * 1.001)
    assert np.mean(answer["spread"]["y"] > most / 100) > 0.8
    assert REACH > 1


def test_a_coarser_precision_is_emulated() -> None:
    fake = Fake()
    answer = reference_of(fake, CASE, None, {"x": X}, "bfloat16")
    expected = rounded("", X, "", precision="bfloat16") @ rounded("", fake.weight, "", precision="bfloat16")
    np.testing.assert_array_equal(answer["emulated"]["y"], expected)


def test_without_float64_the_source_moves_in_its_own_type_and_says_so() -> None:
    answer = reference_of(Fake(double=False), CASE, None, {"x": X}, "")
    assert answer["oracle"] is None
    assert answer["oracle_error"] == "RuntimeError: this layer has float32 only"
    assert 0 < np.max(answer["spread"]["y"]) < 1e-4


def test_two_answers_to_one_input_are_noticed() -> None:
    assert reference_of(Fake(drift=0.5), CASE, None, {"x": X}, "")["wobble"]["y"] == pytest.approx(0.5)


def test_without_draws_there_is_no_float64_run_at_all() -> None:
    answer = reference_of(Fake(), CASE, None, {"x": X}, "", 0)
    assert (answer["oracle"], answer["oracle_error"]) == (None, "none was asked for")
    assert not answer["spread"]["y"].any()


class Reordered(Fake):
    """A source whose sums come out otherwise with its inputs in another layout: by a factor ``off``."""

    def __init__(self, off: float) -> None:
        super().__init__()
        self.off = off

    def otherwise(self, model: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
        return {name: (array * np.float32(self.off)).astype(np.float32) for name, array in self.run(model, feeds).items()}


def test_what_another_order_of_summation_moves_is_noise_no_further_than_rounding_goes() -> None:
    plain = reference_of(Fake(), CASE, None, {"x": X}, "")["spread"]["y"]
    rounding = reference_of(Reordered(1 + 2.0**-19), CASE, None, {"x": X}, "")["spread"]["y"]
    assert np.all(rounding >= plain)
    assert np.mean(rounding > plain) > 0.3
    wrong = reference_of(Reordered(2.0), CASE, None, {"x": X}, "")
    size = np.sqrt(np.mean(np.square(wrong["oracle"]["y"])))
    assert np.all(wrong["spread"]["y"] <= (16 * plain + 64 * 2.0**-24 * size) / 16 * 1.0001), "a wrong answer is no noise"


def test_a_source_that_cannot_run_otherwise_keeps_its_spread() -> None:
    class Stuck(Fake):
        def otherwise(self, model: Any, feeds: Mapping[str, Any]) -> dict[str, Any]:
            raise RuntimeError("view size is not compatible with input tensor's size and stride")

    plain, stuck = (reference_of(fake, CASE, None, {"x": X}, "") for fake in (Fake(), Stuck()))
    np.testing.assert_array_equal(plain["spread"]["y"], stuck["spread"]["y"])
    assert stuck["oracle_error"] == ""


def test_torch_runs_in_another_layout_and_leaves_its_threads_as_they_were() -> None:
    torch = pytest.importorskip("torch")
    from harness.frameworks._torch import Built
    from harness.frameworks.torch import ADAPTERS

    seen = []

    class Net(torch.nn.Conv2d):  # type: ignore[misc]
        def forward(self, input: Any) -> Any:
            seen.append((torch.get_num_threads(), input.is_contiguous(), input.is_contiguous(memory_format=torch.channels_last)))
            return super().forward(input)

    torch.manual_seed(0)
    model = Built(Net(3, 4, 3).eval(), ("input",), ())
    feeds = {"input": np.random.default_rng(0).normal(0, 1, (2, 3, 8, 8)).astype(np.float32)}
    threads = torch.get_num_threads()
    one, two = ADAPTERS[0].run(model, feeds), ADAPTERS[0].otherwise(model, feeds)
    assert seen[0] == (threads, True, False)
    assert (seen[1][0] != threads, *seen[1][1:]) == (True, False, True)
    assert torch.get_num_threads() == threads
    assert {name: array.shape for name, array in one.items()} == {name: array.shape for name, array in two.items()}
    np.testing.assert_allclose(*(next(iter(answer.values())) for answer in (one, two)), rtol=1e-4, atol=1e-5)
