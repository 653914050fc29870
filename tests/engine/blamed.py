"""Models with a planted fault, for the tests of blame: each is declared in a case file and judged against a wrong conversion of it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnx
from onnx import numpy_helper

from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.blame import culprit
from harness.engine.cache import Cache
from harness.engine.cell import Cell
from harness.engine.manifest import manifest
from harness.engine.pool import Pool
from harness.engine.serve import Serve
from harness.engine.steps import Steps
from harness.engine.trace import Trace

HEAD = """
from harness import Case, Dim, TensorSpec
"""


class Place:
    """A folder with one case file, and the engine's steps over it."""

    def __init__(self, folder: Path, pool: Pool, body: str) -> None:
        self.folder = folder
        self.file = folder / "parity_planted.py"
        self.file.write_text(HEAD + textwrap.dedent(body))
        self.pool = pool
        self.steps = Steps(pool, Cache(folder / "cache"), registry())
        self.described = manifest(self.file, folder, folder, lambda file, roots: Serve().describe(file, roots))
        assert not self.described.problems

    def cell(self, route: str, case: str = "planted") -> Cell:
        found = next(item for item in self.described.cases if item.id == case)
        return Cell(id=case, case=found, route=parse_route(route, registry()), file=self.described.file, digest=self.described.digest)

    def convert(self, route: str, change: Callable[[Any], None], name: str = "wrong.onnx") -> None:
        """Write what the converters of ``route`` make of the model, changed, beside the case file."""
        cell = self.cell(route)
        trace = self.trace(cell)
        sample = self.steps.samples(cell, trace)[0][0]
        artifact = self.steps.source(cell, trace, self.steps.reference(cell, trace, sample))
        for hop in cell.route.converters:
            artifact = self.steps.convert(cell, trace, hop, artifact, sample)
        proto = onnx.load(artifact.entry)
        change(proto)
        onnx.save(proto, self.folder / name)

    def trace(self, cell: Cell) -> Trace:
        names = [
            registry().get("frameworks", cell.route.framework).toolchain,
            *(registry().get("converters", hop.name).toolchain for hop in cell.route.converters),
            registry().get("runtimes", cell.route.runtime.name).toolchain,
        ]
        return Trace(toolchains=tuple(dict.fromkeys(names)))

    def blame(self, route: str, case: str = "planted") -> dict[str, Any]:
        """Return the culprit of a cell that must mismatch."""
        cell = self.cell(route, case)
        trace = self.trace(cell)
        found = culprit(cell, self.steps, trace, self.steps.samples(cell, trace)[0][0])
        assert found is not None
        return found


def node(proto: Any, name: str) -> Any:
    """Return the node that makes ``name``, or that is called so."""
    return next(item for item in proto.graph.node if name in (item.name, *item.output))


def set_attribute(proto: Any, name: str, attribute: str, value: Any) -> None:
    """Give a node another attribute."""
    found = node(proto, name)
    kept = [item for item in found.attribute if item.name != attribute]
    del found.attribute[:]
    found.attribute.extend([*kept, onnx.helper.make_attribute(attribute, value)])


def set_weight(proto: Any, name: str, change: Callable[[Any], Any]) -> None:
    """Change a weight."""
    tensor = dict(weights(proto))[name]
    tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)).copy(), tensor.name))


def weights(proto: Any) -> Iterator[tuple[str, Any]]:
    """Yield the weights by name: initializers, and the constants that Paddle's exporter writes."""
    for tensor in proto.graph.initializer:
        yield tensor.name, tensor
    for node in proto.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            yield node.output[0], node.attribute[0].t
