"""``parity ascend check``: what ATC is expected to make of a model, and repairs that are written only after the judge has passed them."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.ascend.atc import AtcCall
from harness.ascend.finding import Finding, finding_from
from harness.ascend.gears import Plan, plans
from harness.ascend.operators import list_of
from harness.ascend.repair import REPAIRS
from harness.check import Question, check
from harness.check_specs import Axes
from harness.core.errors import UsageError
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.value import value
from harness.engine.pool import Limits, Pool
from harness.engine.worker import WorkerFailure

ROUNDS = 12
"""Repairs tried at most: one may show the need of another."""
Ask = Callable[[str, Mapping[str, Any]], Any]
Say = Callable[[str], None]


@value
class Asked:
    """What was asked: a model, the chip, the CANN version ("" for the newest sources), and what the proof of a repair needs to know."""

    source: str
    soc: str
    cann: str = ""
    fix: str = ""
    dims: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    inputs: str = ""
    limits: Limits


@value
class Repair:
    """One repair that was tried: what it did, and what the judge said; ``proven`` where the changed model computes the same."""

    name: str
    done: tuple[str, ...]
    proven: bool
    said: str


@value
class Checked:
    """What was found in the model, in the file written (None where nothing was), and the repairs on the way."""

    findings: tuple[Finding, ...]
    about: Mapping[str, Any]
    plans: tuple[Plan, ...]
    repairs: tuple[Repair, ...] = ()
    left: tuple[Finding, ...] | None = None

    @property
    def blocked(self) -> bool:
        """Whether something remains that ATC refuses or gets wrong."""
        return any(one.blocks for one in (self.findings if self.left is None else self.left))


def checked(asked: Asked, say: Say) -> Checked:
    """Look at the model, repair it where that was asked for, and return what was found.

    Raises `UsageError` for a question that makes no sense or a file that is no model, `Unavailable` without the onnx toolchain.
    """
    AtcCall(soc_version=asked.soc)
    cann, source = list_of(asked.cann), _source(asked)
    with Pool(asked.limits) as pool:

        def ask(verb: str, arguments: Mapping[str, Any]) -> Any:
            try:
                return pool.call(registry().get("frameworks", "onnx").toolchain, verb, arguments)
            except WorkerFailure as failure:
                if failure.kind == "usage":
                    raise UsageError(failure.detail["message"]) from None
                told = f"{failure.detail.get('type', failure.kind)}: {failure.detail.get('message', '')}"
                raise UsageError(f"{asked.source} cannot be looked at: {told}") from None

        def look(path: Path) -> dict[str, Any]:
            return dict(ask("ascend_check", {"path": str(path), "soc": asked.soc, "cann": cann}))

        about = look(source)
        found = tuple(map(finding_from, about["findings"]))
        result = Checked(findings=found, about=about, plans=tuple(_plans(asked, about, say)))
        if not asked.fix:
            return result
        repairs, best = _repaired(asked, source, pool.scratch, look, ask, say)
        if best == source:
            return dataclasses.replace(result, repairs=tuple(repairs))
        _put(best, Path(asked.fix))
        return dataclasses.replace(result, repairs=tuple(repairs), left=tuple(map(finding_from, look(best)["findings"])))


def _source(asked: Asked) -> Path:
    source = Path(asked.source)
    if source.suffix != ".onnx" or not source.is_file():
        what = "is no .onnx file" if source.exists() else "there is no such file"
        raise UsageError(f"{asked.source}: {what}; expected an ONNX model (models of other frameworks are exported to ONNX first)")
    if asked.fix and (Path(asked.fix).suffix != ".onnx" or Path(asked.fix).resolve() == source.resolve()):
        raise UsageError(f"--fix {asked.fix}: expected the name of another .onnx file to write; the model itself is never changed")
    return source.resolve()


def _plans(asked: Asked, about: Mapping[str, Any], say: Say) -> list[Plan]:
    """Return plans of profiles, from the lengths the command line and the model give, else from assumed ones, which are told."""
    takes = [[name, "", dims] for name, dims in about["inputs"] if dims is not None]
    axes = Axes(asked.dims, {}, say)
    known = {name: len(dims) for name, _, dims in takes}
    for name, axis in axes.asked:
        if axis >= known.get(name, 0):
            raise UsageError(f"--dim {name}.{axis}: the model has no such axis; its inputs are {', '.join(known)}")
    axes.read(takes, {})
    shapes = {name: tuple(axes.length(name, axis, len(dims), one, None) for axis, one in enumerate(dims)) for name, _, dims in takes}
    return plans(shapes, asked.soc)


def _repaired(
    asked: Asked, source: Path, scratch: Path, look: Callable[[Path], dict[str, Any]], ask: Ask, say: Say
) -> tuple[list[Repair], Path]:
    """Make every repair that the findings name, one at a time; return them and the last file that the judge has passed."""
    best, tried, repairs = source, set[str](), list[Repair]()
    own: Record | None = None
    for number in range(ROUNDS):
        wanted = {one["fix"] for one in look(best)["findings"] if one["fix"]} - tried
        name = next((name for name in REPAIRS if name in wanted), None)
        if name is None:
            break
        candidate = scratch / "ascend" / str(number) / Path(asked.fix).name
        made = ask("ascend_repair", {"path": str(best), "name": name, "dest": str(candidate)})
        if not made["done"]:
            tried.add(name)
            repairs.append(Repair(name=name, done=(), proven=False, said=made["problem"] or "there was nothing to do"))
            continue
        say(f"{name}: {'; '.join(made['done'])}; judging the result")
        own = own or _judged(asked, source, "", say)
        proven, said = proof(own, _judged(asked, source, str(candidate), say))
        repairs.append(Repair(name=name, done=tuple(made["done"]), proven=proven, said=said))
        if proven:
            best = candidate
        else:
            tried.add(name)
    return repairs, best


def proof(own: Record, changed: Record) -> tuple[bool, str]:
    """Return whether the judge finds the changed model, on ONNX Runtime, to compute what the source means; and in words why.

    The yardstick is that of `parity check`: the source in float64, and what its own precision may differ from that. ``own`` is the
    source itself on ONNX Runtime: where it fails there already, nothing is proven.
    """
    for record, what in ((own, "the model as it is"), (changed, "the changed model")):
        if record.outcome is not Outcome.MATCH:
            hint = "; give lengths that it takes with --dim" if record is own and record.error else ""
            return False, f"{what} on ONNX Runtime: {record.outcome}{_why(record)}{hint}"
    compared = sum(1 for one in changed.comparisons if one.against == "reference")
    return True, f"{compared} comparison{'' if compared == 1 else 's'} on ONNX Runtime, all within the bound"


def _judged(asked: Asked, source: Path, artifact: str, say: Say) -> Record:
    question = Question(
        source=str(source), artifact=artifact, to=("onnxruntime@cpu",), dims=asked.dims, domains=asked.domains, inputs=asked.inputs,
        rungs=("core",), localise=False, limits=asked.limits,
    )  # fmt: skip
    return check(question, Path.cwd(), say, lambda _: None)[0]


def _why(record: Record) -> str:
    if record.error:
        message = str(record.error.get("message") or record.error.get("kind")).splitlines()
        return f" ({message[0] if message else ''})"
    worst = max((one.metrics.get("max_abs", 0.0) for one in record.comparisons if not one.match), default=None)
    return "" if worst is None else f" (differs by {worst:.3g})"


def _put(made: Path, dest: Path) -> None:
    """Copy a model, and the weights beside it, to where it was asked for; the model last, so that it is never there without them."""
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        files: Sequence[Path] = sorted(made.parent.iterdir(), key=lambda file: file == made)
        for file in files:
            target = dest.parent / file.name
            part = target.with_name(f"{target.name}.part")
            shutil.copyfile(file, part)
            part.replace(target)
    except OSError as error:
        raise UsageError(f"--fix {dest}: {error.strerror or error}; give a file that can be written") from None
