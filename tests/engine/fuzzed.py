"""A source and a target that are functions on arrays, with planted shape bugs, and a pool without processes: whole cells in one process."""

from __future__ import annotations

import collections
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.case import Case
from harness.core.protocols import Source
from harness.core.registry import Registry
from harness.core.route import Hop, Route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.child import decode, encode, failure
from harness.engine.fuzzing import Fuzzing
from harness.engine.manifest import manifest
from harness.engine.serve import Serve
from harness.engine.toolchains import Located, Toolchain
from harness.engine.worker import WorkerFailure

Arrays = Mapping[str, Any]
FRAMEWORK, RUNTIME = "plain", "plain-target"


class Dies(BaseException):
    """Stands for a signal: the worker is gone."""


class Model:
    """What a case builds: the ``right`` function, and the one that the target computes, which may remember its session's calls."""

    def __init__(
        self, right: Callable[..., Any], target: Callable[..., Any] | None = None, session: Callable[..., Any] | None = None
    ) -> None:
        self.right, self.target, self.session = right, target or right, session


class Plain:
    """A framework of functions."""

    name, toolchain, format, distributions = FRAMEWORK, "plain-source", "plain.model", ()

    def __init__(self) -> None:
        self.runs = self.oracles = 0

    def build(self, case: Case) -> Model:
        """Return the model."""
        builder = case.build[self.name]
        assert builder is not None
        return builder()  # type: ignore[no-any-return]

    def run(self, model: Model, feeds: Arrays) -> dict[str, Any]:
        """Run in float32."""
        self.runs += 1
        return _named(model.right(**feeds))

    def oracle(self, case: Case, model: Model, feeds: Arrays, move: Any = None) -> dict[str, Any]:
        """Run in float64."""
        self.oracles += 1
        wide = {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in feeds.items()}
        return _named(model.right(**wide))


class Session:
    """Computes what the target computes; a model with a ``session`` gets a fresh one of that."""

    def __init__(self, model: Model) -> None:
        self.provenance = {"device": "cpu", "provider": "plain", "precision": "float32"}
        self._run = model.session() if model.session else lambda feeds: _named(model.target(**feeds))

    def run(self, feeds: Arrays) -> dict[str, Any]:
        """Run once."""
        return self._run(feeds)  # type: ignore[no-any-return]

    def close(self) -> None:
        """Nothing is held."""


class Target:
    """A runtime of functions."""

    name, accepts, toolchain, distributions, devices, options = RUNTIME, ("plain.model",), "plain-runtime", (), ("cpu",), ()

    def __init__(self) -> None:
        self.loads = 0

    def probe(self, device: str) -> None:
        """There is only one."""

    def load(self, source: Source, device: str, options: Arrays) -> Session:
        """Open the model."""
        self.loads += 1
        return Session(source.model)


def _named(result: Any) -> dict[str, Any]:
    return {name: np.asarray(array) for name, array in (result if isinstance(result, dict) else {"y": result}).items()}


class InProcess:
    """A pool of as many `Serve` as toolchains, all in this process; arrays still go through files, and `Dies` ends one."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._serve: dict[str, Serve] = {}
        self._generation: dict[str, int] = {}
        self.calls: list[tuple[str, str]] = []
        self._one = collections.defaultdict(threading.Lock)
        self.interrupt = 0

    def call(self, toolchain: str, verb: str, arguments: Arrays) -> Any:
        """Run a verb."""
        self.calls.append((toolchain, verb))
        if self.interrupt and sum(verb == "session_runs" for _, verb in self.calls) >= self.interrupt:
            raise KeyboardInterrupt
        with self._one[toolchain], tempfile.TemporaryDirectory() as folder:
            serve = self._serve.setdefault(toolchain, Serve(self._registry))
            given = decode(encode(dict(arguments), f"{folder}/in"))
            try:
                return decode(encode(getattr(serve, verb)(**given), f"{folder}/out"))
            except Dies:
                self.retire(toolchain)
                died = {"type": "", "message": f"the worker died of SIGSEGV during {verb}", "signal": "SIGSEGV"}
                raise WorkerFailure("crash", died) from None
            except Exception as error:
                told = failure(error)
                raise WorkerFailure(told["kind"], told) from None

    def generation(self, toolchain: str) -> int:
        """Return how many there have been."""
        return self._generation.get(toolchain, 0)

    def retire(self, toolchain: str) -> None:
        """End one."""
        self._serve.pop(toolchain, None)
        self._generation[toolchain] = self.generation(toolchain) + 1

    def start(self, toolchains: Iterable[str]) -> None:
        """Nothing has to be started."""

    def relax(self, keep: Iterable[str] = ()) -> None:
        """Nothing is ended."""


class Bench:
    """Runs the case of a file on its one route, in this process."""

    def __init__(self, folder: Path) -> None:
        self.framework, self.runtime = Plain(), Target()
        self.registry = Registry(frameworks={FRAMEWORK: self.framework}, converters={}, runtimes={RUNTIME: self.runtime}, origins={})
        self.pool = InProcess(self.registry)
        self.folder = folder
        self.cache = Cache(root=folder / "cache")

    def cell(self, body: str, name: str = "parity_planted.py") -> Cell:
        """Return the cell of the last case that a case file declares."""
        path = self.folder / name
        path.write_text("from harness import *\nimport numpy as np\nfrom fuzzed import *\n" + body)
        described = manifest(path, self.folder, self.folder, lambda file, roots: Serve(self.registry).describe(file, roots))
        assert described.cases, described.problems
        route = Route(framework=FRAMEWORK, converters=(), runtime=Hop(name=RUNTIME, options={}), device="cpu")
        case = described.cases[-1]
        return Cell(id=f"{case.id}[{route}]", case=case, route=route, file=described.file, digest=described.digest)

    def run(self, body: str | Cell, *, fresh: bool = False, **fuzzing: Any) -> Any:
        """Return the record of a case."""
        cell = body if isinstance(body, Cell) else self.cell(body)
        given = {"examples": {"unit": 12, "module": 12, "e2e": 12}, "seconds": 60.0, **fuzzing}
        cache = Cache(root=self.folder / "cache", fresh=fresh)
        engine = Engine(self.pool, cache, adapters=self.registry, rungs={"unit": ("core",)}, fuzzing=Fuzzing(**given))  # type: ignore[arg-type]
        return engine.run_cell(cell)


def located(name: str) -> Located:
    """Return where a toolchain is: here."""
    return Located(
        toolchain=Toolchain(name=name, summary="", imports=(), distributions=(), env={}), python=sys.executable, origin="here", versions={},
    )  # fmt: skip
