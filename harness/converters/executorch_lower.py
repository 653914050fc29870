"""Programs of torch.export to ExecuTorch: for its portable kernels alone, or with XNNPACK taking what it can."""

from __future__ import annotations

import json
import os
import re
from typing import Any, Mapping

from harness.core.errors import Unsupported
from harness.core.protocols import Converted, Option, Source
from harness.frameworks._torch_shapes import specialised

_REFUSED = (
    (re.compile(r"Operator torch\._ops\.([\w.]+) is not in Core ATen opset"), "{} is not in Core ATen opset"),
    (re.compile(r"mismatched dtypes:\s+Operator: <EdgeOpOverload: ([\w.]+)>"), "{} mixes types that its dialect has no kernel for"),
    (re.compile(r"(XNNPACK reshape) only supports 1 dynamic dimension"), "{} takes one dynamic axis"),
    (re.compile(r"Missing out variants: \{'([\w:.]+)'"), "{} has no variant that writes into memory planned ahead"),
)


def refusal(error: Exception) -> Unsupported | None:
    """Return the refusal that an error of the compiler stands for, None where it names no operator as one it does not take."""
    for pattern, words in _REFUSED:
        found = pattern.search(str(error))
        if found:
            return Unsupported(f"ExecuTorch refuses: {words.format(found[1])}")
    return None


def _without_expressions(module: Any) -> None:
    """Take the ranges of expressions (4*H) out of what is known of a reopened program, those of its symbols stay.

    Decomposition asserts on them, in programs that were saved and reopened only.
    """
    for node in module.graph.nodes:
        for length in getattr(node.meta.get("val"), "shape", ()):
            if hasattr(length, "node"):
                known = length.node.shape_env.var_to_range
                for expression in [key for key in known if not key.is_Symbol]:
                    del known[expression]
                return


class _Lower:
    sources = ("torch.exported",)
    target = "executorch.pte"
    toolchain = "executorch"
    distributions = ("executorch", "torch")
    options: tuple[Option, ...] = ()
    backend = ""

    def partitioners(self) -> list[Any]:
        """Return what picks the operators that a backend takes."""
        return []

    def convert(self, source: Source, dest: str, options: Mapping[str, Any]) -> Converted:
        """Lower the program; which operators it calls and how many a backend took is kept beside it."""
        import torch
        from executorch.devtools.backend_debug import get_delegation_info
        from executorch.exir import to_edge_transform_and_lower

        exported = torch.export.load(source.artifact.entry)
        _without_expressions(exported.graph_module)
        try:
            edge = to_edge_transform_and_lower(exported, partitioner=self.partitioners() or None)
            shares = get_delegation_info(edge.exported_program().graph_module)
            program = edge.to_executorch()
        except Exception as error:  # the verifier, the lowering and the planner each raise types of their own
            raise refusal(error) or error
        with open(os.path.join(dest, "model.pte"), "wb") as file:
            file.write(program.buffer)
        calls = [node.target for node in program.exported_program().graph.nodes if node.op == "call_function"]
        called = [target._schema for target in calls if hasattr(target, "_schema")]
        kinds = {str(weight.dtype).replace("torch.", "") for weight in exported.state_dict.values() if weight.is_floating_point()}
        told = {
            "precision": " ".join(sorted(kinds)) or "float32",
            "backend": self.backend,
            "delegated": shares.num_delegated_nodes,
            "own": shares.num_non_delegated_nodes,
            "operators": sorted({f"{schema.name}.{schema.overload_name}" if schema.overload_name else schema.name for schema in called}),
        }
        with open(os.path.join(dest, "model.json"), "w", encoding="utf-8") as file:
            json.dump(told, file)
        lowered = edge.exported_program()
        nodes = {node.name: node for node in lowered.graph.nodes}
        found = [nodes[name].meta["val"].shape for name in lowered.graph_signature.user_inputs if name in nodes]
        messages = specialised(source, {port.name: tuple(shape) for port, shape in zip(source.artifact.inputs, found)})
        if self.backend and not shares.num_delegated_nodes:
            messages += (f"{self.backend} took no operator of this program",)
        return Converted(entry="model.pte", messages=messages)


class Portable(_Lower):
    """Every operator by a kernel of ExecuTorch itself."""

    name = "executorch.portable"


class Xnnpack(_Lower):
    """XNNPACK where it has the operator, the portable kernels elsewhere."""

    name = "executorch.xnnpack"
    backend = "XnnpackBackend"

    def partitioners(self) -> list[Any]:
        """Return XNNPACK's, for float32."""
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

        return [XnnpackPartitioner()]


ADAPTERS = (Portable(), Xnnpack())
