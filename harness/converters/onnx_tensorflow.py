"""ONNX to a SavedModel by onnx2tf, with the layouts and names of the ONNX file put back."""

from __future__ import annotations

import re
import tempfile
from typing import Any, Mapping

import numpy as np

from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source

_WINDOWED = {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "LpPool", "BatchNormalization"}
_REFUSALS = re.compile(r"\w+ OP is not yet implemented|No module named 'onnx2tf.ops.\w+'")


class Onnx2Tf:
    """onnx2tf; it computes with channels last, and the SavedModel written here transposes its outputs back."""

    name = "savedmodel.onnx2tf"
    sources = ("onnx",)
    target = "tf.savedmodel"
    toolchain = "onnx2tf"
    distributions = ("onnx2tf", "tensorflow", "onnx")
    options = (
        Option(
            name="layout", default="auto", choices=("auto", "channels_first", "as_is"),
            help="how inputs of rank 3 to 5 are read: auto takes them for images where the graph convolves or pools",
        ),
    )  # fmt: skip

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Convert, find out which outputs came channels last, and save a signature with the names of the source."""
        import onnx
        import onnx2tf
        import tensorflow as tf

        graph = onnx.load(source.artifact.entry).graph
        images = options["layout"] == "channels_first" or (
            options["layout"] == "auto" and any(node.op_type in _WINDOWED for node in graph.node)
        )
        natives = [port.native for port in source.artifact.inputs if not images or 3 <= source.feeds[port.name].ndim <= 5]
        keep = {"keep_ncw_or_nchw_or_ncdhw_input_names" if images else "keep_shape_absolutely_input_names": natives}
        with tempfile.TemporaryDirectory() as raw:
            try:
                onnx2tf.convert(
                    input_onnx_file_path=source.artifact.entry, output_folder_path=raw, not_use_onnxsim=True, non_verbose=True,
                    output_signaturedefs=True, **keep,
                )  # fmt: skip
            except SystemExit as error:  # it prints what is wrong and exits
                raise RuntimeError(f"onnx2tf gave up (exit code {error.code}); what it printed is at the end of stderr") from error
            except Exception as error:
                found = _REFUSALS.search(str(error))
                if found:
                    raise Unsupported(f"onnx2tf refuses: {found[0]}") from error
                raise
            model = tf.saved_model.load(raw)
            said = _save(source, model, [value.name for value in graph.output], dest)
        return Converted(entry="", inputs={p.name: p.name for p in source.artifact.inputs}, outputs=None, messages=said)


def _save(source: Source, model: Any, outputs: list[str], dest: str) -> tuple[str, ...]:
    """Write the SavedModel of canonical names; return what to say about layouts."""
    import tensorflow as tf

    signature = model.signatures["serving_default"]
    known = signature.structured_input_signature[1]
    ports = source.artifact.inputs
    # onnx2tf writes signs that TensorFlow does not take as "_".
    names = {port.name: next(n for n in (port.native, re.sub(r"\W", "_", port.native)) if n in known) for port in ports}
    order = sorted(signature.structured_outputs, key=lambda name: int(name.rsplit("_", 1)[-1]) if name.rsplit("_", 1)[-1].isdigit() else 0)
    canonical = {port.native: port.name for port in source.artifact.outputs}
    found = dict(zip((canonical.get(name, name) for name in outputs), order))
    example = signature(**{names[port.name]: tf.convert_to_tensor(source.feeds[port.name]) for port in ports})
    wanted = _outputs_of(source, outputs)
    said: list[str] = []
    turned = {name: _turned(name, example[native].numpy(), wanted.get(name), said) for name, native in found.items()}
    specs = [tf.TensorSpec(known[names[port.name]].shape, known[names[port.name]].dtype, name=port.name) for port in ports]

    def serve(*tensors: Any) -> Any:
        results = signature(**{names[port.name]: tensor for port, tensor in zip(ports, tensors)})
        return {name: tf.transpose(results[n], turned[name]) if turned[name] else tf.identity(results[n]) for name, n in found.items()}

    module = tf.Module()
    module.inner = model
    module.serve = tf.function(serve, input_signature=specs, autograph=False)
    tf.saved_model.save(module, dest, signatures={"serving_default": module.serve.get_concrete_function()})
    return tuple(said)


def _outputs_of(source: Source, outputs: list[str]) -> dict[str, Any]:
    """Return what the ONNX file itself gives for the example inputs, by canonical name; layouts are told from it."""
    import onnxruntime

    session = onnxruntime.InferenceSession(source.artifact.entry, providers=["CPUExecutionProvider"])
    results = session.run(None, {port.native: np.array(source.feeds[port.name]) for port in source.artifact.inputs})
    canonical = {port.native: port.name for port in source.artifact.outputs}
    return {canonical.get(name, name): array for name, array in zip(outputs, results)}


def _turned(name: str, got: Any, wanted: Any, said: list[str]) -> list[int] | None:
    """Return the permutation that brings channels last back to first, None where the output is as it was."""
    if wanted is None or got.ndim != wanted.ndim or not 3 <= got.ndim <= 5:
        return None
    back = [0, got.ndim - 1, *range(1, got.ndim - 1)]
    turned = np.transpose(got, back)
    if turned.shape != wanted.shape:
        return None
    if got.shape == wanted.shape:
        said.append(f"output {name}: its shape fits both layouts; the one nearer in value was taken")
        if np.abs(turned.astype(float) - wanted).sum() >= np.abs(got.astype(float) - wanted).sum():
            return None
    return back


ADAPTERS = (Onnx2Tf(),)
