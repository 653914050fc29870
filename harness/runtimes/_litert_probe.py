"""The inner tensors of a TFLite file, from an interpreter that keeps them all."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import numpy as np


def opened(path: str, feeds: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return an interpreter without XNNPACK that has run on ``feeds``, and the outputs of its signature."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_path=path, experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )  # fmt: skip
    outputs = interpreter.get_signature_runner("serving_default")(**feeds)
    return interpreter, {name: np.array(array) for name, array in outputs.items()}


def names(interpreter: Any) -> list[dict[str, Any]]:
    """Return what operators make of the inputs, in execution order. Names list what was fused; a repeated one gets its number."""
    labels = {item["index"]: item["name"] for item in interpreter.get_tensor_details()}
    alive = {item["index"] for item in interpreter.get_input_details()}
    called: dict[int, str] = {}
    found = []
    for operator in interpreter._get_ops_details():
        if not alive & {int(index) for index in operator["inputs"]}:
            continue
        given = [called[int(index)] for index in operator["inputs"] if int(index) in called]
        for index in map(int, operator["outputs"]):
            alive.add(index)
            label = labels.get(index, "")
            if not label:
                continue
            called[index] = label if list(labels.values()).count(label) == 1 else f"{label}~{index}"
            scope = ".".join(label.split(";")[-1].split("/")[:-1])
            found.append({"name": called[index], "op": operator["op_name"], "scope": scope, "inputs": given, "index": index})
    return found


def tensors(path: str, feeds: Mapping[str, Any], wanted: Sequence[str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return tensors by name, and the outputs of the signature."""
    interpreter, outputs = opened(path, feeds)
    inner = {}
    for entry in names(interpreter):
        if wanted is None or entry["name"] in wanted:
            try:
                inner[entry["name"]] = np.array(interpreter.get_tensor(entry["index"]))
            except ValueError:
                continue  # a resource or a string
    return inner, outputs
