"""Models as PyTorch exports them: what is predicted depends on the exporter and the opset, as its users find out."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest

from harness.ascend.preflight import preflight

pytest.importorskip("onnx")
torch = pytest.importorskip("torch")


def exported(module: Any, example: Any, path: Path, opset: int) -> list[tuple[str, str]]:
    """Return severity and words of what is predicted of an export by TorchScript, notes left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        axes = {"x": {0: "n"}}
        torch.onnx.export(module.eval(), (example,), path, opset_version=opset, dynamo=False, input_names=["x"], dynamic_axes=axes)
    return [(one["severity"], one["what"]) for one in preflight(str(path), "Ascend310P3")["findings"] if one["severity"] != "note"]


def test_gelu_is_an_operator_from_opset_20_on_and_four_below(tmp_path: Path) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.GELU())
    assert exported(module, torch.ones(2, 8), tmp_path / "m.onnx", 17) == []
    late = exported(module, torch.ones(2, 8), tmp_path / "m.onnx", 20)
    assert [what.split(":")[0] for _, what in late] == ["opset 20", "Gelu has no plugin"]


def test_a_network_of_images_has_nothing_to_be_told(tmp_path: Path) -> None:
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.Hardswish(), torch.nn.MaxPool2d(2),
        torch.nn.Upsample(scale_factor=2, mode="nearest"), torch.nn.Upsample(scale_factor=2, mode="bilinear"),
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 5), torch.nn.Softmax(-1),
    )  # fmt: skip
    assert exported(module, torch.ones(2, 3, 16, 16), tmp_path / "m.onnx", 17) == []


def test_the_gru_of_pytorch_is_one_that_the_plugin_does_not_know(tmp_path: Path) -> None:
    class Last(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.gru, self.lstm = torch.nn.GRU(8, 4, batch_first=True), torch.nn.LSTM(4, 4, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.lstm(self.gru(x)[0])[0]

    told = [what for severity, what in exported(Last(), torch.ones(2, 5, 8), tmp_path / "m.onnx", 17) if severity == "wrong"]
    assert told == ["GRU: linear_before_reset=1 is never read by the plugin"]
