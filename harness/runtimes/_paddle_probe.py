"""The inner values of a Paddle inference program, fetched by an executor in static mode."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Callable, ContextManager, Mapping, Sequence

import numpy as np

_SILENT = ("builtin.", "pd_op.data", "pd_op.feed", "pd_op.fetch", "pd_op.full", "pd_op.assign_value")


def _named(program: str) -> Callable[[], ContextManager[None]]:
    """Return the context in which a program is read and run: one of variables needs the representation it was written in."""
    if program.endswith(".pdmodel"):
        with contextlib.suppress(ImportError):
            from paddle.pir_utils import OldIrGuard

            return OldIrGuard  # type: ignore[no-any-return]
    return contextlib.nullcontext


class ProgramProbe:
    """A program in the intermediate representation of Paddle 3 (``model.json``), or one of variables with names (``.pdmodel``)."""

    def __init__(self, program: str) -> None:
        import paddle

        self._named = _named(program)
        dynamic = paddle.in_dynamic_mode()
        paddle.enable_static()
        try:
            self._scope = paddle.static.Scope()
            with paddle.static.scope_guard(self._scope), self._named():
                self._executor = paddle.static.Executor(paddle.CPUPlace())
                loaded = paddle.static.load_inference_model(os.path.splitext(program)[0], self._executor)
            self._program, self._feeds, self._final = loaded
            block = self._program.global_block()
            for operator in list(block.ops) if hasattr(block, "remove_op") else ():
                if operator.name() == "pd_op.fetch":  # its columns would clash with those of other values
                    block.remove_op(operator)
        finally:
            if dynamic:
                paddle.disable_static()

    def _values(self) -> dict[str, tuple[str, Any]]:
        """Return name -> operator and value, in execution order. Values of the new representation are numbered: they have no names."""
        found: dict[str, tuple[str, Any]] = {}
        for number, operator in enumerate(self._program.global_block().ops):
            if not hasattr(operator, "results"):
                for name in operator.output_arg_names:
                    if operator.type not in ("feed", "fetch"):
                        found[name] = operator.type, self._program.global_block().var(name)
                continue
            if not operator.name().startswith(_SILENT):
                for place, result in enumerate(operator.results()):
                    # A result that nobody reads (the statistics of a normalisation) may never be computed.
                    if result.initialized() and result.is_dense_tensor_type() and not result.use_empty():
                        found[f"{number}:{operator.name()[6:]}" + (f":{place}" if place else "")] = operator.name(), result
        return found

    def names(self) -> list[dict[str, Any]]:
        """Return the values in execution order."""
        return [{"name": name, "op": op, "scope": "", "inputs": []} for name, (op, _) in self._values().items()]

    def run(self, feeds: Mapping[str, Any], names: Sequence[str] | None) -> tuple[dict[str, Any], list[Any]]:
        """Return values by name, and the outputs in order."""
        import paddle

        values = self._values()
        wanted = [name for name in values if names is None or name in names]
        dynamic = paddle.in_dynamic_mode()
        paddle.enable_static()
        try:
            with paddle.static.scope_guard(self._scope), self._named():
                given = {name: np.ascontiguousarray(feeds[name]) for name in self._feeds}
                fetched = [values[name][1] for name in wanted]
                results = self._executor.run(self._program, feed=given, fetch_list=[*fetched, *self._final])
        finally:
            if dynamic:
                paddle.disable_static()
        inner = {name: np.array(array) for name, array in zip(wanted, results)}
        return inner, [np.array(array) for array in results[len(wanted) :]]
