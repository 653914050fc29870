"""A PyTorch model taken apart: every call of a sub-module, and of a function between sub-modules, each able to run alone."""

from __future__ import annotations

import contextlib
import hashlib
import re
from typing import Any, Iterator, Mapping, Sequence

from harness.frameworks._calls import Slot, Tape, apart, ended, follow, missing, together, unusable, whole, words
from harness.frameworks._torch import Built, arrays_of, tensors_of
from harness.frameworks._torch_trace import _array, config_of, is_tensor

# An attribute that only says which of several equal blocks this is.
_WHICH = re.compile(r"(^|_)(idx|index|id|name|prefix|training)$")


def signature_of(module: Any) -> str:
    """Return a digest that sub-modules of the same types and settings share, whatever their weights."""
    total = hashlib.sha1()
    for path, part in module.named_modules():
        total.update(f"{path}/{type(part).__module__}.{type(part).__qualname__}/{part.extra_repr()}".encode())
        for name, said in sorted(vars(part).items()):
            if not name.startswith("_") and not _WHICH.search(name) and isinstance(said, (int, float, str, tuple, list)):
                total.update(f"{name}={said!r}".encode())
            elif callable(said) and hasattr(said, "__name__"):
                total.update(f"{name}={said.__name__}".encode())
    return total.hexdigest()[:16]


class _Walk:
    """What one walk collects; ``quiet`` while it looks at tensors itself."""

    def __init__(self, model: Built, wanted: Sequence[str] | None) -> None:
        self.tape = Tape(wanted)
        self.kept: dict[tuple[str, int], Any] = {}
        self.functions: dict[tuple[str, int], Any] = {}
        self.quiet = False
        self.owned = {id(tensor) for tensor in (*model.module.parameters(), *model.module.buffers())}
        self.single = {path for path, part in model.module.named_modules() if path and not list(part.children())}
        self.signatures: dict[str, str] = {}

    def is_input(self, item: Any) -> bool:
        return is_tensor(item) and id(item) not in self.owned

    def enter(self, path: str, kind: str, config: str, arguments: Any) -> dict[str, Any]:
        found: list[Any] = []
        kept = apart(arguments, self.is_input, found)
        call = self.tape.enter(path, kind, config, [_array(tensor) for tensor in found])
        call.update(ops=0, said=words(kept), problem=_problem(kept))
        self.kept[path, call["call"]] = kept
        return call

    def leave(self, result: Any) -> None:
        found: list[Any] = []
        apart(result, is_tensor, found)
        call = self.tape.top
        assert call is not None
        call["problem"] = call["problem"] or unusable(result, found)
        self.tape.leave([_array(tensor) for tensor in found])

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        self.quiet = True
        try:
            yield
        finally:
            self.quiet = False


def _problem(kept: Any) -> str:
    """Return why arguments cannot be given again: an object with a state that a call may change."""
    if isinstance(kept, (tuple, list)):
        return next(filter(None, map(_problem, kept)), "")
    if isinstance(kept, dict):
        return next(filter(None, map(_problem, kept.values())), "")
    state = vars(kept).values() if hasattr(kept, "__dict__") and not callable(kept) and not is_tensor(kept) else ()
    if "Cache" in type(kept).__name__ or any(map(is_tensor, state)):
        return f"takes a {type(kept).__name__}, which a call may change"
    return ""


def walk(model: Built, feeds: Mapping[str, Any], wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return every call of a sub-module and of a function outside the innermost ones, as `Tape` does.

    Each has as well ``ops`` (functions called directly in it), ``said`` (arguments that are no tensors), ``signature`` (shared by
    calls that only differ in weights and values) and ``problem`` (why it cannot run alone, "" for nothing known).
    """
    import torch
    from torch.overrides import TorchFunctionMode

    state = _Walk(model, wanted)
    parts = {path: part for path, part in model.module.named_modules() if path and not isinstance(part, torch.jit.ScriptModule)}

    class Functions(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            return func(*args, **kwargs) if state.quiet else _called(state, func, args, kwargs)

    def before(path: str) -> Any:
        def hook(module: Any, args: Any, kwargs: Any) -> None:
            with state.looking():
                call = state.enter(path, type(module).__name__, config_of(module), (args, kwargs))
                if path not in state.signatures:
                    state.signatures[path] = signature_of(module)
                call["signature"] = state.signatures[path]

        return hook

    def after(module: Any, args: Any, kwargs: Any, result: Any) -> None:
        with state.looking():
            state.leave(result)

    handles = []
    try:
        for path, part in parts.items():
            handles.append(part.register_forward_pre_hook(before(path), with_kwargs=True))
            handles.append(part.register_forward_hook(after, with_kwargs=True, always_call=False))
        whole(state.tape, type(model.module).__name__, feeds)
        state.tape.calls[0].update(ops=0, said="", signature="", problem="")
        tensors = tensors_of(feeds)
        with torch.no_grad(), Functions():
            outputs = model.call(tensors)
        outputs = arrays_of(outputs)
    finally:
        for handle in handles:
            handle.remove()
    model.captured, model.functions = state.kept, state.functions
    return ended(state.tape, outputs)


def _called(state: _Walk, func: Any, args: Any, kwargs: Any) -> Any:
    """Run a function; note it where it makes tensors between sub-modules, count it where it does inside one."""
    top = state.tape.top
    if top is None:
        return func(*args, **kwargs)
    name = _name(func)
    if top["path"] in state.single:
        result = func(*args, **kwargs)
        top["ops"] += bool(_tensors(result)) and name not in _LOOKING
        return result
    mark = len(state.tape.calls)
    call = state.enter(f"{top['path']}+{name}", name, "", (args, kwargs))
    try:
        result = func(*args, **kwargs)
    except BaseException:
        _forget(state, mark)
        raise
    made = args[0] if result is None and _in_place(func) else result
    if name in _LOOKING or not _tensors(made) or not _tensors((args, kwargs)):
        _forget(state, mark)
        top["ops"] += bool(_tensors(made)) and name not in _LOOKING
        return result
    call.update(ops=1, signature=name)
    state.functions[call["path"], call["call"]] = func
    state.leave(made)
    return result


def _forget(state: _Walk, mark: int) -> None:
    call = state.tape.calls[mark]
    state.tape.forget()
    state.kept.pop((call["path"], call["call"]), None)


# They look at a tensor, or hand it on as it is.
_LOOKING = ("size", "dim", "data", "detach", "requires_grad_", "numpy", "device", "dtype", "grad", "is_floating_point", "item", "tolist")


def _name(func: Any) -> str:
    name = str(getattr(func, "__name__", "function"))
    if name in ("__get__", "__set__"):  # the getter of an attribute such as .T
        name = str(getattr(getattr(func, "__self__", None), "__name__", name))
    return name.strip("_") if name.startswith("__") else name


def _tensors(result: Any) -> list[Any]:
    found: list[Any] = []
    apart(result, is_tensor, found)
    return found


def _in_place(func: Any) -> bool:
    name = str(getattr(func, "__name__", ""))
    return name in ("__setitem__", "__iadd__", "__isub__", "__imul__", "__itruediv__") or (name.endswith("_") and not name.endswith("__"))


def sub(model: Built, path: str, number: int, bound: Sequence[Sequence[int]]) -> Any:
    """Return a module that makes one call alone: of its tensors, by position. Raises `UsageError` before a walk."""
    import torch

    if (path, number) not in model.captured:
        raise missing(path, number)
    function: Any = model.functions.get((path, number))
    module: Any = None if function is not None else dict(model.module.named_modules())[path]
    kept = model.captured[path, number]
    taken: list[Any] = [None] * _slots(kept)
    inputs = len(taken)
    kept = apart(kept, is_tensor, taken)

    class Part(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.part = module
            for place, tensor in enumerate(taken[inputs:]):
                self.register_buffer(f"weight_{place}", tensor.detach().clone())

        def forward(self, *tensors: Any) -> Any:
            own = [getattr(self, f"weight_{place}") for place in range(len(taken) - inputs)]
            args, kwargs = together(follow(kept, bound, [tensor.shape for tensor in tensors]), [*tensors, *own])
            if module is not None:
                return self.part(*args, **kwargs)
            if _in_place(function):
                args = (args[0].clone(), *args[1:])
                result = function(*args, **kwargs)
                return args[0] if result is None else result
            return function(*args, **kwargs)

    return Part()


def _slots(kept: Any) -> int:
    if isinstance(kept, Slot):
        return kept.number + 1
    parts = kept.values() if isinstance(kept, dict) else kept if isinstance(kept, (tuple, list)) else ()
    return max(map(_slots, parts), default=0)
