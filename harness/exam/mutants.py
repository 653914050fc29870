"""Mutants of a cell: the same case on the same route, with a fault planted into the ONNX file on its way."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.errors import UsageError
from harness.core.registry import Registry
from harness.core.route import Hop, Route
from harness.core.value import value
from harness.engine.cell import Cell
from harness.engine.steps import Steps
from harness.engine.trace import Trace
from harness.faults.reality import EQUIVALENT
from harness.numerics.sampling import Sample

PLANTER = "onnx.mutate"


@value
class Mutant:
    """A cell whose route plants ``operator`` at one site.

    What is to blame, as named before: ``node`` (the first output of the node), ``node_name``, ``tensor``, and ``layer``, the path of
    the layer where the exporter tells it.
    """

    cell: Cell
    operator: str
    family: str
    tells: str
    site: int
    node: str
    node_name: str
    tensor: str
    layer: str

    @property
    def name(self) -> str:
        """Case, operator and site, for people."""
        return f"{self.cell.case.id} {self.operator}#{self.site}"


@value
class Clean:
    """The clean cell as far as the file that faults are planted into: samples, artifact, and the converters before and after."""

    cell: Cell
    samples: tuple[Sample, ...]
    artifact: Artifact
    before: tuple[Hop, ...]
    after: tuple[Hop, ...]


def cut(route: Route, registry: Registry) -> tuple[tuple[Hop, ...], tuple[Hop, ...]]:
    """Return the converters before and after the place where a fault can be planted: right behind the last one that writes ONNX.

    Raises `UsageError` for a route on which there never is an ONNX file.
    """
    for number in range(len(route.converters), 0, -1):
        if registry.get("converters", route.converters[number - 1].name).target == "onnx":
            return route.converters[:number], route.converters[number:]
    if registry.get("frameworks", route.framework).format == "onnx":
        return (), route.converters
    raise UsageError(f"route {route} has no ONNX file on its way to plant a fault into; take one like torch>onnx.dynamo>onnxruntime@cpu")


def prepared(cell: Cell, steps: Steps, rungs: Sequence[str]) -> Clean:
    """Build and convert the clean cell up to its ONNX file. Raises what a worker or the declaration raises."""
    before, after = cut(cell.route, steps.registry)
    trace = Trace(toolchains=toolchains(cell.route, steps.registry))
    steps.require(cell, trace)
    samples, _ = steps.samples(cell, trace, rungs)
    artifact = steps.source(cell, trace, steps.reference(cell, trace, samples[0]))
    for hop in before:
        artifact = steps.convert(cell, trace, hop, artifact, samples[0])
    return Clean(cell=cell, samples=tuple(samples), artifact=artifact, before=before, after=after)


def toolchains(route: Route, registry: Registry) -> tuple[str, ...]:
    """Return the toolchains of a route and of the planter, in order, each once."""
    adapters = [
        registry.get("frameworks", route.framework), registry.get("converters", PLANTER),
        *(registry.get("converters", hop.name) for hop in route.converters), registry.get("runtimes", route.runtime.name),
    ]  # fmt: skip
    return tuple(dict.fromkeys(adapter.toolchain for adapter in adapters))


def mutants(clean: Clean, steps: Steps, operators: Sequence[str] = ()) -> Iterator[Mutant]:
    """Yield every mutant of a clean cell: all operators, or the named ones, at each of their sites."""
    planter = steps.registry.get("converters", PLANTER)
    asked = {"source": clean.artifact.to_json(), "operators": list(operators)}
    for found in steps.ask(planter.toolchain, "fault_sites", asked)["found"]:
        for number, site in enumerate(found["sites"]):
            hop = Hop(name=PLANTER, options={"operator": found["operator"], "site": str(number)})
            route = dataclasses.replace(clean.cell.route, converters=(*clean.before, hop, *clean.after))
            yield Mutant(
                cell=dataclasses.replace(clean.cell, route=route, id=f"{clean.cell.case.id}[{route}]"),
                operator=found["operator"], family=found["family"], tells=found["tells"], site=number,
                node=site["node"], node_name=site["name"], tensor=site["tensor"], layer=site["layer"],
            )  # fmt: skip


def reality(clean: Clean, mutant: Mutant, steps: Steps) -> Mapping[str, Any]:
    """Return how far the mutant is from the clean file in float64, over all samples: kind (see `harness.faults.reality`) and scaled."""
    planter = steps.registry.get("converters", PLANTER)
    hop = mutant.cell.route.converters[len(clean.before)]
    made = steps.convert(mutant.cell, Trace(toolchains=(planter.toolchain,)), hop, clean.artifact, clean.samples[0])
    if made.digest == clean.artifact.digest:
        return {"kind": EQUIVALENT, "scaled": 0.0, "note": "the same file"}
    native = {port.name: port.native for port in clean.artifact.inputs}
    feeds = {
        f"{number}/{native[name]}": np.asarray(array)
        for number, sample in enumerate(clean.samples) for name, array in sample.feeds.items() if name in native
    }  # fmt: skip
    asked = {"clean": clean.artifact.to_json(), "mutant": made.to_json(), "feeds": feeds, "count": len(clean.samples)}
    answer: Mapping[str, Any] = steps.ask(planter.toolchain, "fault_reality", asked)
    return answer
