"""A program as an ONNX graph: nodes and constants are collected, named dimensions kept, the checker asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.core.errors import UsageError
from harness.generate.programs.known import kinds
from harness.generate.programs.op import Kind
from harness.generate.programs.program import Program

OPSET = 17
"""The newest set that every reader of ONNX here knows."""
TYPES = {"float32": 1, "int32": 6, "int64": 7, "bool": 9}
"""Numbers of `onnx.TensorProto.DataType`."""


class Graph:
    """Nodes and constants in the making. Values go by their names."""

    def __init__(self, known: Mapping[str, Kind]) -> None:
        self.known = known
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self._names = 0

    def fresh(self) -> str:
        """Return a name nobody has."""
        self._names += 1
        return f"t{self._names}"

    def constant(self, array: Any) -> str:
        """Return the name of a constant."""
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def single(self, number: float) -> str:
        """Return the name of a float32 scalar."""
        return self.constant(np.float32(number))

    def whole(self, *numbers: int) -> str:
        """Return the name of an int64 vector."""
        return self.constant(np.array(numbers, np.int64))

    def __call__(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return its name."""
        return self.several(op, 1, *inputs, **attributes)[0]

    def several(self, op: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node with several outputs and return their names."""
        from onnx import helper

        outputs = [self.fresh() for _ in range(count)]
        self.nodes.append(helper.make_node(op, list(inputs), outputs, name=f"{op}_{len(self.nodes)}", **attributes))
        return outputs

    def rank(self, name: str) -> int:
        """Return the rank of a value of the program."""
        return self.known[name].rank

    def lengths(self, name: str, axes: list[int]) -> str:
        """Return the lengths of some axes as an int64 vector."""
        return self("Gather", self("Shape", name), self.whole(*axes), axis=0)

    def reshaped(self, name: str, target: list[int | str]) -> str:
        """Return a value reshaped to whole numbers, at most one of them -1, and axes of it as ``a2``."""
        if all(isinstance(n, int) for n in target):
            return self("Reshape", name, self.whole(*(n for n in target if isinstance(n, int))))
        parts = [self.whole(n) if isinstance(n, int) else self.lengths(name, [int(n[1:])]) for n in target]
        return self("Reshape", name, self("Concat", *parts, axis=0))


def build(program: Program) -> Any:
    """Return the `onnx.ModelProto`. Raises `UsageError` for a program that is not valid. Runs in a worker."""
    from onnx import checker, helper, numpy_helper

    from harness.generate.programs.onnx_ops import MEANINGS

    found = kinds(program)
    if found is None:
        raise UsageError(f"the program is not valid:\n{program.text}")
    known = {program.name(number): kind for number, kind in enumerate(found)}
    graph = Graph(known)
    for number, step in enumerate(program.steps, len(program.inputs)):
        made = MEANINGS[step.op](graph, step.attributes, *map(program.name, step.inputs))
        _renamed(graph, made, program.name(number))
    inputs = [helper.make_tensor_value_info(program.name(n), TYPES[i.dtype], list(i.shape)) for n, i in enumerate(program.inputs)]
    # Lengths are left open: what onnx infers for a pool that rounds up is one too many (onnx 1.17).
    outputs = [helper.make_tensor_value_info(program.name(n), TYPES[found[n].dtype], [None] * found[n].rank) for n in program.outputs]
    constants = [numpy_helper.from_array(array, name) for name, array in graph.constants.items()]
    ids = [helper.make_opsetid("", OPSET)]
    made = helper.make_graph(graph.nodes, "program", inputs, outputs, constants)
    model = helper.make_model(made, opset_imports=ids, ir_version=helper.find_min_ir_version_for(ids))
    checker.check_model(model)
    return model


def _renamed(graph: Graph, old: str, new: str) -> None:
    """Give the last value its name; one that some step only passes on gets a node of its own."""
    maker = next((node for node in graph.nodes if old in node.output), None)
    if maker is None or old in graph.known:
        graph("Identity", old)
        maker, old = graph.nodes[-1], graph.nodes[-1].output[0]
    maker.output[:] = [new if name == old else name for name in maker.output]
    for node in graph.nodes:
        node.input[:] = [new if name == old else name for name in node.input]
