"""``parity ascend precision``: what each precision mode of ATC does to a model's numbers, and the cheapest way to hold a tolerance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.ascend.keep import Kept, Trial, cheapest, narrowed
from harness.ascend.mixlist import Mixlist, mixlist_of
from harness.ascend.precision import FULL, MODES
from harness.ascend.precision import chip as chip_of
from harness.check import Question, described_by, routes_asked
from harness.core.errors import ParityError, UsageError
from harness.core.protocols import option_values
from harness.core.registry import registry
from harness.core.value import value
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.pool import Pool
from harness.engine.trace import Stop, Trace
from harness.engine.worker import WorkerFailure
from harness.numerics.sampling import told_of

RUNTIME = "ascend.emulated"
SHOWN = (
    "force_fp16", "allow_mix_precision_fp16", "allow_mix_precision_bf16", "allow_fp32_to_fp16", "allow_fp32_to_bf16", "force_fp32",
    "must_keep_origin_dtype",
)  # fmt: skip
"""One name of each mode, the one that loses most first."""
FORCED, MIXED = "force_fp16", "allow_mix_precision_fp16"
OTHER_NAMES = {mode: [name for name in MODES if MODES[name] is MODES[mode] and name != mode] for mode in SHOWN}

Say = Callable[[str], None]


@value
class Asked:
    """What is asked: the model with its inputs, the chip, and how much may be lost. ``modes`` empty: all that the chip has.

    ``nodes``: whether single nodes may be kept in float32, and not only all of a type.
    """

    question: Question
    soc: str
    tolerance: float
    modes: Sequence[str] = ()
    overflow: str = "auto"
    implementation: str = "high_performance"
    trials: int = 160
    nodes: bool = False


@value
class Lost:
    """What a mode loses. ``drift``: by output, the largest over all inputs. ``cost``: the share of the work that is done in float32,
    ``cube`` and ``vector`` the same of each unit. ``rows``: one for each node, with its own drift.
    """

    mode: str
    drift: Mapping[str, float]
    cost: float
    cube: float
    vector: float
    rows: Sequence[Mapping[str, Any]]

    @property
    def worst(self) -> float:
        """The largest drift at an output."""
        return max(self.drift.values(), default=0.0)

    @property
    def places(self) -> list[Mapping[str, Any]]:
        """The nodes where a finite number became too large."""
        return [row for row in self.rows if row["overflow"] or row["fed"] or row["clipped"]]


@value
class Proposal:
    """The cheapest way found: a mode as it is (``kept`` without names), or with a list of what stays in float32: types, or ``nodes``."""

    mode: str
    kept: Kept
    nodes: bool = False


@value
class Answer:
    """All that was found. ``mixlist``: for a mixed mode, with what it loses, emulated once more as written; None where none holds."""

    lost: Sequence[Lost]
    proposal: Proposal | None
    mixlist: tuple[Mixlist, Lost] | None
    yardstick: str
    inputs: int
    real: bool
    uncertain: Sequence[str]


def precision(asked: Asked, root: Path, say: Say) -> Answer:
    """Return what each mode loses on a model, and what to propose.

    Raises `UsageError` for a model, chip or mode that there is not, `ParityError` where the model cannot be brought to ONNX or emulated.
    """
    chip_of(asked.soc)
    cache = Cache()
    try:
        with Pool(asked.question.limits) as pool:
            bench = _Bench(asked, root, cache, pool, say)
            return _answer(asked, bench, say)
    except Stop as stop:
        raise ParityError(str(stop)) from None
    except WorkerFailure as failure:
        message = str(failure.detail.get("message", failure))
        raise (UsageError if failure.kind == "usage" else ParityError)(message) from None
    finally:
        cache.prune()


def _answer(asked: Asked, bench: _Bench, say: Say) -> Answer:
    usual = [mode for mode in SHOWN if chip_of(asked.soc).brain or MODES[mode].low != "bfloat16"]
    lost = []
    for mode in asked.modes or usual:
        say(f"emulating {mode} on {bench.inputs} input{'' if bench.inputs == 1 else 's'}")
        lost.append(bench.lost(mode, layers=True))
    every = {one.mode: one for one in lost}
    found = [
        Proposal(mode=one.mode, kept=Kept(names=(), trial=Trial(drift=one.worst, cost=one.cost), trials=1, proof="smallest"))
        for one in lost if one.worst <= asked.tolerance
    ]  # fmt: skip
    lists = {}
    for base in (FORCED, MIXED):
        if not asked.modes or base in asked.modes:
            lists[base] = _searched(asked, bench, every[base], say)
            found += [Proposal(mode=base, kept=kept) for kept in [lists[base]] if kept and kept.names]
    whole = lists.get(FORCED)
    if asked.nodes and whole and whole.names and (single := _single(asked, bench, every[FORCED], whole, say)):
        found.append(Proposal(mode=FORCED, kept=single, nodes=True))
    best = min(found, key=lambda one: (one.kept.trial.cost, len(one.kept.names)), default=None)
    uncertain = sorted(type_ for type_ in (best.kept.names if best else ()) if type_ in bench.uncertain)
    return Answer(
        lost=lost, proposal=best, mixlist=_mixlist(bench, lists), yardstick=bench.yardstick, inputs=bench.inputs,
        real=bench.real, uncertain=uncertain,
    )  # fmt: skip


def _searched(asked: Asked, bench: _Bench, base: Lost, say: Say) -> Kept | None:
    """Return the cheapest list of types that makes ``base`` hold the tolerance, None where none does."""
    own: dict[str, float] = {}
    for row in base.rows:
        if row["inputs"] != FULL:
            own[row["type"]] = max(own.get(row["type"], 0.0), row["own"] or 0.0)
    say(f"searching {len(own)} operator types for what must stay in float32 beside {base.mode}")

    def run(chosen: frozenset[str]) -> Trial:
        one = bench.lost(base.mode, keep=sorted(chosen))
        return Trial(drift=one.worst, cost=one.cost)

    return cheapest(sorted(own), run, asked.tolerance, own, asked.trials)


def _single(asked: Asked, bench: _Bench, base: Lost, whole: Kept, say: Say) -> Kept | None:
    """Return which nodes of the types of ``whole`` are enough; None where they have no names of their own."""
    rows = [row for row in base.rows if row["type"] in whole.names]
    if not all(row["named"] for row in rows):
        return None
    say(f"searching {len(rows)} nodes of these types for those that must stay in float32")
    own = {row["node"]: row["own"] or 0.0 for row in rows}

    def run(chosen: frozenset[str]) -> Trial:
        one = bench.lost(base.mode, keep=sorted(chosen))
        return Trial(drift=one.worst, cost=one.cost)

    return narrowed(sorted(own), run, asked.tolerance, own, asked.trials)


def _mixlist(bench: _Bench, lists: Mapping[str, Kept | None]) -> tuple[Mixlist, Lost] | None:
    """Return the cheaper of the lists as changes to a mixed mode, run as they are written."""
    able = [(kept.trial.cost, base == FORCED, base, kept) for base, kept in lists.items() if kept]
    if not able:
        return None
    _, _, base, kept = min(able, key=lambda one: one[:2])
    made = Mixlist(black=kept.names) if base == MIXED else mixlist_of(kept.names, bench.types)
    return made, bench.lost(MIXED, keep=made.black, lower=made.white)


class _Bench:
    """The model in a session of the emulator, and the inputs it is tried on."""

    def __init__(self, asked: Asked, root: Path, cache: Cache, pool: Pool, say: Say) -> None:
        question = asked.question
        described = described_by(question, root, cache, pool, say)
        if not described.cases:
            raise UsageError(described.problems[0][1])
        case = described.cases[0]
        route = routes_asked(question, case)[0]
        found = registry()
        hops = [found.get("converters", name) for name in route.converter_names]
        adapters = [found.get("frameworks", route.framework), *hops, found.get("runtimes", RUNTIME)]
        self._steps = Engine(pool, cache).steps
        self._trace = Trace(toolchains=tuple(dict.fromkeys(adapter.toolchain for adapter in adapters)))
        self._cell = Cell(id=f"{case.id}[{route}]", case=case, route=route, file=described.file, digest=described.digest)
        self._steps.require(self._cell, self._trace)
        samples, _ = self._steps.samples(self._cell, self._trace, question.rungs)
        reference = self._steps.reference(self._cell, self._trace, samples[0])
        artifact = self._steps.source(self._cell, self._trace, reference)
        for hop in route.converters:
            say(f"converting by {hop}")
            artifact = self._steps.convert(self._cell, self._trace, hop, artifact, samples[0])
        self._feeds = [dict(sample.feeds) for sample in samples]
        self._toolchain = adapters[-1].toolchain
        options = option_values(adapters[-1], {}, RUNTIME)
        options.update(soc=asked.soc, overflow=asked.overflow, implementation=asked.implementation, mode="must_keep_origin_dtype")
        loaded = self._steps.ask(
            self._toolchain, "load",
            {"runtime": RUNTIME, "device": route.device, "source": artifact.to_json(), "ref": self._cell.ref, "feeds": self._feeds[0],
             "options": options, **told_of(case, route.framework)},
        )  # fmt: skip
        self._session = loaded["session"]
        self.inputs, self.real = len(self._feeds), any(sample.rung == "real" for sample in samples)
        self.yardstick = ""
        # Types that some mode lowers: the others have no float32 inputs, and lists say nothing to them.
        self.types: set[str] = set()
        self.uncertain: set[str] = set()

    def lost(self, mode: str, *, keep: Sequence[str] = (), lower: Sequence[str] = (), layers: bool = False) -> Lost:
        """Return what a mode loses on all inputs."""
        question = {"mode": mode, "keep": list(keep), "lower": list(lower), "layers": layers}
        answers = [
            self._steps.ask(self._toolchain, "study", {"session": self._session, "feeds": feeds, "question": question})
            for feeds in self._feeds
        ]
        for answer in answers:
            self.yardstick = answer["yardstick"]
            self.types |= {row["type"] for row in answer["rows"] if row["inputs"] != FULL}
            self.uncertain |= {name for name, known in answer["types"].items() if not known["certain"]}
        drift = {name: max(float(answer["drift"][name]) for answer in answers) for name in answers[0]["drift"]}
        rows = _joined([answer["rows"] for answer in answers])
        full = [[row[unit] for row in rows if row["inputs"] == FULL] for unit in ("cube", "vector")]
        total = [sum(row[unit] for row in rows) for unit in ("cube", "vector")]
        shares = [sum(part) / whole if whole else 0.0 for part, whole in zip(full, total, strict=True)]
        cost = sum(map(sum, full)) / sum(total) if sum(total) else 0.0
        return Lost(mode=mode, drift=drift, cost=cost, cube=shares[0], vector=shares[1], rows=rows)


def _joined(each: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return one row for each node: the worst over all inputs."""
    found: dict[str, dict[str, Any]] = {}
    for rows in each:
        for row in rows:
            one = found.setdefault(row["node"], {**row, "own": None, "total": None, "overflow": 0, "fed": 0, "clipped": 0})
            for key in ("overflow", "fed", "clipped"):
                one[key] = max(one[key], row[key])
            for key in ("own", "total"):
                one[key] = row[key] if one[key] is None else max(one[key], row[key] or 0.0)
    return list(found.values())


def flags(proposal: Proposal) -> str:
    """Return what to give ATC for a proposal, the file of types to keep named FILE."""
    kept = " --keep_dtype=FILE" if proposal.mode == FORCED else " --modify_mixlist=FILE"
    return f"--precision_mode={proposal.mode}" + (kept if proposal.kept.names else "")


def keep_dtype(proposal: Proposal) -> str:
    """Return the file of ``--keep_dtype``: one operator type or name of a node a line."""
    return "".join(f"{name}\n" if proposal.nodes else f"OpType::{name}\n" for name in sorted(proposal.kept.names))
