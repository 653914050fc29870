"""The inner tensors of TensorFlow: those of a frozen signature, and the outputs of a live model's layers."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from harness.frameworks import _keras_trace
from harness.frameworks._calls import names_of, paths_of, shown
from harness.frameworks._tensorflow import Built, arrays_of

_SILENT = ("Const", "Placeholder", "NoOp", "ReadVariableOp")


class GraphProbe:
    """A signature whose functions are inlined and whose variables are constants, so that every tensor can be fetched."""

    def __init__(self, signature: Any) -> None:
        self._signature = signature
        self._frozen: Any = None

    def _function(self) -> Any:
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        if self._frozen is None:
            self._frozen = convert_variables_to_constants_v2(self._signature)
        return self._frozen

    def names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors that depend on an input, in execution order; the scope is the way through the name scopes."""
        function = self._function()
        alive = {tensor.name for tensor in function.inputs}
        found = []
        for operation in function.graph.get_operations():
            given = [tensor.name for tensor in operation.inputs if tensor.name in alive]
            if operation.type in _SILENT or not given:
                continue
            scope = ".".join(operation.name.split("/")[:-1])
            for tensor in operation.outputs:
                alive.add(tensor.name)
                if tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool:
                    found.append({"name": tensor.name, "op": operation.type, "scope": scope, "inputs": given})
        return found

    def run(self, feeds: Mapping[str, Any], names: Sequence[str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return tensors by name, and the outputs of the signature."""
        import tensorflow as tf

        function = self._function()
        wanted = [entry["name"] for entry in self.names(feeds)] if names is None else list(names)
        graph = function.graph
        pruned = function.prune([t.name for t in function.inputs], [graph.get_tensor_by_name(n) for n in wanted] + list(function.outputs))
        ordered = [tf.convert_to_tensor(feeds[tensor.name.split(":")[0]]) for tensor in function.inputs]
        results = pruned(*ordered)
        inner = arrays_of(dict(zip(wanted, results)))
        return inner, arrays_of(dict(zip(sorted(self._signature.structured_outputs), results[len(wanted) :])))


class LayerProbe:
    """A live Keras model: the outputs of its layers."""

    def __init__(self, model: Built) -> None:
        self._model = model

    def names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the outputs of layers in execution order."""
        return names_of(_keras_trace.trace(self._model, feeds, ()))

    def run(self, feeds: Mapping[str, Any], names: Sequence[str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return outputs of layers by name, and those of the model."""
        return shown(_keras_trace.trace(self._model, feeds, paths_of(names)), names)
