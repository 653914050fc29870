"""What a gate would have to change to catch the faults it misses: each change is tried, none is guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from harness.core.case import LEVELS
from harness.core.outcome import Outcome
from harness.core.tolerance import default_tolerance
from harness.core.value import value
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.pool import Pool
from harness.exam.sit import Answer
from harness.numerics.compare import Bounds

SEARCH = 200
"""Runs that the last remedy may spend on each fault."""


@value
class Remedy:
    """One change of policy: what to write, and the engine that judges so."""

    words: str
    engine: Engine


def remedies(pool: Pool, cache: Cache, bounds: Callable[[Cell], Bounds], rungs: Mapping[str, Sequence[str]]) -> list[Remedy]:
    """Return the changes worth trying on a gate with these bounds and rungs, the least one first."""

    def oracle(_: Cell) -> Bounds:
        return lambda _, dtype: default_tolerance(dtype)

    def engine(held: Any, more: Sequence[str], search: int = 0) -> Engine:
        return Engine(pool, cache, bounds=held, rungs={level: (*rungs.get(level, ()), *more) for level in LEVELS}, search=search)

    shapes, core, edge = ("shapes",), ("shapes", "core"), ("shapes", "core", "edge")
    return [
        Remedy(words="drop the declared tolerance: the float64 oracle's bound catches it", engine=engine(oracle, ())),
        Remedy(words="try more shapes: rungs = [..., 'shapes']", engine=engine(bounds, shapes)),
        Remedy(words="climb the core rungs: rungs = [..., 'core', 'shapes']", engine=engine(bounds, core)),
        Remedy(words="climb the edge rungs too: rungs = [..., 'core', 'edge', 'shapes']", engine=engine(bounds, edge)),
        Remedy(words="drop the declared tolerance and climb the core and edge rungs", engine=engine(oracle, edge)),
        Remedy(words=f"all of it, and a search of {SEARCH} runs", engine=engine(oracle, edge, SEARCH)),
    ]


def remedy_for(answer: Answer, tried: Sequence[Remedy]) -> str:
    """Return the first change that catches a fault, in words; "" when none does."""
    for remedy in tried:
        if remedy.engine.run_cell(answer.mutant.cell).outcome is not Outcome.MATCH:
            return remedy.words
    return ""
