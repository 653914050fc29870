"""Blocks of a functional Keras model that only the names of its layers tell of: conv2_block1_1_conv, conv2_block1_1_bn, ..."""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, Sequence

from harness.frameworks._calls import Slot
from harness.frameworks._walks import digest

REENTERS = "other layers run between its own: it cannot be cut out"


class Group:
    """Some nodes of a functional model, in order: what they take from the rest of it, and what they give to it."""

    def __init__(self, holder: str, prefix: str, graph: _Graph, nodes: Sequence[Any], convex: bool) -> None:
        self.holder = holder
        self.path = f"{holder}/{prefix}" if holder else prefix
        self.kind = next((word for word in reversed(prefix.split("_")) if not word.isdigit()), prefix).rstrip("0123456789") or prefix
        self.nodes = list(nodes)
        self.convex = convex
        self.paths = [f"{holder}/{node.operation.name}" if holder else node.operation.name for node in nodes]
        self.inputs = graph.inputs
        self.given, self.made = graph.ports(nodes)
        self.makers = {id(tensor): (path, place) for path, node in graph.paths(holder) for place, tensor in enumerate(node.outputs)}

    @property
    def needed(self) -> list[str]:
        """The paths whose arrays are those of the group."""
        return [self.holder, *(self.makers[id(tensor)][0] for tensor in (*self.given, *self.made) if id(tensor) in self.makers)]

    def layer(self) -> Any:
        """Return a layer of the tensors a group takes, by position."""
        import keras

        group = self

        class Block(keras.layers.Layer):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__(name="block", autocast=False)
                self.parts = [node.operation for node in group.nodes if isinstance(node.operation, keras.layers.Layer)]
                self.built = True

            def call(self, *tensors: Any) -> Any:
                known = {id(symbol): tensor for symbol, tensor in zip(group.given, tensors)}
                for node in group.nodes:
                    args, kwargs = node.arguments.fill_in(known)
                    found = keras.tree.flatten(node.operation(*args, **kwargs))
                    known.update({id(symbol): tensor for symbol, tensor in zip(node.outputs, found)})
                return [known[id(symbol)] for symbol in group.made]

        return Block()


class _Graph:
    """The nodes of a functional model in the order in which they run."""

    def __init__(self, model: Any) -> None:
        depths = model._nodes_by_depth
        self.nodes = [node for depth in sorted(depths, reverse=True) for node in depths[depth] if not node.is_input]
        self.inputs = list(model.inputs)
        self._outputs = {id(tensor) for tensor in model.outputs}
        self._maker = {id(tensor): node for node in self.nodes for tensor in node.outputs}
        names = [node.operation.name for node in self.nodes]
        self.once = [node for node in self.nodes if names.count(node.operation.name) == 1]

    def paths(self, holder: str) -> Iterator[tuple[str, Any]]:
        for node in self.once:
            yield (f"{holder}/{node.operation.name}" if holder else node.operation.name), node

    def named(self) -> dict[str, list[Any]]:
        """Return nodes by the beginnings of their names up to a word with a number, but for names that Keras gave."""
        found: dict[str, list[Any]] = {}
        for node in self.once:
            words = node.operation.name.split("_")
            for count in range(1, len(words)) if not _is_default(node.operation) else ():
                if any(letter.isdigit() for letter in words[count - 1]):
                    found.setdefault("_".join(words[:count]), []).append(node)
        return found

    def closed(self, nodes: Sequence[Any]) -> tuple[list[Any], bool]:
        """Return nodes with those between them that have no name of their own, and whether that is all there is between them."""
        after, before = {id(node) for node in nodes}, {id(node) for node in nodes}
        for node in self.nodes:
            if any(id(above) in after for above in self._above(node)):
                after.add(id(node))
        for node in reversed(self.nodes):
            if id(node) in before:
                before.update(id(above) for above in self._above(node))
        own, once = {id(node) for node in nodes}, {id(node) for node in self.once}
        between = [node for node in self.nodes if id(node) in after & before and id(node) not in own]
        if any(not _is_default(node.operation) or id(node) not in once for node in between):
            return list(nodes), False
        own.update(map(id, between))
        return [node for node in self.nodes if id(node) in own], True

    def _above(self, node: Any) -> list[Any]:
        return [self._maker[id(tensor)] for tensor in node.arguments.keras_tensors if id(tensor) in self._maker]

    def ports(self, nodes: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Return the tensors that nodes take from the rest of the model, and those they give to it."""
        own = {id(node) for node in nodes}
        made = [tensor for node in nodes for tensor in node.outputs]
        inside = {id(tensor) for tensor in made}
        taken = [tensor for node in nodes for tensor in node.arguments.keras_tensors if id(tensor) not in inside]
        wanted = {id(tensor) for node in self.nodes if id(node) not in own for tensor in node.arguments.keras_tensors} | self._outputs
        return list({id(tensor): tensor for tensor in taken}.values()), [tensor for tensor in made if id(tensor) in wanted]


def _is_default(operation: Any) -> bool:
    """Return whether Keras made the name of an operation from its class."""
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", type(operation).__name__)).lower()
    return re.fullmatch(re.escape(words) + r"(_\d+)?", operation.name) is not None


def groups_of(model: Any, layers: Mapping[str, Any]) -> dict[str, Group]:
    """Return the groups of a model and of the functional models inside it, by path; the larger ones first."""
    import keras

    found: dict[str, Group] = {}
    for holder, layer in (("", model), *layers.items()):
        if isinstance(layer, keras.src.models.Functional) and not isinstance(layer, keras.Sequential):
            graph = _Graph(layer)
            for prefix, named in graph.named().items():
                nodes, convex = graph.closed(named)
                group = Group(holder, prefix, graph, nodes, convex)
                if 1 < len(nodes) < len(graph.nodes) and group.path not in layers and group.made:
                    found[group.path] = group
    return dict(sorted(found.items(), key=lambda item: -len(item[1].nodes)))


def with_groups(
    calls: Sequence[dict[str, Any]], groups: Mapping[str, Group], inputs: Mapping[str, Sequence[int]], wanted: Sequence[str] | None
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the calls of a walk with one more for each group, around its own; ``inputs``: the place of each input of each holder."""
    seen = {call["path"]: call for call in reversed(calls)}
    around: dict[str, list[str]] = {}
    for path, group in groups.items():
        if group.holder in inputs and all(one in seen for one in group.paths):
            for one in group.paths:
                chain = around.setdefault(one, [])
                if not chain or path.startswith(f"{chain[-1]}_"):
                    chain.append(path)
    found: list[dict[str, Any]] = []
    places: dict[int, int] = {}
    opened: dict[str, int] = {}
    for place, call in enumerate(calls):
        parent = places.get(call["parent"], -1)
        for path in around.get(call["path"], ()) if call["call"] == 0 else ():
            if path not in opened:
                opened[path] = len(found)
                found.append(_call(groups[path], seen, inputs[groups[path].holder], parent, wanted))
            parent = opened[path]
        places[place] = len(found)
        found.append({**call, "parent": parent})
    return found


def _call(
    group: Group, seen: Mapping[str, Any], inputs: Sequence[int], parent: int, wanted: Sequence[str] | None
) -> dict[str, Any]:  # fmt: skip
    numbers = {id(tensor): place for place, tensor in enumerate(group.given)}
    told = []
    for path, node in zip(group.paths, group.nodes):
        taken = [numbers.get(id(tensor), -1) for tensor in node.arguments.keras_tensors]
        told.append((seen[path]["type"], seen[path]["signature"], seen[path]["said"], taken))
        numbers.update({id(tensor): len(numbers) + place for place, tensor in enumerate(node.outputs)})
    call: dict[str, Any] = {
        "path": group.path, "call": 0, "type": group.kind, "config": "", "parent": parent, "leaf": False, "ops": 0, "said": "", "nbytes": 0,
        "signature": digest(told, [numbers[id(tensor)] for tensor in group.made]), "problem": "" if group.convex else REENTERS,
    }  # fmt: skip
    holder = seen[group.holder]
    outer = {id(tensor): ("input", inputs[place]) for place, tensor in enumerate(group.inputs)}
    for side, tensors in (("input", group.given), ("output", group.made)):
        at = [(holder, *outer[id(one)]) if id(one) in outer else _made_by(group, seen, one) for one in tensors]
        for field in ("keys", "types"):
            call[f"{side}_{field}"] = [one[f"{what}_{field}"][place] for one, what, place in at]
        kept = wanted is None or group.path in wanted
        call[side + "s"] = [one[what + "s"][place] for one, what, place in at] if kept else []
    return call


def _made_by(group: Group, seen: Mapping[str, Any], tensor: Any) -> tuple[Any, str, int]:
    path, place = group.makers[id(tensor)]
    return seen[path], "output", place


def arguments_of(group: Group) -> Any:
    """Return the arguments of a group: its tensors by position."""
    return tuple(Slot(place) for place in range(len(group.given))), {}, []
