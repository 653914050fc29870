"""Models that ship inside the ``onnx`` package: where they are, what goes in, and how to make them worth running.

``python suites/e2e/_onnx_bundled.py`` writes the table anew for the onnx package that is installed.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from typing import Any, Iterator

import numpy as np

HERE = os.path.dirname(os.path.realpath(__file__))
TABLE = os.path.join(HERE, "..", "..", "fixtures", "models", "onnx_bundled.json")
GROUPS = ("simple", "pytorch-converted", "pytorch-operator")
RAISED = 17
# The first operator set in which an operator is read alike by every runtime and by the reference
# evaluator. Below it runtimes have dropped the operator, or the evaluator misreads it: it takes the
# statistics of the batch for BatchNormalization, and the last axis for Softmax.
SINCE = {"Add": 7, "AveragePool": 7, "BatchNormalization": 14, "Div": 7, "Gemm": 7, "Mul": 7, "Pow": 7, "PRelu": 7, "Softmax": 13, "Sub": 7}
# The evaluator sums LRN over the wrong axis: no source of truth for these.
MISREAD = ("LRN",)


def data_folder() -> str:
    """Return the folder of bundled models, without importing the package; "" where it is not installed."""
    found = importlib.util.find_spec("onnx")
    return os.path.join(os.path.dirname(found.origin), "backend", "test", "data") if found and found.origin else ""


def table() -> dict[str, Any]:
    """Return model name -> file below `data_folder`, inputs and outputs, as `describe` wrote them."""
    with open(TABLE, encoding="utf-8") as stream:
        return json.load(stream)


def legal(name: str) -> str:
    """Return ``name`` as an identifier: the bundled files call their tensors ``0`` and ``gpu_0/data_0``."""
    name = re.sub(r"[^A-Za-z0-9_.]", "_", name)
    return name if re.match(r"[A-Za-z_]", name) else "tensor_" + name


def load(file: str, head: float = 1.0) -> Any:
    """Return the model with legal input and output names, raised to operator set 17 where it must be.

    ``head`` scales the last filter of a network that gets seeded weights (see `seed_weights`).
    """
    import onnx
    from onnx import version_converter

    model = onnx.load(os.path.join(data_folder(), file))
    if file.startswith("light/"):
        seed_weights(model, head)
    version = model.opset_import[0].version
    if any(version < SINCE.get(node.op_type, 0) for node in model.graph.node):
        model = version_converter.convert_version(model, RAISED)
    names = {value.name: legal(value.name) for value in list(model.graph.input) + list(model.graph.output)}
    for value in list(model.graph.input) + list(model.graph.output) + list(model.graph.initializer):
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return model


def seed_weights(model: Any, head: float) -> None:
    """Put seeded weights where the file has ``ConstantOfShape``, in place; the last filter is scaled by ``head``.

    The "light" networks lost their weights to save space: every filter is one constant, and every
    output is the same number whatever goes in, so that no fault could show. ``head`` keeps the
    softmax at the end from answering 1 for one class and 0 for all others.
    """
    from onnx import numpy_helper

    graph = model.graph
    shapes = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    stubs = [node for node in graph.node if node.op_type == "ConstantOfShape" and node.input[0] in shapes]
    last = [node.input[1] for node in graph.node if node.op_type in ("Conv", "Gemm")][-1]
    for index, node in enumerate(stubs):
        name, shape = node.output[0], tuple(int(n) for n in shapes[node.input[0]])
        values = _values(index, shape, _role(graph, name)) * (head if name == last else 1.0)
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float32), name))
        graph.node.remove(node)
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    # Before version 4 of the format every initializer had to be an input as well.
    model.ir_version = max(model.ir_version, 4)
    inputs = [value for value in graph.input if value.name not in shapes]
    del graph.input[:]
    graph.input.extend(inputs)


def _role(graph: Any, name: str) -> str:
    """Return what the first consumer of a weight uses it for."""
    for node in graph.node:
        if name in node.input:
            place = list(node.input).index(name)
            if node.op_type == "BatchNormalization":
                return ("", "scale", "bias", "mean", "variance")[place]
            if node.op_type in ("Unsqueeze", "Reshape"):
                return _role(graph, node.output[0])
            return {"Mul": "scale", "Add": "bias"}.get(node.op_type, "weight" if place == 1 else "bias")
    return "weight"


def _values(index: int, shape: tuple[int, ...], role: str) -> Any:
    """Return values that keep a signal alive through a deep net of rectifiers: filters have variance 2 / fan-in."""
    rng = np.random.Generator(np.random.Philox(index))
    if role == "weight":
        return rng.normal(0.0, np.sqrt(2.0 / max(1.0, np.prod(shape[1:]))), shape)
    if role in ("scale", "variance"):
        return rng.uniform(0.7, 1.3, shape)
    return rng.normal(0.0, 0.1, shape)


def candidates() -> Iterator[tuple[str, str, str]]:
    """Yield name, file and folder of recorded data ("" for none) of every bundled model."""
    root = data_folder()
    for entry in sorted(os.listdir(os.path.join(root, "light"))):
        if entry.endswith(".onnx"):
            yield entry[: -len(".onnx")], "light/" + entry, ""
    for group in GROUPS:
        for entry in sorted(os.listdir(os.path.join(root, group))):
            yield entry[len("test_") :], group + "/" + entry + "/model.onnx", os.path.join(root, group, entry, "test_data_set_0")


def describe(file: str, recorded: str) -> dict[str, Any] | None:
    """Return the row of one model, or None where the reference evaluator does not reproduce what was recorded with it.

    Rows have tensors only: sequences, strings and gradients are left out.
    """
    import onnx
    from onnx.reference import ReferenceEvaluator

    try:
        if any(node.op_type in MISREAD for node in load(file).graph.node):
            return None
        head = 1.0 if recorded else _head(file)
        model = load(file, head)
        stored = {tensor.name for tensor in model.graph.initializer}
        inputs = [value for value in model.graph.input if value.name not in stored]
        ports = inputs + list(model.graph.output)
        if not all(value.type.HasField("tensor_type") and value.type.tensor_type.elem_type != onnx.TensorProto.STRING for value in ports):
            return None
        feeds = dict(zip([value.name for value in inputs], _recorded(recorded, "input"))) if recorded else _noise(inputs)
        results = ReferenceEvaluator(model).run(None, feeds)
        expected = _recorded(recorded, "output") if recorded else results
        close = all(np.allclose(got, want, rtol=1e-3, atol=1e-5) for got, want in zip(results, expected))
    except Exception:  # whatever the evaluator cannot run is no source of truth
        return None
    sound = close and all(np.isfinite(array).all() and array.size for array in results)
    return _row(file, feeds, [value.name for value in model.graph.output], head) if sound else None


def _head(file: str) -> float:
    """Return what brings the logits, which enter the last softmax, to a standard deviation of 2."""
    from onnx.reference import ReferenceEvaluator

    model = load(file)
    inner = [node.input[0] for node in model.graph.node if node.op_type == "Softmax"]
    if not inner:
        return 1.0
    model.graph.output[0].name = inner[-1]
    stored = {tensor.name for tensor in model.graph.initializer}
    logits = ReferenceEvaluator(model).run(None, _noise([value for value in model.graph.input if value.name not in stored]))[0]
    return float(f"{2.0 / logits.std():.2g}")


def _row(file: str, feeds: dict[str, Any], outputs: list[str], head: float) -> dict[str, Any]:
    rows = []
    for name, array in feeds.items():
        row = {"name": name, "dtype": array.dtype.name, "shape": list(array.shape)}
        if array.dtype.kind in "iu":
            row["range"] = [int(array.min()), int(array.max())]
        rows.append(row)
    return {"file": file, "head": head, "inputs": rows, "outputs": outputs}


def _recorded(folder: str, kind: str) -> list[Any]:
    import onnx
    from onnx import numpy_helper

    arrays = []
    while os.path.exists(os.path.join(folder, f"{kind}_{len(arrays)}.pb")):
        with open(os.path.join(folder, f"{kind}_{len(arrays)}.pb"), "rb") as stream:
            arrays.append(numpy_helper.to_array(onnx.TensorProto.FromString(stream.read())))
    return arrays


def _noise(inputs: list[Any]) -> dict[str, Any]:
    rng = np.random.Generator(np.random.Philox(1))
    shapes = {value.name: [n.dim_value for n in value.type.tensor_type.shape.dim] for value in inputs}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def main() -> None:
    """Write the table."""
    rows = {name: describe(file, recorded) for name, file, recorded in candidates()}
    lines = [f" {json.dumps(name)}: {json.dumps(row)}" for name, row in sorted(rows.items()) if row]
    with open(TABLE, "w", encoding="utf-8") as stream:
        stream.write("{\n" + ",\n".join(lines) + "\n}\n")
    sys.stdout.write(f"{len(lines)} models written; left out: {', '.join(name for name, row in rows.items() if not row)}\n")


if __name__ == "__main__":
    main()
