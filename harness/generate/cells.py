"""From a whole model on its routes to the cells of what is generated from it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from harness.core.case import LEVELS, Case
from harness.core.errors import ParityError
from harness.core.registry import Registry
from harness.core.route import Route
from harness.core.value import value
from harness.engine.cell import Cell
from harness.engine.settings import Settings, routes_of
from harness.engine.steps import Steps
from harness.engine.trace import Stop
from harness.engine.worker import WorkerFailure
from harness.generate.discover import Generated, generated


def levels_of(case: Case, framework: str, levels: Sequence[str], registry: Registry) -> tuple[str, ...]:
    """Return the levels at which tests are generated from a case: those it asks for, else ``levels``; below its own, and none
    where its framework cannot take models apart or it is judged on conversions made elsewhere.
    """  # fmt: skip
    asked = levels if case.generate is None else case.generate
    wanted = tuple(level for level in asked if LEVELS.index(level) < LEVELS.index(case.level))
    return wanted if hasattr(registry.get("frameworks", framework), "walk") and not case.given else ()


@value
class Parts:
    """What was generated from the model of one framework, as far as it is of ``levels``."""

    framework: str
    made: Generated
    levels: tuple[str, ...]

    @property
    def file(self) -> str:
        """The case file of the parts."""
        return self.made.file

    @property
    def digest(self) -> str:
        """The digest of all they were made of."""
        return self.made.digest

    def on(self, routes: Iterable[Route], settings: Settings | None = None) -> Iterator[tuple[Case, Route]]:
        """Yield each generated case on each route it admits."""
        mine = [route for route in routes if route.framework == self.framework]
        for part in self.made.cases:
            if part.level in self.levels:
                for route in routes_of(part, mine, settings):
                    yield part, route


def generated_from(
    cells: Sequence[Cell], levels: Sequence[str], steps: Steps, root: Path, say: Callable[[str], None]
) -> dict[str, Parts]:  # fmt: skip
    """Return what the models behind the cells of one whole case give, by framework; nothing where that cannot be, which ``say`` hears.

    A case that is asked about speaks for itself only in `pytest`: here ``levels`` alone decide.
    """
    found: dict[str, Parts] = {}
    for cell in cells:
        framework = cell.route.framework
        wanted = levels_of(dataclasses.replace(cell.case, generate=None), framework, levels, steps.registry)
        if framework in found or not wanted:
            continue
        try:
            found[framework] = Parts(framework=framework, made=generated(cell, steps, root, say), levels=wanted)
        except (Stop, WorkerFailure, ParityError) as failure:
            say(trouble(cell.case, framework, failure))
    return found


def trouble(case: Case, framework: str, failure: Exception) -> str:
    """Return why no tests can be generated from a model, and what to do next."""
    detail = getattr(failure, "detail", None) or getattr(failure, "failure", None) or {"message": str(failure)}
    told = f"{detail['type']}: {detail.get('message')}" if detail.get("type") else str(detail.get("message"))
    return (
        f"case {case.id!r}: no tests can be generated from its {framework} model: {told}\n"
        "next: mend the model, or leave it whole with generate=() in its Case"
    )
