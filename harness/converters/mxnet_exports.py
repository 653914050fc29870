"""Gluon blocks to a symbol with its parameters, and that to ONNX."""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source


class Symbol:
    """``HybridBlock.export``: ``model-symbol.json`` and ``model-0000.params``."""

    name = "mxnet.symbol"
    sources = ("mxnet.block",)
    target = "mxnet.symbol"
    toolchain = "mxnet"
    distributions = ("mxnet",)
    options: tuple[Option, ...] = ()

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Trace the block symbolically under the canonical names; the symbol has no shapes, so every axis stays free."""
        import mxnet as mx

        block = source.model.block
        if not isinstance(block, mx.gluon.HybridBlock):
            raise Unsupported(f"MXNet exports hybrid blocks only; {type(block).__name__} is imperative")
        inputs = [mx.sym.var(port.name) for port in source.artifact.inputs]
        with mx.autograd.pause(train_mode=False):
            made = block(*inputs)
        leaves = _leaves(made)
        symbol = mx.sym.Group(leaves)
        symbol.save(os.path.join(dest, "model-symbol.json"))
        known = set(symbol.list_arguments()) | set(symbol.list_auxiliary_states())
        kinds = {name: "aux" if name in symbol.list_auxiliary_states() else "arg" for name in known}
        kept = {f"{kinds[n]}:{n}": p.data() for n, p in block.collect_params().items() if n in known}
        mx.nd.save(os.path.join(dest, "model-0000.params"), kept)
        natives = [symbol.list_outputs()[index] for index in range(len(leaves))]
        arguments = symbol.list_arguments()
        return Converted(
            entry="model-symbol.json",
            inputs={port.name: port.name for port in source.artifact.inputs if port.name in arguments},
            outputs={port.name: native for port, native in zip(source.artifact.outputs, natives)},
        )


def _leaves(item: Any) -> list[Any]:
    return [leaf for part in item for leaf in _leaves(part)] if isinstance(item, (list, tuple)) else [item]


class ToOnnx:
    """``mx.onnx.export_model``, with the declared axes dynamic."""

    name = "onnx.mxnet"
    sources = ("mxnet.symbol",)
    target = "onnx"
    toolchain = "mxnet"
    distributions = ("mxnet", "onnx")
    options = (Option(name="dynamic", default=True, help="keep the declared dynamic axes; false bakes the example shapes"),)

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Export and map the outputs, whose order is kept."""
        import mxnet as mx
        import onnx

        folder = os.path.dirname(source.artifact.entry)
        path = os.path.join(dest, "model.onnx")
        ports = source.artifact.inputs
        shapes = [tuple(source.feeds[port.name].shape) for port in ports]
        free = [
            tuple(None if axis in source.dynamic.get(port.name, {}) else length for axis, length in enumerate(shape))
            for port, shape in zip(ports, shapes)
        ]
        given = {"dynamic": True, "dynamic_input_shapes": free} if options["dynamic"] and source.dynamic else {}
        try:
            mx.onnx.export_model(
                source.artifact.entry, os.path.join(folder, "model-0000.params"), shapes,
                [source.feeds[port.name].dtype for port in ports], path, **given,
            )  # fmt: skip
        except (AttributeError, NotImplementedError) as error:
            if isinstance(error, NotImplementedError) or "No conversion function registered" in str(error):
                raise Unsupported(f"mx.onnx refuses: {str(error).splitlines()[0]}") from error
            raise
        graph = onnx.load(path).graph
        natives = [value.name for value in graph.output]
        return Converted(
            entry="model.onnx",
            inputs={port.name: port.native for port in ports},
            outputs={port.name: native for port, native in zip(source.artifact.outputs, natives)},
        )


ADAPTERS = (Symbol(), ToOnnx())
