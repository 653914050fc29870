"""A Paddle layer taken apart: every call of a sub-layer and of a function between sub-layers, each able to run alone."""

from __future__ import annotations

import contextlib
import sys
import types
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.frameworks._calls import apart, ended, follow, missing, together
from harness.frameworks._paddle_trace import config_of, is_tensor
from harness.frameworks._walks import Walk, cloned, digest, in_place, settings, slots, wrapped

PROGRAM = "a saved program is one call: Paddle shows nothing of what is inside"
MOST = 12
_LOOKING = (
    "to_tensor", "assign", "is_tensor", "detach", "clone", "numpy", "item", "tolist", "dim", "ndimension", "cpu", "is_floating_point",
    "is_integer", "is_complex", "is_empty", "set_value", "register_hook", "get_default_dtype", "set_printoptions", "in_dynamic_mode",
    "backward", "gradient", "clear_grad", "value", "block", "apply", "element_size", "stop_gradient", "seed",
)  # fmt: skip
_SIZING = ("shape", "numel", "rank")
_OPERATORS = (
    "add", "radd", "sub", "rsub", "mul", "rmul", "div", "truediv", "rdiv", "rtruediv", "floordiv", "rfloordiv", "pow", "rpow", "mod",
    "rmod", "matmul", "rmatmul", "gt", "ge", "lt", "le", "eq", "ne", "getitem", "setitem", "neg", "abs", "and", "or", "xor", "invert",
)  # fmt: skip


def walk(model: Any, feeds: Mapping[str, Any], wanted: Sequence[str] | None) -> list[dict[str, Any]]:
    """Return every call of a sub-layer and of a function outside the innermost ones; see `harness.core.protocols.Framework`."""
    state = _PaddleWalk(model, wanted)
    closed = hasattr(model.layer, "_input_spec")
    state.begin(type(model.layer).__name__, feeds, *((1, PROGRAM) if closed else (0, "")))
    with contextlib.nullcontext() if closed else state.watching():
        outputs = model.call(feeds)
    model.captured, model.functions = state.kept, state.functions
    return ended(state.tape, outputs)


class _PaddleWalk(Walk):
    """A walk that knows the sub-layers of one model."""

    def __init__(self, model: Any, wanted: Sequence[str] | None) -> None:
        owned = [*model.layer.parameters(), *model.layer.buffers()]
        super().__init__(wanted, is_tensor, lambda tensor: np.array(tensor), owned=owned, looking=_LOOKING, sizing=_SIZING)
        parts = dict(model.layer.named_sublayers())
        self._paths = {id(layer): path for path, layer in parts.items()}
        self._single = {path for path, layer in parts.items() if not list(layer.children())}
        self._signatures: dict[str, str] = {}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """See every call of a sub-layer or function while a model runs."""
        import paddle

        plain = vars(paddle.nn.Layer)["__call__"]

        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            path = self._paths.get(id(layer))
            if self.quiet or path is None:
                return plain(layer, *args, **kwargs)
            if path not in self._signatures:
                self._signatures[path] = signature_of(layer)
            return self.layer(
                path, type(layer).__name__, config_of(layer), self._signatures[path], (args, kwargs),
                lambda: plain(layer, *args, **kwargs), opaque=_is_opaque(layer) or (path in self._single and _is_own(layer)),
            )  # fmt: skip

        try:
            paddle.nn.Layer.__call__ = call
            with wrapped(_places(), self._function):
                yield
        finally:
            paddle.nn.Layer.__call__ = plain

    def _function(self, name: str, func: Any, again: Any, args: Any, kwargs: Any) -> Any:
        return self.function(name, func, again, args, kwargs, (self.tape.top or {}).get("path") in self._single)


def _is_opaque(layer: Any) -> bool:
    """Return whether a layer is one operator to whoever converts it, whatever it is made of."""
    import paddle

    return isinstance(layer, (paddle.nn.LSTM, paddle.nn.GRU, paddle.nn.SimpleRNN, paddle.nn.RNN, paddle.nn.BiRNN))


def _is_own(layer: Any) -> bool:
    return bool(type(layer).__module__.startswith("paddle.nn."))


def _places() -> list[tuple[Any, list[str]]]:
    """Return where functions between layers are looked up: the public modules, and the methods and operators of tensors."""
    import paddle

    modules = [paddle, paddle.nn.functional, sys.modules["paddle.tensor"], paddle.linalg, paddle.fft, paddle.signal, paddle.vision.ops]
    found: list[tuple[Any, list[str]]] = [(module, _functions(module)) for module in modules]
    operators = [f"__{name}__" for name in _OPERATORS if f"__{name}__" in vars(paddle.Tensor)]
    return [*found, (paddle.Tensor, [*operators, *_functions(paddle.Tensor)])]


def _functions(owner: Any) -> list[str]:
    return [name for name, item in vars(owner).items() if isinstance(item, types.FunctionType) and name[0] != "_"]


def signature_of(layer: Any) -> str:
    """Return a digest that layers of the same types and settings share, whatever their weights."""
    told = []
    for path, part in layer.named_sublayers(include_self=True):
        shapes = [(name, tuple(tensor.shape)) for name, tensor in part.named_parameters(include_sublayers=False)]
        told.append((path, type(part).__module__, type(part).__qualname__, part.extra_repr(), settings(part, private=True), shapes))
    return digest(told)


def sub(model: Any, path: str, number: int, bound: Sequence[Sequence[int]]) -> Any:
    """Return a layer that makes one call alone: of its tensors, by position. Raises `UsageError` before a walk."""
    import paddle

    if (path, number) not in model.captured:
        raise missing(path, number)
    function = model.functions.get((path, number))
    layer = None if function is not None else dict(model.layer.named_sublayers())[path]
    taken: list[Any] = [None] * slots(model.captured[path, number])
    count = len(taken)
    if count > MOST:
        raise UsageError(f"{path} takes {count} tensors; a part of a Paddle model takes at most {MOST}")
    kept = apart(model.captured[path, number], is_tensor, taken)
    change = function is not None and in_place(path.rpartition("+")[2])

    @paddle.jit.not_to_static  # type: ignore[untyped-decorator]
    def arranged(part: Any, tensors: Sequence[Any]) -> Any:
        tensors = tensors[:count]
        weights = [getattr(part, f"weight_{place}") for place in range(len(taken) - count)]
        shapes = [_lengths(tensor) for tensor in tensors] if bound else []
        args, kwargs = together(follow(kept, bound, shapes), [*tensors, *weights])
        return cloned(args, kwargs) if change else (args, kwargs)

    @paddle.jit.not_to_static  # type: ignore[untyped-decorator]
    def collected(result: Any) -> Any:
        found: list[Any] = []
        apart(result, lambda item: hasattr(item, "stop_gradient"), found)
        return found[0] if len(found) == 1 else tuple(found)

    class Part(paddle.nn.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.part = layer
            for place, tensor in enumerate(taken[count:]):
                self.register_buffer(f"weight_{place}", tensor.detach().clone())

        # Paddle's exporter reads the source of this method and gives each parameter its input; it knows no *tensors.
        def forward(self, x0, x1=None, x2=None, x3=None, x4=None, x5=None, x6=None, x7=None, x8=None, x9=None, x10=None, x11=None):  # type: ignore[no-untyped-def]
            args, kwargs = arranged(self, (x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11))
            if self.part is not None:
                return collected(self.part(*args, **kwargs))
            result = function(*args, **kwargs)
            return collected(args[:1] if result is None else result)

    return Part()


def _lengths(tensor: Any) -> list[Any]:
    """Return the lengths of the axes: numbers where they are known, else scalars that come to be when the program runs."""
    import paddle

    return [paddle.shape(tensor)[axis] if length is None or length < 0 else length for axis, length in enumerate(tensor.shape)]
