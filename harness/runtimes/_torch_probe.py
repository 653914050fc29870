"""The inner tensors of saved PyTorch programs: TorchScript graphs with more outputs, exported graphs run node by node."""

from __future__ import annotations

import copy
from typing import Any, Mapping, Sequence

from harness.core.outputs import flatten
from harness.frameworks._calls import apart, named
from harness.frameworks._torch import Built, arrays_of, tensors_of
from harness.frameworks._torch_trace import is_tensor


def _positional(feeds: Mapping[str, Any]) -> list[Any]:
    tensors = tensors_of(feeds)
    return [tensors[str(index)] for index in range(len(tensors))]


def _numbered(result: Any) -> dict[str, Any]:
    return arrays_of({str(index): tensor for index, tensor in enumerate(flatten(result).values())})


class ScriptProbe:
    """A TorchScript module whose graph, its methods inlined, also returns its inner tensors.

    Hooks are refused by script modules of a file, so the graph itself is given more outputs. Values inside
    control flow are not shown.
    """

    def __init__(self, module: Any) -> None:
        self._module = module

    def names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors of the graph in execution order; one that repeats a weight is left out."""
        found = []
        for node in self._module.inlined_graph.nodes():
            given = [value.debugName() for value in node.inputs() if str(value.type()) == "Tensor"]
            for value in node.outputs():
                if str(value.type()) == "Tensor" and node.kind() not in ("prim::GetAttr", "prim::Constant"):
                    found.append({"name": value.debugName(), "op": node.kind(), "scope": "", "inputs": given})
        return found

    def run(self, feeds: Mapping[str, Any], names: Sequence[str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return tensors by name, and the outputs."""
        import torch

        names = [entry["name"] for entry in self.names(feeds)] if names is None else names
        graph = self._module.inlined_graph
        values = {value.debugName(): value for node in graph.nodes() for value in node.outputs()}
        wanted = [name for name in names if name in values]
        final = list(graph.outputs())
        given = [*final, *(values[name] for name in wanted)]
        joined = graph.create("prim::TupleConstruct", given, 1)
        joined.output().setType(torch._C.TupleType([value.type() for value in given]))
        graph.appendNode(joined)
        for _ in final:
            graph.eraseOutput(0)
        graph.registerOutput(joined.output())
        function = torch._C._create_function_from_graph("probe", graph)
        with torch.no_grad():
            results = function(self._module._c, *_positional(feeds))
        inner = arrays_of(dict(zip(wanted, results[len(final) :])))
        return inner, _numbered(results[: len(final)] if len(final) > 1 else results[0])


class GraphProbe:
    """An exported program, interpreted one node at a time."""

    def __init__(self, module: Any) -> None:
        self._module = module

    def names(self, feeds: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the tensors of the graph in execution order, each with the module it was exported from."""
        shown = self._interpreted(feeds, None)[0]
        found = []
        for node in self._module.graph.nodes:
            if node.name in shown:
                stack = list((node.meta.get("nn_module_stack") or {}).values())
                scope = str(stack[-1][0]) if stack else ""
                given = [other.name for other in node.all_input_nodes if other.op != "get_attr"]
                found.append({"name": node.name, "op": str(node.target), "scope": _unwrapped(scope), "inputs": given})
        return found

    def run(self, feeds: Mapping[str, Any], names: Sequence[str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return tensors by name, and the outputs."""
        return self._interpreted(feeds, None if names is None else set(names))

    def _interpreted(self, feeds: Mapping[str, Any], wanted: set[str] | None) -> tuple[dict[str, Any], dict[str, Any]]:
        import torch

        seen: dict[str, Any] = {}

        class Listener(torch.fx.Interpreter):  # type: ignore[misc]
            def run_node(self, node: Any) -> Any:
                result = super().run_node(node)
                if node.op.startswith("call") and isinstance(result, torch.Tensor) and (wanted is None or node.name in wanted):
                    seen[node.name] = result.detach().clone()  # a later node may change it in place
                return result

        with torch.no_grad():
            result = Listener(self._module).run(*_positional(feeds))
        return arrays_of(seen), _numbered(result)


def _unwrapped(scope: str) -> str:
    if scope == "module":
        return ""
    return scope[len("module.") :] if scope.startswith("module.") else scope


def compiled(
    model: Any, feeds: Mapping[str, Any], names: Sequence[str], options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return outputs of sub-modules, and of the model, from a compiled copy with hooks inside the compiled code."""
    import torch

    twin = Built(copy.deepcopy(model.module), model.inputs, model.outputs)
    paths = {name.split("#")[0].split(":")[0] for name in names}
    log: list[tuple[str, Any]] = []

    def listening(path: str) -> Any:
        def hook(module: Any, args: Any, result: Any) -> None:
            log.append((path, result))

        return hook

    for path, module in twin.module.named_modules():
        if path in paths:
            module.register_forward_hook(listening(path))
    torch.compiler.reset()
    twin.module.compile(backend=options["backend"], dynamic=options["dynamic"], fullgraph=False)
    with torch.no_grad():
        outputs = arrays_of(twin.call(tensors_of(feeds)))
    times: dict[str, int] = {}
    inner: dict[str, Any] = {}
    for path, result in log:
        found: list[Any] = []
        apart(result, is_tensor, found)
        inner.update(zip(named(path, times.get(path, 0), len(found)), arrays_of({str(n): t for n, t in enumerate(found)}).values()))
        times[path] = times.get(path, 0) + 1
    return {name: inner[name] for name in names if name in inner}, outputs
