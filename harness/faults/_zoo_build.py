"""How a zoo graph is written: node lines in ONNX text, inputs, and seeded weights with statistics that are not neutral."""

from __future__ import annotations

import functools
import re
from typing import Any, Callable, Mapping, Sequence

import numpy as np

from harness.core.spec import Dim, Domain, TensorSpec, ids, integers, normal
from harness.core.value import value
from harness.core.weights import fill

BATCH = Dim("batch", 1, 4, example=2)
LENGTH = Dim("length", 2, 9, example=5)
_DOT = "__dot__"


@value
class Entry:
    """One graph: its inputs, its outputs, and ``build()``, which returns an `onnx.ModelProto`.

    ``reference``: whether the reference evaluator of the onnx package computes it as the specification says. It reads no
    direction of a recurrence and no lengths, and takes some coordinates and roundings of lengths another way; such graphs
    are good for comparing a mutant with its original in another runtime, and no source of truth.
    """

    name: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[str, ...]
    build: Callable[[], Any]
    reference: bool = True


def entry(
    name: str, inputs: Sequence[TensorSpec], lines: str, outputs: str = "y", opset: int = 20, bodies: Mapping[str, str] | None = None,
    reference: bool = True, **values: Any
) -> Entry:  # fmt: skip
    """Return an entry. A tuple in ``values`` is the shape of a weight, anything else a constant; ``bodies`` are nested graphs."""
    names = tuple(outputs.split())
    build = functools.partial(_model, name, tuple(inputs), lines, names, opset, bodies or {}, values)
    return Entry(name=name, inputs=tuple(inputs), outputs=names, build=build, reference=reference)


def named(held: Mapping[str, Any]) -> dict[str, Any]:
    """Return weights whose names are no identifiers, as keywords for `entry`."""
    return dict(held)


def f32(name: str, *shape: Any, domain: Domain | None = None) -> TensorSpec:
    """Return a float32 input."""
    return TensorSpec(name=name, dtype="float32", shape=shape, domain=domain or normal())


def i64(name: str, *shape: Any, low: int = 0, high: int = 0, below: int = 0) -> TensorSpec:
    """Return an int64 input: ids below ``below``, or whole numbers from ``low`` to ``high``."""
    return TensorSpec(name=name, dtype="int64", shape=shape, domain=ids(below) if below else integers(low, high))


def _model(
    name: str, inputs: Sequence[TensorSpec], lines: str, outputs: Sequence[str], opset: int, bodies: Mapping[str, str],
        values: Mapping[str, Any]
) -> Any:  # fmt: skip
    from onnx import checker, helper, numpy_helper, shape_inference

    graph = helper.make_graph(
        [_node(line.strip(), bodies) for line in lines.splitlines() if line.strip()], name.replace("-", "_"),
            [_info(spec) for spec in inputs], [helper.make_empty_tensor_value_info(output) for output in outputs],
        [numpy_helper.from_array(_array(key, held), key) for key, held in values.items()],
    )  # fmt: skip
    for number, node in enumerate(graph.node):
        node.name = f"/{name}/{node.op_type}_{number}"
    opset_id = helper.make_opsetid("", opset)
    model = helper.make_model(graph, opset_imports=[opset_id], ir_version=helper.find_min_ir_version_for([opset_id]))
    model = shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    checker.check_model(model)
    return model


def _node(line: str, bodies: Mapping[str, str]) -> Any:
    """Return the node of one line. The graphs of an If or Loop are named after a bar."""
    from onnx import helper, parser

    head, _, graphs = line.partition("|")
    # The syntax has no dots in names; weights have them.
    node = parser.parse_node(re.sub(r"\b([A-Za-z_]\w*)\.(?=[A-Za-z])", r"\1" + _DOT, head.strip()))
    node.input[:] = [name.replace(_DOT, ".") for name in node.input]
    for attribute, body in zip(("then_branch", "else_branch") if node.op_type == "If" else ("body",), graphs.split()):
        node.attribute.append(helper.make_attribute(attribute, parser.parse_graph(bodies[body])))
    return node


def _array(name: str, held: Any) -> Any:
    if isinstance(held, tuple):
        return fill(name, held, 0).astype(np.float32)
    array = np.asarray(held)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _info(spec: TensorSpec) -> Any:
    from onnx import helper

    shape = [n.name if isinstance(n, Dim) else n for n in spec.shape]
    return helper.make_tensor_value_info(spec.name, helper.np_dtype_to_tensor_dtype(np.dtype(spec.dtype)), shape)
