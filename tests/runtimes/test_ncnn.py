"""ncnn is asked for float32, and its codes count; stand-ins take its place."""

from __future__ import annotations

import json
import os
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.artifact import Artifact
from harness.core.errors import Unsupported
from harness.core.protocols import Source, option_values
from harness.runtimes.ncnn import ADAPTERS

RUNTIME = ADAPTERS[0]


class Mat:
    def __init__(self, values: Any, batch_index: int | None = None) -> None:
        self.values, self.batch = values, batch_index

    def clone(self) -> Mat:
        return self

    def numpy(self, batch_index: int | None = None) -> Any:
        assert batch_index == self.batch
        return self.values


class Net:
    """A net that doubles, with the half precision that ncnn turns on."""

    def __init__(self) -> None:
        self.opt = types.SimpleNamespace(use_fp16_storage=True, use_fp16_arithmetic=True, use_vulkan_compute=True, num_threads=7)
        self.codes, self.given = {"load": 0, "extract": 0}, Mat(None)
        LAST.append(self)

    def load_param(self, path: str) -> int:
        if FAIL.get("load"):
            os.write(2, b"layer LpPool not exists or registered\n")
        return FAIL.get("load", 0)

    def load_model(self, path: str) -> int:
        return 0

    def create_extractor(self) -> Net:
        return self

    def __enter__(self) -> Net:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def input(self, name: str, mat: Mat) -> int:
        self.given = mat
        return 0

    def extract(self, name: str) -> tuple[int, Mat]:
        return FAIL.get("extract", 0), Mat(self.given.values * 2, self.given.batch)

    def clear(self) -> None:
        self.given = Mat(None)


LAST: list[Net] = []
FAIL: dict[str, int] = {}


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what opens a model of one input whose first axis is the batch."""
    FAIL.clear()
    monkeypatch.setitem(sys.modules, "ncnn", types.SimpleNamespace(Net=Net, Mat=Mat))
    (tmp_path / "model.json").write_text(json.dumps({"inputs": [["in0", 0]], "outputs": [["out0", 0]]}))
    entry = str(tmp_path / "model.param")
    artifact = Artifact(format="ncnn", path=str(tmp_path), entry=entry, digest="d", inputs=(), outputs=())
    values = option_values(RUNTIME, {"threads": "2"}, "here")
    return lambda: RUNTIME.load(Source(artifact=artifact, feeds={}, dynamic={}), "cpu", values)


def test_float32_is_asked_for_and_what_ran_is_told(session: Any) -> None:
    opened = session()
    options = LAST[-1].opt
    assert (options.use_fp16_storage, options.use_fp16_arithmetic, options.use_vulkan_compute) == (False, False, False)
    assert options.num_threads == 2
    assert opened.run({"in0": np.float32([[1, 2]])})["out0"].tolist() == [[2.0, 4.0]]
    assert opened.run({"in0": np.int64([[1, 2]])})["out0"].dtype == np.int32
    assert opened.provenance["precision"] == "float32"
    opened.close()
    opened.close()


def test_more_axes_than_a_matrix_has_are_refused(session: Any) -> None:
    for shape in ((1,), (1, 2, 2, 2, 2, 2), (1, 0)):
        with pytest.raises(Unsupported, match="one to four axes beside the batch"):
            session().run({"in0": np.zeros(shape, np.float32)})


def test_codes_count(session: Any) -> None:
    FAIL["extract"] = -100
    with pytest.raises(RuntimeError, match="ncnn ends with code -100 where it computes output out0"):
        session().run({"in0": np.float32([[1, 2]])})
    FAIL["load"] = -1
    with pytest.raises(Unsupported, match="ncnn refuses the model that pnnx wrote: layer LpPool not exists or registered"):
        session()
