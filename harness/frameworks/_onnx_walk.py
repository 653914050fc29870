"""An ONNX graph taken apart: its nodes, its local functions and the modules whose names exporters left in it."""

from __future__ import annotations

import ast
import re
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.frameworks._calls import key_of, missing
from harness.frameworks._onnx_cut import Cut, body_of, function_of, model_of
from harness.frameworks._onnx_form import Forms
from harness.frameworks._onnx_lean import captured
from harness.frameworks._onnx_trace import config_of, intermediates, paths, stored

FOLDED = "depends on constants alone: it is folded before the graph runs"
REENTERS = "other parts of the graph run between its nodes: it cannot be cut out"
_NO_SCOPE = "_empty_nn_module_stack_from_metadata_hook"  # where torch.export knows of none
_LEVELS = ("pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy")


def walk(model: Any, feeds: Mapping[str, Any], wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return every node, local function and scope of node names; see `harness.core.protocols.Framework`."""
    graph = _Walk(wanted)
    outputs = graph.walk(model.proto, {name: np.asarray(array) for name, array in feeds.items()}, "", -1)
    model.cuts = graph.cuts
    root = graph.calls[0]
    root.update(type="graph", input_names=list(feeds), output_names=outputs)
    return graph.calls


def sub(model: Any, path: str, number: int, specs: Sequence[Any]) -> Any:
    """Return a model of one call, whose inputs are ``specs`` by position. Raises `UsageError` before a walk."""
    cuts = getattr(model, "cuts", {})
    if (path, number) not in cuts:
        raise missing(path, number)
    return model_of(cuts[path, number], specs)


class _Walk:
    """Calls in the order in which they begin, and how each is cut out of its graph."""

    def __init__(self, wanted: Sequence[str] | None) -> None:
        self.calls: list[dict[str, Any]] = []
        self.cuts: dict[tuple[str, int], Cut] = {}
        self._wanted = wanted

    def walk(self, proto: Any, feeds: Mapping[str, Any], path: str, parent: int) -> list[str]:
        """Note a graph, or the body of a function under ``path``, and what is in it; return the names of its outputs."""
        graph = _Graph(proto, feeds, path, self._wanted)
        final = [info.name for info in proto.graph.output]
        if not path:
            self._note(graph, "", "graph", "", -1, list(feeds), final)
        place = len(self.calls) - 1
        self.calls[place]["ops"] = graph.folded
        if not path and graph.folded:
            self.calls[place]["problem"] = FOLDED
        scopes = graph.scopes()
        opened: dict[str, int] = {}
        for inner, node in graph.nodes.items():
            above = place
            for scope in levels_of(node):
                if scope in scopes:
                    if scope not in opened:
                        opened[scope] = self._scope(graph, scope, scopes[scope], above)
                    above = opened[scope]
            self._node(graph, inner, node, above)
        return final

    def _scope(self, graph: _Graph, scope: str, nodes: Sequence[Any], parent: int) -> int:
        given, made = graph.ports(nodes)
        path = graph.path_of(scope)
        place = self._note(graph, path, kind_of(scope, nodes[0]), "", parent, given, made)
        self.calls[place]["signature"] = graph.forms.of(nodes, given, made)
        if not graph.is_convex(nodes):
            self.calls[place]["problem"] = REENTERS
        self.cuts[path, 0] = Cut(graph.proto, None, given, graph.types(made))
        return place

    def _node(self, graph: _Graph, inner: str, node: Any, parent: int) -> None:
        given, made = graph.ports([node])
        path = graph.prefix + inner
        place = self._note(graph, path, node.op_type, config_of(node), parent, given, made)
        self.calls[place].update(ops=1, leaf=True, signature=graph.forms.of([node], given, made))
        self.cuts[path, 0] = Cut(graph.proto, inner, given, graph.types(made))
        function = function_of(graph.proto, node)
        if function is not None and not self.calls[place]["problem"]:
            body, feeds = body_of(graph.proto, function, node, graph.values, graph.constant)
            self.calls[place].update(ops=0, leaf=False)
            self.walk(body, feeds, f"{path}/", place)

    def _note(
        self, graph: _Graph, path: str, kind: str, config: str, parent: int, given: Sequence[str], made: Sequence[str]
    ) -> int:  # fmt: skip
        odd = next((name for name in (*given, *made) if name not in graph.facts), "")
        call: dict[str, Any] = {
            "path": path, "call": 0, "type": kind, "config": config, "parent": parent, "leaf": False, "ops": 0, "said": config,
            "signature": "", "problem": f"{odd} is no tensor" if odd else "", "nbytes": 0,
        }  # fmt: skip
        for side, names in (("input", given), ("output", made)):
            known = [name for name in names if name in graph.facts]
            kept = self._wanted is None or path in self._wanted
            call[side + "_keys"] = [graph.facts[name][0] for name in known]
            call[side + "_types"] = [[graph.facts[name][1].name, list(graph.facts[name][2])] for name in known]
            call[side + "s"] = [graph.values[name] for name in known] if kept else []
            call["nbytes"] += sum(graph.facts[name][3] for name in known)
        self.calls.append(call)
        return len(self.calls) - 1


class _Graph:
    """One graph, or body of a function under ``prefix``, on one input.

    ``facts``: key, dtype, shape and bytes of every array it computes; ``values``: the arrays of ``wanted`` parts, of what functions
    are called with and of computed constants alone.
    """

    def __init__(self, proto: Any, feeds: Mapping[str, Any], prefix: str, wanted: Sequence[str] | None) -> None:
        self.proto = proto
        self.prefix = prefix
        self.constant = stored(proto)
        self.nodes = paths(proto)
        self.folded = sum(node.op_type != "Constant" for node in proto.graph.node) - len(self.nodes)
        self._outputs = {info.name for info in proto.graph.output}
        self._users: dict[str, set[int]] = {}
        for node in self.nodes.values():
            for name in self.needs(node):
                self._users.setdefault(name, set()).add(id(node))
        self.facts = {name: _facts(array) for name, array in feeds.items()}
        inner, final = intermediates(proto, feeds, self._kept(None if wanted is None else set(wanted)), see=self._see)
        self.values = {**inner, **final, **feeds}
        self.forms = Forms(proto, self.constant, self.values)

    def _see(self, name: str, value: Any) -> None:
        if isinstance(value, (np.ndarray, np.generic)):
            self.facts[name] = _facts(np.asarray(value))

    def _kept(self, wanted: set[str] | None) -> list[str]:
        parts = {self.prefix + path: [node] for path, node in self.nodes.items()}
        called = [node for (node,) in parts.values() if function_of(self.proto, node) is not None]
        parts.update({self.path_of(scope): nodes for scope, nodes in self.scopes().items()})
        chosen = [nodes for path, nodes in parts.items() if wanted is None or path in wanted]
        names = [name for nodes in chosen for side in self.ports(nodes) for name in side]
        made = {name for node in self.proto.graph.node for name in node.output}
        computed = {name for node in self.nodes.values() for name in (*node.input, *captured(node))} & made & self.constant
        return list(dict.fromkeys([*names, *(name for node in called for name in self.needs(node)), *sorted(computed)]))

    def path_of(self, scope: str) -> str:
        """Return the path of a scope, which no node has."""
        return f"{self.prefix}{scope}" + ("~" if scope in self.nodes else "")

    def needs(self, node: Any) -> list[str]:
        """Return what a node is made of, but for weights and constants."""
        return [name for name in dict.fromkeys((*node.input, *captured(node))) if name and name not in self.constant]

    def ports(self, nodes: Sequence[Any]) -> tuple[list[str], list[str]]:
        """Return what nodes take from the rest of the graph and what they give to it."""
        made = dict.fromkeys(name for node in nodes for name in node.output if name)
        given = dict.fromkeys(name for node in nodes for name in self.needs(node) if name not in made)
        own = {id(node) for node in nodes}
        wanted = [name for name in made if len(nodes) == 1 or name in self._outputs or self._users.get(name, set()) - own]
        return list(given), wanted

    def types(self, names: Sequence[str]) -> list[tuple[str, Any, int]]:
        """Return name, dtype and number of axes of values."""
        return [(name, self.facts[name][1], len(self.facts[name][2])) for name in names if name in self.facts]

    def scopes(self) -> dict[str, list[Any]]:
        """Return the nodes of each scope; none for one that holds a single node or all of them."""
        found: dict[str, list[Any]] = {}
        for node in self.nodes.values():
            for scope in levels_of(node):
                found.setdefault(scope, []).append(node)
        return {scope: nodes for scope, nodes in found.items() if 1 < len(nodes) < len(self.nodes)}

    def is_convex(self, nodes: Sequence[Any]) -> bool:
        """Return whether nothing outside of ``nodes`` must run between them."""
        own = {id(node) for node in nodes}
        made = {name for node in nodes for name in node.output}
        after: set[str] = set()
        for node in self.nodes.values():
            needs = self.needs(node)
            if id(node) in own:
                if not after.isdisjoint(needs):
                    return False
            elif not (made | after).isdisjoint(needs):
                after.update(node.output)
        return True


def _facts(array: Any) -> tuple[str, Any, tuple[int, ...], int]:
    return key_of(array), array.dtype, array.shape, array.nbytes


def levels_of(node: Any) -> Iterator[str]:
    """Yield the modules around a node from the outermost inwards, as exporters write them."""
    scopes = _listed(node, _LEVELS[0])
    if scopes:
        yield from dict.fromkeys(scope for scope in scopes[:-1] if scope and scope != _NO_SCOPE)
        return
    parts = [part for part in node.name.split("/")[:-1] if part]
    for count in range(1, len(parts) + 1):
        yield "/".join(parts[:count])


def _listed(node: Any, key: str) -> list[str]:
    for entry in node.metadata_props:
        if entry.key == key:
            try:
                return [str(part) for part in ast.literal_eval(entry.value)]
            except (ValueError, SyntaxError):
                return []
    return []


def kind_of(scope: str, node: Any) -> str:
    """Return the class of the module that a scope stands for, else the last word of its name."""
    scopes, classes = (_listed(node, key) for key in _LEVELS)
    if scope in scopes and len(classes) == len(scopes):
        return classes[scopes.index(scope)].rsplit(".", 1)[-1]
    words = [re.sub(r"_\d+$", "", word) for word in re.split(r"[/.]", scope) if not word.isdigit()]
    return words[-1] if words else scope
