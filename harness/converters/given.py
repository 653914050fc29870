"""Conversions made elsewhere: a case lists them under ``artifacts``, and each format has its reader of names here.

These take any source and are never found when routes are searched; a route of such a case names them.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Mapping, Sequence

from harness.core.artifact import Port
from harness.core.case import Case
from harness.core.errors import UsageError
from harness.core.external import attach, save
from harness.core.given import opened, split
from harness.core.protocols import ANY, Converted, Option, Source
from harness.core.registry import registry
from harness.core.spec import TensorSpec, integers
from harness.frameworks._paddle import config_of

_FILE = Option(name="file", default="", help="the artifact, as the case names it")


def matched(ports: Sequence[Port], natives: Sequence[str], what: str) -> tuple[dict[str, str], list[str]]:
    """Return canonical -> native name and what to say about it: by name where all agree, else by position.

    Raises `UsageError` where the artifact has another number of inputs.
    """
    names = [port.name for port in ports]
    if set(names) == set(natives):
        return {name: name for name in names}, []
    if what == "inputs" and len(names) != len(natives):
        raise UsageError(
            f"the artifact takes {len(natives)} inputs ({', '.join(natives)}), the source {len(names)} ({', '.join(names)}); "
            "convert it again with the same inputs, or declare the case as the artifact takes it"
        )
    found = {name: name for name in names if name in natives}
    left = [native for native in natives if native not in found]
    by_position = dict(zip([name for name in names if name not in found], left))
    pairs = ", ".join(f"{name} is {native}" for name, native in by_position.items())
    said = [f"{what} matched by position: {pairs}"] if pairs else []
    merged = {**found, **by_position}
    return {name: merged[name] for name in names if name in merged}, said


class _Given:
    """One format of artifacts made elsewhere."""

    sources = (ANY,)
    options: tuple[Option, ...] = (_FILE,)

    def __init__(self, target: str, toolchain: str, distributions: tuple[str, ...]) -> None:
        self.name = f"given.{target}"
        self.target = target
        self.toolchain = toolchain
        self.distributions = distributions

    def names(self, entry: str) -> tuple[Any, Any]:
        """Return the native names of inputs and outputs in order; None where the format has positions only."""
        return None, None

    def fetch(self, file: str, dest: str) -> str:
        """Copy the artifact; return its name inside ``dest``."""
        if not os.path.exists(file):
            raise UsageError(f"{file}: there is no such artifact")
        return _copied(file, dest)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Copy the artifact and match its names to those of the source."""
        entry = self.fetch(options["file"], dest)
        artifact = source.artifact
        natives = self.names(os.path.join(dest, entry))
        sides, said = [], []
        for what, ports, found in (("inputs", artifact.inputs, natives[0]), ("outputs", artifact.outputs, natives[1])):
            names, notes = matched(ports, found, what) if found is not None else ({p.name: str(i) for i, p in enumerate(ports)}, [])
            sides.append(names)
            said += notes
        return Converted(entry=entry, inputs=sides[0], outputs=sides[1], messages=tuple(said))


def _copied(file: str, dest: str) -> str:
    """Copy a file and what belongs to it (weights beside it), or a folder; return its name inside ``dest``."""
    entry = os.path.basename(os.path.realpath(file))
    if os.path.isdir(file):
        shutil.copytree(file, os.path.join(dest, entry))
        return entry
    stem = os.path.splitext(entry)[0]
    folder = os.path.dirname(os.path.realpath(file))
    for name in os.listdir(folder):
        belongs = name in (entry, stem + ".bin", stem + ".pdiparams") or name.startswith((entry + ".data", entry + "_data"))
        if belongs and os.path.isfile(os.path.join(folder, name)):
            shutil.copyfile(os.path.join(folder, name), os.path.join(dest, name))
    return entry


class GivenOnnx(_Given):
    """ONNX files, and ONNX models in memory."""

    def fetch(self, file: str, dest: str) -> str:
        """Copy the file, or write the model that ``file.py:name`` gives."""
        import onnx

        if split(file)[1]:
            save(opened(file, registry(), "onnx")[1], os.path.join(dest, "model.onnx"))
            return "model.onnx"
        from harness.frameworks._onnx_checks import inputs_of

        entry = super().fetch(file, dest)
        file = os.path.realpath(file)
        inputs_of(file)  # raises for what is no model
        for location in attach(onnx.load(file, load_external_data=False), file, file):
            target = os.path.join(dest, location)
            if not os.path.exists(target):
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copyfile(os.path.join(os.path.dirname(file), location), target)
        return entry

    def names(self, entry: str) -> tuple[Any, Any]:
        """Read the graph."""
        import onnx

        from harness.frameworks._onnx_checks import inputs_of

        inputs = [name for name, _, _ in inputs_of(entry)]
        return inputs, [info.name for info in onnx.load(entry, load_external_data=False).graph.output]


class GivenTfLite(_Given):
    """TFLite files: the names of the first signature, else those of the tensors."""

    def names(self, entry: str) -> tuple[Any, Any]:
        """Ask the interpreter."""
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_path=entry)
        except ValueError as error:
            raise UsageError(f"{os.path.basename(entry)} is no TFLite file: {error}") from error
        for signature in interpreter.get_signature_list().values():
            return list(signature["inputs"]), list(signature["outputs"])
        return [item["name"] for item in interpreter.get_input_details()], [item["name"] for item in interpreter.get_output_details()]


class GivenSavedModel(_Given):
    """SavedModel folders."""

    def names(self, entry: str) -> tuple[Any, Any]:
        """Read the serving signature."""
        import tensorflow as tf

        signatures = dict(tf.saved_model.load(entry).signatures)
        signature = signatures.get("serving_default") or next(iter(signatures.values()))
        return list(signature.structured_input_signature[1]), list(signature.structured_outputs)


class GivenOpenVino(_Given):
    """OpenVINO IR."""

    def names(self, entry: str) -> tuple[Any, Any]:
        """Read the graph."""
        import openvino as ov

        model = ov.Core().read_model(entry)
        return [port.get_any_name() for port in model.inputs], [port.get_any_name() for port in model.outputs]


class GivenPaddle(_Given):
    """Paddle inference programs."""

    def names(self, entry: str) -> tuple[Any, Any]:
        """Ask a predictor."""
        from paddle import inference

        predictor = inference.create_predictor(config_of(entry))
        return predictor.get_input_names(), predictor.get_output_names()


class GivenOm(_Given):
    """OM files. Inputs and outputs go by place, and the file does not say in which types it computes."""

    options = (_FILE, Option(name="precision", default="fp16", choices=("fp16", "fp32"), help="what it was compiled for, fp16 by default"))

    def coarsest(self, options: Mapping[str, Any]) -> str:
        """Return the type that was said."""
        return "float16" if options["precision"] == "fp16" else ""


class GivenLive:
    """A live model of another framework, or a file that only its framework opens."""

    sources = (ANY,)
    options = (_FILE,)

    def __init__(self, framework: str, target: str, toolchain: str, distributions: tuple[str, ...]) -> None:
        self.name = f"given.{target}"
        self.target = target
        self.toolchain = toolchain
        self.distributions = distributions
        self._framework = framework

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write down what to open; inputs go by name where the model names them alike, else by position."""
        ports = source.artifact.inputs
        noted = {
            "target": options["file"], "outputs": [port.name for port in source.artifact.outputs],
            "inputs": [[port.name, str(source.feeds[port.name].dtype), list(source.feeds[port.name].shape)] for port in ports],
        }  # fmt: skip
        with open(os.path.join(dest, "given.json"), "w", encoding="utf-8") as stream:
            json.dump(noted, stream)
        return Converted(entry="given.json")

    def restore(self, entry: str) -> Any:
        """Open the model as its framework builds it."""
        with open(entry, encoding="utf-8") as stream:
            noted = json.load(stream)
        specs = tuple(TensorSpec(name=n, dtype=d, shape=tuple(s), domain=integers(0, 1)) for n, d, s in noted["inputs"])
        case = Case(
            id="given", inputs=specs, outputs=tuple(noted["outputs"]),
            build={self._framework: lambda: opened(noted["target"], registry(), self._framework)[1]},
        )  # fmt: skip
        return registry().get("frameworks", self._framework).build(case)


ADAPTERS = (
    GivenOnnx("onnx", "onnx", ("onnx",)),
    GivenTfLite("tflite", "litert", ("ai-edge-litert",)),
    GivenSavedModel("tf.savedmodel", "tensorflow", ("tensorflow",)),
    GivenOpenVino("openvino.ir", "openvino", ("openvino",)),
    GivenPaddle("paddle.inference", "paddle", ("paddlepaddle",)),
    GivenOm("om", "cann", ("numpy",)),
    _Given("torchscript", "torch", ("torch",)),
    _Given("torch.exported", "torch", ("torch",)),
    _Given("executorch.pte", "executorch", ("executorch",)),
    GivenLive("torch", "torch.module", "torch", ("torch",)),
    GivenLive("tensorflow", "keras.model", "tensorflow", ("tensorflow", "keras")),
    GivenLive("paddle", "paddle.layer", "paddle", ("paddlepaddle",)),
)
