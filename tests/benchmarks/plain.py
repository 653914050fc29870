"""One cell as a plain script would do it: the native calls alone, no workers, no cache, no judge."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from harness.core.declared import find_case
from harness.numerics.sampling import draw, dynamic_axes, lengths_to_try


def run(file: str, case_id: str) -> None:
    """Build a torch case, run it in float32 and float64, export it by the dynamo exporter, run it in ONNX Runtime."""
    import onnxruntime
    import torch

    from harness.frameworks.torch import Torch

    case = find_case(file, case_id)
    framework = Torch()
    model = framework.build(case)
    samples = [draw(case, "torch", lengths).feeds for lengths in lengths_to_try(case, "torch")]
    references = []
    for feeds in samples:
        references.append(framework.run(model, feeds))
        framework.oracle(case, model, feeds)
    names = [spec.name for spec in case.specs("torch")]
    dims: dict[str, torch.export.Dim] = {}
    axes = dynamic_axes(case.specs("torch"))
    shapes = []
    for name in names:
        own = axes.get(name, {}).items()
        shapes.append({axis: dims.setdefault(dim, torch.export.Dim(dim, min=low, max=high)) for axis, (dim, low, high) in own})
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model.onnx")
        given = tuple(torch.from_numpy(np.array(samples[0][name])) for name in names)
        with torch.no_grad():
            torch.onnx.export(
                model.module, given, path, dynamo=True, opset_version=20, input_names=names, verbose=False,
                dynamic_shapes=tuple(shapes),
            )  # fmt: skip
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for feeds in (*samples, samples[0]):
            session.run(None, {name: np.array(feeds[name]) for name in names})
