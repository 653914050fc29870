"""What MNN's Python interface would misread is refused before it gets there; stand-ins take MNN's place."""

from __future__ import annotations

import sys
import types
from typing import Any

import numpy as np
import pytest

from harness.core.errors import Unsupported
from harness.runtimes.mnn import MnnSession, _array


class Variable:
    def __init__(self, values: Any, layout: str = "NCHW") -> None:
        self.values, self.data_format = values, layout
        self.shape, self.dtype = list(values.shape), "dtype.float"

    def read(self) -> Any:
        if not self.values.size:
            raise SystemError("call to readMap meet a error")
        return self.values


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> None:
    expr = types.SimpleNamespace(
        NCHW="NCHW", NC4HW4="NC4HW4", float="float", int="int", uint8="uint8",
        const=lambda array, shape, layout, kind: Variable(np.array(array)), convert=lambda variable, layout: Variable(variable.values + 1),
    )  # fmt: skip
    monkeypatch.setitem(sys.modules, "MNN", types.SimpleNamespace(expr=expr))


def session(answers: Any) -> MnnSession:
    return MnnSession(types.SimpleNamespace(onForward=answers), ["b", "a"], ["y"])


def test_feeds_go_in_the_order_of_the_file() -> None:
    ran = session(lambda given: [Variable(given[0].values - given[1].values)])
    assert ran.run({"a": np.float32([1]), "b": np.float32([5])})["y"].tolist() == [4.0]


@pytest.mark.parametrize("array", [np.ones(2), np.ones(2, np.int64), np.ones(2, np.int8), np.ones(2, bool)])
def test_bytes_that_would_be_taken_for_another_type_are_refused(array: Any) -> None:
    with pytest.raises(Unsupported, match=f"no variable of {array.dtype.name}, which input b is"):
        session(lambda given: given).run({"a": np.float32([1]), "b": array})


def test_an_empty_input_is_refused_and_an_empty_output_read() -> None:
    with pytest.raises(Unsupported, match="without elements"):
        session(lambda given: given).run({"a": np.float32([1]), "b": np.zeros((0, 2), np.float32)})
    assert _array(Variable(np.zeros((0, 2), np.float32))).shape == (0, 2)


def test_blocked_channels_are_put_in_order_and_missing_outputs_told() -> None:
    assert _array(Variable(np.float32([1]), "NC4HW4")).tolist() == [2.0]
    with pytest.raises(RuntimeError, match="MNN failed in the run: 0 outputs, where the file names y"):
        session(lambda given: []).run({"a": np.float32([1]), "b": np.float32([5])})
