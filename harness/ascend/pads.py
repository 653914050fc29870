"""Padding that a node leaves to a rule (SAME_LOWER, SAME_UPPER), as numbers."""

from __future__ import annotations

from harness.ascend.finding import few
from harness.ascend.model import Model, Node

_RULES = ("SAME_LOWER", "SAME_UPPER")


def padding(node: Node) -> list[int] | None:
    """Return the pads at all beginnings, then at all ends, that the rule of a pool or convolution means; None where lengths are open.

    As the ONNX standard has it: ``total = max((ceil(length / stride) - 1) * stride + dilation * (kernel - 1) + 1 - length, 0)``, and of
    an odd total the larger half stands at the beginning for SAME_LOWER.
    """
    rule, dims, weight = node.get("auto_pad"), node.dims(0), node.dims(1)
    kernel = node.get("kernel_shape") or [one for one in (weight or [])[2:] if isinstance(one, int)]
    lengths = [one for one in (dims or [])[2:] if isinstance(one, int)]
    if rule not in _RULES or not kernel or len(lengths) != len(kernel) or len(lengths) != len(dims or ()) - 2:
        return None
    ones = [1] * len(kernel)
    totals = [
        max((-(-length // stride) - 1) * stride + dilation * (size - 1) + 1 - length, 0)
        for length, size, stride, dilation in zip(lengths, kernel, node.get("strides", ones), node.get("dilations", ones))
    ]
    begins = [(total + 1) // 2 if rule == "SAME_LOWER" else total // 2 for total in totals]
    return begins + [total - begin for total, begin in zip(totals, begins)]


def write_pads(model: Model) -> list[str]:
    """Give pools with SAME_LOWER, and convolutions over three axes, the pads that their rule means; return what was done."""
    done = []
    for node in model.nodes():
        wanted = (node.op in ("MaxPool", "AveragePool") and node.get("auto_pad") == "SAME_LOWER") or (
            node.op == "Conv" and node.rank(0) == 5
        )
        pads = padding(node) if wanted else None
        if pads is None:
            continue
        for attribute in [one for one in node.proto.attribute if one.name in ("auto_pad", "pads")]:
            node.proto.attribute.remove(attribute)
        node.proto.attribute.add(name="pads", type=7).ints.extend(pads)
        done.append(node.name)
    return [f"pads stand for the rule of auto_pad ({few(done)})"] if done else []
