"""``parity check``: judges a model that somebody names, without a case file. The case file is written for them."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.artifact import format_of
from harness.core.case import LEVELS, Case
from harness.core.errors import UsageError, unknown
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.route import Route, find_routes, parse_route
from harness.core.spec import Dim, Domain, TensorSpec, ids, integers, mask, normal, positions, probability, uniform
from harness.core.tolerance import Tolerance, default_tolerance
from harness.core.value import value
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.fuzzing import Fuzzing
from harness.engine.manifest import DECLARING, Manifest, manifest
from harness.engine.pool import Limits, Pool
from harness.engine.settings import Settings, matches, routes_for, routes_of, rungs_from
from harness.engine.toolchains import locate
from harness.engine.worker import Worker, WorkerFailure

_DOMAINS: dict[str, Callable[..., Domain]] = {
    "normal": normal, "uniform": uniform, "integers": integers, "ids": ids, "mask": mask,
    "probability": probability, "positions": positions,
}  # fmt: skip
FUZZ, FUZZ_SECONDS = 24, 20.0
"""Shapes to try where axes are dynamic, and seconds to try them in: one model is asked about, not thousands."""
_TEMPLATE = '''"""Written by parity check."""

import json

from harness.core.given import given_case

CASE = given_case(json.loads({data!r}), {target!r}, {arrays!r})
'''


@value
class Question:
    """What was asked: a source, where it should go or the conversion to judge, and what is known of its inputs."""

    source: str
    to: tuple[str, ...] = ()
    artifact: str = ""
    framework: str = ""
    dims: tuple[str, ...] = ()
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
    repro: str = ""
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
        records = []
        for number, route in enumerate(routes, 1):
            say(f"[{number}/{len(routes)}] {route}")
            cell = Cell(
                id=f"{case.id}[{route}]", case=case, route=route, file=described.file, digest=described.digest,
                repro=f"parity check {shlex.join(sys.argv[2:])}",
            )  # fmt: skip
            records.append(_judged(question, engine, cell, say))
            done(records[-1])
    cache.prune()
    return records


def _judged(question: Question, engine: Engine, cell: Cell, say: Callable[[str], None]) -> Record:
    record = engine.run_cell(cell)
    if record.outcome is Outcome.MISMATCH and question.localise:
        say("it differs; looking for the layer to blame")
        record = engine.blame(cell, record)
    return engine.bundle(cell, record, Path(question.repro)) if question.repro else record


def described_by(question: Question, root: Path, cache: Cache, pool: Pool, say: Callable[[str], None]) -> Manifest:
    """Return the manifest with the one case that a question is about. Raises `UsageError` for a source that cannot be looked at."""
    worker: list[Worker] = []

    def ask(verb: str, arguments: Mapping[str, Any]) -> Any:
        if not worker:
            located = locate(registry().get("frameworks", question.framework).toolchain) if question.framework else DECLARING
            worker.append(Worker(located, pool.scratch / "look", pool.scratch / "look-exchange", threads=1, memory_limit=0))
        try:
            return worker[0].call(verb, arguments, timeout=question.limits.timeout)
        except WorkerFailure as failure:
            if failure.kind == "usage":
                raise UsageError(failure.detail["message"]) from None
            told = f"{failure.detail.get('type', failure.kind)}: {failure.detail.get('message', '')}"
            raise UsageError(f"{question.source} cannot be looked at: {told}") from None

    try:
        say(f"looking at {question.source}")
        source = _absolute(question.source)
        look = ask("look", {"target": source, "framework": question.framework})
        if "case" in look:
            _refuse_for_a_case(question)
            found = manifest(Path(look["file"]), root, cache.root, lambda file, roots: ask("describe", {"file": file, "roots": roots}))
            wanted = tuple(case for case in found.cases if case.id == look["case"])
            problems = tuple(problem for problem in found.problems if problem[0] == look["case"])
            return Manifest(file=found.file, cases=wanted, digest=found.digest, problems=problems)
        file = _written(question, source, look, cache.root / "checks", say)
        return manifest(file, root, cache.root, lambda file, roots: ask("describe", {"file": file, "roots": roots}))
    finally:
        for one in worker:
            one.kill()


def _refuse_for_a_case(question: Question) -> None:
    """Raise `UsageError` for what a `Case` says itself."""
    asked = {
        "--artifact": question.artifact, "--dim": question.dims, "--domain": question.domains, "--inputs": question.inputs,
        "--rtol": question.rtol is not None, "--atol": question.atol is not None, "--seed": question.seed,
    }  # fmt: skip
    given = [option for option, setting in asked.items() if setting]
    if given:
        raise UsageError(f"{question.source} is a Case, which declares this itself; leave {', '.join(given)} out and edit the Case")


def _absolute(target: str) -> str:
    """Return the target with its file part absolute; a module found from here becomes its file, an installed one stays."""
    path, colon, name = target.rpartition(":")
    if Path(target).exists() or not colon:
        return str(Path(target).resolve())
    beside = Path(*path.split(".")).with_suffix(".py")
    if not path.endswith(".py") and not beside.is_file():
        return target
    return f"{Path(path).resolve() if path.endswith('.py') else beside.resolve()}:{name}"


def _written(question: Question, source: str, look: Mapping[str, Any], folder: Path, say: Callable[[str], None]) -> Path:
    """Write the case file for a source; the same question gives the same file."""
    framework = look["framework"]
    examples = _examples(question, look)
    dims = _dims(question.dims)
    domains = _domains(question.domains)
    takes = look["inputs"] or [[name, array.dtype.name, list(array.shape)] for name, array in (examples or {}).items()]
    if not takes:
        raise UsageError(f"{question.source} does not say what it takes; give --inputs, or a function returning (model, example inputs)")
    specs = [_spec(name, dtype, shape, examples, dims, domains, say) for name, dtype, shape in takes]
    known = {spec.name for spec in specs}
    for name in [*(name for name, _ in dims), *domains, *(examples or {})]:
        if name not in known:
            raise unknown(f"input of {question.source}", name, known)
    tolerance = None
    if question.rtol is not None or question.atol is not None:
        usual = default_tolerance("float32")
        tolerance = Tolerance(
            rtol=usual.rtol if question.rtol is None else question.rtol,
            atol=usual.atol if question.atol is None else question.atol, reason="given on the command line",
        )  # fmt: skip
    artifacts = {}
    if question.artifact:
        kept = _absolute(question.artifact)
        artifacts = {kept: format_of(kept)}
    case = Case(
        id=re.sub(r"[^A-Za-z0-9_.+-]+", "-", Path(source.rpartition(":")[2] or source).stem).strip("-.") or "model",
        inputs=tuple(specs), build={framework: None}, tolerance=tolerance, seed=question.seed, artifacts=artifacts,
        files=tuple(look["files"]),
    )  # fmt: skip
    arrays = "" if examples is None or any(spec.dims for spec in specs) else _stored(examples, folder)
    files = (*case.files, arrays) if arrays else case.files
    text = _TEMPLATE.format(data=json.dumps({**case.to_json(), "files": list(files)}), target=source, arrays=arrays)
    file = folder / hashlib.sha256(text.encode()).hexdigest()[:24] / "parity_check.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def _examples(question: Question, look: Mapping[str, Any]) -> dict[str, Any] | None:
    if not question.inputs:
        return {name: np.array(array) for name, array in look["examples"].items()} if look["examples"] else None
    try:
        with np.load(question.inputs, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(f"--inputs {question.inputs}: {error}; expected an .npz file with one array for each input") from None


def _stored(examples: Mapping[str, Any], folder: Path) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(examples.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    path = folder / f"{digest.hexdigest()[:24]}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path, **dict(examples))
    return str(path)


def _dims(texts: Iterable[str]) -> dict[tuple[str, int], Dim]:
    """Return the axes declared dynamic: ``x.0=batch:1:8`` or, with the length to export at, ``x.0=batch:1:8:2``."""
    found = {}
    for text in texts:
        read = re.fullmatch(r"(.+)\.(\d+)=([A-Za-z_]\w*):(\d+):(\d+)(?::(\d+))?", text)
        if not read:
            raise UsageError(f"--dim {text!r}; expected INPUT.AXIS=NAME:LOW:HIGH, for example x.0=batch:1:8")
        found[read[1], int(read[2])] = Dim(read[3], int(read[4]), int(read[5]), example=int(read[6]) if read[6] else None)
    return found


def _domains(texts: Iterable[str]) -> dict[str, Domain]:
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


def _spec(
    name: str, dtype: str, shape: Sequence[Any], examples: Mapping[str, Any] | None,
    dims: Mapping[tuple[str, int], Dim], domains: Mapping[str, Domain], say: Callable[[str], None],
) -> TensorSpec:  # fmt: skip
    """Return the specification of one input, from what the model, its examples and the command line say, in that order."""
    example = (examples or {}).get(name)
    lengths: list[int | Dim] = []
    for axis, length in enumerate(shape):
        if (name, axis) in dims:
            lengths.append(dims[name, axis])
        elif isinstance(length, int) and length >= 0:
            lengths.append(length)
        elif example is not None:
            lengths.append(int(example.shape[axis]))
        else:
            lengths.append(_assumed(name, axis, len(shape), length, say))
    for given, axis in dims:
        if given == name and axis >= len(shape):
            raise UsageError(f"--dim {name}.{axis}: input {name!r} has {len(shape)} axes")
    domain = domains.get(name)
    if domain is None and not dtype.startswith(("float", "bfloat", "bool")):
        domain = _whole(name, example)
    return TensorSpec(name=name, dtype=dtype, shape=tuple(lengths), domain=domain)


def _assumed(name: str, axis: int, rank: int, symbol: Any, say: Callable[[str], None]) -> Dim:
    word = re.sub(r"\W", "_", str(symbol or f"{name}_{axis}"))
    word = word if re.match(r"[A-Za-z_]", word) else f"d{word}"
    dim = Dim(word, 1, 8) if axis == 0 else Dim(word, 32, 256, multiple=32, example=64) if rank == 4 else Dim(word, 1, 64, example=16)
    say(f"assumed {name}.{axis}={dim.name}:{dim.low}:{dim.high}; --dim says otherwise")
    return dim


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


def routes_asked(question: Question, case: Case) -> list[Route]:
    """Return the routes asked for: whole routes as written, and every shortest one to the runtimes named."""
    found = registry()
    targets = [target for target in question.to if ">" not in target]
    for target in targets:
        if "*" not in target:
            found.get("runtimes", target.split("@")[0])
    devices = tuple(dict.fromkeys(["cpu", *(target.split("@")[1] for target in targets if "@" in target)]))
    here = Path.cwd()
    settings = Settings(
        root=here, report=here, levels={}, rungs={}, fuzz={}, limits=question.limits, devices=devices, sources=tuple(case.build),
        hops=question.hops,
    )  # fmt: skip
    routes = routes_of(case, (), settings) if case.given else routes_for(settings, found)
    chosen = {str(route): route for route in routes if not question.to or any(_reaches(route, target) for target in targets)}
    for text in question.to:
        if ">" in text and "*" in text:
            longer = find_routes(found, max_hops=max(3, question.hops), devices=devices)
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
