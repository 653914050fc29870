"""What of an ONNX graph is in 8 or 16 bits: a quantiser that finds nothing to do says nothing."""

from __future__ import annotations

from typing import Any

from harness.core.errors import Unsupported

PRODUCTS = ("Conv", "ConvTranspose", "MatMul", "Gemm", "FusedMatMul", "LSTM", "GRU", "RNN", "Attention", "Einsum")
"""Operators that multiply matrices: where the time goes, and what a quantisation is for."""
_WHOLE = (
    "QLinearConv", "QLinearMatMul", "QGemm", "MatMulInteger", "ConvInteger", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul",
    "MatMulIntegerToFloat", "QAttention",
)  # fmt: skip
_PASSED = ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear")
# The numbers of int8, uint8, int16 and uint16 among the element types of ONNX.
_SMALL = (2, 3, 4, 5)


class Share:
    """How much is quantised: products of how many, other operators, stored weights, and the products that are not, by type and name."""

    def __init__(self, graph: Any) -> None:
        makers = {name: node for node in graph.node for name in node.output}
        users: dict[str, list[Any]] = {}
        for node in graph.node:
            for name in node.input:
                users.setdefault(name, []).append(node)
        self.products = self.others = 0
        self.left: list[str] = []
        for node in graph.node:
            read = [makers[name].op_type == "DequantizeLinear" for name in list(node.input)[:2] if name in makers]
            if node.op_type in _WHOLE or (node.op_type in PRODUCTS and len(read) == 2 and all(read)):
                self.products += 1
            elif node.op_type in PRODUCTS:
                self.left.append(f"{node.op_type} {node.name or node.output[0]}")
            elif node.op_type.startswith("QLinear") or _between(node, makers, users):
                self.others += 1
        self.weights = sum(tensor.data_type in _SMALL and bool(tensor.dims) for tensor in graph.initializer)

    @property
    def nothing(self) -> bool:
        """Whether the graph computes and stores as it did before."""
        return not self.products and not self.others and not self.weights

    def __str__(self) -> str:
        """Say it."""
        total = self.products + len(self.left)
        said = f"{self.products} of {_count(total, 'product')} quantised" if total else "no product in the graph"
        rest = f", {_count(self.others, 'other operator')}" if self.others else ""
        some = ", ".join(self.left[:4]) + (f" and {len(self.left) - 4} more" if len(self.left) > 4 else "")
        return said + rest + (f"; left in float: {some}" if some else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _between(node: Any, makers: Any, users: Any) -> bool:
    """Return whether an operator reads numbers that were quantised, and what it makes is."""
    reads = any(name in makers and makers[name].op_type == "DequantizeLinear" for name in node.input)
    makes = [user.op_type == "QuantizeLinear" for name in node.output for user in users.get(name, ())]
    return node.op_type not in _PASSED and reads and bool(makes) and all(makes)


def demand(share: Share, graph: Any, tool: str) -> None:
    """Raise `Unsupported` where nothing was quantised, with what is in the graph."""
    if share.nothing:
        kinds = ", ".join(sorted({node.op_type for node in graph.node})) or "no operators"
        raise Unsupported(f"nothing was quantised: {tool} left every operator of the model in float ({kinds[:300]})")


