"""ONNX to ONNX in half precision, by the tool of ONNX Runtime.

It leads from a format to itself, so no route is found through it: a route names it.
"""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.core.errors import Unsupported
from harness.core.external import LARGE, nbytes
from harness.core.protocols import Converted, Option, Source

_HALF = 10


class OnnxFloat16:
    """``onnxruntime.transformers.float16``: weights and operators in float16, but for those that stay in float32."""

    name = "onnx.float16"
    sources = ("onnx",)
    target = "onnx"
    toolchain = "onnxruntime"
    distributions = ("onnxruntime", "onnx", "numpy")
    options = (
        Option(name="keep_io_types", default=True, help="inputs and outputs stay in float32"),
        Option(name="block", default="", help="types that stay in float32 beside those that must, joined by +: Softmax+Pow"),
    )  # fmt: skip

    def coarsest(self, options: Mapping[str, Any]) -> str:
        """Return the type that the result computes in."""
        return "float16"

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write the model in float16. Raises `Unsupported` where nothing of it became so."""
        import onnx
        from onnxruntime.transformers import float16

        model = onnx.load(source.artifact.entry)
        kinds = sorted({node.op_type for node in model.graph.node})
        kept = [*float16.DEFAULT_OP_BLOCK_LIST, *(part for part in options["block"].split("+") if part)]
        made = float16.convert_float_to_float16(model, keep_io_types=options["keep_io_types"], op_block_list=kept)
        half = {tensor.name for tensor in made.graph.initializer if tensor.data_type == _HALF}
        working = _in_half(made, half)
        if not half and not working:
            raise Unsupported(f"nothing was quantised: every operator of the model stays in float32 ({', '.join(kinds)[:300]})")
        path = os.path.join(dest, "model.onnx")
        large = sum(nbytes(tensor) for tensor in made.graph.initializer) > LARGE
        onnx.save(made, path, save_as_external_data=large)
        total = sum(node.op_type != "Cast" for node in made.graph.node)
        stored = f"{len(half)} of {len(made.graph.initializer)} weights are stored in it"
        said = f"float16: {working} of {total} operators read float16, {stored}"
        return Converted(entry="model.onnx", messages=(said,), casts=_casts(source, made))


def _in_half(model: Any, weights: set[str]) -> int:
    """Return how many operators, casts aside, read a tensor in float16: a weight, an input, or what another such operator makes."""
    half = weights | {info.name for info in model.graph.input if info.type.tensor_type.elem_type == _HALF}
    casts = [node for node in model.graph.node if node.op_type == "Cast"]
    half.update(name for node in casts for name in node.output if any(part.name == "to" and part.i == _HALF for part in node.attribute))
    count, rest = -1, [node for node in model.graph.node if node.op_type != "Cast"]
    # The tool puts casts at the end of the list, whatever reads them.
    while count != len(rest):
        count = len(rest)
        half.update(name for node in rest if half.intersection(node.input) for name in node.output)
        rest = [node for node in rest if not half.intersection(node.input)]
    return len(model.graph.node) - len(casts) - len(rest)


def _casts(source: Source, model: Any) -> dict[str, str]:
    """Return the inputs and outputs that are float16 now, by canonical name."""
    names = {info.name for info in (*model.graph.input, *model.graph.output) if info.type.tensor_type.elem_type == _HALF}
    return {port.name: "float16" for port in (*source.artifact.inputs, *source.artifact.outputs) if port.native in names}


ADAPTERS = (OnnxFloat16(),)
