"""TVM's results go by position: their number is checked before names are given. Stand-ins take its place."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

from harness.runtimes.tvm import TvmSession


class Tensor:
    def __init__(self, values: Any) -> None:
        self.values = values

    def numpy(self) -> Any:
        return self.values


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tvm", types.SimpleNamespace(runtime=types.SimpleNamespace(tensor=Tensor)))


def session(call: Any, outputs: list[str]) -> TvmSession:
    return TvmSession({"main": call}, {"inputs": ["b", "a"], "outputs": outputs})


FEEDS = {"a": np.float32([1, 2]), "b": np.float32([5, 5])}


def test_one_output_is_a_tensor_and_several_are_listed() -> None:
    assert session(lambda b, a: Tensor(b.values - a.values), ["y"]).run(FEEDS)["y"].tolist() == [4.0, 3.0]
    both = session(lambda b, a: (a, b), ["y", "z"]).run(FEEDS)
    assert (both["y"].tolist(), both["z"].tolist()) == ([1.0, 2.0], [5.0, 5.0])


def test_a_missing_output_is_told_and_none_is_guessed() -> None:
    with pytest.raises(RuntimeError, match="TVM returns 1 values, where the model has the outputs y, z"):
        session(lambda b, a: (a,), ["y", "z"]).run(FEEDS)


def test_an_output_owns_its_data_and_a_number_keeps_its_rank() -> None:
    held = np.float32([1, 2])
    ran = session(lambda b, a: Tensor(held), ["y"]).run({"a": np.float32(1), "b": np.float32(5)})
    held[:] = 9
    assert ran["y"].tolist() == [1.0, 2.0]
    seen: list[int] = []
    session(lambda b, a: seen.append(b.values.ndim) or b, ["y"]).run({"a": np.float32(1), "b": np.float32(5)})
    assert seen == [0]
