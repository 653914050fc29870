"""The ONNX reference evaluator within little memory: a weight is there while a node reads it, a value until its last use."""

from __future__ import annotations

import functools
from typing import Any, Callable, Iterator, Mapping, Sequence

from harness.core.external import SMALL, array_of, nbytes, skeleton

See = Callable[[str, Any], None]


@functools.lru_cache(maxsize=1)
def lean() -> Any:
    """Return ``onnx.reference.ReferenceEvaluator`` with another way to keep weights and values; results are the same."""
    import onnx.reference

    base: Any = onnx.reference.ReferenceEvaluator

    class Lean(base):  # type: ignore[misc]
        """Weights above `harness.core.external.SMALL` bytes are read for each use, those below once."""

        def __init__(self, proto: Any, *args: Any, **kwargs: Any) -> None:
            rest, self._weights = apart(proto)
            self._held: dict[str, Any] = {}
            super().__init__(self.prepared(rest), *args, **kwargs)
            self._needs = [list(dict.fromkeys((*node.input, *captured(node)))) for node in self.nodes_]
            last = {name: place for place, names in enumerate(self._needs) for name in (*names, *self.nodes_[place].output)}
            self._ends: list[list[str]] = [[] for _ in self._needs]
            for name, place in last.items():
                self._ends[place].append(name)

        def prepared(self, rest: Any) -> Any:
            """Return what is executed instead of ``rest``, a copy without weights."""
            return rest

        def run(self, output_names: Any, feed_inputs: Any, attributes: Any = None, intermediate: bool = False) -> Any:
            wanted = self.output_names if output_names is None else output_names
            results = self.walk(feed_inputs, None if intermediate else wanted, attributes)
            if intermediate:
                return results
            for name in wanted:
                if name not in results:
                    raise RuntimeError(f"Unable to find output name {name!r} in {sorted(results)}")
            return [results[name] for name in wanted]

        def walk(
            self, feeds: Mapping[str, Any], wanted: Sequence[str] | None, attributes: Any = None, see: See | None = None
        ) -> dict[str, Any]:
            """Execute the graph; return those of its values that are ``wanted``, by name (None: all but weights).

            ``see`` is shown each value when it is made.
            """
            results = {"": None, **feeds}
            kept = None if wanted is None else set(wanted)
            for node, needs, ends in zip(self.rt_nodes_, self._needs, self._ends):
                for name, value in zip(node.output, self._made(node, needs, results, attributes)):
                    self.check(node, name, value)
                    results[name] = value
                    if see is not None:
                        see(name, value)
                for name in ends:
                    if kept is not None and name and name not in kept:
                        results.pop(name, None)
            results.update({name: self.weight(name) for name in kept or () if name not in results and name in self._weights})
            return results

        def _made(self, node: Any, needs: Sequence[str], results: Mapping[str, Any], attributes: Any) -> Any:
            given = {name: results[name] if name in results else self.weight(name) for name in needs}
            options = {"linked_attributes": attributes} if node.has_linked_attribute and attributes else {}
            if node.need_context():
                options["context"] = {**results, **given}
            return node.run(*[given[name] for name in node.input], **options)

        def weight(self, name: str) -> Any:
            """Return a weight as an array. Raises `RuntimeError` for a name that nothing made."""
            if name in self._held:
                return self._held[name]
            if name not in self._weights:
                raise RuntimeError(f"Unable to find input {name!r}; neither a node nor an initializer makes it")
            array = self.value_of(self._weights[name])
            if array.nbytes <= SMALL:
                self._held[name] = array
            return array

        def value_of(self, tensor: Any) -> Any:
            """Return the array that stands for a tensor."""
            return array_of(tensor)

        def check(self, node: Any, name: str, value: Any) -> None:
            """Look at what a node has made; raises where it must not be."""

    return Lean


def apart(proto: Any) -> tuple[Any, dict[str, Any]]:
    """Return a copy of a model, graph or function without its weights, and these by name as tensors.

    Weights are the initializers, and constants as large as one: some exporters write them so.
    """
    if proto.DESCRIPTOR.name == "NodeProto":
        return proto, {}
    graph = getattr(proto, "graph", proto)
    rest = skeleton(proto, "initializer", "node")
    weights = {tensor.name: tensor for tensor in getattr(graph, "initializer", ())}
    for node in graph.node:
        held = [part.t for part in node.attribute if node.op_type == "Constant" and part.name == "value" and not part.ref_attr_name]
        if held and nbytes(held[0]) > SMALL:
            weights[node.output[0]] = held[0]
        else:
            getattr(rest, "graph", rest).node.add().CopyFrom(node)
    return rest, weights


def captured(node: Any) -> list[str]:
    """Return the outer values that the subgraphs of a node use."""
    outer: list[str] = []
    for graph in _subgraphs(node):
        inner = {info.name for info in graph.input} | {tensor.name for tensor in graph.initializer}
        for part in graph.node:
            outer += [name for name in (*part.input, *captured(part)) if name and name not in inner]
            inner.update(part.output)
        outer += [info.name for info in graph.output if info.name not in inner]
    return list(dict.fromkeys(outer))


def _subgraphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs
