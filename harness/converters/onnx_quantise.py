"""ONNX to ONNX in 8 bits, by the quantiser of ONNX Runtime.

It leads from a format to itself, so no route is found through it: a route names it.
"""

from __future__ import annotations

import os
import tempfile
from typing import Any, Mapping

from harness.converters._calibration import DATA, SAMPLES, feeds_of, wanted
from harness.converters._onnx_quantised import Share, demand
from harness.core.errors import UsageError
from harness.core.external import LARGE, load, nbytes
from harness.core.protocols import Converted, Option, Source

_METHODS = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}
_TYPES = {"uint8": "QUInt8", "int8": "QInt8", "uint16": "QUInt16", "int16": "QInt16"}


class OnnxQuantise:
    """``onnxruntime.quantization``: static with ranges from calibration, or dynamic with ranges found anew in each run."""

    name = "onnx.quantise"
    sources = ("onnx",)
    target = "onnx"
    toolchain = "onnxruntime"
    distributions = ("onnxruntime", "onnx", "numpy")
    files = ("data",)
    options = (
        Option(name="mode", default="static", choices=("static", "dynamic"), help="ranges of activations: calibrated, or of each run"),
        Option(name="format", default="qdq", choices=("qdq", "qoperator"), help="pairs of Quantize and Dequantize, or operators in 8 bits"),
        Option(name="activations", default="uint8", choices=tuple(_TYPES), help="type of activations; dynamic has uint8 only"),
        Option(name="weights", default="auto", choices=("auto", "int8", "uint8"), help="auto: int8, but uint8 for a dynamic convolution"),
        Option(name="per_channel", default=True, help="one scale for each output channel of a weight, not one for all"),
        Option(name="reduce_range", default=False, help="weights in 7 bits, for processors whose 8-bit products saturate"),
        Option(name="calibration", default="minmax", choices=tuple(_METHODS), help="how ranges are found"),
        Option(name="operators", default="", help="types to quantise, joined by +, for example MatMul+Gemm (default: all that it can)"),
        SAMPLES, DATA,
    )  # fmt: skip

    def calibrates(self, options: Mapping[str, Any]) -> int:
        """Return how many samples static quantisation wants."""
        return wanted(options) if options["mode"] == "static" else 0

    def coarsest(self, options: Mapping[str, Any]) -> str:
        """Return the type that the result computes in."""
        if options["mode"] == "dynamic":
            return "int8-dynamic"
        return "int8-weights" if "16" in options["activations"] else "int8"

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Fold and fuse the graph, then quantise it. Raises `Unsupported` where nothing is quantised."""
        import onnx

        _agree(options)
        feeds = feeds_of(source, options) if options["mode"] == "static" else []
        before = load(source.artifact.entry)
        large = sum(nbytes(tensor) for tensor in before.graph.initializer) > LARGE
        made = os.path.join(dest, "model.onnx")
        with tempfile.TemporaryDirectory() as folder:
            prepared = _prepared(source.artifact.entry, folder, large)
            _quantise(source, prepared, made, feeds, options, large)
        after = onnx.load(made, load_external_data=False)
        share = Share(after.graph)
        demand(share, before.graph, "onnxruntime.quantization")
        return Converted(entry="model.onnx", messages=(f"{options['mode']} quantisation: {share}",))


def _agree(options: Mapping[str, Any]) -> None:
    """Raise `UsageError` for options that do not go together."""
    if options["mode"] == "dynamic" and options["activations"] != "uint8":
        asked = f"mode=dynamic,activations={options['activations']}"
        raise UsageError(f"onnx.quantise[{asked}]: dynamic quantisation has uint8 activations only")
    if options["mode"] == "dynamic" and options["data"]:
        raise UsageError("onnx.quantise[mode=dynamic,data=...]: dynamic quantisation is not calibrated; leave data out, or say mode=static")
    if "16" in options["activations"] and options["format"] != "qdq":
        raise UsageError(f"onnx.quantise[activations={options['activations']}]: activations in 16 bits need format=qdq")


def _prepared(path: str, folder: str, large: bool) -> str:
    """Return the file with constants folded, normalisations fused into convolutions and shapes inferred, as the quantiser asks for."""
    import onnx
    from onnxruntime.quantization import quant_pre_process

    whole, made = os.path.join(folder, "whole.onnx"), os.path.join(folder, "prepared.onnx")
    # The tool looks for weights in other files in a folder of its own.
    model = onnx.load(path)
    # It transposes weights, and then stumbles over the shapes that some exporters note of them.
    weights = {tensor.name for tensor in model.graph.initializer}
    noted = [info for info in model.graph.value_info if info.name not in weights]
    del model.graph.value_info[:]
    model.graph.value_info.extend(noted)
    onnx.save(model, whole, save_as_external_data=large)
    # Symbolic shapes are for fusions of whole attention blocks, and need another package.
    quant_pre_process(whole, made, skip_symbolic_shape=True, skip_onnx_shape=large, save_as_external_data=large)
    return made


def _quantise(
    source: Source, path: str, made: str, feeds: Any, options: Mapping[str, Any], large: bool
) -> None:  # fmt: skip
    from onnxruntime import quantization as tool

    kind = _weights(path, options)
    common = {
        "per_channel": options["per_channel"], "reduce_range": options["reduce_range"], "use_external_data_format": large,
        "weight_type": getattr(tool.QuantType, _TYPES[kind]),
        "op_types_to_quantize": [part for part in options["operators"].split("+") if part],
    }  # fmt: skip
    if options["mode"] == "dynamic":
        tool.quantize_dynamic(path, made, **common)
        return
    natives = {port.name: port.native for port in source.artifact.inputs}

    class Reader(tool.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest = iter(feeds)

        def get_next(self) -> Any:
            found = next(self._rest, None)
            return None if found is None else {natives[name]: array for name, array in found.items()}

    tool.quantize_static(
        path, made, Reader(), quant_format=tool.QuantFormat.QDQ if options["format"] == "qdq" else tool.QuantFormat.QOperator,
        activation_type=getattr(tool.QuantType, _TYPES[options["activations"]]),
        calibrate_method=getattr(tool.CalibrationMethod, _METHODS[options["calibration"]]), **common,
    )  # fmt: skip


def _weights(path: str, options: Mapping[str, Any]) -> str:
    """Return the type of weights. ONNX Runtime has no dynamic convolution with signed ones on the processor."""
    if options["weights"] != "auto":
        return str(options["weights"])
    convolutions = any(node.op_type == "Conv" for node in load(path).graph.node)
    return "uint8" if options["mode"] == "dynamic" and convolutions else "int8"


ADAPTERS = (OnnxQuantise(),)
