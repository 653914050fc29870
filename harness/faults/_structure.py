"""Faults of structure: operands and outputs exchanged, a residual or a block left out, state that is lost."""

from __future__ import annotations

from typing import Any, Iterator

import numpy as np

from harness.faults._onnx import Graph, attribute, parameter
from harness.faults._rule import Rule


def _swappable(graph: Graph) -> Iterator[Any]:
    """Yield nodes whose first two inputs can be exchanged without a change of shape, and not without a change of meaning."""
    for node in graph.nodes("Sub", "Div", "Pow", "MatMul", "Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Where", "BitShift", "Mod"):
        pair = [1, 2] if node.op_type == "Where" else [0, 1]
        names = [node.input[i] for i in pair]
        shapes = [graph.shape(name) for name in names]
        if names[0] == names[1] or None in shapes or graph.dtype(names[0]) != graph.dtype(names[1]):
            continue
        if node.op_type != "MatMul" or (shapes[0] == shapes[1] and shapes[0][-1] == shapes[0][-2]):
            yield node, pair, ""


def _swapped(graph: Graph, node: Any, pair: Any, _: Any) -> None:
    first, second = pair
    node.input[first], node.input[second] = node.input[second], node.input[first]


def _alike_outputs(graph: Graph) -> Iterator[Any]:
    """Yield pairs of outputs of one type and rank, as (node that makes the first, positions)."""
    if graph.outer is not None:
        return
    names = graph.outputs
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            shapes = [graph.shape(names[i]) for i in (first, second)]
            alike = graph.dtype(names[first]) == graph.dtype(names[second]) and shapes[0] == shapes[1]
            if alike and graph.maker(names[first]) is not None and graph.maker(names[second]) is not None:
                yield graph.maker(names[first]), [names[first], names[second]], names[first]


def _renamed(graph: Graph, pairs: Any) -> None:
    """Make new names: each (old, inner) pair lets the maker write ``inner`` and every reader read it."""
    names = dict(pairs)
    for node in graph.proto.node:
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]


def _outputs_swapped(graph: Graph, _: Any, pair: Any, __: Any) -> None:
    inner = [graph.fresh(name) for name in pair]
    _renamed(graph, zip(pair, inner))
    lines = [graph.write(["y = Identity(x)"], {"x": inner[1 - i], "y": name}, {}) for i, name in enumerate(pair)]
    graph.insert(len(graph.proto.node), [node for part in lines for node in part])


def _output_duplicated(graph: Graph, _: Any, pair: Any, __: Any) -> None:
    inner = graph.fresh(pair[1])
    _renamed(graph, [(pair[1], inner)])
    graph.insert(len(graph.proto.node), graph.write(["y = Identity(x)"], {"x": pair[0], "y": pair[1]}, {}))


def _reaches(graph: Graph, start: str, goal: str, steps: int = 40) -> bool:
    """Return whether ``goal`` is computed from ``start``."""
    seen, pending = {goal}, [goal]
    for _ in range(steps * 8):
        if not pending:
            return False
        name = pending.pop()
        if name == start:
            return True
        node = graph.maker(name)
        for part in node.input if node is not None else ():
            if part and part not in seen:
                seen.add(part)
                pending.append(part)
    return False


def _residuals(graph: Graph) -> Iterator[Any]:
    """Yield additions of a tensor to what was computed from it, or of two branches that were."""
    for node in graph.nodes("Add"):
        names = list(node.input)
        if any(graph.constant(name) is not None for name in names) or graph.dtype(node.output[0]) not in ("float32", ""):
            continue
        shapes = [graph.shape(name) for name in names]
        for kept, dropped in ((1, 0), (0, 1)):
            same = shapes[kept] is not None and shapes[kept] == graph.shape(node.output[0])
            if same and names[0] != names[1] and _reaches(graph, names[dropped], names[kept]):
                yield node, kept, ""
                break


def _passed(graph: Graph, node: Any, position: int, _: Any) -> None:
    graph.replace(node, ["y = Identity(x)"], {"x": node.input[position]})


def _computed(graph: Graph, node: Any) -> list[str]:
    return [name for name in node.input if name and graph.constant(name) is None]


def _skippable(graph: Graph) -> Iterator[Any]:
    """Yield nodes with one computed input whose result has the same shape and type: leaving them out shows in values only."""
    for node in graph.nodes():
        names = _computed(graph, node)
        if len(names) != 1 or len(node.output) != 1 or node.op_type in ("Identity", "Cast", "Dropout", "Reshape", "Shape", "If", "Loop"):
            continue
        shape = graph.shape(node.output[0])
        if shape is not None and shape == graph.shape(names[0]) and graph.dtype(node.output[0]) == graph.dtype(names[0]) == "float32":
            yield node, list(node.input).index(names[0]), ""


def _blocks(graph: Graph) -> Iterator[Any]:
    """Yield the last nodes of blocks that repeat the block before: same kinds in the same order, one tensor in and out."""
    nodes = [node for node in graph.proto.node if node.op_type != "Constant"]
    kinds = np.array([node.op_type for node in nodes])
    seen: set[str] = set()
    for size in range(len(nodes) // 2, 1, -1):
        for end in np.flatnonzero(_runs(kinds[:-size] == kinds[size:]) >= size):
            block = nodes[end + 1 : end + size + 1]
            name, source = block[-1].output[0], ""
            if name not in seen:
                source = _only_source(graph, block)
            if source and graph.shape(source) == graph.shape(name) is not None:
                seen.add(name)
                yield block[-1], source, ""


def _runs(same: Any) -> Any:
    """Return at each place how many True there are up to it without a break."""
    places = np.arange(1, len(same) + 1)
    return places - np.maximum.accumulate(np.where(same, 0, places)) if len(same) else places


def _only_source(graph: Graph, block: list[Any]) -> str:
    """Return the one computed tensor that a block reads, "" where it reads several or another than its last result leaves it."""
    made = {name for node in block for name in node.output}
    read = {name for node in block for name in _computed(graph, node)} - made
    leaving = {n for n in made if n in graph.outputs or any(user.output[0] not in made for user in graph.users(n))}
    return next(iter(read)) if len(read) == 1 and leaving == {block[-1].output[0]} else ""


def _block_skipped(graph: Graph, node: Any, source: str, _: Any) -> None:
    graph.replace(node, ["y = Identity(x)"], {"x": source})


def _dropouts(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Dropout"):
        ratio = parameter(graph, node, "ratio", 1)
        share = 0.5 if ratio is None else float(ratio)
        if 0 < share < 1 and graph.floating(node.input[0]):
            yield node, share, ""


def _dropout_scales(graph: Graph, node: Any, share: float, _: Any) -> None:
    graph.after(node.output[0], ["y = Mul(x, k)"], k=np.float32(1 / (1 - share)))


def _concats(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Concat"):
        if len(set(node.input)) > 1 and graph.dtype(node.output[0]) == "float32":
            yield node, None, ""


def _concat_reversed(graph: Graph, node: Any, _: Any, __: Any) -> None:
    node.input[:] = list(node.input)[::-1]


def _splits(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Split"):
        if len(node.output) > 1 and graph.shape(node.output[0]) == graph.shape(node.output[1]) is not None:
            yield node, None, ""


def _split_swapped(graph: Graph, node: Any, _: Any, __: Any) -> None:
    node.output[0], node.output[1] = node.output[1], node.output[0]


def _loops(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Loop"):
        count = graph.scalar(node.input[0])
        if count is not None and count > 1 and len(node.output) == _carried(node):
            yield node, int(count), ""


def _carried(node: Any) -> int:
    return len(node.input) - 2


def _loop_short(graph: Graph, node: Any, count: int, _: Any) -> None:
    node.input[0] = graph.store(np.array(count - 1, np.int64))


def _states(graph: Graph) -> Iterator[Any]:
    """Yield recurrent nodes that are given an initial state or lengths."""
    for node in graph.nodes("LSTM", "GRU", "RNN"):
        given = [position for position in (5, 6) if len(node.input) > position and node.input[position]]
        if given:
            yield node, given[0], ""


def _ragged(graph: Graph) -> Iterator[Any]:
    yield from ((node, 4, "") for node in graph.nodes("LSTM", "GRU", "RNN") if len(node.input) > 4 and node.input[4])


def _input_lost(graph: Graph, node: Any, position: int, _: Any) -> None:
    node.input[position] = ""


def _einsums(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Einsum"):
        if len(node.input) == 2 and graph.shape(node.input[0]) == graph.shape(node.input[1]) is not None:
            yield node, attribute(node, "equation"), ""


def _einsum_swapped(graph: Graph, node: Any, _: Any, __: Any) -> None:
    node.input[:] = list(node.input)[::-1]


RULES = (
    Rule(name="operands-swapped", family="structure", tells="the two operands are exchanged",
         needs="a Sub, Div, Pow, Where, comparison or square MatMul",
         find=_swappable, change=_swapped),
    Rule(name="outputs-swapped", family="structure", tells="two outputs carry each other's names",
         needs="two outputs of one shape and type",
         find=_alike_outputs, change=_outputs_swapped),
    Rule(name="output-duplicated", family="structure", tells="two outputs are the same tensor", needs="two outputs of one shape and type",
         find=_alike_outputs, change=_output_duplicated),
    Rule(name="residual-dropped", family="structure", tells="the residual is not added",
         needs="an Add of a tensor and what was computed from it",
         find=_residuals, change=_passed),
    Rule(name="node-skipped", family="structure", tells="one node is left out", needs="a node that keeps shape and type", find=_skippable,
         change=_passed),
    Rule(name="block-skipped", family="structure", tells="one of several identical blocks is left out",
         needs="two identical blocks in a row",
         find=_blocks, change=_block_skipped),
    Rule(name="dropout-scales", family="structure", tells="the scaling of training stays after the dropout", needs="a Dropout",
         find=_dropouts, change=_dropout_scales),
    Rule(name="concat-reversed", family="structure", tells="joined in the other order", needs="a Concat of float tensors", find=_concats,
         change=_concat_reversed),
    Rule(name="split-swapped", family="structure", tells="the first two parts are exchanged", needs="a Split into equal parts",
         find=_splits, change=_split_swapped),
    Rule(name="loop-short", family="structure", tells="one iteration is missing", needs="a Loop with a constant count", find=_loops,
         change=_loop_short),
    Rule(name="state-lost", family="recurrent", tells="the initial state is not read", needs="an LSTM, GRU or RNN with an initial state",
         find=_states, change=_input_lost),
    Rule(name="lengths-ignored", family="recurrent", tells="padding of a batch of sequences is read as data",
         needs="an LSTM, GRU or RNN with lengths",
         find=_ragged, change=_input_lost),
    Rule(name="einsum-swapped", family="structure", tells="the operands of an Einsum are exchanged",
         needs="an Einsum of two tensors of one shape",
         find=_einsums, change=_einsum_swapped),
)  # fmt: skip
