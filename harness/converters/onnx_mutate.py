"""A planted fault as a converter: an ONNX file to the same file with one bug in it.

It leads from a format to itself, so no route is found through it: a route names it.
"""

from __future__ import annotations

import os
from typing import Any, Mapping

from harness.core.errors import UsageError
from harness.core.external import load, save
from harness.core.protocols import Converted, Option, Source

_OPTIONS = (
    Option(name="operator", default="", help="the fault to plant; harness.faults.graphs.OPERATORS lists them"),
    Option(name="site", default=0, help="which of the places where it applies, from 0"),
    Option(name="seed", default=0, help="for faults that draw an element or a channel"),
)


class OnnxMutate:
    """Operators on graphs and on the weights they hold."""

    name = "onnx.mutate"
    sources = ("onnx",)
    target = "onnx"
    toolchain = "onnx"
    distributions = ("onnx", "numpy")
    options = _OPTIONS

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Write the mutant; its weights lie beside it where they are large. The messages say what was changed."""
        from harness.faults.graphs import mutate

        if not options["operator"]:
            raise UsageError("onnx.mutate needs the fault to plant: onnx.mutate[operator=eps-1e-3,site=0]")
        model = load(source.artifact.entry)
        lengths = {}
        for name, axes in source.dynamic.items():
            for axis, (dim, _, __) in axes.items():
                lengths[dim] = int(source.feeds[name].shape[axis])
        lengths.update(_as_the_graph_names_them(model, source))
        mutant, site, count = mutate(model, options["operator"], options["site"], options["seed"], lengths)
        save(mutant, os.path.join(dest, "model.onnx"))
        return Converted(entry="model.onnx", messages=(f"planted {options['operator']} at site {options['site']} of {count}: {site}",))


def _as_the_graph_names_them(model: Any, source: Source) -> Mapping[str, int]:
    """Return the example length of each symbolic dimension by the name this graph has for it."""
    natives = {port.native: port.name for port in source.artifact.inputs}
    found = {}
    for info in model.graph.input:
        feed = source.feeds.get(natives.get(info.name, info.name))
        dims = info.type.tensor_type.shape.dim
        if feed is not None and len(dims) == feed.ndim:
            found.update({dim.dim_param: int(length) for dim, length in zip(dims, feed.shape) if dim.dim_param})
    return found


ADAPTERS = (OnnxMutate(),)
