"""The steps of a cell, each through the cache: samples, reference, source, convert, run."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.artifact import Artifact, Port, artifact_from
from harness.core.case import Case
from harness.core.outcome import Stage
from harness.core.protocols import option_values
from harness.core.registry import Registry
from harness.core.route import Hop, adapters_of
from harness.engine.cache import Cache, Entry, key_of
from harness.engine.calibration import calibration_of
from harness.engine.pool import Pool
from harness.engine.steps_keys import Keys, cpu, digest_of
from harness.engine.toolchains import locate
from harness.engine.trace import Reference, Runs, Stop, Trace, lasts
from harness.engine.worker import MEMORY, WorkerFailure
from harness.numerics.ladder import rungs_among, rungs_of_shape
from harness.numerics.sampling import Sample, draw, lengths_of, lengths_to_try, told_of

if TYPE_CHECKING:
    from harness.engine.cell import Cell


class Steps(Keys):
    """Each method is one step; each asks a worker only for what the cache does not have."""

    def __init__(self, pool: Pool, cache: Cache, registry: Registry) -> None:
        super().__init__()
        self._pool = pool
        self._cache = cache
        self._registry = registry
        self._probed: dict[tuple[str, str], WorkerFailure | None] = {}

    def require(self, cell: Cell, trace: Trace) -> None:
        """Raise `Unavailable` or `WorkerFailure` when a toolchain or device of the route is not here."""
        route = cell.route
        adapters = adapters_of(route, self._registry)
        for stage, adapter in zip((Stage.BUILD, *[Stage.CONVERT] * len(route.converters), Stage.LOAD), adapters, strict=True):
            trace.stage = stage
            locate(adapter.toolchain)
            trace.versions.update(self._versions_of(adapter))
        if route.device != "cpu":
            self._probe(route.runtime.name, route.device, adapters[-1].toolchain)
        trace.stage = Stage.BUILD

    def _probe(self, runtime: str, device: str, toolchain: str) -> None:
        asked = (runtime, device)
        if asked not in self._probed:
            self._probed[asked] = None
            try:
                self._pool.call(toolchain, "probe", {"runtime": runtime, "device": device})
            except WorkerFailure as failure:
                self._probed[asked] = failure
        absent = self._probed[asked]
        if absent is not None:
            raise absent

    def samples(self, cell: Cell, trace: Trace, rungs: Sequence[str] = ()) -> tuple[list[Sample], Entry | None]:
        """Return the samples of the cell, and what real data bring beside them (see `harness.engine.recorded.real_from`).

        ``rungs``: names or standings of the input ladder, tried at the example shape by a case without real data; ``shapes`` among
        them asks for every shape worth trying instead of two.
        """
        case, framework = cell.case, cell.route.framework
        if not case.has_data:
            shapes = rungs_of_shape(case, framework) if "shapes" in rungs else lengths_to_try(case, framework)
            ordinary = [draw(case, framework, lengths) for lengths in shapes]
            return [*ordinary, *self._ladder(case, framework, rungs, shapes[0])], None
        adapter = self._registry.get("frameworks", framework)
        parts = {"kind": "data", "recipe": self.recipe(cell, adapter, trace)}

        def make(_: Path) -> tuple[dict[str, Any], dict[str, Any]]:
            answer = self._ask(trace, adapter.toolchain, "data", {"ref": cell.ref})
            labels = {} if answer["labels"] is None else {"labels": answer["labels"]}
            more = {f"more-{number}": feeds for number, feeds in enumerate(answer["more"])}
            kept = {f"calibration-{number}": feeds for number, feeds in enumerate(answer["calibration"])}
            facts = {"more": len(more), "tolerance": answer["tolerance"], "calibration": len(kept)}
            return facts, {"feeds": answer["feeds"], "labels": labels, "recorded": answer["outputs"], **more, **kept}

        entry = self._cache.get(parts, make)
        groups = [entry.arrays("feeds"), *(entry.arrays(f"more-{number}") for number in range(entry.facts["more"]))]
        real = [Sample(feeds=feeds, lengths=lengths_of(case, framework, feeds), rung="real") for feeds in groups]
        climbed = self._ladder(case, framework, rungs, real[0].lengths) if case.part and case.part["drawn"] else []
        # Inside a model whole numbers are indices and shapes, which only fit as they came.
        whole = {name: array for name, array in real[0].feeds.items() if array.dtype.kind in "iub"}
        climbed = [dataclasses.replace(sample, feeds={**sample.feeds, **whole}) for sample in climbed]
        return [*real, *climbed], entry

    def _ladder(self, case: Case, framework: str, rungs: Sequence[str], lengths: Mapping[str, int]) -> list[Sample]:
        return [draw(case, framework, lengths, rung=rung) for rung in rungs_among(case, framework, rungs)]

    def reference(self, cell: Cell, trace: Trace, sample: Sample, precision: str = "") -> Reference:
        """Return the outputs of the source model on ``sample``; with a ``precision`` also those it would have in that."""
        adapter = self._registry.get("frameworks", cell.route.framework)
        parts = {"kind": "reference", "recipe": self.recipe(cell, adapter, trace), "feeds": sample.digest, "precision": precision}
        trace.stage = Stage.REFERENCE

        def make(_: Path) -> tuple[dict[str, Any], dict[str, Any]]:
            asked = {"framework": adapter.name, "ref": cell.ref, "feeds": dict(sample.feeds), "precision": precision}
            try:
                answer = self._ask(trace, adapter.toolchain, "reference", asked)
            except WorkerFailure as failure:
                if failure.detail.get("limit") != MEMORY:
                    raise
                # In float64 a model may be twice as large; without that run there is still its own.
                answer = self._ask(trace, adapter.toolchain, "reference", {**asked, "draws": 0})
                answer["oracle_error"] = str(failure.detail["message"])
            facts = {name: answer[name] for name in ("oracle_error", "wobble", "seconds", "inner")}
            return facts, {name: answer[name] or {} for name in ("outputs", "oracle", "spread", "emulated")}

        entry = self.remember(parts, make, trace, "reference")
        if entry.facts["oracle_error"]:
            trace.messages.append(f"judged against the source's own precision, for want of a float64 run: {entry.facts['oracle_error']}")
        groups = {name: entry.arrays(name) for name in ("outputs", "oracle", "spread", "emulated")}
        _require_determinism(groups["outputs"], entry.facts["wobble"])
        return Reference(**groups, wobble=entry.facts["wobble"], inner=entry.facts["inner"])

    def source(self, cell: Cell, trace: Trace, reference: Reference) -> Artifact:
        """Return the artifact that stands for the source model; a file where the framework's format is one."""
        adapter = self._registry.get("frameworks", cell.route.framework)
        recipe = self.recipe(cell, adapter, trace)
        inputs = tuple(
            Port(name=s.name, native=s.name, dtype=s.dtype, shape=s.free)
            for s in cell.case.specs(adapter.name)
        )
        outputs = tuple(Port(name=name, native=name, dtype=array.dtype.name) for name, array in reference.outputs.items())
        artifact = Artifact(
            format=adapter.format,
            path="",
            entry="",
            digest=key_of({"recipe": recipe}),
            inputs=inputs,
            outputs=outputs,
            recipe=key_of(recipe),
        )
        if not hasattr(adapter, "save"):
            return artifact
        arguments = {"framework": adapter.name, "ref": cell.ref, "source": artifact.to_json()}
        parts = {"kind": "source", "recipe": recipe, "outputs": [port.to_json() for port in outputs]}
        return self._artifact(trace, parts, adapter.toolchain, "save", arguments)

    def convert(self, cell: Cell, trace: Trace, hop: Hop, source: Artifact, sample: Sample) -> Artifact:
        """Return what ``hop`` makes of ``source``, exported at the shapes of ``sample``."""
        trace.stage = Stage.CONVERT
        adapter = self._registry.get("converters", hop.name)
        options = option_values(adapter, hop.options, f"route {cell.route}")
        if options.get("file"):  # a conversion made elsewhere, named as seen from the case file
            options["file"] = str(Path(cell.file).parent / options["file"])
        beside = {name: str(Path(cell.file).parent / options[name]) for name in getattr(adapter, "files", ()) if options[name]}
        options.update(beside)
        told = told_of(cell.case, cell.route.framework)
        wanted = int(adapter.calibrates(options)) if hasattr(adapter, "calibrates") else 0
        calibration = calibration_of(self, cell, trace, wanted) if wanted else None
        parts = {
            "kind": "convert", "converter": hop.name, "options": options, "adapter": self._adapter(adapter),
            "source": source.digest, "ports": [p.to_json() for p in (*source.inputs, *source.outputs)],
            "feeds": sample.digest, **told, "given": cell.digest if options.get("file") else "",
            **({"read": {name: digest_of(path) for name, path in beside.items()}} if beside else {}),
            **({"calibration": calibration.digest} if calibration else {}),
        }  # fmt: skip
        arguments = {
            "converter": hop.name, "source": source.to_json(), "ref": cell.ref, "feeds": dict(sample.feeds),
            "options": options, **told, **({"calibration": [dict(feeds) for feeds in calibration.feeds]} if calibration else {}),
        }  # fmt: skip
        said = (calibration.told,) if calibration else ()
        try:
            made = self._artifact(trace, parts, adapter.toolchain, "convert", arguments)
        finally:
            if getattr(adapter, "single_use", False):
                self._pool.retire(adapter.toolchain)
        return dataclasses.replace(made, messages=(*source.messages, *said, *made.messages))

    def _artifact(self, trace: Trace, parts: Mapping[str, Any], toolchain: str, verb: str, arguments: Mapping[str, Any]) -> Artifact:
        def make(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
            answer = self._ask(trace, toolchain, verb, {**arguments, "dest": str(folder)})
            artifact = answer["artifact"]
            entry = str(Path(artifact["entry"]).relative_to(folder))
            return {"artifact": {**artifact, "path": "", "entry": "" if entry == "." else entry}}, {}

        entry = self.remember(parts, make, trace, verb)
        content = entry.folder / "content"
        stored = entry.facts["artifact"]
        return artifact_from({**stored, "path": str(content), "entry": str(content / stored["entry"])})

    def run_parts(self, cell: Cell, artifact: Artifact, samples: Sequence[Sample]) -> dict[str, Any]:
        """Return what runs of an artifact on samples depend on, as the parts of a cache key."""
        adapter = self._registry.get("runtimes", cell.route.runtime.name)
        options = option_values(adapter, cell.route.runtime.options, f"route {cell.route}")
        return {
            "kind": "run", "runtime": adapter.name, "device": cell.route.device, "options": options, "adapter": self._adapter(adapter),
            "artifact": artifact.digest, "ports": [p.to_json() for p in (*artifact.inputs, *artifact.outputs)], "casts": artifact.casts,
            "feeds": [sample.digest for sample in samples], "machine": [platform.machine(), platform.processor(), cpu()],
        }  # fmt: skip

    def run(self, cell: Cell, trace: Trace, artifact: Artifact, samples: list[Sample]) -> Runs:
        """Load the artifact once and run every sample, then the first one again."""
        trace.stage = Stage.LOAD
        adapter = self._registry.get("runtimes", cell.route.runtime.name)
        options = option_values(adapter, cell.route.runtime.options, f"route {cell.route}")
        plan = [(i, False) for i in range(len(samples))] + [(0, True)]
        parts = self.run_parts(cell, artifact, [samples[i] for i, _ in plan])

        def make(_: Path) -> tuple[dict[str, Any], dict[str, Any]]:
            return self._execute(cell, trace, artifact, samples, plan, options)

        entry = self.remember(parts, make, trace, "run")
        trace.replayed = entry.hit
        trace.provenance = dict(entry.facts["provenance"])
        failure = entry.facts["stopped"]
        done = [(index, entry.arrays(f"run-{number}"), again) for number, (index, again) in enumerate(plan[: entry.facts["runs"]])]
        return Runs(done=tuple(done), failure=failure)

    def _execute(
        self, cell: Cell, trace: Trace, artifact: Artifact, samples: list[Sample], plan: list[tuple[int, bool]], options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        toolchain = self._registry.get("runtimes", cell.route.runtime.name).toolchain
        loaded = self._ask(
            trace, toolchain, "load",
            {
                "runtime": cell.route.runtime.name, "device": cell.route.device, "source": artifact.to_json(), "ref": cell.ref,
                "feeds": dict(samples[0].feeds), "options": options,
                **told_of(cell.case, cell.route.framework),
            },
        )  # fmt: skip
        trace.stage = Stage.RUN
        facts: dict[str, Any] = {"provenance": loaded["provenance"], "stopped": None, "runs": 0}
        groups: dict[str, Any] = {}
        for number, (index, _) in enumerate(plan):
            try:
                answer = self._ask(trace, toolchain, "run", {"session": loaded["session"], "feeds": dict(samples[index].feeds)})
            except WorkerFailure as failure:
                if number == 0 or not lasts(failure):
                    raise
                facts["stopped"] = {"kind": failure.kind, **failure.detail, "stage": "run", "sample": index}
                break
            groups[f"run-{number}"] = answer["outputs"]
            facts.update(provenance=answer["provenance"], runs=number + 1)
        self._ask(trace, toolchain, "close", {"session": loaded["session"]})
        return facts, groups

    def remember(self, parts: Mapping[str, Any], make: Any, trace: Trace, step: str) -> Entry:
        """Return the cache entry for ``parts``; ``make(folder)`` fills a missing one with facts and groups of arrays.

        A lasting failure of a tool is remembered too, and raised again as `Stop`. What the source model itself fails with is not: it is
        the user's to mend, often outside what the key covers.
        """

        def guarded(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
            try:
                facts, groups = make(folder)
            except WorkerFailure as failure:
                if not lasts(failure, step) or (step in ("reference", "save") and failure.kind == "error"):
                    raise
                return {"failure": {"kind": failure.kind, **failure.detail, "at": str(trace.stage)}}, {}
            return {**facts, "failure": None}, groups

        with trace.clock(step):
            entry = self._cache.get(parts, guarded)
        if entry.facts["failure"]:
            trace.stage = Stage(entry.facts["failure"]["at"])
            trace.replayed = entry.hit
            raise Stop(entry.facts["failure"])
        return entry

    @property
    def registry(self) -> Registry:
        """Return the adapters."""
        return self._registry

    def ask(self, toolchain: str, verb: str, arguments: Mapping[str, Any]) -> Any:
        """Ask a worker, past the cache. Raises `WorkerFailure`."""
        return self._pool.call(toolchain, verb, arguments)

    @property
    def locks(self) -> Path:
        """Return where locks of files outside the cache are."""
        return self._cache.root / "locks"

    def start(self, toolchains: Sequence[str]) -> None:
        """Start workers without waiting for them."""
        self._pool.start(toolchains)

    def generation(self, toolchain: str) -> int:
        """Return a number that changes when the toolchain's worker is replaced, and its sessions are lost."""
        return self._pool.generation(toolchain)

    def retire(self, toolchain: str) -> None:
        """End a toolchain's worker; the next call starts another."""
        self._pool.retire(toolchain)

    def _ask(self, trace: Trace, toolchain: str, verb: str, arguments: Mapping[str, Any]) -> Any:
        ahead = trace.toolchains[trace.toolchains.index(toolchain) :]
        self._pool.start(ahead)
        return self._pool.call(toolchain, verb, arguments)


def _require_determinism(outputs: Mapping[str, Any], wobble: Mapping[str, float]) -> None:
    """Raise `Stop` where the source gives another answer to the same input: nothing can be held to that."""
    for name, apart in wobble.items():
        largest = float(np.max(np.abs(outputs[name].astype(np.float64)), initial=0.0, where=np.isfinite(outputs[name])))
        if apart > 1e-3 * largest:
            message = (
                f"the source gave two answers to one input: output {name!r} differs by {apart:.3g} between two runs; "
                "is a dropout or another random operator active, or is state kept between calls?"
            )
            raise Stop({"kind": "error", "type": "NotDeterministic", "message": message})
