"""Every operator a program may have, by name."""

from __future__ import annotations

from harness.generate.programs import ops_elementwise, ops_integer, ops_layers, ops_reduce, ops_shape
from harness.generate.programs.op import Op, table

OPS: dict[str, Op] = table(ops_elementwise.OPS, ops_integer.OPS, ops_layers.OPS, ops_reduce.OPS, ops_shape.OPS)
FAMILIES: dict[str, tuple[str, ...]] = {
    family: tuple(op.name for op in OPS.values() if op.family == family) for family in dict.fromkeys(op.family for op in OPS.values())
}
