"""A MindSpore cell taken apart in PyNative mode: every call of a cell inside it, and of an operator between cells."""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import re
import types
from typing import Any, Iterator, Mapping, Sequence

import numpy as np

from harness.core.errors import UsageError
from harness.frameworks._calls import Slot, ended, missing, together
from harness.frameworks._walks import Walk, digest, in_place, settings, wrapped

TANGLED = "its tensors come among other arguments: no cell of it would compile"
_LOOKING = ("asnumpy", "tolist", "item", "size", "dim", "ndimension", "shape", "is_contiguous", "contiguous", "numel", "value", "type")
_OPERATORS = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "floor_mod", "pow": "pow",
    "matmul": "matmul", "neg": "neg", "abs": "abs", "gt": "gt", "ge": "ge", "lt": "lt", "le": "le", "eq": "equal", "ne": "not_equal",
    "radd": "", "rsub": "", "rmul": "", "rtruediv": "", "getitem": "", "setitem": "", "and": "", "or": "", "invert": "",
}  # fmt: skip
"""Operators of tensors, and the functions that do the same; "" for none."""


def is_tensor(item: Any) -> bool:
    """Return whether this is a tensor."""
    import mindspore

    return isinstance(item, mindspore.Tensor)


def walk(model: Any, feeds: Mapping[str, Any], wanted: Sequence[str] | None, functions: bool = True) -> list[dict[str, Any]]:
    """Return every call of a cell and, with ``functions``, of an operator outside the innermost ones."""
    state = _MindSporeWalk(model, wanted)
    state.begin(type(model.cell).__name__, feeds)
    with state.watching(functions):
        outputs = model.call(feeds)
    model.captured, model.functions = state.kept, state.functions
    return ended(state.tape, outputs)


class _MindSporeWalk(Walk):
    """A walk that knows the cells of one model."""

    def __init__(self, model: Any, wanted: Sequence[str] | None) -> None:
        owned = list(model.cell.get_parameters())
        super().__init__(wanted, is_tensor, lambda tensor: np.array(tensor.asnumpy()), owned=owned, looking=_LOOKING)
        cells = {path: cell for path, cell in model.cell.cells_and_names() if path}
        self._paths = {id(cell): path for path, cell in cells.items()}
        self._single = {path for path, cell in cells.items() if not list(cell.cells())}
        self._signatures: dict[str, str] = {}

    @contextlib.contextmanager
    def watching(self, functions: bool) -> Iterator[None]:
        """See every call of a cell, and of an operator, while a model runs."""
        import mindspore

        plain = vars(mindspore.nn.Cell)["__call__"]

        def call(cell: Any, *args: Any, **kwargs: Any) -> Any:
            path = self._paths.get(id(cell))
            if self.quiet or path is None:
                return plain(cell, *args, **kwargs)
            if path not in self._signatures:
                self._signatures[path] = signature_of(cell)
            return self.layer(
                path, type(cell).__name__, _said(cell), self._signatures[path], (args, kwargs),
                lambda: plain(cell, *args, **kwargs), opaque=_is_opaque(cell) or (path in self._single and _is_own(cell)),
            )  # fmt: skip

        try:
            mindspore.nn.Cell.__call__ = call
            with wrapped(_places() if functions else (), self._function):
                yield
        finally:
            mindspore.nn.Cell.__call__ = plain

    def _function(self, name: str, func: Any, again: Any, args: Any, kwargs: Any) -> Any:
        import mindspore

        if self.quiet or self.tape.top is None:
            return func(*args, **kwargs)
        if name == "call":  # of an operator that is an object
            func, again, args = functools.partial(func, args[0]), args[0], args[1:]
            name = type(again).__name__
        elif not isinstance(again, types.FunctionType):
            again = getattr(mindspore.ops, _OPERATORS.get(name, name) or "_", None)
        made: Any = self.function(name, func, again, args, kwargs, self.tape.top["path"] in self._single)
        return made

    def enter(self, path: str, kind: str, config: str, arguments: Any) -> dict[str, Any]:
        """Begin a call; one that no cell can make again is no test."""
        call = super().enter(path, kind, config, arguments)
        if _ordered(*self.kept[path, call["call"]]) is None:
            call["problem"] = call["problem"] or TANGLED
        return call


def _ordered(args: Any, kwargs: Any) -> tuple[int, tuple[Any, ...], tuple[Any, ...]] | None:
    """Return how many arrays come first (-1: a list of arrays does), the weights after these, and the rest; None for another order.

    MindSpore compiles source code: what puts arguments together must be as simple as ``f(*arrays, *weights, *rest, **named)``.
    """
    listed = bool(args) and isinstance(args[0], (tuple, list)) and bool(args[0]) and all(isinstance(part, Slot) for part in args[0])
    count = 1 if listed else next((place for place, part in enumerate(args) if not isinstance(part, Slot)), len(args))
    weights = tuple(itertools.takewhile(is_tensor, args[count:]))
    rest = tuple(args[count + len(weights) :])
    simple = not any(map(_is_tangled, (*rest, *kwargs.values())))
    return (-1 if listed else count, weights, rest) if simple else None


def _is_tangled(item: Any) -> bool:
    if isinstance(item, (tuple, list, dict)):
        return any(map(_is_tangled, item.values() if isinstance(item, dict) else item))
    return isinstance(item, (Slot, slice)) or is_tensor(item)


def _is_opaque(cell: Any) -> bool:
    """Return whether a cell is one operator to whoever converts it, whatever it is made of."""
    import mindspore

    return isinstance(cell, (mindspore.nn.LSTM, mindspore.nn.GRU, mindspore.nn.RNN))


def _is_own(cell: Any) -> bool:
    return bool(type(cell).__module__.startswith("mindspore.nn."))


def _places() -> list[tuple[Any, list[str]]]:
    """Return where operators are looked up: public functions, methods of tensors, and operators that are objects."""
    import mindspore
    from mindspore import mint, ops

    found: list[tuple[Any, list[str]]] = []
    for module in (ops, mint, mint.nn.functional):
        found.append((module, [name for name, item in vars(module).items() if isinstance(item, types.FunctionType) and name[0] != "_"]))
    base = mindspore.Tensor.__mro__[1]
    shared = [name for name in (*vars(mindspore.Tensor), *vars(base)) if name[0] != "_" and hasattr(ops, name)]
    names = [*(f"__{name}__" for name in _OPERATORS), *shared]
    methods = [name for name in dict.fromkeys(names) if callable(getattr(mindspore.Tensor, name, None))]
    found.append((mindspore.Tensor, methods))
    kinds = {kind for item in vars(ops).values() for kind in (item if isinstance(item, type) else type(item)).__mro__}
    kinds = {kind for kind in kinds if issubclass(kind, ops.Primitive) and isinstance(vars(kind).get("__call__"), types.FunctionType)}
    return [*found, *((kind, ["__call__"]) for kind in sorted(kinds, key=lambda kind: kind.__name__))]


def signature_of(cell: Any) -> str:
    """Return a digest that cells of the same types and settings share, whatever their weights."""
    told = []
    for path, part in cell.cells_and_names():
        shapes = [tuple(parameter.shape) for parameter in part.get_parameters(expand=False)]
        told.append((path, type(part).__module__, type(part).__qualname__, _said(part), settings(part), shapes))
    return digest(told)


def _said(cell: Any) -> str:
    """Return the settings of a cell in its own words, without the names of its parameters."""
    return re.sub(r"Parameter \([^)]*\)+", "Parameter", str(cell.extend_repr()))


def sub(model: Any, path: str, number: int) -> Any:
    """Return a cell that makes one call alone: of its tensors, by position. Raises `UsageError` before a walk."""
    import mindspore

    if (path, number) not in model.captured:
        raise missing(path, number)
    args, kwargs = model.captured[path, number]
    known = (path, number) in model.functions
    function, order = model.functions.get((path, number)), _ordered(args, kwargs)
    if order is None or (known and function is None) or (known and in_place(path.rpartition("+")[2])):
        raise UsageError(f"{path}: {TANGLED}")
    count, weights, rest = order
    cell = None if known else copy.deepcopy(dict(model.cell.cells_and_names())[path])
    if cell is not None and len(args) == count and not kwargs:
        return cell

    class Part(mindspore.nn.Cell):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.part = cell if cell is not None else function
            self.weights = mindspore.ParameterTuple([copy.deepcopy(weight) for weight in weights])
            self.more = rest
            self.named = dict(kwargs)
            self.listed = count < 0

        def construct(self, *tensors: Any) -> Any:
            if self.listed:
                return self.part(tensors, *self.weights, *self.more, **self.named)
            return self.part(*tensors, *self.weights, *self.more, **self.named)

    return Part()


def replay(model: Any, path: str, number: int, inputs: Sequence[Any], double: bool) -> list[Any]:
    """Return the output arrays of one cell on ``inputs``; in float64 where ``double``. Raises `UsageError` before a trace."""
    import mindspore

    if (path, number) not in model.captured:
        raise missing(path, number)
    cell = dict(model.cell.cells_and_names())[path]
    arrays = [np.array(array) for array in inputs]
    if double:
        cell = widened(copy.deepcopy(cell))
        arrays = [array.astype(np.float64) if array.dtype.kind == "f" else array for array in arrays]
    args, kwargs = together(model.captured[path, number], [mindspore.Tensor(array) for array in arrays])
    return [np.array(tensor.asnumpy()) for tensor in Walk(None, is_tensor, np.array).tensors(cell(*args, **kwargs))]


def widened(cell: Any) -> Any:
    """Return the cell with its parameters in float64."""
    import mindspore

    for parameter in cell.get_parameters():
        if "Float" in str(parameter.dtype):
            values = parameter.asnumpy().astype(np.float64)
            parameter.set_dtype(mindspore.float64)
            parameter.set_data(mindspore.Tensor(values))
    return cell
