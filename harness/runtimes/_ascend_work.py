"""How much work a node is, estimated from shapes: floating point operations of the matrix unit and of the vector unit."""

from __future__ import annotations

from typing import Any, Sequence

import numpy as np

# Operations for each element where an operator takes several, and none where it only moves numbers.
_STEPS = {
    "Softmax": 5, "LogSoftmax": 5, "LayerNormalization": 8, "InstanceNormalization": 8, "GroupNormalization": 8, "BatchNormalization": 2,
    "Gelu": 8, "ReduceL2": 2, "ReduceSumSquare": 2, "LRN": 4,
}  # fmt: skip
_MOVES = frozenset((
    "Reshape", "Transpose", "Gather", "GatherElements", "GatherND", "Slice", "Split", "Concat", "Squeeze", "Unsqueeze", "Flatten",
    "Expand", "Tile", "Identity", "Pad", "DepthToSpace", "SpaceToDepth", "Cast", "Shape", "Constant", "ConstantOfShape", "Where",
    "ScatterND", "ScatterElements", "Dropout",
))  # fmt: skip
EXACT = _MOVES | frozenset(("Relu", "Neg", "Abs", "Max", "Min", "MaxPool", "GlobalMaxPool", "ReduceMax", "ReduceMin", "Clip", "TopK"))
"""Operators that give numbers they were given, or these with another sign: what fits a type still does."""


def work(node: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> tuple[float, float]:
    """Return the operations of the matrix unit and of the vector unit; a multiplication and an addition count as two."""
    op, made = node.op_type, np.asarray(outputs[0]).size if outputs else 0
    shapes = [np.shape(array) for array in inputs]
    if op == "MatMul":
        return 2.0 * made * shapes[0][-1], 0.0
    if op == "Gemm":
        return 2.0 * made * shapes[0][0 if node.transA else 1], 0.0
    if op == "Conv":
        return 2.0 * made * float(np.prod(shapes[1][1:])), 0.0
    if op == "ConvTranspose":
        return 2.0 * float(np.prod(shapes[0])) * float(np.prod(shapes[1][1:])), 0.0
    if op == "Einsum":
        return 2.0 * _einsum(str(node.equation), shapes, made), 0.0
    if op in ("LSTM", "GRU", "RNN"):
        steps = shapes[0][0] * shapes[0][1]
        return 2.0 * steps * float(np.prod(shapes[1]) + np.prod(shapes[2])), float(steps * shapes[1][1])
    if op in _MOVES:
        return 0.0, 0.0
    largest = max([made, *(int(np.prod(shape)) for shape in shapes)])
    return 0.0, float(_STEPS.get(op, 1) * largest)


def _einsum(equation: str, shapes: Sequence[Sequence[int]], made: int) -> float:
    """Return the product of the lengths of all letters; where an ellipsis hides some, that of the result alone."""
    terms = equation.replace(" ", "").split("->")[0].split(",")
    if "." in equation or len(terms) != len(shapes):
        return float(made)
    lengths = {letter: length for term, shape in zip(terms, shapes) for letter, length in zip(term, shape)}
    return float(np.prod(list(lengths.values()))) if lengths else float(made)
