"""From a whole model on its routes to the cells of what is generated from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from harness.core.case import LEVELS, Case
from harness.core.registry import Registry
from harness.core.route import Route
from harness.engine.settings import Settings, routes_of
from harness.generate.discover import Generated


def levels_of(case: Case, framework: str, levels: Sequence[str], registry: Registry) -> tuple[str, ...]:
    """Return the levels at which tests are generated from a case: those it asks for, else ``levels``; below its own, and none
    where its framework cannot take models apart or it is judged on conversions made elsewhere.
    """  # fmt: skip
    asked = levels if case.generate is None else case.generate
    wanted = tuple(level for level in asked if LEVELS.index(level) < LEVELS.index(case.level))
    return wanted if hasattr(registry.get("frameworks", framework), "walk") and not case.given else ()


def cells_of(found: Generated, levels: Sequence[str], routes: Iterable[Route], settings: Settings | None) -> Iterator[tuple[Case, Route]]:
    """Yield each generated case of ``levels`` on each route it admits."""
    routes = list(routes)
    for part in found.cases:
        if part.level in levels:
            for route in routes_of(part, routes, settings):
                yield part, route


def trouble(case: Case, framework: str, failure: Any) -> str:
    """Return why no tests can be generated from a model, and what to do next. ``failure``: an exception, or a worker's answer."""
    detail = failure if isinstance(failure, dict) else {"message": str(failure)}
    told = f"{detail['type']}: {detail.get('message')}" if detail.get("type") else str(detail.get("message"))
    return (
        f"case {case.id!r}: no tests can be generated from its {framework} model: {told}\n"
        "next: mend the model, or leave it whole with generate=() in its Case"
    )
