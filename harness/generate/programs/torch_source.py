"""A program as PyTorch source: straight-line code that any exporter reads, and that a person can run without this harness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.generate.programs.program import Program
from harness.generate.programs.torch_ops import MEANINGS

_CLASS = """class Model(torch.nn.Module):
    def __init__(self, weights):
        super().__init__()
{members}

    def forward(self, {inputs}):
{body}
"""


class Writer:
    """Collects the weights that expressions name."""

    def __init__(self) -> None:
        self.weights: dict[str, Any] = {}
        self.real = False
        self._value = ""

    def begin(self, value: str) -> None:
        """Note whose weights come next."""
        self._value = value

    def weight(self, role: str, array: Any) -> str:
        """Return the expression for a weight of the current step."""
        name = f"{self._value}_{role}"
        self.weights[name] = np.asarray(array)
        return f"self.{name}"

    @property
    def float(self) -> str:
        """The expression for the model's own float type, which its float64 twin changes."""
        self.real = True
        return "self.real.dtype"


def source(program: Program) -> tuple[str, dict[str, Any]]:
    """Return the text of a class ``Model(weights)`` and its weights by name: float32, or whole numbers for indices."""
    writer = Writer()
    body = []
    for number, step in enumerate(program.steps, len(program.inputs)):
        name = program.name(number)
        writer.begin(name)
        expression = MEANINGS[step.op](writer, step.attributes, *map(program.name, step.inputs))
        body.append(f"        {name} = {expression}")
    # A name for each output: exporters call a tuple's parts after what they return.
    body.append(f"        return {', '.join(map(program.name, program.outputs))}")
    members = [_member(name, array) for name, array in writer.weights.items()]
    if writer.real:
        members.append('        self.register_buffer("real", torch.zeros(()))')
    inputs = ", ".join(program.name(number) for number in range(len(program.inputs)))
    return _CLASS.format(members="\n".join(members or ["        pass"]), inputs=inputs, body="\n".join(body)), writer.weights


def _member(name: str, array: Any) -> str:
    if array.dtype.kind == "f":
        return f'        self.{name} = torch.nn.Parameter(torch.from_numpy(weights["{name}"]), requires_grad=False)'
    return f'        self.register_buffer("{name}", torch.from_numpy(weights["{name}"]))'


def build(program: Program) -> Any:
    """Return the module. Runs in a worker."""
    text, weights = source(program)
    return module(text, weights)


def module(text: str, weights: Mapping[str, Any]) -> Any:
    """Return the module that the text of `source` stands for; its lines are known to exporters that read source files."""
    import linecache

    import torch

    name = f"<program {abs(hash(text)):x}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    space: dict[str, Any] = {"torch": torch, "F": torch.nn.functional}
    exec(compile(text, name, "exec"), space)  # the text is made of tables of ours and numbers: see program_from
    return space["Model"]({key: np.array(array) for key, array in weights.items()})
