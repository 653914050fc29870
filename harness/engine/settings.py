"""What a run was asked to do: the command line over ``[tool.parity]`` in ``pyproject.toml`` over defaults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core import toml
from harness.core.case import LEVELS, Case
from harness.core.errors import UsageError, unknown
from harness.core.registry import Registry, registry
from harness.core.route import Hop, Route, find_routes, offered, parse_route
from harness.core.value import value
from harness.engine.example_rows import FILE
from harness.engine.fuzzing import EXAMPLES, SECONDS
from harness.engine.pool import Limits

_TEXTS, _COUNT, _SECONDS, _TEXT, _TABLE = "a list of texts", "a whole number >= 1", "a number of seconds > 0", "a text", "a table"
_ROWS = "a list of file names and rows, or one table"
_FLAG = "true or false"
_PARTS = "a list of levels among unit and module"
_COUNTED = "a whole number >= 0"
KEYS: dict[str, str] = {
    "routes": _TEXTS, "full_routes": _TEXTS, "sources": _TEXTS, "targets": _TEXTS, "devices": _TEXTS, "files": _TEXTS,
    "expectations": _TEXTS, "hops": _COUNTED, "timeout": _SECONDS, "run_timeout": _SECONDS, "memory": _TEXT,
    "threads": _COUNT, "report": _TEXT, "gate": _TABLE, "levels": _TABLE,
    "tolerances": _ROWS, "rungs": _TABLE, "search": _COUNTED, "localise": _FLAG, "localise_timeout": _SECONDS, "repro": _TEXT,
    "fuzz": _TABLE, "examples": _TEXT, "generate": _PARTS, "batch": _COUNT, "latency": _TABLE,
}  # fmt: skip
"""What ``[tool.parity]`` may hold, and what each setting is."""


@value
class Settings:
    """Everything a run can be told. Empty ``routes`` means: the shortest routes of every pair found here.

    ``levels``: level to route patterns; a case of that level runs only on routes that match one.
    ``rungs``: level to rungs, or standings of rungs, of the input ladder that its cases climb beside ordinary inputs.
    ``localise``: whether the hop and layer to blame for a mismatch that nobody expected are looked for, for at most
    ``localise_timeout`` seconds a cell; ``repro``: the folder for bundles of such mismatches, None for none.
    ``batch``: how many cells may share a conversion, where their framework can join models.
    ``search``: how many runs a search for revealing inputs may take in each cell that matches.
    ``generate``: the levels at which tests are generated from a whole model that does not say itself.
    ``fuzz``: level to how many examples of its dynamic axes each cell that matches is fuzzed with, within ``fuzz_seconds``;
    ``examples``: the file of those that failed before.
    ``tolerances``: file names and rows as they are written; `harness.policy.tolerances` reads them.
    """

    root: Path
    routes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    expectations: tuple[Path, ...] = ()
    tolerances: Any = ()
    hops: int = 2
    full: bool = False
    fresh: bool = False
    report: Path
    gate: Mapping[str, Any] | None = None
    localise: bool = True
    localise_timeout: float = 60.0
    repro: Path | None = None
    levels: Mapping[str, tuple[str, ...]]
    rungs: Mapping[str, tuple[str, ...]]
    search: int = 0
    generate: tuple[str, ...] = ("unit", "module")
    batch: int = 1
    fuzz: Mapping[str, int]
    fuzz_seconds: float = SECONDS
    examples: Path = Path(FILE)
    limits: Limits


def settings_from(table: Mapping[str, Any], root: Path, given: Mapping[str, Any]) -> Settings:
    """Return the settings of ``[tool.parity]`` (``table``) with the options ``given`` laid over them.

    Raises `UsageError` for an unknown key or a value of the wrong type, naming both.
    """
    for key, setting in table.items():
        if key not in KEYS:
            raise unknown("setting in [tool.parity]", key, KEYS)
        if not _fits(setting, KEYS[key]):
            raise UsageError(f"[tool.parity] {key} = {setting!r}; expected {KEYS[key]}")
    for key, setting in given.items():
        if key in KEYS and key != "fuzz" and setting is not None and not _fits(setting, KEYS[key]):
            raise UsageError(f"option --parity-{key.replace('_', '-')} is {setting!r}; expected {KEYS[key]}")
    chosen = {**table, **{key: setting for key, setting in given.items() if setting not in (None, [], ())}}
    limits = Limits()
    limits = Limits(
        timeout=float(chosen.get("timeout", limits.timeout)),
        run_timeout=float(chosen.get("run_timeout", limits.run_timeout)),
        memory=size(chosen["memory"]) if "memory" in chosen else limits.memory,
        total_memory=limits.total_memory // int(given.get("share", 1)),
        threads=int(chosen.get("threads", limits.threads)),
    )
    routes = chosen.get("routes", ())
    if chosen.get("full") and "routes" not in given:
        routes = chosen.get("full_routes", ())
    # Whoever asks for routes, or for all of them, wants these at every level.
    levels = {} if "routes" in given or chosen.get("full") else _levels("levels", chosen.get("levels", {}), "route patterns")
    return Settings(
        root=root, levels=levels, rungs=rungs_from(table.get("rungs", {}), given.get("rung") or ()), search=int(chosen.get("search", 0)),
        batch=int(chosen.get("batch", 1)),
        routes=tuple(routes),
        sources=tuple(chosen.get("sources", ())), targets=tuple(chosen.get("targets", ())),
        devices=tuple(chosen.get("devices", ("cpu",))),
        expectations=tuple(root / name for name in (*chosen.get("expectations", ()), *given.get("expect", ()))),
        hops=int(chosen.get("hops", 2)),
        full=bool(chosen.get("full")), fresh=bool(chosen.get("fresh")), report=root / chosen.get("report", "reports"),
        gate=chosen.get("gate"), tolerances=chosen.get("tolerances", ()), limits=limits,
        localise=chosen.get("localise", True), localise_timeout=float(chosen.get("localise_timeout", 60.0)),
        repro=root / chosen["repro"] if chosen.get("repro") else None, examples=root / chosen.get("examples", FILE),
        generate=generate_from(chosen.get("generate")), **_fuzz(table.get("fuzz", {}), given.get("fuzz"), given.get("fuzz_seconds")),
    )  # fmt: skip


def _fuzz(declared: Mapping[str, Any], examples: int | None, seconds: float | None) -> dict[str, Any]:
    """Return how much is fuzzed: as asked for, else as declared. Raises `UsageError` for what is no number of examples or seconds."""
    for key, setting in declared.items():
        if key not in ("examples", "seconds"):
            raise unknown("setting in [tool.parity.fuzz]", key, ("examples", "seconds"))
        kind = _SECONDS if key == "seconds" else _COUNTED
        if not _fits(setting, kind):
            raise UsageError(f"[tool.parity.fuzz] {key} = {setting!r}; expected {kind}")
    for option, asked, kind in (("--parity-fuzz", examples, _COUNTED), ("--parity-fuzz-seconds", seconds, _SECONDS)):
        if asked is not None and not _fits(asked, kind):
            raise UsageError(f"option {option} is {asked!r}; expected {kind}")
    count = declared.get("examples") if examples is None else examples
    return {
        "fuzz": EXAMPLES if count is None else dict.fromkeys(LEVELS, count),
        "fuzz_seconds": float(declared.get("seconds", SECONDS) if seconds is None else seconds),
    }


def _fits(setting: Any, kind: str) -> bool:
    """Return whether a setting is of this kind. True and False are no numbers."""
    if kind is _PARTS:
        return isinstance(setting, str) or (isinstance(setting, (list, tuple)) and all(isinstance(item, str) for item in setting))
    if kind is _TEXTS:
        return isinstance(setting, (list, tuple)) and all(isinstance(item, str) for item in setting)
    if kind is _ROWS:
        return isinstance(setting, dict) or (isinstance(setting, list) and all(isinstance(item, (str, dict)) for item in setting))
    if kind is _FLAG:
        return isinstance(setting, bool)
    if kind in (_TEXT, _TABLE):
        return isinstance(setting, str if kind is _TEXT else dict)
    number = isinstance(setting, (int, float) if kind is _SECONDS else int) and not isinstance(setting, bool)
    return number and (0 < setting < float("inf") if kind is _SECONDS else setting >= (1 if kind is _COUNT else 0))


def generate_from(chosen: Any) -> tuple[str, ...]:
    """Return the levels at which tests are generated: those chosen (``none`` for none), else units and modules. Raises `UsageError`."""
    levels = ["unit", "module"] if chosen is None else chosen.split(",") if isinstance(chosen, str) else list(chosen)
    levels = [] if levels in (["none"], [""]) else levels
    for level in levels:
        if level not in ("unit", "module"):
            raise unknown("level to generate", level, ("unit", "module", "none"))
    return tuple(levels)


def _levels(key: str, table: Mapping[str, Any], of: str) -> dict[str, tuple[str, ...]]:
    for level, names in table.items():
        if level not in LEVELS:
            raise unknown(f"level in [tool.parity.{key}]", level, LEVELS)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UsageError(f"[tool.parity.{key}] {level} = {names!r}; expected a list of {of}")
    return {level: tuple(names) for level, names in table.items()}


def rungs_from(declared: Mapping[str, Any], asked: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return level to rungs: those asked for at every level, else those declared, else the core ones of units and modules.

    Raises `UsageError` for a level, rung or standing that does not exist.
    """
    if not asked and not declared:
        return {"unit": ("core",), "module": ("core",)}
    from harness.numerics.ladder import RUNGS, STANDINGS

    table = {level: list(asked) for level in LEVELS} if asked else declared
    found = _levels("rungs", table, f"rungs or of {', '.join(STANDINGS)}")
    for names in found.values():
        for name in names:
            if name not in RUNGS and name not in STANDINGS and name != "shapes":
                raise unknown("rung", name, [*STANDINGS, "shapes", *RUNGS])
    return found


def table_of(root: Path) -> dict[str, Any]:
    """Return ``[tool.parity]`` of the project's ``pyproject.toml``, empty when there is none."""
    path = root / "pyproject.toml"
    found: Any = toml.read(path).get("tool", {}).get("parity", {}) if path.is_file() else {}
    if not isinstance(found, dict):
        raise UsageError(f"{path}: [tool.parity] must be a table")
    return found


def size(text: str) -> int:
    """Return the bytes written as ``6G`` or ``512M``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if not found:
        raise UsageError(f"size {text!r}; expected a number and a unit, for example 6G or 512M")
    return int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))


def routes_for(settings: Settings, registry: Registry, named: Sequence[str] = ()) -> list[Route]:
    """Return the routes a run may use, in a stable order. ``named``: what else names a runtime beside the settings.

    Without route patterns: every shortest route of each source and target, or all of them up to
    ``hops`` converters when the full matrix is asked for. A device that a target or route names is considered
    as well as those of ``devices``. Raises `UsageError` for names that match nothing.
    """
    devices = _devices(settings, registry)
    found = find_routes(registry, max_hops=settings.hops, devices=devices)
    found = offered(found, registry, (*settings.routes, *settings.targets, *named))
    if settings.routes:
        found = _matching(found, settings.routes, registry)
    elif not settings.full:
        shortest: dict[tuple[str, str], int] = {}
        for route in found:
            shortest.setdefault((route.framework, route.target), len(route.converters))
        found = [route for route in found if len(route.converters) == shortest[route.framework, route.target]]
    if settings.sources:
        found = [route for route in found if route.framework in settings.sources]
    if settings.targets:
        found = [route for route in found if route.target in settings.targets or route.runtime.name in settings.targets]
    return found


def _devices(settings: Settings, registry: Registry) -> tuple[str, ...]:
    """Return the devices to consider. Raises `UsageError` for a source, target or device nobody knows."""
    for name in settings.sources:
        registry.get("frameworks", name)
    for name in settings.targets:
        runtime, _, device = name.partition("@")
        if device and device not in registry.get("runtimes", runtime).devices:
            raise unknown(f"device of runtime {runtime}", device, registry.get("runtimes", runtime).devices)
        registry.get("runtimes", runtime)
    known = {device for runtime in registry.runtimes.values() for device in runtime.devices}
    for name in settings.devices:
        if name not in known:
            raise unknown("device", name, known)
    named = [text.rpartition("@")[2] for text in (*settings.targets, *settings.routes) if "@" in text]
    return tuple(dict.fromkeys([*settings.devices, *(name for name in named if name in known)]))


def _matching(routes: Iterable[Route], patterns: Iterable[str], registry: Registry) -> list[Route]:
    """Return the routes that the patterns choose; one without wild-cards may have any length and options."""
    chosen: dict[str, Route] = {}
    routes = list(routes)
    for pattern in patterns:
        matched = [route for route in routes if matches(str(route), pattern)]
        if not matched and not set("*?") & set(pattern):
            matched = [parse_route(pattern, registry)]
        if not matched:
            raise unknown("route pattern", pattern, map(str, routes))
        chosen.update({str(route): route for route in matched})
    return list(chosen.values())


def matches(text: str, pattern: str) -> bool:
    """Return whether ``text`` fits a pattern in which only ``*`` and ``?`` are special."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), text) is not None


def check_routes(case: Case, registry: Registry) -> None:
    """Raise `UsageError` where a case would be left without cells in any run: it names what nobody knows."""
    for framework in case.build:
        if framework not in registry.frameworks:
            raise UsageError(f"case {case.id!r}: {unknown('framework', framework, registry.frameworks)}")
    devices = tuple(device for runtime in registry.runtimes.values() for device in runtime.devices)
    routes = [route for route in find_routes(registry, max_hops=4, devices=devices) if route.framework in case.build] if case.routes else []
    for pattern in case.routes:
        without_options = re.sub(r"\[[^\]]*\]", "", pattern)
        if not any(matches(str(route), without_options) for route in routes):
            raise UsageError(f"case {case.id!r}: {unknown('route pattern', pattern, map(str, routes))}")


def routes_of(case: Case, routes: Iterable[Route], settings: Settings | None = None) -> list[Route]:
    """Return the routes of ``routes`` that start in a framework of ``case`` and that the case admits.

    A case with conversions made elsewhere is judged on these alone, each on every runtime that opens it.
    """
    if case.given:
        return _given(case, settings)
    wanted = [patterns for patterns in (case.routes, settings.levels.get(case.level, ()) if settings else ()) if patterns]
    return [
        route for route in routes
        if route.framework in case.build and all(any(matches(str(route), p) for p in patterns) for patterns in wanted)
    ]  # fmt: skip


def _given(case: Case, settings: Settings | None) -> list[Route]:
    found = registry()
    devices = settings.devices if settings else ("cpu",)
    sources = (settings.sources if settings else ()) or tuple(case.build)
    routes = [
        Route(framework=framework, converters=(Hop(name=f"given.{kind}", options={"file": name}),), device=device,
              runtime=Hop(name=runtime.name, options={}))
        for framework in case.build if framework in sources
        for name, kind in case.given.items()
        for runtime in found.runtimes.values()
        if kind in runtime.accepts
        for device in runtime.devices if device in devices
        if not settings or not settings.targets or {runtime.name, f"{runtime.name}@{device}"} & set(settings.targets)
    ]  # fmt: skip
    return offered(routes, found, settings.targets if settings else ())
