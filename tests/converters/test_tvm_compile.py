"""What TVM's readers and compiler say becomes an outcome that names the operator, or their own words."""

from __future__ import annotations

import json
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from harness.converters import tvm_compile
from harness.core.artifact import Artifact, Port
from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Source, option_values

CONVERT = tvm_compile.ADAPTERS[0]
PORTS = {"inputs": ["x"], "outputs": ["y"]}


def source(kind: str) -> Source:
    port = (Port(name="x", native="0"),)
    return Source(artifact=Artifact(format=kind, path="", entry="model", digest="d", inputs=port, outputs=port), feeds={}, dynamic={})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put a compiler in TVM's place that writes the target it was given; the readers only say which of them was asked."""
    told: dict[str, Any] = {}

    def compiled(module: Any, target: Any) -> Any:
        told.update(module=module, target=target)
        return types.SimpleNamespace(export_library=lambda path: Path(path).write_bytes(b"library"))

    target = types.SimpleNamespace(Target=dict, codegen=types.SimpleNamespace(llvm_get_system_cpu=lambda: "this-one"))
    monkeypatch.setitem(sys.modules, "tvm", types.SimpleNamespace(compile=compiled, target=target))
    monkeypatch.setattr(tvm_compile, "_onnx", lambda source: ("onnx", PORTS))
    monkeypatch.setattr(tvm_compile, "_exported", lambda source: ("exported", PORTS))
    monkeypatch.setattr(shutil, "which", lambda name: name)
    return told


def test_each_format_has_its_reader_and_the_names_are_kept(tmp_path: Path, asked: dict[str, Any]) -> None:
    for kind, reader, cpu, meant in (("onnx", "onnx", "generic", "generic"), ("torch.exported", "exported", "host", "this-one")):
        made = CONVERT.convert(source(kind), str(tmp_path), option_values(CONVERT, {"cpu": cpu}, "here"))
        assert made.entry == "model.so"
        assert asked == {"module": reader, "target": {"kind": "llvm", "mcpu": meant}}
    assert json.loads((tmp_path / "model.json").read_text()) == PORTS


def test_a_reader_that_names_an_operator_refuses(tmp_path: Path, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def reads(_: Source) -> Any:
        sys.stdout.write("Error converting operator CumSum, with inputs: [x, axis]\n")
        raise ValueError("CumSum with non-constant axis input is not supported yet.")

    monkeypatch.setattr(tvm_compile, "_onnx", reads)
    with pytest.raises(Unsupported, match=r"TVM refuses in reading CumSum: CumSum with non-constant axis input is not supported yet\.$"):
        CONVERT.convert(source("onnx"), str(tmp_path), option_values(CONVERT, {}, "here"))


def test_what_is_no_refusal_is_an_error_in_its_own_words() -> None:
    assert isinstance(tvm_compile._told(NotImplementedError("The following operators: LSTM"), "reading", ""), Unsupported)
    told = tvm_compile._told(ValueError("shapes\n differ"), "compiling", "")
    assert isinstance(told, RuntimeError)
    assert str(told) == "TVM failed in compiling: shapes differ"
    assert str(tvm_compile._told(AssertionError(), "reading", "")) == "TVM failed in reading: AssertionError"


def test_without_a_linker_it_says_what_to_install(tmp_path: Path, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Unavailable, match="links what it compiles with g"):
        CONVERT.convert(source("onnx"), str(tmp_path), option_values(CONVERT, {}, "here"))
