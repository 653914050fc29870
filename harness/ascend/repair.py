"""The repairs that `parity ascend check --fix` can make by itself. Runs inside workers; none is believed before it was judged."""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping

from harness.ascend.expand import expand, inline
from harness.ascend.finding import few
from harness.ascend.fold import fold
from harness.ascend.lower import to_range
from harness.ascend.model import Model
from harness.ascend.operators import MAIN
from harness.ascend.pads import write_pads
from harness.ascend.preflight import troubled
from harness.core.errors import Unsupported
from harness.core.external import load, save


def _kernel_shape(model: Model) -> list[str]:
    """Write down the kernel's shape of convolutions that leave it to their weight."""
    done = []
    for node in model.nodes():
        dims = node.dims(1)
        if node.op == "Conv" and "kernel_shape" not in node.given and dims and all(isinstance(one, int) for one in dims):
            attribute = node.proto.attribute.add(name="kernel_shape", type=7)
            attribute.ints.extend(one for one in dims[2:] if isinstance(one, int))
            done.append(node.name)
    return [f"kernel_shape of Conv is written down ({few(done)})"] if done else []


def _shape(model: Model) -> list[str]:
    """Take the part of a shape that Shape's start and end ask for by a Slice behind it."""
    from onnx import helper

    done = []
    graph = model.proto.graph
    for node in [node for node in model.nodes() if not node.scope and node.op == "Shape" and node.domain == MAIN]:
        given = {name: node.get(name) for name in ("start", "end") if name in node.given}
        if given in ({}, {"start": 0}):
            continue
        output = node.proto.output[0]
        name = f"{output}/whole"
        for what, length in (("starts", given.get("start", 0)), ("ends", given.get("end", 2**31 - 1))):
            graph.initializer.append(helper.make_tensor(f"{name}/{what}", 7, [1], [length]))
        place = list(graph.node).index(node.proto)
        graph.node.insert(place + 1, helper.make_node("Slice", [name, f"{name}/starts", f"{name}/ends"], [output], f"{name}/slice"))
        node.proto.output[0] = name
        for attribute in [one for one in node.proto.attribute if one.name in given]:
            node.proto.attribute.remove(attribute)
        done.append(node.name)
    return [f"start and end of Shape are in a Slice ({few(done)})"] if done else []


REPAIRS: Mapping[str, Callable[[Model], list[str]]] = {
    "kernel_shape": _kernel_shape, "pads": write_pads, "inline": inline, "fold": lambda model: fold(model, troubled), "expand": expand,
    "shape": _shape, "opset": to_range,
}  # fmt: skip
"""By the name that findings have for them, in the order in which they are made."""


def repair(path: str, name: str, dest: str) -> dict[str, Any]:
    """Make one repair of the model at ``path`` and write it to ``dest``, its weights beside it where they are large.

    Returns ``done``, what was changed (nothing was written where it is empty), and ``problem``, why it cannot be.
    """
    import onnx

    model = Model(load(path))
    try:
        done = REPAIRS[name](model)
        if done:
            # Before, every weight had to be an input too, and these would have to be told apart.
            model.proto.ir_version = max(model.proto.ir_version, 4)
            os.makedirs(os.path.dirname(os.path.abspath(dest)), exist_ok=True)
            save(model.proto, dest)
            onnx.checker.check_model(dest)
    except Unsupported as error:
        return {"done": [], "problem": str(error)}
    except onnx.checker.ValidationError as error:
        return {"done": [], "problem": f"{name} gives no valid model: {str(error).strip().splitlines()[0]}"}
    return {"done": done, "problem": ""}
