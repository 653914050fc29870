"""Faults in activations and in how exporters spell them: bounds, approximations, naive forms, swallowed NaN."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping, Sequence

import numpy as np

from harness.faults._onnx import Graph, attribute, parameter, set_attribute
from harness.faults._rule import Rule

_F = np.float32


def rewritten(
    name: str, family: str, kinds: Sequence[str], lines: Sequence[str], tells: str, *,
    needs: str = "", since: int = 0, where: Callable[[Graph, Any], bool] | None = None, values: Mapping[str, Any] | None = None,
) -> Rule:  # fmt: skip
    """Return the rule that writes ``lines`` in place of a node; ``a``, ``b`` are its inputs, ``y`` its output."""

    def find(graph: Graph) -> Iterator[Any]:
        for node in graph.nodes(*kinds) if graph.opset >= since else ():
            if graph.floating(node.input[0]) if where is None else where(graph, node):
                yield node, None, ""

    def change(graph: Graph, node: Any, _: Any, __: Any) -> None:
        graph.replace(node, lines, **(values or {}))

    return Rule(name=name, family=family, tells=tells, needs=needs or f"a {' or '.join(kinds)} node", find=find, change=change)


def _bounded(low: bool, high: bool) -> Callable[[Graph, Any], bool]:
    def where(graph: Graph, node: Any) -> bool:
        held = [parameter(graph, node, "min", 1), parameter(graph, node, "max", 2)]
        return graph.floating(node.input[0]) and (held[0] is not None or not low) and (held[1] is not None or not high)

    return where


def _relu6(graph: Graph, node: Any) -> bool:
    held = [parameter(graph, node, "min", 1), parameter(graph, node, "max", 2)]
    return graph.floating(node.input[0]) and held[0] is not None and held[1] is not None and float(held[0]) == 0 and float(held[1]) == 6


def _clip(name: str, tells: str, *, low: bool, high: bool) -> Rule:
    """Return the rule that leaves one bound of a Clip away."""

    def find(graph: Graph) -> Iterator[Any]:
        where = _bounded(low, high)
        yield from ((node, None, "") for node in graph.nodes("Clip") if where(graph, node))

    def change(graph: Graph, node: Any, _: Any, __: Any) -> None:
        set_attribute(node, "min" if low else "max", None)
        if low and len(node.input) > 1:
            node.input[1] = ""
        if high and len(node.input) > 2:
            del node.input[2]

    return Rule(name=name, family="activation", tells=tells, needs=f"a Clip with a {'lower' if low else 'upper'} bound", find=find,
        change=change)


def _erf_pattern(graph: Graph, node: Any) -> bool:
    """Return whether an Erf is that of a Gelu: its argument was scaled by the square root of one half."""
    scaled = graph.maker(node.input[0], "Div", "Mul")
    factors = [graph.scalar(name) for name in scaled.input] if scaled is not None else []
    return any(held is not None and min(abs(held - 2**0.5), abs(held - 0.5**0.5)) < 1e-3 for held in factors)


def _tanh_pattern(graph: Graph, node: Any) -> str:
    """Return the tensor whose Gelu is taken with this Tanh, "" where it is no such Tanh."""
    outer = graph.maker(node.input[0], "Mul")
    if outer is None or not any(held is not None and abs(held - (2 / np.pi) ** 0.5) < 1e-3 for held in map(graph.scalar, outer.input)):
        return ""
    inner = next((made for made in (graph.maker(name, "Add") for name in outer.input) if made is not None), None)
    if inner is None:
        return ""
    made = [graph.maker(name, "Mul") for name in inner.input]
    cubic = [any(held is not None and abs(held - 0.044715) < 1e-4 for held in map(graph.scalar, node.input)) if node is not None else False
             for node in made]  # fmt: skip
    plain = [name for name, is_cubic in zip(inner.input, cubic) if not is_cubic]
    return plain[0] if len(plain) == 1 else ""


def _tanh_find(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Tanh"):
        name = _tanh_pattern(graph, node)
        if name:
            yield node, name, ""


def _tanh_change(graph: Graph, node: Any, name: str, _: Any) -> None:
    graph.replace(node, ["s = Mul(x, root)", "y = Erf(s)"], {"x": name}, root=_F(0.5**0.5))


def _nan_find(graph: Graph) -> Iterator[Any]:
    for node in graph.nodes("Relu", "Clip", "Max", "Min", "MaxPool", "ReduceMax", "ReduceMin", "Sigmoid", "Tanh", "LeakyRelu"):
        if graph.dtype(node.output[0]) == "float32":
            yield node, None, ""


def _nan_change(graph: Graph, node: Any, _: Any, __: Any) -> None:
    graph.after(node.output[0], ["n = IsNaN(x)", "y = Where(n, zero, x)"], zero=_F(0))


_SUM = {"axes": np.array([-1], np.int64)}


def _last_axis(graph: Graph, node: Any) -> bool:
    shape = graph.shape(node.input[0])
    return graph.opset >= 13 and shape is not None and attribute(node, "axis", -1) in (-1, len(shape) - 1)


def _log_sum(graph: Graph, node: Any) -> bool:
    axes = parameter(graph, node, "axes", 1)
    return graph.opset >= 18 and axes is not None and attribute(node, "keepdims", 1) == 1 and axes.reshape(-1).tolist() == [-1]


_TANH_OF_ERF = ["x = Mul(a, root)", "q = Mul(x, x)", "k = Mul(q, x)", "w = Mul(k, cubic)", "s = Add(x, w)", "t = Mul(s, outer)",
    "y = Tanh(t)"]
_TANH_VALUES = {"root": _F(2**0.5), "cubic": _F(0.044715), "outer": _F((2 / np.pi) ** 0.5)}

RULES = (
    rewritten("relu6-unbounded", "activation", ("Clip",), ["y = Relu(a)"], "relu6 becomes relu", where=_relu6, needs="a Clip from 0 to 6"),
    _clip("clip-lower-lost", "only one bound of a Clip is kept", low=True, high=False),
    _clip("clip-upper-lost", "only one bound of a Clip is kept", low=False, high=True),
    rewritten("hardswish-unclipped", "activation", ("HardSwish",), ["s = Add(a, three)", "m = Mul(a, s)", "y = Div(m, six)"],
              "hardswish without its clip", values={"three": _F(3), "six": _F(6)}),
    rewritten("hardswish-to-silu", "activation", ("HardSwish",), ["s = Sigmoid(a)", "y = Mul(a, s)"], "silu for hardswish"),
    rewritten("sigmoid-to-hard", "activation", ("Sigmoid",), ["y = HardSigmoid(a)"], "a piecewise linear sigmoid"),
    rewritten("erf-to-tanh", "activation", ("Erf",), _TANH_OF_ERF, "the exported exact Gelu becomes its tanh form", where=_erf_pattern,
              needs="an Erf of an argument scaled by the root of one half", values=_TANH_VALUES),
    Rule(name="tanh-to-erf", family="activation", tells="the exported tanh form of Gelu becomes the exact one",
         needs="the pattern Tanh(0.79788 * (x + 0.044715 x^3))", find=_tanh_find, change=_tanh_change),
    rewritten("softplus-naive", "precision", ("Softplus",), ["e = Exp(a)", "s = Add(e, one)", "y = Log(s)"],
              "log(1 + exp(x)) overflows and loses small values", values={"one": _F(1)}),
    rewritten("softmax-naive", "precision", ("Softmax",), ["e = Exp(a)", "s = ReduceSum<keepdims = 1>(e, axes)", "y = Div(e, s)"],
              "softmax without the subtraction of the maximum", where=_last_axis, values=_SUM, needs="a Softmax over the last axis"),
    rewritten("log-softmax-naive", "precision", ("LogSoftmax",), ["s = Softmax<axis = -1>(a)", "y = Log(s)"],
              "the logarithm of a softmax that underflows", where=_last_axis, needs="a LogSoftmax over the last axis"),
    rewritten("log-sum-exp-naive", "precision", ("ReduceLogSumExp",), ["e = Exp(a)", "s = ReduceSum<keepdims = 1>(e, axes)", "y = Log(s)"],
              "logsumexp without the subtraction of the maximum", where=_log_sum, values=_SUM,
              needs="a ReduceLogSumExp over the last axis"),
    rewritten("selu-to-elu", "activation", ("Selu",), ["y = Elu(a)"], "the scale of selu is lost"),
    rewritten("mish-to-silu", "activation", ("Mish",), ["s = Sigmoid(a)", "y = Mul(a, s)"], "silu for mish"),
    rewritten("prelu-slope-lost", "activation", ("PRelu",), ["y = LeakyRelu(a)"], "the learned slopes become 0.01"),
    Rule(name="nan-swallowed", family="activation", tells="NaN becomes 0 where the source passes it on",
         needs="a Relu, Clip, Max, Min, pooling or another float node that NaN passes through", find=_nan_find, change=_nan_change),
)  # fmt: skip
