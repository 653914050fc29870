"""How a row of a sweep becomes an ONNX model of one operator."""

from __future__ import annotations

from typing import Any

from harness import Dim
from harness.core.value import value
from harness.generate.schemas import RUN_TIME

LATE = "zero"
"""The input that is fed a zero, which is added to each whole-number constant so that it is known at run time only."""


@value
class Weights:
    """A float32 parameter of this shape, filled with seeded values. ``positive``: a variance."""

    shape: tuple[int, ...]
    positive: bool = False

    def __repr__(self) -> str:
        return "weights"


@value
class Array:
    """A constant of another type than int64 or float32."""

    values: Any
    dtype: str

    def __repr__(self) -> str:
        return f"{self.dtype}{self.values}"


def _tensor(name: str, item: Any) -> Any:
    import numpy as np
    from onnx import numpy_helper

    from harness.core.weights import fill

    if isinstance(item, Weights):
        return numpy_helper.from_array(np.asarray(fill(name, item.shape, 0, "variance" if item.positive else "weight"), np.float32), name)
    if isinstance(item, Array):
        return numpy_helper.from_array(np.asarray(item.values).astype(item.dtype), name)
    array = np.asarray(item)
    return numpy_helper.from_array(array.astype(np.float32) if array.dtype == np.float64 else array, name)


def onnx_make(call: Any, attributes: Any, specs: Any) -> Any:
    """Return a model of one node. Attributes named as an input of the schema become constants; the other inputs are fed, in order."""
    import numpy as np
    from onnx import checker, defs, helper, shape_inference

    schema = defs.get_schema(call.name, call.opset, "")
    given = dict(attributes)
    late, outputs = given.pop(RUN_TIME, "") == "run time", int(given.pop("outputs", schema.min_output or 1))
    constants = {name: given.pop(name) for name in [i.name for i in schema.inputs] if name in given and name not in schema.attributes}
    nodes, initial, names = [], [], []
    fed = [spec.name for spec in specs if spec.name != LATE]
    for formal in schema.inputs:
        if formal.option == defs.OpSchema.FormalParameterOption.Variadic:
            names, fed = names + fed, []
        elif formal.name in constants:
            item = constants[formal.name]
            if isinstance(item, Weights):
                initial.append(_tensor(formal.name, item))
                names.append(formal.name)
                continue
            name = f"c_{formal.name}"
            nodes.append(helper.make_node("Constant", [], [name], value=_tensor(name, item)))
            if late and np.asarray(item.values if isinstance(item, Array) else item).dtype == np.int64:
                nodes.append(helper.make_node("Add", [name, LATE], [f"late_{formal.name}"]))
                name = f"late_{formal.name}"
            names.append(name)
        elif fed:
            names.append(fed.pop(0))
        else:
            names.append("")
    while names and not names[-1]:
        names.pop()
    out = [f"out{number}" for number in range(outputs)]
    nodes.append(helper.make_node(call.name, names, out, **{k: _tensor(k, v) if isinstance(v, Array) else v for k, v in given.items()}))
    graph = helper.make_graph(nodes, "sweep", [_info(spec) for spec in specs], [helper.make_empty_tensor_value_info(n) for n in out], initial)
    opset = helper.make_opsetid("", call.opset)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=helper.find_min_ir_version_for([opset]))
    model = shape_inference.infer_shapes(model, strict_mode=True)
    for output in model.graph.output:
        if not output.type.WhichOneof("value"):  # the checker asks for a type where inference knows none
            output.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(specs[0].dtype))
    if all(output.type.tensor_type.HasField("shape") for output in model.graph.output):
        checker.check_model(model)  # which asks for a rank, and a rank can depend on values
    return model


def _info(spec: Any) -> Any:
    import numpy as np
    from onnx import helper

    shape = [n.name if isinstance(n, Dim) else n for n in spec.shape]
    return helper.make_tensor_value_info(spec.name, helper.np_dtype_to_tensor_dtype(np.dtype(spec.dtype)), shape)
