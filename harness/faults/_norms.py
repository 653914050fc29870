"""Faults in normalisation that no attribute shows: where epsilon goes, which variance, how it is summed."""

from __future__ import annotations

from typing import Any, Iterator, Sequence

import numpy as np

from harness.faults._onnx import Graph, attribute, set_attribute
from harness.faults._rule import Rule

_F = np.float32


def _last(graph: Graph) -> Iterator[Any]:
    """Yield the layer normalisations over the last axis of a known length."""
    for node in graph.nodes("LayerNormalization"):
        shape = graph.shape(node.input[0])
        if shape and attribute(node, "axis", -1) in (-1, len(shape) - 1) and isinstance(shape[-1], int) and len(node.output) == 1:
            yield node, shape[-1], ""


def _mean(graph: Graph, text: str) -> str:
    """Return ``y = MEAN(x)`` as this operator set spells it."""
    return (
        text.replace("MEAN(", "ReduceMean(").replace(")", ", axes)")
        if graph.opset >= 18
        else text.replace("MEAN(", "ReduceMean<axes = [-1]>(")
    )


def _spelled(name: str, tells: str, lines: Sequence[str]) -> Rule:
    """Return the rule that spells a layer normalisation out, with a mistake."""

    def change(graph: Graph, node: Any, length: int, _: Any) -> None:
        tail = ["o = Mul(n, b)", "y = Add(o, c)"] if len(node.input) > 2 and node.input[2] else ["y = Mul(n, b)"]
        values: dict[str, Any] = {"eps": _F(attribute(node, "epsilon", 1e-5)), "bessel": _F(length / max(1, length - 1))}
        if graph.opset >= 18:
            values["axes"] = np.array([-1], np.int64)
        text = [_mean(graph, line) if "MEAN" in line else line for line in [*lines, *tail]]
        used = " ".join(text)
        graph.replace(node, text, None, **{key: held for key, held in values.items() if key in used})

    return Rule(
        name=name, family="norm", tells=tells, needs="a LayerNormalization over the last axis, of a known length", find=_last, change=change
    )


_CENTRED = ["m = MEAN(a)", "d = Sub(a, m)", "q = Mul(d, d)", "v = MEAN(q)"]


def _outside_find(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Sqrt"):
        added = graph.maker(node.input[0], "Add")
        if added is not None and any(held is not None and 0 < held < 0.1 for held in map(graph.scalar, added.input)):
            yield node, None, ""


def _outside_change(graph: Graph, node: Any, _: Any, __: Any) -> None:
    added = graph.maker(node.input[0], "Add")
    names = sorted(added.input, key=lambda name: graph.scalar(name) is None)
    graph.replace(node, ["s = Sqrt(v)", "y = Add(s, eps)"], {"v": names[1], "eps": names[0]})


def _pattern_eps(name: str, held: float) -> Rule:
    def find(graph: Graph) -> Iterator[Any]:
        for node, _, __ in _outside_find(graph):
            added = graph.maker(node.input[0], "Add")
            if any(old is not None and abs(old - held) > 1e-3 * held and 0 < old < 0.1 for old in map(graph.scalar, added.input)):
                yield added, None, ""

    def change(graph: Graph, node: Any, _: Any, __: Any) -> None:
        position = next(i for i, name in enumerate(node.input) if graph.scalar(name) is not None)
        old = graph.constant(node.input[position])
        node.input[position] = graph.store(np.full(old.shape, held, old.dtype))

    return Rule(name=name, family="norm", tells=f"the epsilon of a spelled-out normalisation is {held}",
                needs="a square root of something plus a small constant", find=find, change=change)  # fmt: skip


def _bn_outside_find(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("BatchNormalization"):
        if graph.constant(node.input[4]) is not None:
            yield node, None, node.input[4]


def _bn_outside_change(graph: Graph, node: Any, _: Any, __: Any) -> None:
    # sqrt(v' + eps) = sqrt(v) + eps, solved for v'
    variance, eps = graph.constant(node.input[4]).astype(np.float64), attribute(node, "epsilon", 1e-5)
    node.input[4] = graph.store(np.maximum((np.sqrt(variance) + eps) ** 2 - eps, 0).astype(_F))


def _wider_find(graph: Graph) -> Iterator[Any]:
    for node, length, _ in _last(graph):
        shape = graph.shape(node.input[0])
        if len(shape) > 2 and isinstance(shape[-2], int) and graph.opset >= 17:
            yield node, [shape[-2], length], ""


def _wider_change(graph: Graph, node: Any, lengths: Any, __: Any) -> None:
    set_attribute(node, "axis", -2)
    for position in range(1, len(node.input)):
        held = graph.constant(node.input[position])
        if held is None:  # a scale that is computed is laid out by the graph itself
            graph.insert(
                graph.place(node), graph.write(["y = Expand(x, s)"], {"x": node.input[position]}, {"s": np.array(lengths, np.int64)})
            )
        else:
            node.input[position] = graph.store(np.ascontiguousarray(np.broadcast_to(held, lengths)))


def _batch_statistics_find(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("BatchNormalization"):
        shape = graph.shape(node.input[0])
        if shape is not None and len(shape) > 2 and len(node.output) == 1 and not attribute(node, "training_mode", 0):
            yield node, len(shape), ""


def _batch_statistics_change(graph: Graph, node: Any, _: int, __: Any) -> None:
    # InstanceNormalization is training-mode BN of a batch of one, and valid wherever BN is.
    eps = attribute(node, "epsilon", 1e-5)
    graph.replace(node, [f"y = InstanceNormalization<epsilon = {float(eps):.9f}>(a, b, c)"])


RULES = (
    _spelled("eps-outside-layer-norm", "epsilon is added to the deviation, outside the square root",
             [*_CENTRED, "s = Sqrt(v)", "r = Add(s, eps)", "n = Div(d, r)"]),
    _spelled("variance-unbiased", "the variance divides by n - 1",
             [*_CENTRED, "u = Mul(v, bessel)", "w = Add(u, eps)", "s = Sqrt(w)", "n = Div(d, s)"]),
    _spelled("variance-naive", "the variance is E[x^2] - E[x]^2, which cancels",
             ["m = MEAN(a)", "d = Sub(a, m)", "q = Mul(a, a)", "e = MEAN(q)", "z = Mul(m, m)", "v = Sub(e, z)", "r = Abs(v)",
              "w = Add(r, eps)", "s = Sqrt(w)", "n = Div(d, s)"]),
    _spelled("mean-not-subtracted", "the deviation is taken about 0",
             ["q = Mul(a, a)", "v = MEAN(q)", "w = Add(v, eps)", "s = Sqrt(w)", "n = Div(a, s)"]),
    Rule(name="eps-outside", family="norm", tells="epsilon is added after the square root",
         needs="a square root of something plus a small constant", find=_outside_find, change=_outside_change),
    _pattern_eps("eps-pattern-1e-3", 1e-3),
    _pattern_eps("eps-pattern-1e-12", 1e-12),
    Rule(name="eps-outside-batch-norm", family="norm", tells="epsilon is added to the deviation",
         needs="a BatchNormalization with constant statistics",
         find=_bn_outside_find, change=_bn_outside_change),
    Rule(name="layer-norm-axis", family="norm", tells="normalised over the last two axes",
         needs="a LayerNormalization over the last of three or more axes, the last two of known length", find=_wider_find,
         change=_wider_change),
    Rule(name="batch-statistics", family="norm", tells="the statistics of the sample, as in training, instead of the stored ones",
         needs="a BatchNormalization of rank 3 or more", find=_batch_statistics_find, change=_batch_statistics_change),
)  # fmt: skip
