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
    from onnx import checker, helper

    given = dict(attributes)
    late = given.pop(RUN_TIME, "") == "run time"
    model = _model(call, given, specs, late)
    for output in model.graph.output:
        if not output.type.WhichOneof("value"):  # the checker asks for a type where inference knows none
            output.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(np.dtype(specs[0].dtype))
    if late:
        early = _model(call, given, [spec for spec in specs if spec.name != LATE], False)
        for output, known in zip(model.graph.output, early.graph.output):
            # The checker asks for a rank, which inference does not know without the values.
            for axis, _ in enumerate(known.type.tensor_type.shape.dim):
                if len(output.type.tensor_type.shape.dim) <= axis:
                    output.type.tensor_type.shape.dim.add().dim_param = f"{output.name}_{axis}"
    checker.check_model(model)
    return model


def _model(call: Any, attributes: Any, specs: Any, late: bool) -> Any:
    from onnx import defs, helper, shape_inference

    schema = defs.get_schema(call.name, call.opset, "")
    given = dict(attributes)
    outputs = int(given.pop("outputs", schema.min_output or 1))
    constants = {name: given.pop(name) for name in [i.name for i in schema.inputs] if name in given and name not in schema.attributes}
    nodes, initial, names = _inputs(schema, constants, [spec.name for spec in specs if spec.name != LATE], late)
    out = [f"out{number}" for number in range(outputs)]
    nodes.append(helper.make_node(call.name, names, out, **{k: _tensor(k, v) if isinstance(v, Array) else v for k, v in given.items()}))
    graph = helper.make_graph(
        nodes, "sweep", [_info(spec) for spec in specs], [helper.make_empty_tensor_value_info(n) for n in out], initial
    )
    opset = helper.make_opsetid("", call.opset)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=helper.find_min_ir_version_for([opset]))
    return shape_inference.infer_shapes(model, strict_mode=True)


def _inputs(schema: Any, constants: Any, fed: Any, late: bool) -> Any:
    """Return the nodes of constants, the initializers, and the names of the operator's inputs, in order."""
    import numpy as np
    from onnx import defs, helper

    nodes, initial, names = [], [], []
    for formal in schema.inputs:
        if formal.option == defs.OpSchema.FormalParameterOption.Variadic:
            names, fed = names + fed, []
        elif formal.name not in constants:
            names.append(fed[0] if fed else "")
            fed = fed[1:]
        elif isinstance(constants[formal.name], Weights):
            initial.append(_tensor(formal.name, constants[formal.name]))
            names.append(formal.name)
        else:
            item = constants[formal.name]
            names.append(f"c_{formal.name}")
            nodes.append(helper.make_node("Constant", [], names[-1:], value=_tensor(names[-1], item)))
            if late and np.asarray(item.values if isinstance(item, Array) else item).dtype == np.int64:
                nodes.append(helper.make_node("Add", [names[-1], LATE], [f"late_{formal.name}"]))
                names[-1] = f"late_{formal.name}"
    while names and not names[-1]:
        names.pop()
    return nodes, initial, names


def _info(spec: Any) -> Any:
    import numpy as np
    from onnx import helper

    shape = [n.name if isinstance(n, Dim) else n for n in spec.shape]
    return helper.make_tensor_value_info(spec.name, helper.np_dtype_to_tensor_dtype(np.dtype(spec.dtype)), shape)
