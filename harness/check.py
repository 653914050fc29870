"""``parity check``: judges a model that somebody names, without a case file. The case file is written for them."""

from __future__ import annotations

import dataclasses
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.check_file import absolute, written
from harness.core.case import LEVELS, Case
from harness.core.errors import UsageError
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.route import Route, find_routes, offered, parse_route
from harness.core.value import value
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.fuzzing import Fuzzing
from harness.engine.manifest import DECLARING, Manifest, manifest
from harness.engine.pool import Limits, Pool
from harness.engine.settings import Settings, matches, routes_for, routes_of, rungs_from
from harness.engine.toolchains import locate
from harness.engine.worker import Worker, WorkerFailure
from harness.generate.cells import generated_from

FUZZ, FUZZ_SECONDS = 24, 20.0
"""Shapes to try where axes are dynamic, and seconds to try them in: one model is asked about, not thousands."""


@value
class Question:
    """What was asked: a source, where it should go or the conversion to judge, and what is known of its inputs."""

    source: str
    to: tuple[str, ...] = ()
    artifact: str = ""
    framework: str = ""
    dims: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    inputs: str = ""
    rungs: tuple[str, ...] = ("core",)
    rtol: float | None = None
    atol: float | None = None
    seed: int = 0
    fresh: bool = False
    hops: int = 2
    search: int = 0
    fuzz: int = FUZZ
    localise: bool = True
    localise_timeout: float = 300.0
    repro: str = ""
    generate: tuple[str, ...] = ()
    limits: Limits


def check(question: Question, root: Path, say: Callable[[str], None], done: Callable[[Record], None]) -> list[Record]:
    """Judge the source of ``question`` on every route asked for; return the records, each also given to ``done``.

    ``say`` hears what was assumed and what runs next. Raises `UsageError` for a question that cannot be
    understood, or a source that cannot be looked at.
    """
    cache = Cache(fresh=question.fresh)
    with Pool(question.limits) as pool:
        described = described_by(question, root, cache, pool, say)
        if not described.cases:
            raise UsageError(described.problems[0][1])
        case = described.cases[0]
        routes = routes_asked(question, case)
        fuzzing = Fuzzing(examples=dict.fromkeys(LEVELS, question.fuzz), seconds=FUZZ_SECONDS)
        engine = Engine(pool, cache, rungs=rungs_from({}, question.rungs), search=question.search, fuzzing=fuzzing)
        whole = [cell_of(case, route, described.file, described.digest) for route in routes]
        parts = generated_from(whole, question.generate, engine.steps, cache.root, say)
        cells = [*whole, *(cell_of(part, route, found.file, found.digest) for found in parts.values() for part, route in found.on(routes))]
        records = []
        for number, cell in enumerate(cells, 1):
            say(f"[{number}/{len(cells)}] {cell.id if cell.case.part else cell.route}")
            record = _judged(question, engine, cell, say)
            if cell.route.framework in parts:
                record = dataclasses.replace(record, parts=parts.pop(cell.route.framework).made.summary())
            records.append(record)
            done(record)
    cache.prune()
    return records


def cell_of(case: Case, route: Route, file: str, digest: str, command: str = "check") -> Cell:
    """Return the cell of a case on a route, with the command that was given as the way to repeat it."""
    again = f"parity {command} {shlex.join(sys.argv[2:])}"
    return Cell(id=f"{case.id}[{route}]", case=case, route=route, file=file, digest=digest, repro=again)


def _judged(question: Question, engine: Engine, cell: Cell, say: Callable[[str], None]) -> Record:
    record = engine.run_cell(cell)
    if record.outcome is Outcome.MISMATCH and question.localise:
        say("it differs; looking for the layer to blame")
        record = engine.blame(cell, record, question.localise_timeout)
    return engine.bundle(cell, record, Path(question.repro)) if question.repro else record


def described_by(question: Question, root: Path, cache: Cache, pool: Pool, say: Callable[[str], None]) -> Manifest:
    """Return the manifest with the one case that a question is about. Raises `UsageError` for a source that cannot be looked at."""
    worker: list[Worker] = []

    def plainly(verb: str, arguments: Mapping[str, Any]) -> Any:
        if not worker:
            located = locate(registry().get("frameworks", question.framework).toolchain) if question.framework else DECLARING
            worker.append(Worker(located, pool.scratch / "look", pool.scratch / "look-exchange", threads=1, memory_limit=0))
        return worker[0].call(verb, arguments, timeout=question.limits.timeout)

    def ask(verb: str, arguments: Mapping[str, Any]) -> Any:
        try:
            return plainly(verb, arguments)
        except WorkerFailure as failure:
            if failure.kind == "usage":
                raise UsageError(failure.detail["message"]) from None
            told = f"{failure.detail.get('type', failure.kind)}: {failure.detail.get('message', '')}"
            raise UsageError(f"{question.source} cannot be looked at: {told}") from None

    try:
        say(f"looking at {question.source}")
        source = absolute(question.source)
        look = ask("look", {"target": source, "framework": question.framework})
        if "case" in look:
            _refuse_for_a_case(question)
            found = manifest(Path(look["file"]), root, cache.root, lambda file, roots: ask("describe", {"file": file, "roots": roots}))
            wanted = tuple(case for case in found.cases if case.id == look["case"])
            problems = tuple(problem for problem in found.problems if problem[0] == look["case"])
            return Manifest(file=found.file, cases=wanted, digest=found.digest, problems=problems)
        file = written(question, source, look, cache.root / "checks", say, plainly)
        return manifest(file, root, cache.root, lambda file, roots: ask("describe", {"file": file, "roots": roots}))
    finally:
        for one in worker:
            one.kill()


def _refuse_for_a_case(question: Question) -> None:
    """Raise `UsageError` for what a `Case` says itself."""
    asked = {
        "--artifact": question.artifact, "--dim": question.dims, "--relation": question.relations, "--profile": question.profiles,
        "--domain": question.domains, "--inputs": question.inputs,
        "--rtol": question.rtol is not None, "--atol": question.atol is not None, "--seed": question.seed,
    }  # fmt: skip
    given = [option for option, setting in asked.items() if setting]
    if given:
        raise UsageError(f"{question.source} is a Case, which declares this itself; leave {', '.join(given)} out and edit the Case")


def routes_asked(question: Question, case: Case) -> list[Route]:
    """Return the routes asked for: whole routes as written, and every shortest one to the runtimes named."""
    found = registry()
    targets = [target for target in question.to if ">" not in target]
    for target in targets:
        if "*" not in target:
            found.get("runtimes", re.split(r"[@\[]", target)[0])
    devices = tuple(dict.fromkeys(["cpu", *(target.split("@")[1] for target in targets if "@" in target)]))
    here = Path.cwd()
    settings = Settings(
        root=here, report=here, levels={}, rungs={}, fuzz={}, limits=question.limits, devices=devices, sources=tuple(case.build),
        hops=question.hops, targets=() if any(set(text) & set(">*[") for text in question.to) else question.to,
    )  # fmt: skip
    routes = routes_of(case, (), settings) if case.given else routes_for(settings, found, targets)
    chosen = {str(route): route for route in routes if not question.to or any(_reaches(route, target) for target in targets)}
    for text in question.to:
        if "[" in text and ">" not in text:
            own = [route for route in routes if route.runtime.name == text.partition("[")[0]]
            asked = [parse_route(">".join([route.framework, *map(str, route.converters), text]), found) for route in own]
            chosen.update({str(route): route for route in asked})
        elif ">" in text and "*" in text:
            longer = offered(find_routes(found, max_hops=max(3, question.hops), devices=devices), found, question.to)
            chosen.update({str(route): route for route in longer if route.framework in case.build and matches(str(route), text)})
        elif ">" in text:
            first = text.split(">")[0]
            route = parse_route(text if first in found.frameworks else f"{next(iter(case.build))}>{text}", found)
            chosen[str(route)] = route
    if not chosen:
        what = f"artifact {question.artifact}" if question.artifact else f"source {question.source} ({', '.join(case.build)})"
        raise UsageError(f"no route leads from {what} to {', '.join(question.to) or 'any runtime'}; see parity routes --all")
    return list(chosen.values())


def _reaches(route: Route, target: str) -> bool:
    return matches(route.target if "@" in target else route.runtime.name, target)
