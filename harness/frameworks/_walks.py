"""What the walks of live models share: calls of layers and of functions between them, and what it takes to run one alone."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import re
from typing import Any, Callable, Iterable, Iterator, Mapping, Sequence

from harness.frameworks._calls import Slot, Tape, apart, together, unusable, whole, words

# An attribute that only says which of several equal layers this is.
WHICH = re.compile(r"(^|_)(idx|index|id|name|prefix|scope|training|built)$")
_IN_PLACE = ("setitem", "iadd", "isub", "imul", "itruediv", "ifloordiv", "ipow", "iand", "ior")
# Their results are made of numbers alone; a list of them may have any length.
_FILLED = ("range", "arange", "linspace", "zeros", "ones", "full", "fill", "eye", "one_hot", "sequence_mask")


class Walk:
    """The calls of one walk, in a `Tape`, with what each needs to be made again.

    ``is_tensor`` and ``array`` know the framework's tensors; ``owned`` are weights, which are never inputs; ``sizing`` names functions
    that return the shape of a tensor as a tensor: what is computed from these counts as numbers among the arguments. Results of
    ``looking`` are no work. ``kept`` has arguments without their tensors, ``functions`` what was called, both by path and number.
    """

    def __init__(
        self, wanted: Sequence[str] | None, is_tensor: Callable[[Any], bool], array: Callable[[Any], Any], *,
        owned: Iterable[Any] = (), sizing: Sequence[str] = (), looking: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.tape = Tape(wanted)
        self.kept: dict[tuple[str, int], Any] = {}
        self.functions: dict[tuple[str, int], Any] = {}
        self.quiet = False
        self._is_tensor = is_tensor
        self._array = array
        self._owned = {id(tensor): tensor for tensor in owned}
        self._sizing, self._looking = sizing, looking
        self._sizes: dict[int, Any] = {}

    def begin(self, kind: str, feeds: Mapping[str, Any], ops: int = 0, problem: str = "") -> None:
        """Begin the call of the whole model."""
        whole(self.tape, kind, feeds)
        self.tape.calls[0].update(ops=ops, said="", signature="", problem=problem)

    def enter(self, path: str, kind: str, config: str, arguments: Any) -> dict[str, Any]:
        """Begin a call; the arrays are those from before it."""
        with self.looking():
            found: list[Any] = []
            kept = apart(self._plain(arguments), self.is_input, found)
            call = self.tape.enter(path, kind, config, [self._array(tensor) for tensor in found])
            call.update(ops=0, said=words(kept), signature="", problem=self._unsafe(kept))
        self.kept[path, call["call"]] = kept
        return call

    def leave(self, result: Any) -> None:
        """End the call begun last."""
        with self.looking():
            found = self.tensors(result)
            call = self.tape.top
            assert call is not None
            call["problem"] = call["problem"] or unusable(result, found)
            self.tape.leave([self._array(tensor) for tensor in found])

    def layer(
        self, path: str, kind: str, config: str, signature: str, arguments: Any, run: Callable[[], Any], *,
        opaque: bool = False, function: Any = None,
    ) -> Any:  # fmt: skip
        """Make one call of a layer, or of an operation that is a ``function``; nothing inside an ``opaque`` one is looked at."""
        call = self.enter(path, kind, config, arguments)
        call.update(signature=signature, ops=int(opaque))
        if function is not None:
            self.functions[path, call["call"]] = function
        try:
            with self.looking() if opaque else contextlib.nullcontext():
                result = run()
        except BaseException:
            self._forget()
            raise
        self.leave(result)
        return result

    def function(self, name: str, func: Callable[..., Any], again: Callable[..., Any], args: Any, kwargs: Any, single: bool) -> Any:
        """Call a function: note it where it makes tensors of tensors between layers, count it in a ``single`` (innermost) layer.

        ``again`` is what makes the same call later, when functions are no longer watched.
        """
        top = self.tape.top
        if self.quiet or top is None or name in self._looking:
            return func(*args, **kwargs)
        if any(map(_is_code, (*args, *kwargs.values()))):  # it may call layers, and what its functions close over is no argument
            result = func(*args, **kwargs)
            top["ops"] += self._works(name, args, kwargs, result)
            return result
        if single:
            with self.looking():
                result = func(*args, **kwargs)
            top["ops"] += self._works(name, args, kwargs, result)
            return result
        call = self.enter(f"{top['path']}+{name}", name, "", (args, kwargs))
        try:
            with self.looking():
                result = func(*args, **kwargs)
        except BaseException:
            self._forget()
            raise
        made = [*args, *kwargs.values()][0] if result is None and in_place(name) else result
        if not self._works(name, args, kwargs, made) or not call["input_types"]:
            self._forget()
            top["ops"] += self._works(name, args, kwargs, made)
            return result
        call.update(ops=1, signature=f"{getattr(func, '__module__', '')}.{name}")
        self.functions[call["path"], call["call"]] = again
        self.leave(made)
        return result

    def is_input(self, item: Any) -> bool:
        """Return whether this is a tensor and no weight."""
        return self._is_tensor(item) and id(item) not in self._owned

    def tensors(self, item: Any) -> list[Any]:
        """Return the tensors in a structure."""
        found: list[Any] = []
        apart(item, self._is_tensor, found)
        return found

    @contextlib.contextmanager
    def looking(self) -> Iterator[None]:
        """Note nothing for a while."""
        before, self.quiet = self.quiet, True
        try:
            yield
        finally:
            self.quiet = before

    def _works(self, name: str, args: Any, kwargs: Any, result: Any) -> bool:
        """Return whether a function computed a tensor: it did not only look at one, hand one on or work out a shape."""
        with self.looking():
            given, made = self.tensors((args, kwargs)), self.tensors(result)
            if not made:
                return False
            if name in self._sizing or self._is_size(name, given, made):
                self._sizes.update({id(tensor): tensor for tensor in made})
                return False
            return in_place(name) or any(all(new is not old for old in given) for new in made)

    def _is_size(self, name: str, given: Sequence[Any], made: Sequence[Any]) -> bool:
        whole = all("int" in str(tensor.dtype) and len(tensor.shape) < 2 for tensor in made)
        return bool(given) and whole and name not in _FILLED and all(id(tensor) in self._sizes for tensor in given)

    def _plain(self, arguments: Any) -> Any:
        """Return arguments with numbers in place of tensors that hold a shape."""
        if not self._sizes:
            return arguments
        found: list[Any] = []
        kept = apart(arguments, lambda item: id(item) in self._sizes, found)
        return together(kept, [self._array(tensor).tolist() for tensor in found])

    def _forget(self) -> None:
        """Take back the call begun last."""
        for call in self.tape.forget():
            self.kept.pop((call["path"], call["call"]), None)
            self.functions.pop((call["path"], call["call"]), None)

    def _unsafe(self, kept: Any) -> str:
        """Return why arguments cannot be given again: an object with a state that a call may change."""
        if isinstance(kept, (tuple, list, dict)):
            return next(filter(None, map(self._unsafe, kept.values() if isinstance(kept, dict) else kept)), "")
        if self._is_tensor(kept) or callable(kept) or not hasattr(kept, "__dict__") or id(kept) in self._owned:
            return ""
        if "Cache" in type(kept).__name__ or any(map(self._is_tensor, vars(kept).values())):
            return f"takes a {type(kept).__name__}, which a call may change"
        return ""


def _is_code(item: Any) -> bool:
    return callable(item) and not isinstance(item, type)


def in_place(name: str) -> bool:
    """Return whether a function of that name changes its first argument."""
    return name in _IN_PLACE or (name.endswith("_") and not name.endswith("__"))


def cloned(args: Any, kwargs: Any) -> tuple[Any, Any]:
    """Return arguments with a copy of the first one, which a function is about to change."""
    if args:
        return (args[0].clone(), *args[1:]), kwargs
    first = next(iter(kwargs))
    return args, {**kwargs, first: kwargs[first].clone()}


def slots(kept: Any) -> int:
    """Return how many arrays a structure that `apart` left has places for."""
    if isinstance(kept, Slot):
        return kept.number + 1
    parts = kept.values() if isinstance(kept, dict) else (kept.start, kept.stop, kept.step) if isinstance(kept, slice) else kept
    return max(map(slots, parts), default=0) if isinstance(kept, (dict, tuple, list, slice)) else 0


def digest(*said: Any) -> str:
    """Return a short name that equal descriptions share."""
    return hashlib.sha1(repr(said).encode()).hexdigest()[:16]


def settings(item: Any, private: bool = False) -> list[str]:
    """Return the attributes of a layer that are numbers, texts or functions, but for those that only tell it from its like."""
    found = []
    for name, said in sorted(getattr(item, "__dict__", {}).items()):
        if (name.startswith("_") and not private) or WHICH.search(name):
            continue
        if _is_plain(said):
            found.append(f"{name}={said!r}")
        elif callable(said) and hasattr(said, "__name__"):
            found.append(f"{name}={said.__name__}")
    return found


def _is_plain(said: Any) -> bool:
    if isinstance(said, (tuple, list)):
        return all(map(_is_plain, said))
    return isinstance(said, (int, float, str, bool, type(None)))


Around = Callable[[str, Any, Any, Any, Any], Any]
"""Of the name of a function, the function, what makes the same call when it is no longer wrapped, and arguments; returns its result."""


@contextlib.contextmanager
def wrapped(owners: Iterable[tuple[Any, Sequence[str]]], around: Around) -> Iterator[None]:
    """Send each call of a named function of these modules and classes through ``around`` for a while.

    A method is called again by its name: its first argument may then be a tensor of another class, as graphs have.
    """
    before: list[tuple[Any, str, Any]] = []
    known: dict[tuple[int, str], Any] = {}
    try:
        for owner, names in owners:
            for name in names:
                func = getattr(owner, name)
                key = id(func), name if isinstance(owner, type) else ""
                if key not in known:
                    plain = name.strip("_") if name.startswith("__") else name
                    known[key] = _through(plain, func, _Method(name) if isinstance(owner, type) else func, around)
                before.append((owner, name, vars(owner).get(name)))
                setattr(owner, name, known[key])
        yield
    finally:
        for owner, name, old in reversed(before):
            if old is None:  # it was inherited
                delattr(owner, name)
            else:
                setattr(owner, name, old)


class _Method:
    """Calls a method of its first argument by its name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, item: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(item, self.name)(*args, **kwargs)


def _through(name: str, func: Any, again: Any, around: Around) -> Any:
    @functools.wraps(func)
    def call(*args: Any, **kwargs: Any) -> Any:
        return around(name, func, again, args, kwargs)

    return call
