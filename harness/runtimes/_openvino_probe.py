"""The inner tensors of an OpenVINO model: outputs added to a copy."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.converters._openvino import openvino


class GraphProbe:
    """The model as it is read, before the device compiles it."""

    def __init__(self, entry: str, device: str, settings: Mapping[str, str]) -> None:
        self._entry = entry
        self._device = device
        self._settings = dict(settings)

    def _ports(self, model: Any) -> Iterator[tuple[str, Any, Any]]:
        """Yield name, operator and port of what is computed from an input; a tensor without a name has that of its operator."""
        alive = {port.node.get_friendly_name() for port in model.inputs}
        used: set[str] = set()
        for operator in model.get_ordered_ops():
            sources = [port.get_source_output().node.get_friendly_name() for port in operator.inputs()]
            if operator.get_type_name() in ("Parameter", "Result", "Constant") or not alive & set(sources):
                continue
            alive.add(operator.get_friendly_name())
            for index, port in enumerate(operator.outputs()):
                name = (sorted(port.get_names()) or [operator.get_friendly_name() + (f":{index}" if index else "")])[0]
                name = name if name not in used else f"{operator.get_friendly_name()}:{index}~{len(used)}"
                used.add(name)
                yield name, operator, port

    def names(self) -> list[dict[str, Any]]:
        """Return the tensors in execution order."""
        model = openvino().Core().read_model(self._entry)
        by_port: dict[tuple[str, int], str] = {}
        found = []
        for name, operator, port in self._ports(model):
            by_port[operator.get_friendly_name(), port.get_index()] = name
            sources = [port.get_source_output() for port in operator.inputs()]
            given = [by_port.get((source.node.get_friendly_name(), source.get_index()), "") for source in sources]
            label = operator.get_friendly_name()
            scope = ".".join(part for part in label.split("/")[:-1] if part)
            scope = scope[len("module.") :] if scope.startswith("module.") else scope
            found.append({"name": name, "op": operator.get_type_name(), "scope": scope, "inputs": [part for part in given if part]})
        return found

    def run(self, feeds: Mapping[str, Any], names: Sequence[str] | None) -> tuple[dict[str, Any], list[Any]]:
        """Return tensors by name, and the outputs in order."""
        core = openvino().Core()
        model = core.read_model(self._entry)
        before = len(model.outputs)
        wanted = [(name, port) for name, _, port in self._ports(model) if names is None or name in names]
        final = [result.input_value(0) for result in model.get_results()]
        known = {(port.node.get_friendly_name(), port.get_index()): index for index, port in enumerate(final)}
        places: dict[str, int] = {}
        for name, port in wanted:
            at = known.get((port.node.get_friendly_name(), port.get_index()))
            if at is None:
                at = len(model.outputs)
                model.add_outputs([port])
            places[name] = at
        results = core.compile_model(model, self._device, self._settings).create_infer_request().infer(dict(feeds))
        return {name: np.array(results[at]) for name, at in places.items()}, [np.array(results[index]) for index in range(before)]
