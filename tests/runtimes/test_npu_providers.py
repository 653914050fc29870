"""ONNX Runtime's CANN provider and torch_npu: a fallback to the processor is no result, and float32 is what runs."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.core.artifact import Artifact
from harness.core.errors import Unavailable, Unsupported
from harness.core.protocols import Source, option_values
from harness.runtimes import torch as torch_runtime
from harness.runtimes.onnxruntime import OnnxRuntime

PROVIDER = "CANNExecutionProvider"


def stand_in(monkeypatch: pytest.MonkeyPatch, *, runs: str = PROVIDER, known: str = "precision_mode", here: bool = True,
             owners: tuple[str, ...] = (PROVIDER,), refuses: str = "") -> list[Any]:  # fmt: skip
    """Put a package in the place of onnxruntime; return what its sessions were asked for."""
    asked: list[Any] = []

    class Session:
        def __init__(self, path: str, options: Any, providers: Any) -> None:
            asked.append((dict(options.entries), providers))
            ((_, settings),) = providers
            if set(settings) - {known}:
                raise RuntimeError(f'Unknown provider option: "{next(iter(settings))}".')
            if refuses:
                raise RuntimeError(refuses)

        def get_providers(self) -> list[str]:
            return [runs, "CPUExecutionProvider"][: 1 + (runs == PROVIDER)]

        def disable_fallback(self) -> None:
            pass

        def get_provider_graph_assignment_info(self) -> list[Any]:
            return [SimpleNamespace(ep_name=owner, get_nodes=lambda: [1]) for owner in owners]

    class Options:
        def __init__(self) -> None:
            self.entries: dict[str, str] = {}

        def add_session_config_entry(self, name: str, value: str) -> None:
            self.entries[name] = value

    module: Any = ModuleType("onnxruntime")
    module.InferenceSession, module.SessionOptions = Session, Options
    module.GraphOptimizationLevel = SimpleNamespace(ORT_ENABLE_ALL=99)
    module.disable_telemetry_events = lambda: None
    module.get_available_providers = lambda: [PROVIDER, "CPUExecutionProvider"] if here else ["CPUExecutionProvider"]
    monkeypatch.setitem(sys.modules, "onnxruntime", module)
    return asked


def load(tmp_path: Path) -> Any:
    artifact = Artifact(format="onnx", path=str(tmp_path), entry=str(tmp_path / "m.onnx"), digest="0", inputs=(), outputs=())
    source = Source(artifact=artifact, feeds={}, dynamic={})
    return OnnxRuntime().load(source, "cann", option_values(OnnxRuntime(), {}, "here"))


def test_float32_is_asked_for_and_the_processor_is_ruled_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stand_in(monkeypatch)
    session = load(tmp_path)
    ((entries, providers),) = asked
    assert providers == [(PROVIDER, {"precision_mode": "must_keep_origin_dtype"})]
    assert entries["session.disable_cpu_ep_fallback"] == "1"
    assert session.provenance == {"device": "cann", "provider": PROVIDER, "precision": "float32", "share": 1.0}


def test_an_option_that_has_another_name_in_later_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stand_in(monkeypatch, known="precision_mode_v2")
    load(tmp_path)
    assert [providers for _, providers in asked] == [
        [(PROVIDER, {"precision_mode": "must_keep_origin_dtype"})], [(PROVIDER, {"precision_mode_v2": "origin"})],
    ]  # fmt: skip


def test_a_provider_that_was_quietly_replaced_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, runs="CPUExecutionProvider")
    with pytest.raises(RuntimeError, match="asked ONNX Runtime for CANNExecutionProvider, it runs CPUExecutionProvider"):
        load(tmp_path)


def test_operators_that_ran_elsewhere_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, owners=(PROVIDER, "CPUExecutionProvider", PROVIDER, PROVIDER))
    assert load(tmp_path).provenance["share"] == 0.75


def test_a_graph_that_would_need_the_processor_is_unsupported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, refuses="This session contains graph nodes that are assigned to the default CPU EP, "
             "but fallback to CPU EP has been explicitly disabled by the user.")  # fmt: skip
    with pytest.raises(Unsupported, match="fallback to CPU EP"):
        load(tmp_path)


def test_a_build_without_the_provider_says_which_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, here=False)
    with pytest.raises(Unavailable, match="onnxruntime-cann, with the CANN toolkit"):
        OnnxRuntime().probe("cann")


def torch_npu(monkeypatch: pytest.MonkeyPatch, here: bool) -> Any:
    """Put packages in the place of torch and torch_npu; return what the latter is set to."""
    npu: Any = ModuleType("torch_npu")
    npu.npu = SimpleNamespace(
        is_available=lambda: here, conv=SimpleNamespace(allow_hf32=True), matmul=SimpleNamespace(allow_hf32=False)
    )
    torch: Any = ModuleType("torch")
    torch.backends = SimpleNamespace(cuda=SimpleNamespace(matmul=SimpleNamespace()), cudnn=SimpleNamespace())
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch_npu", npu)
    monkeypatch.setattr(torch_runtime, "EagerSession", lambda model, device: device)
    return npu.npu


def test_torch_on_an_npu_keeps_all_bits_of_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npu = torch_npu(monkeypatch, here=True)
    torch_runtime.Eager().probe("npu")
    artifact = Artifact(format="torch.module", path="", entry="", digest="0", inputs=(), outputs=())
    torch_runtime.Eager().load(Source(artifact=artifact, feeds={}, dynamic={}), "npu", {})
    assert (npu.conv.allow_hf32, npu.matmul.allow_hf32) == (False, False)


def test_torch_npu_without_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    torch_npu(monkeypatch, here=False)
    with pytest.raises(Unavailable, match="sees no Ascend device"):
        torch_runtime.Eager().probe("npu")
