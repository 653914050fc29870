"""The inputs of a named model: what it says of them itself, what the command line adds, and what is assumed for the rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from harness.core.dims import Dim, DimExpr, Length
from harness.core.errors import UsageError, unknown
from harness.core.expr import Node, bounds_of, names_in, parse, replaced, text_of
from harness.core.relations import Relation, related, relation
from harness.core.spec import Domain, TensorSpec, ids, integers, mask, normal, positions, probability, uniform

_DOMAINS: dict[str, Callable[..., Domain]] = {
    "normal": normal, "uniform": uniform, "integers": integers, "ids": ids, "mask": mask,
    "probability": probability, "positions": positions,
}  # fmt: skip
_EXPECTED = "expected INPUT.AXIS=NAME:LOW:HIGH, for example x.0=batch:1:8, NAME:1,2,4,8 for a set, or an expression such as 2*batch + 1"


class Axes:
    """The lengths of every axis of a model that somebody names.

    Equal symbols are one dimension, and a symbol that is an expression (``2*s0 + 1``) is one here too. ``unknown`` lists the axes of
    which nothing is known, each a dimension of its own, by input and axis.
    """

    def __init__(self, texts: Iterable[str], lengths: Mapping[str, Any], say: Callable[[str], None]) -> None:
        self._say = say
        self._ranges: Mapping[str, Sequence[Any]] = lengths.get("ranges", {})
        self._symbols: dict[str, Length] = {}
        self.named: dict[str, Dim] = {}
        self.unknown: dict[tuple[str, int], Dim] = {}
        self.asked = _asked(texts)
        for text, one in self.asked.values():
            if isinstance(one, Dim) and self.named.setdefault(one.name, one) != one:
                raise UsageError(f"--dim {text!r}: dimension {one.name!r} is declared differently before: {self.named[one.name]}")

    def read(self, takes: Sequence[Sequence[Any]], examples: Mapping[str, Any]) -> None:
        """Take the shapes of all inputs: what the command line declares for an axis stands for its symbol wherever that occurs."""
        symbols = {
            (name, axis): (symbol, len(shape))
            for name, _, shape in takes for axis, symbol in enumerate(shape) if isinstance(symbol, str) and symbol
        }  # fmt: skip
        asked = {place: self.asked[place] for place in symbols if place in self.asked}
        for place, (text, one) in asked.items():
            if isinstance(one, Dim) or set(names_in(one)) <= set(self.named):
                self._symbols[symbols[place][0]] = self._declared(text, one)
        for (name, axis), (symbol, rank) in symbols.items():
            if (name, axis) not in asked and name not in examples:
                self._symbol(symbol, name, axis, rank)

    def length(self, name: str, axis: int, rank: int, known: Any, example: Any) -> Length:
        """Return the length of one axis; ``known`` is what the model says: a number, a symbol, an expression, or nothing."""
        if (name, axis) in self.asked:
            return self._declared(*self.asked[name, axis])
        if isinstance(known, int) and known >= 0:
            return known
        if example is not None:
            return int(example.shape[axis])
        if isinstance(known, str) and known:
            return self._symbol(known, name, axis, rank)
        self.unknown[name, axis] = dim = self._assumed(f"{name}_{axis}", name, axis, rank)
        return dim

    def relations(self, texts: Iterable[str]) -> tuple[str, ...]:
        """Return relations between symbols of the model as they read here; one that is not of the dimensions there are is left out."""
        names: dict[str, Node] = {n: ("number", one) if isinstance(one, int) else one.node for n, one in self._symbols.items()}
        found = []
        for text in texts:
            try:
                one = relation(text)
            except UsageError:
                continue  # min, max and more, which torch.export writes too
            if all(name in self._symbols for name in one.names):
                here = related(replaced(one.left, names), one.compare, replaced(one.right, names))
                found += [here.text] if here.names and not self._implied(here) else []
        return tuple(found)

    def _implied(self, one: Relation) -> bool:
        ranges = {name: (dim.lengths[0], dim.lengths[-1]) for name, dim in self.named.items()}
        low, high = bounds_of(("-", one.left, one.right), ranges) or (-1, 1)
        return low >= 0 if one.compare == ">=" else high <= 0 if one.compare == "<=" else False

    def _declared(self, text: str, one: Dim | Node) -> Length:
        if isinstance(one, Dim):
            return one
        for name in names_in(one):
            if name not in self.named:
                raise UsageError(f"--dim {text!r}: {unknown('dimension', name, self.named)}; {_EXPECTED}")
        return self.named[one[1]] if one[0] == "name" else DimExpr(text_of(one), tuple(self.named.values()))

    def _symbol(self, symbol: str, name: str, axis: int, rank: int) -> Length:
        if symbol not in self._symbols:
            node = _expression(symbol)
            parts = list(names_in(node))
            if node[0] == "name" or not parts:
                self._symbols[symbol] = self._assumed(symbol, name, axis, rank)
            else:
                made = replaced(node, {part: _node(self._symbol(part, name, axis, rank)) for part in parts})
                self._symbols[symbol] = DimExpr(text_of(made), tuple(self.named.values()))
                self._say(f"read {name}.{axis}={self._symbols[symbol]} from the model")
        return self._symbols[symbol]

    def _assumed(self, symbol: str, name: str, axis: int, rank: int) -> Dim:
        word = re.sub(r"\W", "_", symbol, flags=re.ASCII)
        word = word if re.match(r"[A-Za-z_]", word) else f"d{word}"
        if word in self.named:
            return self.named[word]
        low, high = self._ranges.get(symbol, (None, None))
        if low is not None:
            dim = Dim(word, low, max(low, 64) if high is None else high)
            self._say(f"read {dim} from the model, for {name}.{axis}")
        else:
            if axis == 0:
                dim = Dim(word, 1, 8)
            elif rank == 4:
                dim = Dim(word, 32, 256, multiple=32, example=64, explicit=False)
            else:
                dim = Dim(word, 1, 64, example=16, explicit=False)
            self._say(f"assumed {name}.{axis}={dim.name}:{dim.low}:{dim.high}; --dim says otherwise")
        self.named[word] = dim
        return dim


def _expression(symbol: str) -> Node:
    """Return what a symbol of a model says; one that is no expression is a name, and so is a hyphenated word (``batch-size``)."""
    try:
        return ("name", symbol) if re.search(r"\w-[A-Za-z_]", symbol) else parse(symbol)
    except UsageError:
        return ("name", symbol)


def _node(length: Length) -> Node:
    return ("number", length) if isinstance(length, int) else length.node


def _asked(texts: Iterable[str]) -> dict[tuple[str, int], tuple[str, Dim | Node]]:
    """Return the axes declared: ``x.0=batch:1:8`` (a fourth number is the length to export at), ``x.0=gear:1,2,4``, ``y.0=2*batch``."""
    found: dict[tuple[str, int], tuple[str, Dim | Node]] = {}
    for text in texts:
        read = re.fullmatch(r"(.+?)\.(\d+)=(.+)", text)
        if not read:
            raise UsageError(f"--dim {text!r}; {_EXPECTED}")
        name, colon, rest = read[3].partition(":")
        try:
            if not colon:
                node = parse(name)
                if not list(names_in(node)):
                    raise ValueError
                found[read[1], int(read[2])] = text, node
            elif "," in rest:
                found[read[1], int(read[2])] = text, Dim(name, allowed=[int(n) for n in rest.split(",")])
            else:
                low, high, *example = map(int, rest.split(":"))
                found[read[1], int(read[2])] = text, Dim(name, low, high, example=example[0] if example else None)
        except ValueError:
            raise UsageError(f"--dim {text!r}; {_EXPECTED}") from None
        except UsageError as error:
            raise UsageError(f"--dim {text!r}: {error}; {_EXPECTED}") from None
    return found


def domains_of(texts: Iterable[str]) -> dict[str, Domain]:
    """Return the domains declared: ``input_ids=ids:30522``, ``x=uniform:0:1``, ``m=mask``."""
    found = {}
    for text in texts:
        name, equals, rest = text.partition("=")
        kind, *numbers = rest.split(":")
        if not equals or kind not in _DOMAINS:
            raise UsageError(f"--domain {text!r}; expected INPUT=KIND[:NUMBER...] with a kind of {', '.join(_DOMAINS)}")
        try:
            found[name] = _DOMAINS[kind](*(float(n) if kind in ("normal", "uniform") else int(n) for n in numbers))
        except (TypeError, ValueError):
            raise UsageError(
                f"--domain {text!r}: {kind} does not take {':'.join(numbers) or 'nothing'}; see ids:1000, uniform:0:1"
            ) from None
    return found


def profiles_of(texts: Iterable[str]) -> tuple[dict[str, int], ...]:
    """Return the profiles declared: ``batch=1,seq=128``, each one combination of lengths."""
    found = []
    for text in texts:
        parts = [re.fullmatch(r"\s*([A-Za-z_][\w.]*)\s*=\s*(\d+)\s*", part) for part in text.split(",")]
        if not all(parts):
            raise UsageError(f"--profile {text!r}; expected NAME=LENGTH,NAME=LENGTH, for example batch=1,seq=128")
        found.append({part[1]: int(part[2]) for part in parts if part})
    return tuple(found)


def specs_of(
    takes: Sequence[Sequence[Any]], examples: Mapping[str, Any] | None, axes: Axes, domains: Mapping[str, Domain]
) -> list[TensorSpec]:
    """Return the specification of each input, from what the command line, the model and its examples say, in that order."""
    axes.read(takes, examples or {})
    found = []
    for name, dtype, shape in takes:
        for given, axis in axes.asked:
            if given == name and axis >= len(shape):
                raise UsageError(f"--dim {name}.{axis}: input {name!r} has {len(shape)} axes")
        example = (examples or {}).get(name)
        lengths = tuple(axes.length(name, axis, len(shape), known, example) for axis, known in enumerate(shape))
        domain = domains.get(name)
        if domain is None and not dtype.startswith(("float", "bfloat", "bool")):
            domain = _whole(name, example)
        found.append(TensorSpec(name=name, dtype=dtype, shape=lengths, domain=domain))
    return found


def _whole(name: str, example: Any) -> Domain:
    """Return the domain of a whole-number input that nobody declared."""
    if example is not None and example.size:
        return integers(int(example.min()), int(example.max()))
    if "mask" in name:
        return mask()
    if "position" in name:
        return positions()
    if "token_type" in name or "segment" in name:
        return ids(2)
    raise UsageError(
        f"input {name!r} holds whole numbers; say which: --domain {name}=ids:30522, {name}=integers:-5:5, or real ones with --inputs"
    )
