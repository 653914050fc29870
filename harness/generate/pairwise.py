"""Covering arrays: few combinations of attribute values in which every pair of values occurs.

Greedy, one row at a time (Cohen et al., "The AETG system", IEEE TSE 23(7), 1997), with backtracking where a rule forbids a
combination. `allpairspy` does the same in 400 lines and is one more dependency; the search below is shorter than its adapter would be
with rules that read values by name.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness.core.errors import UsageError

Rule = Callable[..., bool]
"""A predicate whose parameters are named as the attributes it reads; a combination it returns False for is never made."""

Pair = tuple[tuple[str, int], tuple[str, int]]


def covering(attributes: Mapping[str, Sequence[Any]], rules: Sequence[Rule] = ()) -> list[dict[str, Any]]:
    """Return combinations of one value for each attribute such that every pair of values that the rules admit occurs in one.

    The first value of each attribute is its default, and the first combination holds all defaults where the rules admit that. The
    result is a function of the arguments alone. Raises `UsageError` for an attribute without values, or a rule that reads an unknown one.
    """
    for name, values in attributes.items():
        if not values:
            raise UsageError(f"attribute {name!r} has no values to sweep; give its default first, then others")
    search = _Search({name: tuple(values) for name, values in attributes.items()}, [_read(rule, attributes) for rule in rules])
    rows: list[dict[str, int]] = []
    if first := search.complete({}, frozenset()):
        rows.append(first)
    elif attributes:
        raise UsageError(f"the rules admit no combination of {', '.join(attributes)} at all")
    left = search.pairs() - (_pairs_of(rows[0]) if rows else set())
    for pair in sorted(left, key=repr):
        if pair in left and (row := search.complete(dict(pair), frozenset(left))):
            rows.append(row)
            left -= _pairs_of(row)
    return [{name: attributes[name][index] for name, index in row.items()} for row in rows]


def _read(rule: Rule, attributes: Mapping[str, Any]) -> tuple[tuple[str, ...], Rule]:
    names = tuple(inspect.signature(rule).parameters)
    for name in names:
        if name not in attributes:
            raise UsageError(f"a rule reads the attribute {name!r}, which is not swept; swept are {', '.join(attributes) or 'none'}")
    return names, rule


def _pairs_of(row: Mapping[str, int]) -> set[Pair]:
    return set(itertools.combinations(row.items(), 2)) if len(row) > 1 else {((name, i), (name, i)) for name, i in row.items()}


class _Search:
    """Completes partial rows. Values are held by their index, 0 being the default."""

    def __init__(self, values: Mapping[str, Sequence[Any]], rules: Sequence[tuple[tuple[str, ...], Rule]]) -> None:
        self._values, self._rules = values, rules

    def pairs(self) -> set[Pair]:
        """Return every pair of values of two attributes; of a lone attribute, each value with itself."""
        if len(self._values) == 1:
            ((name, values),) = self._values.items()
            return {((name, i), (name, i)) for i in range(len(values))}
        return {
            ((a, i), (b, j))
            for a, b in itertools.combinations(self._values, 2)
            for i in range(len(self._values[a]))
            for j in range(len(self._values[b]))
        }

    def complete(self, row: dict[str, int], left: frozenset[Pair]) -> dict[str, int] | None:
        """Return the row with every other attribute filled in, by what covers most of ``left``; None where the rules forbid all."""
        if not self._admitted(row):
            return None
        name = next((name for name in self._values if name not in row), None)
        if name is None:
            return {name: row[name] for name in self._values}
        for index in self._best_first(name, row, left):
            if found := self.complete({**row, name: index}, left):
                return found
        return None

    def _best_first(self, name: str, row: Mapping[str, int], left: frozenset[Pair]) -> Iterator[int]:
        order = list(self._values)

        def gain(index: int) -> int:
            both = (((name, index), item) if order.index(name) < order.index(item[0]) else (item, (name, index)) for item in row.items())
            return sum(pair in left for pair in both)

        # With nothing fixed yet there is nothing to gain from; later rows then start from their fixed pair, so defaults come first.
        yield from sorted(range(len(self._values[name])), key=lambda index: (-gain(index), index))

    def _admitted(self, row: Mapping[str, int]) -> bool:
        return all(
            rule(**{name: self._values[name][row[name]] for name in names})
            for names, rule in self._rules
            if all(name in row for name in names)
        )
