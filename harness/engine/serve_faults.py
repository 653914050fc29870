"""The verbs of a worker for planted faults: where they can be planted, and whether one is a real change. Runs inside workers only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from harness.core.artifact import artifact_from
from harness.core.errors import UsageError
from harness.core.external import array_of, load
from harness.core.registry import Registry


class Faults:
    """Part of `harness.engine.serve.Serve`, which holds the adapters."""

    _registry: Registry

    def fault_sites(self, source: Mapping[str, Any], operators: Sequence[str]) -> dict[str, Any]:
        """Return the places in an ONNX artifact: operator, family, what it tells, and its sites; of ``operators``, or of all.

        A site has ``node`` (its first output), ``name`` (of that node, "" for none), ``tensor``, ``layer`` and ``detail``.
        """
        from harness.faults.graphs import OPERATORS
        from harness.faults.operator import find

        model = _loaded(source)
        chosen = [find(OPERATORS, name) for name in operators] or list(OPERATORS.values())
        makers = {output: node.name for node in model.graph.node for output in node.output}
        found = []
        for operator in chosen:
            sites = [
                {"node": s.node, "name": makers.get(s.node, ""), "tensor": s.tensor, "layer": s.layer, "detail": s.detail}
                for s in operator.sites(model)
            ]
            if sites:
                found.append({"operator": operator.name, "family": operator.family, "tells": operator.tells, "sites": sites})
        return {"found": found}

    def fault_reality(self, clean: Mapping[str, Any], mutant: Mapping[str, Any], feeds: Mapping[str, Any], count: int) -> dict[str, Any]:
        """Return how far a mutant is from its original over ``count`` inputs, whose arrays are called ``NUMBER/native name``.

        Asked of the evaluator in float64 first, then of that in the graph's own types, see `harness.faults.reality.differs`.
        ``changed`` holds names and outputs of the nodes that are not what they were.
        """
        from harness.faults.reality import differs

        evaluators = self._registry.get("frameworks", "onnx").evaluators()
        samples = [{name.split("/", 1)[1]: array for name, array in feeds.items() if name.startswith(f"{n}/")} for n in range(count)]
        before, after = _loaded(clean), _loaded(mutant)
        found = differs(before, after, samples, evaluators)
        return {
            "kind": found.kind, "scaled": found.scaled, "feed": found.feed, "output": found.output, "note": found.note,
            "changed": _changed(before, after),
        }  # fmt: skip


def _changed(clean: Any, mutant: Any) -> list[str]:
    """Return name and first output of every node of ``clean`` that ``mutant`` lacks or defines otherwise, its weights included."""

    def defined(model: Any) -> dict[str, Any]:
        weights = {tensor.name: (tensor.data_type, list(tensor.dims), _digest(array_of(tensor))) for tensor in model.graph.initializer}
        return {
            node.output[0]: (
                node.op_type, list(node.input), list(node.output), sorted(a.SerializeToString(deterministic=True) for a in node.attribute),
                [weights.get(name) for name in node.input],
            )
            for node in model.graph.node
        }  # fmt: skip

    now, names = defined(mutant), {node.output[0]: node.name for node in clean.graph.node}
    return [part for output, was in defined(clean).items() if now.get(output) != was for part in (names[output], output) if part]


def _loaded(source: Mapping[str, Any]) -> Any:
    artifact = artifact_from(source)
    if artifact.format != "onnx":
        raise UsageError(f"faults are planted into ONNX files; this artifact is a {artifact.format}")
    return load(artifact.entry)


def _digest(array: Any) -> str:
    """Return the SHA-256 of the numbers, or texts, of an array."""
    return hashlib.sha256(repr(array.tolist()).encode() if array.dtype == object else array.tobytes()).hexdigest()
