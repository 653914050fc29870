"""What a worker hands to ``om.atc`` and ``acl``, made in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from om_models import CASES

from harness.converters.om_atc import Atc
from harness.core.artifact import Artifact, Port
from harness.core.case import Case
from harness.core.protocols import Converted, Source, option_values
from harness.core.space import space_of
from harness.engine.serve_probe import digest_of
from harness.numerics.sampling import draw, dynamic_axes

SOC = {"soc": "Ascend310P3", "precision_mode": "must_keep_origin_dtype"}


def case_of(name: str) -> Case:
    return next(case for case in CASES if case.id == name)


def source_of(name: str, folder: Path) -> Source:
    """Return a case of `om_models` as an ONNX file with its example inputs."""
    case = case_of(name)
    folder.mkdir(exist_ok=True, parents=True)
    model = case.build["onnx"]()
    onnx.save(model, folder / "model.onnx")
    space = space_of(case, "onnx")
    inputs = tuple(Port(name=s.name, native=s.name, dtype=s.dtype) for s in case.specs("onnx"))
    outputs = tuple(Port(name=info.name, native=info.name, dtype="float32") for info in model.graph.output)
    artifact = Artifact(
        format="onnx", path=str(folder), entry=str(folder / "model.onnx"), digest=digest_of(str(folder)), inputs=inputs, outputs=outputs
    )
    feeds = draw(case, "onnx", dict(space.example)).feeds
    return Source(artifact=artifact, feeds=feeds, dynamic=dynamic_axes(case.specs("onnx"), space), space=space)


def options(**given: Any) -> dict[str, Any]:
    return option_values(Atc(), {**SOC, **{name: str(value) for name, value in given.items()}}, "here")


def compiled(name: str, folder: Path, **given: Any) -> Source:
    """Return a case compiled by whatever ``atc`` is on the PATH, as a runtime gets it."""
    import dataclasses

    source = source_of(name, folder / "onnx")
    dest = folder / "om"
    dest.mkdir()
    made: Converted = Atc().convert(source, str(dest), options(**given))
    assert made.inputs is not None
    assert made.outputs is not None
    ports = {
        "inputs": tuple(dataclasses.replace(port, native=made.inputs[port.name]) for port in source.artifact.inputs),
        "outputs": tuple(dataclasses.replace(port, native=made.outputs[port.name]) for port in source.artifact.outputs),
    }
    return dataclasses.replace(source, artifact=dataclasses.replace(
        source.artifact, format="om", path=str(dest), entry=str(dest / made.entry), messages=made.messages, **ports))  # fmt: skip


def feeds_at(name: str, **lengths: int) -> dict[str, Any]:
    case = case_of(name)
    given = draw(case, "onnx", {**space_of(case, "onnx").example, **lengths}).feeds
    return {key: np.array(array) for key, array in given.items()}


def truth(name: str, folder: Path, feeds: dict[str, Any]) -> list[Any]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(folder / "onnx" / "model.onnx"), providers=["CPUExecutionProvider"])
    return list(session.run(None, feeds))
