"""Who is to blame for a mismatch: the hop after which outputs differ first, then the layer whose own error is beyond its bound.

Asked only for cells that mismatch. Whatever a worker does meanwhile becomes a note; nothing is raised.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.artifact import Artifact
from harness.core.errors import ParityError, Unavailable
from harness.core.route import Hop, Route
from harness.core.value import value
from harness.core.weights import EIGHT
from harness.engine import prefixes
from harness.engine.blame_words import answer, said, sentence, told
from harness.engine.judging import coarsest, declared, judge_one
from harness.engine.pool import OutOfTime
from harness.engine.sides import MOVED, SourceSide, TargetSide, quiet
from harness.engine.steps import Steps
from harness.engine.toolchains import locate
from harness.engine.trace import Reference, Stop, Trace
from harness.engine.worker import WorkerFailure
from harness.numerics.align import Alignment, align
from harness.numerics.bound import scaled
from harness.numerics.compare import Bounds
from harness.numerics.localise import Layer, Verdict, localise
from harness.numerics.oracle import UNITS
from harness.numerics.sampling import Sample, draw
from harness.numerics.suspects import suspects_of

if TYPE_CHECKING:
    from harness.engine.cell import Cell

HIDING = 0.1
"""Showing tensors hides an error when it moves the result by more than this part of it."""
ALIKE = 1e-3
"""Two runtimes give the same wrong answer when their outputs are this near, over the root mean square."""
OPINIONS = 2
"""How many runtimes are asked about an artifact that the first one gets wrong."""
_FAILURES = (WorkerFailure, Stop, ParityError)
_MORE = "; localise_timeout allows more"


@value
class Step:
    """One artifact of a route on one runtime: ``right`` is None where it could not be run, ``note`` says why."""

    hop: str
    artifact: Artifact
    runtime: Hop
    device: str
    right: bool | None
    note: str = ""
    outputs: Mapping[str, Any] | None = None

    def agrees(self, other: Step) -> bool:
        """Return whether both gave the same answer, right or wrong."""
        mine, theirs = self.outputs, other.outputs
        return mine is not None and theirs is not None and set(mine) == set(theirs) and all(
            np.shape(mine[name]) == np.shape(theirs[name]) and scaled(mine[name], theirs[name]) < ALIKE for name in mine
        )


def hops(cell: Cell, steps: Steps, trace: Trace, sample: Sample, bounds: Bounds | None = None) -> list[Step]:
    """Return what becomes of ``sample`` after each converter, on runtimes of this machine, and on the cell's own runtime last.

    An artifact that mismatches on one runtime is tried on another that opens its format.
    """
    work = quiet(trace)
    precision = coarsest(cell.route, steps.registry)
    reference = steps.reference(cell, work, sample, precision)
    first = steps.samples(cell, work)[0][0]
    artifact = steps.source(cell, work, reference if first is sample else steps.reference(cell, work, first, precision))
    judge = _Judge(cell, steps, sample, reference, bounds or declared(cell.case))
    found: list[Step] = []
    for number, hop in enumerate(cell.route.converters, 1):
        artifact = steps.convert(cell, work, hop, artifact, first)
        route = dataclasses.replace(cell.route, converters=cell.route.converters[:number])
        for runtime in itertools.islice(judge.runtimes(artifact.format, last=number == len(cell.route.converters)), OPINIONS):
            found.append(judge.step(str(hop), artifact, dataclasses.replace(route, runtime=runtime, device="cpu")))
            if found[-1].right:
                break
    found.append(judge.step(cell.route.target, artifact, cell.route))
    return found


class _Judge:
    def __init__(self, cell: Cell, steps: Steps, sample: Sample, reference: Reference, bounds: Bounds) -> None:
        self._cell = cell
        self._steps = steps
        self._sample = sample
        self._reference = reference
        self._bounds = bounds

    def runtimes(self, format: str, *, last: bool) -> Iterator[Hop]:
        """Yield the runtimes here that open a format: those that follow a specification or are native to it first.

        After the last converter the cell's own runtime is left out: it is judged by itself.
        """
        every = [r for r in self._steps.registry.runtimes.values() if not getattr(r, "label", "")]
        found = [r for r in every if format in r.accepts and "cpu" in r.devices]
        found = [r for r in found if not (last and r.name == self._cell.route.runtime.name)]
        for runtime in sorted(found, key=lambda r: (not r.name.endswith("reference"), r.accepts[0] != format, r.name)):
            try:
                locate(runtime.toolchain)
            except Unavailable:
                continue
            yield Hop(name=runtime.name, options={})

    def step(self, hop: str, artifact: Artifact, route: Route) -> Step:
        """Run the artifact and judge it as the cell is judged."""
        cell = dataclasses.replace(self._cell, route=route)
        toolchain = self._steps.registry.get("runtimes", route.runtime.name).toolchain
        right, note, outputs = None, "", None
        try:
            runs = self._steps.run(cell, Trace(toolchains=(toolchain,)), artifact, [self._sample])
            if runs.failure is not None:
                raise Stop(runs.failure)
            outputs = runs.done[0][1]
            precision = coarsest(route, self._steps.registry)
            judged = judge_one(self._cell.case, artifact, self._sample, self._reference, outputs, self._bounds, precision)
            right = all(comparison.match for comparison in judged)
        except _FAILURES as failure:
            note = f"{route.runtime.name} could not say: {said(failure)}"
        return Step(hop=hop, artifact=artifact, runtime=route.runtime, device=route.device, right=right, note=note, outputs=outputs)


def guilty_hop(found: list[Step]) -> tuple[Step, int]:
    """Return the step to look into, and how many steps before it its last right ancestor lies (its place in ``found``, -1 for the source).

    The first hop whose artifact no runtime gets right is to blame; where the last artifact is right on another
    runtime, or no other opens it and all before it is right, the runtime of the cell. Two runtimes that give the same wrong
    answer outweigh one that is right: it may have put back what the artifact lost.
    """
    last = found[-2].hop if len(found) > 1 else ""
    outweighed = any(step.hop == last and step.right is False and step.agrees(found[-1]) for step in found[:-1])
    right = -1
    for place, step in enumerate(found[:-1]):
        if step.right and not (outweighed and step.hop == last):
            right = place
    names = list(dict.fromkeys(step.hop for step in found[:-1]))
    after = names[names.index(found[right].hop) + 1 :] if right >= 0 else names
    for name in after:
        wrong = [step for step in found[:-1] if step.hop == name and step.right is False]
        if wrong:
            return wrong[0], right
    if after:  # converted, and never seen on another runtime: the converter is as likely as the runtime
        return dataclasses.replace(found[-1], hop=after[-1], note=f"no other runtime here opens what {after[-1]} wrote"), right
    return found[-1], right


def layers(
    cell: Cell, steps: Steps, sample: Sample, step: Step, before: Artifact | None
) -> tuple[Verdict, SourceSide, TargetSide, Alignment]:
    """Return the verdict over layers between a source and the step's artifact on its runtime, with both sides and their alignment.

    The source is ``before`` where that is an ONNX file that was right, so that nodes are blamed by name, else the
    model in its framework. Raises what a worker raises.
    """
    onnx = before is not None and before.format == "onnx" and "onnx" in steps.registry.frameworks
    source = SourceSide(steps, "onnx" if onnx else cell.route.framework, cell.ref, before if onnx else None, sample)
    coarse = UNITS.get(coarsest(cell.route, steps.registry), 0.0)
    with TargetSide(steps, cell, step.artifact, step.runtime, step.device, sample, source.largest) as target:
        given = {port.name: port.native for port in step.artifact.inputs}
        inputs = {key: given[name] for name, key in source.inputs.items() if name in given}
        outputs = {key: target.outputs[name] for name, key in source.outputs.items() if name in target.outputs}
        pairs = [(target.array(name), source.array(key)) for key, name in outputs.items()]
        target.allowed = max([MOVED, *(HIDING * scaled(got, want) for got, want in pairs if np.shape(got) == np.shape(want))])
        hidden = -1
        while hidden < len(target.hidden):  # what turns out to be hidden is no tensor to be matched
            hidden = len(target.hidden)
            found = align(source.calls, target.tensors, source.array, target.array, inputs=inputs, outputs=outputs, named=source.named)
            verdict = localise(found, source.replay, outputs=tuple(source.outputs.values()), coarse=coarse)
            target.moved()
        return verdict, source, target, found


def culprit(cell: Cell, steps: Steps, trace: Trace, sample: Sample, bounds: Bounds | None = None) -> dict[str, Any] | None:
    """Return who is to blame for the mismatch of a cell on ``sample``, as plain data; None where the cell's outputs match after all.

    Keys: ``hop``, ``layer``, ``type``, ``own_error`` and ``inherited_error`` (ratios to the layer's bound),
    ``inputs_agree``, ``suspects``, ``curve`` (path, own, inherited, total error over the rms for each layer judged),
    ``probing_changed_result``, ``note``, ``sentence``, ``at`` (which inputs) and ``graph``: how many converters made the ONNX
    graph whose nodes are the layers, None where they are sub-modules of the source. Never raises for what a worker does.
    """
    try:
        found = hops(cell, steps, trace, sample, bounds)
    except _FAILURES as failure:
        return answer("", note=f"the hops could not be run again: {said(failure)}")
    if found[-1].right:
        return None
    step, right = guilty_hop(found)
    notes = [step.note, *(other.note for other in found if other.note and other.hop == step.hop and other is not step)]
    before = found[right].artifact if right >= 0 else _given(found, cell)
    known = {"at": sample.where, "graph": _graph(cell, found[right].hop if right >= 0 else "", before)}
    if coarsest(cell.route, steps.registry) in EIGHT:
        notes.append("its layers were not compared: in 8 bits every one of them adds rounding of its own")
        return {**known, **answer(step.hop, note="; ".join(filter(None, notes)))}
    try:
        verdict, source, target, aligned = layers(cell, steps, sample, step, before)
    except _FAILURES as failure:
        notes.append(f"its layers cannot be compared: {said(failure)}")
        return {**known, **_bisected(cell, steps, trace, sample, found, step, notes)}
    except OutOfTime as failure:
        return {**known, **answer(step.hop, note="; ".join(filter(None, [*notes, f"its layers were not compared: {failure}{_MORE}"])))}
    except Exception as error:  # a search for blame must not cost the verdict
        notes.append(f"its layers could not be compared: {type(error).__name__}: {error}")
        return {**known, **answer(step.hop, note="; ".join(filter(None, notes)))}
    return {**known, **_blamed(step, verdict, source, target, aligned, notes)}


def _graph(cell: Cell, hop: str, before: Artifact | None) -> int | None:
    """Return how many converters made the ONNX graph that a layer's name is from; ``before`` is what ``hop`` ("": nobody) wrote."""
    if hop and before is not None and before.format == "onnx":
        return [str(other) for other in cell.route.converters].index(hop) + 1
    return 0 if cell.route.framework == "onnx" else None


def _blamed(step: Step, verdict: Verdict, source: SourceSide, target: TargetSide, aligned: Alignment, notes: list[str]) -> dict[str, Any]:
    """Return a verdict over layers in words, with suspects and what probing did."""
    moved = target.moved() > MOVED
    if moved:
        notes.append(f"showing inner tensors moved the result by {target.moved():.1e}")
    if target.hidden:
        notes.append(f"left inside what fuses them, since the result changes when they are shown: {', '.join(sorted(target.hidden)[:8])}")
    suspects: list[dict[str, Any]] = []
    if verdict.culprit is not None and not verdict.culprit.since:
        suspects, untested = _suspected(verdict.culprit, source, aligned)
        notes.append(untested)
    alone = len(source.calls) == 1
    if verdict.between is not None or alone:
        paired = set() if alone else {pair.name for pair in aligned.pairs.values()}
        ops = [tensor.op for tensor in target.tensors if tensor.name not in paired and tensor.op not in ("input", "output")]
        notes.append(f"operators of the target that no layer accounts for: {', '.join(list(dict.fromkeys(ops))[:8]) or 'none'}")
    blamed = told(step.hop, verdict, suspects, moved, [note for note in notes if note])
    if alone:  # a model without sub-modules is its own layer
        blamed.update(layer="the whole model", type=source.calls[0].type, inputs_agree=True)
        blamed["sentence"] = sentence(blamed, 0)
    return blamed


def of_cell(cell: Cell, steps: Steps, trace: Trace, bounds: Bounds | None = None) -> dict[str, Any] | None:
    """Return the culprit of a cell that mismatched, on the first of its samples that failed; None where none did. Never raises."""
    if not trace.shapes["failing"]:  # what ran is not what was asked for; every number is right
        return None
    try:
        sample = failing_sample(cell, steps, trace)
        if sample is None:
            return answer(cell.route.target, note="only a repeated run differs: the target does not compute the same thing twice")
        return culprit(cell, steps, trace, sample, bounds)
    except OutOfTime as failure:
        return answer("", note=f"the search was ended: {failure}{_MORE}")
    except Exception as error:  # a search for blame must not cost the verdict
        return answer("", note=f"nobody could be blamed: {type(error).__name__}: {said(error)}")


def failing_sample(cell: Cell, steps: Steps, trace: Trace) -> Sample | None:
    """Return the first of a cell's samples that failed, else the smallest shape that fuzzing found; None where only a repeated run did.

    Raises what a worker raises.
    """
    samples = steps.samples(cell, quiet(trace), trace.rungs)[0]
    found = next((sample for sample in samples if sample.where in trace.shapes["failing"]), None)
    least = trace.shapes.get("smallest")
    if found is None and least:
        return draw(cell.case, cell.route.framework, least["lengths"], rung=least["rung"], seed=least["seed"])
    return found


def _bisected(cell: Cell, steps: Steps, trace: Trace, sample: Sample, found: list[Step], step: Step, notes: list[str]) -> dict[str, Any]:
    """Return the answer that prefixes give where a target hides its tensors and a right ONNX file lies before it."""
    right = [other for other in found[:-1] if other.right and other.artifact.format == "onnx"]
    note = "; ".join(filter(None, notes))
    artifact = right[-1].artifact if right else found[-1].artifact
    if (cell.route.converters and not right) or artifact.format != "onnx":
        return answer(step.hop, note=note)
    made = [str(hop) for hop in cell.route.converters].index(right[-1].hop) + 1 if right else 0
    try:
        first = prefixes.bisect(cell, steps, quiet(trace), sample, artifact, made)
    except Exception as error:  # a search for blame must not cost the verdict
        return answer(step.hop, note=f"{note}; prefixes could not be tried: {said(error)}")
    if first is None:
        return answer(step.hop, note=f"{note}; no prefix of the graph errs by itself")
    note += f"; found by {first['conversions']} conversions of prefixes of the graph"
    return {**answer(step.hop, layer=first["layer"], type=first["type"], note=note), "inputs_agree": True, "graph": made}


def _given(found: list[Step], cell: Cell) -> Artifact | None:
    """Return the source itself where its format is a file and nothing converts it."""
    return found[-1].artifact if not cell.route.converters else None


def _suspected(layer: Layer, source: SourceSide, aligned: Any) -> tuple[list[dict[str, Any]], str]:
    call = source.calls[layer.place]
    try:
        fed = [aligned.value(key) if aligned.value(key) is not None else source.array(key) for key in call.inputs]
        key = next((key for key in call.outputs if key in aligned.pairs and aligned.pairs[key].name == layer.output), None)
        made = source.replay(layer.place, fed, False)
        if made is None or key is None:
            return [], ""
        wanted = made[call.outputs.index(key)]
        return suspects_of(call.type, call.config, source.parameters(call.path), fed, wanted, aligned.value(key)), ""
    except (*_FAILURES, OutOfTime) as failure:
        return [], f"no suspect could be tested: {said(failure)}"
