"""Evaluates an ONNX graph node by node, each in the types that a precision mode gives it, and notes what that does to the numbers."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np

from harness.ascend.precision import CONSTANT, CUBE, FULL, PRECISE, Mode, type_of, types_of
from harness.core.value import value
from harness.frameworks._onnx_evaluator import evaluator
from harness.runtimes._ascend_numbers import STEPWISE, Rounder, drift
from harness.runtimes._ascend_work import EXACT, work

HELD = 1 << 30
"""Bytes of rounded weights that are kept between runs."""
# Statistics and factors of a batch normalisation stay in float32: only the first input is rounded.
_FIRST_ONLY = ("BatchNormalization",)


@value
class Settings:
    """A mode and what a user changes about it.

    ``keep``: Ascend types, ONNX types or names of nodes that stay in float32 (``--keep_dtype``, or the black list of a mixed mode);
    ``lower``: Ascend types added to the white list. ``saturate``: what happens above 65504. ``precise``: vector operators that have a
    ``high_precision`` implementation use it.
    """

    mode: Mode
    keep: frozenset[str] = frozenset()
    lower: frozenset[str] = frozenset()
    saturate: bool = False
    precise: bool = False


class Tape:
    """What is noted of a run: one row for each node, and in ``exact`` the right values, where rows should say how far each is off."""

    def __init__(self, exact: Mapping[str, Any] | None = None) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.exact = exact

    def row(self, node: Any, type_: str, kinds: Sequence[str]) -> dict[str, Any]:
        """Return the row of a node; one that runs many times, inside a loop, has one."""
        name = node.onnx_node.name or f"{node.op_type}({node.output[0]})"
        fresh: dict[str, Any] = {
            "node": name, "named": bool(node.onnx_node.name), "op": node.op_type, "type": type_, "inputs": kinds[0], "result": kinds[1],
            "cube": 0.0, "vector": 0.0, "overflow": 0, "fed": 0, "clipped": 0, "elements": 0, "own": None, "total": None,
        }
        return self.rows.setdefault(name, fresh)


class Shared:
    """What the evaluators of one graph, its subgraphs and functions share."""

    def __init__(self, settings: Settings, held: dict[tuple[str, str], Any]) -> None:
        self.settings = settings
        self.held = held
        self.tape = Tape()
        self.inside: Sequence[str] | None = None


def emulator(settings: Settings, held: dict[tuple[str, str], Any]) -> tuple[Any, Shared]:
    """Return the evaluator class for ``settings``, and what its instances share. ``held`` keeps rounded weights of one graph."""
    shared = Shared(settings, held)

    class Emulator(evaluator()):  # type: ignore[misc]
        """Values on their way are float32 arrays; what they hold fits the type that their node computed in."""

        def __init__(self, proto: Any, *args: Any, **kwargs: Any) -> None:
            self._whole = proto.DESCRIPTOR.name == "ModelProto"
            super().__init__(proto, *args, **kwargs)

        def walk(self, feeds: Mapping[str, Any], wanted: Any, attributes: Any = None, see: Any = None) -> dict[str, Any]:
            self._kinds = dict.fromkeys(feeds, FULL)
            with np.errstate(all="ignore"):
                return super().walk(feeds, wanted, attributes, see)  # type: ignore[no-any-return]

        def _made(self, node: Any, needs: Sequence[str], results: Mapping[str, Any], attributes: Any) -> Any:
            given = {name: results[name] if name in results else self.weight(name) for name in needs}
            step = _Step(self, shared, node, given, attributes, results)
            made = step.run()
            self._kinds.update(dict.fromkeys(node.output, step.leaves))
            return made

        def holds(self, name: str) -> bool:
            """Return whether a name is a weight of the main graph, where it stands for one array in every run."""
            return self._whole and name in self._weights

        def kind(self, name: str) -> str:
            """Return the type in which a value left its node."""
            if name in self._kinds:
                return str(self._kinds[name])
            return CONSTANT if name in self._weights else FULL

    return Emulator, shared


class _Step:
    """One node on its way."""

    def __init__(self, owner: Any, shared: Shared, node: Any, given: dict[str, Any], attributes: Any, results: Mapping[str, Any]) -> None:
        self._owner, self._shared, self._node = owner, shared, node
        self._given, self._attributes, self._results = given, attributes, results
        self.leaves = FULL

    def run(self) -> Any:
        """Return the outputs, in the types that the settings give this node."""
        node = self._node
        names = [name for name in node.input if name]
        if all(self._owner.kind(name) == CONSTANT for name in names) and not node.op_type.startswith("Random") and not _graphs(node):
            self.leaves = CONSTANT  # folded by the compiler
            return self._plain(self._given)
        floats = [name for name in names if _single(self._given[name])]
        if _graphs(node) or (_function(node) and node.domain):
            return self._plain(self._given)  # what is inside is looked at node by node
        type_ = type_of(node.op_type, [np.ndim(self._given[name]) for name in names])
        kinds = self._kinds(type_, floats)
        self.leaves = kinds[1]
        if self._shared.inside is not None:
            return self._in(kinds, self._given)[0]
        return self._noted(type_, kinds)

    def _kinds(self, type_: str, floats: Sequence[str]) -> Sequence[str]:
        if self._shared.inside is not None:
            return self._shared.inside
        settings, node = self._shared.settings, self._node
        if not floats or settings.keep & {type_, node.op_type, node.onnx_node.name}:
            return FULL, FULL
        upstream = [kind for kind in map(self._owner.kind, floats) if kind != CONSTANT]
        return types_of(settings.mode, node.op_type, type_, upstream, settings.keep, settings.lower)

    def _noted(self, type_: str, kinds: Sequence[str]) -> Any:
        """Run the node and write its row."""
        node, tape = self._node, self._shared.tape
        made, fed, clipped, over = self._in(kinds, self._given)
        row = tape.row(node, type_, kinds)
        inputs = [self._given[name] for name in node.input if name]
        cube, vector = work(node, inputs, made)
        row["cube"], row["vector"] = row["cube"] + cube, row["vector"] + vector
        row["overflow"], row["fed"], row["clipped"] = row["overflow"] + over, row["fed"] + fed, max(row["clipped"], clipped)
        row["elements"] += sum(int(np.size(array)) for array in made)
        if tape.exact is not None:
            self._compared(row, kinds, made, tape.exact)
        return made

    def _compared(self, row: dict[str, Any], kinds: Sequence[str], made: Any, exact: Mapping[str, Any]) -> None:
        """Note how far the node is off, and how far it would be if all before it were right."""
        right = {name: exact[name] if name in exact and _single(array) else array for name, array in self._given.items()}
        alone = made
        if any(right[name] is not self._given[name] for name in right):
            if any(np.shape(right[name]) != np.shape(array) for name, array in self._given.items()):
                return
            alone = self._in(kinds, right)[0]
        for key, arrays in (("own", alone), ("total", made)):
            apart = [drift(array, exact[name]) for name, array in zip(self._node.output, arrays) if name in exact]
            row[key] = max([*apart, row[key] or 0.0]) if apart else row[key]

    def _in(self, kinds: Sequence[str], given: Mapping[str, Any]) -> tuple[Any, int, int, int]:
        """Return the outputs for ``given``, and how many numbers were too large: among inputs, among constants, among results."""
        node, settings = self._node, self._shared.settings
        if kinds[0] == FULL:
            return self._entered(kinds, given), 0, 0, 0
        cast, clip = (Rounder(kinds[0], settings.saturate) for _ in range(2))
        rounded = dict(given)
        for place, name in enumerate(node.input):
            if name and _single(given[name]) and not (place and node.op_type in _FIRST_ONLY):
                rounded[name] = self._fed(name, given[name], kinds[0], cast, clip)
        step = Rounder(kinds[1], settings.saturate)
        stepwise = STEPWISE.get(node.op_type) if not node.domain and not node.has_linked_attribute else None
        type_ = type_of(node.op_type, [np.ndim(given[name]) for name in node.input if name])
        if stepwise is not None and node.op_type not in CUBE and not (settings.precise and type_ in PRECISE):
            made = stepwise(node, [rounded[name] if name else None for name in node.input], step)
        else:
            made = self._entered(kinds, rounded)
        if node.op_type in EXACT and not node.domain and kinds[0] == kinds[1]:
            outputs = tuple(made)
        else:
            outputs = tuple(step(array) if _single(array) else array for array in made)
        return outputs[: max(1, len(node.output))], cast.over, clip.over, step.over

    def _fed(self, name: str, array: Any, kind: str, cast: Rounder, clip: Rounder) -> Any:
        """Return an input in the type ``kind``; what left its node in that type is so already."""
        came = self._owner.kind(name)
        if came == CONSTANT:
            return self._constant(name, array, clip)
        return array if came == kind and array is self._given.get(name) else cast(array)

    def _constant(self, name: str, array: Any, clip: Rounder) -> Any:
        """Return a constant in the type; large ones are rounded once for all runs."""
        held, key = self._shared.held, (name, self._shared.settings.mode.low)
        if key not in held or not self._owner.holds(name):
            before = clip.over
            found = (clip.clipped(array), clip.over - before)
            if self._owner.holds(name) and sum(kept[0].nbytes for kept in held.values()) + found[0].nbytes <= HELD:
                held[key] = found
            return found[0]
        clip.over += held[key][1]
        return held[key][0]

    def _entered(self, kinds: Sequence[str], given: Mapping[str, Any]) -> Any:
        """Run the node; one that the specification defines by others has these in its own types."""
        if not _function(self._node) or self._shared.inside is not None:
            return self._plain(given)
        self._shared.inside = kinds
        try:
            return self._plain(given)
        finally:
            self._shared.inside = None

    def _plain(self, given: Mapping[str, Any]) -> Any:
        """Run the node as the evaluator does."""
        node = self._node
        options: dict[str, Any] = {}
        if node.has_linked_attribute and self._attributes:
            options["linked_attributes"] = self._attributes
        if node.need_context():
            options["context"] = {**self._results, **given}
        return node.run(*[given[name] if name else None for name in node.input], **options)


def _single(array: Any) -> bool:
    return isinstance(array, (np.ndarray, np.generic)) and array.dtype == np.float32


def _graphs(node: Any) -> bool:
    return any(attribute.HasField("g") or attribute.graphs for attribute in node.onnx_node.attribute)


def _function(node: Any) -> bool:
    return type(node).__name__.startswith("OpFunction")


def rows_of(tape: Tape) -> list[dict[str, Any]]:
    """Return the rows in the order in which nodes first ran."""
    return list(tape.rows.values())
