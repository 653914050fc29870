"""Spaces of lengths without a case, and stand-ins for a target that fails at some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.core.spec import Dim
from harness.numerics.hunt import DOMAIN, HOLDS, REFUSES, WRONG, Verdict
from harness.numerics.strategies import Example


class Ranges:
    """Dimensions, each with its range; ``relation`` says which combinations are admissible."""

    def __init__(self, *dims: Dim, relation: Callable[[Mapping[str, int]], bool] = lambda _: True) -> None:
        self.dims = {dim.name: dim for dim in dims}
        self.example = {dim.name: dim.example for dim in dims}
        self.relation = relation

    def choices(self, name: str, given: Mapping[str, int]) -> list[int]:
        """Return the lengths that go with those given."""
        return [n for n in self.dims[name].admissible() if len(given) + 1 < len(self.dims) or self.relation({**given, name: n})]

    def holds(self, lengths: Mapping[str, int]) -> bool:
        """Return whether lengths are admissible together."""
        return all(lengths[name] in dim.admissible() for name, dim in self.dims.items()) and self.relation(lengths)

    def ends(self) -> list[dict[str, int]]:
        """Return the ends of every range, each axis by itself and all together."""
        sides = [{name: dim.admissible()[end] for name, dim in self.dims.items()} for end in (0, -1)]
        return [*sides, *({**self.example, name: side[name]} for side in sides for name in self.dims)]


class Judge:
    """Answers a hunt: ``wrong``, ``refuses`` and ``domain`` say of an example how it fails. Counts examples and messages."""

    def __init__(
        self, wrong: Callable[[Example], Any] = lambda _: False, *, refuses: Callable[[Example], Any] = lambda _: False,
        domain: Callable[[Example], Any] = lambda _: False, most: int = 10_000,
    ) -> None:  # fmt: skip
        self.wrong, self.refuses, self.domain, self.most = wrong, refuses, domain, most
        self.asked: list[Example] = []
        self.messages = 0

    def __call__(self, examples: Sequence[Example]) -> list[Verdict]:
        """Judge as many examples as there is time for."""
        self.messages += 1
        given = list(examples)[: max(0, self.most - len(self.asked))]
        self.asked += given
        return [Verdict(kind=self._kind(example)) for example in given]

    def _kind(self, example: Example) -> str:
        if self.domain(example):
            return DOMAIN
        return REFUSES if self.refuses(example) else WRONG if self.wrong(example) else HOLDS
