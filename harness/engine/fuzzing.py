"""How much a run fuzzes, and what fuzzing one cell found: values, and how they are stored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness.core.record import Comparison, comparison_from
from harness.core.value import value
from harness.engine.example_rows import Row
from harness.engine.trace import Reference, Runs
from harness.numerics.sampling import Sample
from harness.numerics.strategies import Example, example_from

EXAMPLES: Mapping[str, int] = MappingProxyType({"unit": 8, "module": 12, "e2e": 12})
"""Examples for each cell of a level unless the setting ``fuzz`` says otherwise."""
SECONDS = 5.0


@value
class Fuzzing:
    """How much is fuzzed, and what is known from before.

    ``examples``: for each cell, by level; 0 for none. ``seconds``: for each cell; where something fails twice as much on top.
    ``rows``: failing examples to replay. ``path``: the file where new ones are kept, None for nowhere. ``database``: the folder where
    local runs keep what failed last, None for none.
    """

    examples: Mapping[str, int]
    seconds: float = SECONDS
    rows: tuple[Row, ...] = ()
    path: Path | None = None
    database: Path | None = None


def local_database(root: Path) -> Path | None:
    """Return where local runs keep failing examples below the cache folder ``root``; None in CI, where runs depend on nothing kept."""
    return None if os.environ.get("CI") else root / "hypothesis"


@value
class Ground:
    """What a cell's own samples showed: those that match, the export sample first, each with its reference and the target's outputs;
    and those of other shapes that fail.
    """

    sound: tuple[tuple[Sample, Reference, Mapping[str, Any]], ...]
    failing: tuple[Sample, ...]


def ground_of(
    samples: Sequence[Sample], references: Sequence[Reference], runs: Runs, failing: Sequence[Mapping[str, Any]]
) -> Ground | None:
    """Return the ground to fuzz from; None where the export sample itself fails, on whatever inputs: no other shape says more then.

    ``failing`` names what failed, as in a record.
    """
    first = samples[0]
    wrong = [sample for sample in samples if sample.where in failing]
    alike = [where for where in failing if where.get("repeat") or where.get("rung") == "found"]
    if alike or any(sample.lengths == first.lengths for sample in wrong):
        return None
    ran = {index: outputs for index, outputs, again in runs.done if not again}
    sound = [(sample, references[n], ran[n]) for n, sample in enumerate(samples) if n in ran and sample not in wrong]
    return Ground(sound=tuple(sound), failing=tuple(wrong)) if sound and sound[0][0] is first else None


@value
class Fuzzed:
    """What fuzzing a cell found, as plain data goes into the cache.

    ``failure``: what the target failed with at the smallest example, where it gave no numbers to compare.
    """

    tried: tuple[tuple[Example, str], ...]
    smallest: Example | None
    region: str
    causes: tuple[str, ...]
    comparisons: tuple[Comparison, ...]
    failure: Mapping[str, Any] | None
    planned: int
    unrun: int
    seconds: float
    notes: tuple[str, ...]
    session: Mapping[str, Any]
    fleeting: bool

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `fuzzed_from` reads."""
        return {
            "tried": [[example.to_json(), kind] for example, kind in self.tried],
            "smallest": self.smallest.to_json() if self.smallest else None, "region": self.region, "causes": list(self.causes),
            "comparisons": [comparison.to_json() for comparison in self.comparisons], "failure": self.failure,
            "planned": self.planned, "unrun": self.unrun, "seconds": self.seconds, "notes": list(self.notes),
            "session": dict(self.session), "fleeting": self.fleeting,
        }  # fmt: skip

    def count(self, kind: str) -> int:
        """Return how many examples had a verdict of this kind."""
        return sum(other == kind for _, other in self.tried)


def fuzzed_from(data: Mapping[str, Any]) -> Fuzzed:
    """Return what `Fuzzed.to_json` wrote."""
    return Fuzzed(
        tried=tuple((example_from(item), kind) for item, kind in data["tried"]),
        smallest=example_from(data["smallest"]) if data["smallest"] else None, region=data["region"], causes=tuple(data["causes"]),
        comparisons=tuple(map(comparison_from, data["comparisons"])), failure=data["failure"], planned=data["planned"],
        unrun=data["unrun"], seconds=data["seconds"], notes=tuple(data["notes"]), session=data["session"], fleeting=data["fleeting"],
    )  # fmt: skip
