"""A `Case`: one declared model with its inputs, and how each framework builds it.

A case is declared in a file the harness finds by name (``parity_*.py``). The file is executed only
inside workers; everywhere else a case travels as the plain data of `Case.to_json`.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, Sequence

from harness.core.artifact import format_of
from harness.core.errors import UsageError
from harness.core.space import space_of
from harness.core.spec import TensorSpec
from harness.core.tolerance import Tolerance, tolerance_from
from harness.core.value import value

LEVELS = ("unit", "module", "e2e")
WEIGHTS = ("random", "built")
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.+-]*(/[A-Za-z0-9_.+-]+)*$")

Inputs = Sequence[TensorSpec]


@value
class RealData:
    """Real feeds for a case, and what its task metric needs to judge them.

    ``feeds`` maps each input name to an array; ``labels`` is whatever the task metric compares
    with (class ids for accuracy, nothing for embedding). ``more``: further feeds, of other shapes for example.
    ``outputs``, by name, are answers on record that were not made by this run: source and target are held to them as well, floats
    by ``tolerance`` (default: as any other declared one), the rest exactly.
    ``calibration``: feeds that a quantisation finds its ranges with; without them, those that are judged serve for this as well.
    """

    feeds: Mapping[str, Any]
    labels: Any = None
    more: tuple[Mapping[str, Any], ...] = ()
    outputs: Mapping[str, Any] | None = None
    tolerance: Tolerance | None = None
    calibration: tuple[Mapping[str, Any], ...] = ()


@value
class Task:
    """A task-level judgement beside the tensors: ``metric`` names it, ``bounds`` holds it.

    Metrics: ``accuracy`` (bounds ``max_drop`` and ``max_gain``, fractions; the gain is the drop unless
    given), ``embedding`` (bounds ``min_cosine`` and ``min_retrieval``, the share of queries whose ranking of all the others is
    unchanged, and ``min_nearest``, the share whose nearest other is, 0 unless given),
    ``token_agreement`` (bounds ``min_agreement``, the share of positions whose most likely token is
    the same, and ``min_prefix``, the positions every sequence must agree on from its start).
    ``coarse``: other bounds for targets that compute in a coarser type, by its name: ``{"int8": {"max_drop": 0.01}}`` (``int8`` also
    stands for ``int8-dynamic``, unless that is given).
    """

    metric: str
    bounds: Mapping[str, float]
    output: str = ""
    coarse: Mapping[str, Mapping[str, float]] | None = None

    def at(self, precision: str) -> Task:
        """Return the task with the bounds that hold for a target which computes in ``precision`` ("" for the source's own types)."""
        known = self.coarse or {}
        found = known.get(precision, known.get(precision.partition("-")[0]))
        return self if found is None else Task(metric=self.metric, bounds={**self.bounds, **found}, output=self.output)


@value
class Ties:
    """Ids picked by score: ``scores`` names the output that holds the scores, sorted along ``axis``.

    Ids whose scores are equal, or no more than ``window`` apart, may come in any order.
    """

    scores: str
    axis: int = -1
    window: float = 0.0


@value
class Case:
    """One declared model.

    ``id``: lower-case words joined by ``-``, optionally under folders (``bert/encoder``).
    ``build``: framework name to a function without arguments that returns the model there; it is
    called in the folder of the declaring file.
    ``inputs``: the `TensorSpec` values, in call order; or a mapping from framework name to them,
    where layouts differ (NCHW here, NHWC there).
    ``weights``: ``random`` re-fills every parameter and running statistic with seeded non-trivial
    values, so that a dropped bias or a stale statistic shows; ``built`` keeps what the builder made.
    ``tolerance``: an override for every route, with its reason.
    ``routes``: glob patterns; when given, only routes that match one are tried.
    ``data``: a function without arguments that returns `RealData`, run inside the worker.
    ``files``: data files that builders or ``data`` read, relative to the declaring file; a change in
    one of them makes cached results stale.
    ``artifacts``: conversions made elsewhere, as paths relative to the declaring file (``file.py:name``
    for a live model of another framework); each is judged against the source on the runtimes that open it.
    A mapping gives the format of each, where its name does not tell.
    ``ties``: output of ids to the `Ties` they are judged by.
    ``generate``: the levels (``unit``, ``module``) at which tests are generated from the model itself; None leaves it to the settings.
    ``part``: what a generated case was taken from: ``of`` (id of that case), ``path``, ``call``, ``type``, ``calls`` (how many
    alike it stands for) and ``drawn`` (whether inputs may be drawn beside those it received there).
    ``relations``: comparisons between lengths that every input keeps to: ``("T == 2*S + 1", "Q <= K", "H % 32 == 0")``.
    ``profiles``: the only combinations of lengths there are: ``({"batch": 1, "seq": 128}, {"batch": 8, "seq": 64})``.
    ``latency``: whether ``pytest -m latency`` measures it.
    Raises `UsageError` for a declaration that contradicts itself.
    """

    id: str
    inputs: Inputs | Mapping[str, Inputs]
    build: Mapping[str, Callable[[], Any] | None]
    level: str = "e2e"
    seed: int = 0
    weights: str = "built"
    outputs: tuple[str, ...] = ()
    tolerance: Tolerance | None = None
    routes: tuple[str, ...] = ()
    data: Callable[[], RealData] | None = None
    task: Task | None = None
    family: str = ""
    ties: Mapping[str, Ties] | None = None
    files: tuple[str, ...] = ()
    artifacts: Sequence[str] | Mapping[str, str] = ()
    has_data: bool = False
    generate: tuple[str, ...] | None = None
    part: Mapping[str, Any] | None = None
    relations: tuple[str, ...] = ()
    profiles: tuple[Mapping[str, int], ...] = ()
    latency: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not _ID.match(self.id):
            raise UsageError(f"case id {self.id!r}: expected words of letters, digits, '_', '.', '+', '-', joined by '/'")
        where = f"case {self.id!r}"
        if self.level not in LEVELS:
            raise UsageError(f"{where}: level {self.level!r}; expected one of {', '.join(LEVELS)}")
        if self.weights not in WEIGHTS:
            raise UsageError(f"{where}: weights={self.weights!r}; expected one of {', '.join(WEIGHTS)}")
        for name in ("outputs", "routes", "files", "relations"):
            given = getattr(self, name)
            if isinstance(given, str) or not all(isinstance(item, str) for item in given):
                raise UsageError(f"{where}: {name}={given!r}; expected several texts, for example {name}=('a', 'b')")
        if self.generate is not None and not set(self.generate) <= {"unit", "module"}:
            raise UsageError(f"{where}: generate={self.generate!r}; expected levels among 'unit' and 'module', or () for none")
        for name, kind, wanted in (("seed", int, "a whole number"), ("latency", bool, "True or False")):
            if not isinstance(getattr(self, name), kind):
                raise UsageError(f"{where}: {name}={getattr(self, name)!r}; expected {wanted}")
        if not self.build or not isinstance(self.build, Mapping):
            raise UsageError(f"{where}: build={self.build!r}; expected a function for each framework: build={{'torch': function}}")
        for name, builder in self.build.items():
            if builder is not None and not callable(builder):
                raise UsageError(
                    f"{where}: build[{name!r}] is {type(builder).__name__}; expected a function without arguments "
                    "that returns the model, so that nothing is built before a worker asks"
                )
        if self.tolerance is not None and not self.tolerance.reason:
            raise UsageError(f"{where}: a tolerance override needs a reason, for example reason='deep recurrence'")
        for name, tie in (self.ties or {}).items():
            if not isinstance(tie, Ties):
                raise UsageError(f"{where}: ties[{name!r}] is {tie!r}; expected Ties(scores='values'), which names the output of scores")
        object.__setattr__(self, "artifacts", self.given)
        if self.data is not None:
            object.__setattr__(self, "has_data", True)
        for framework in self.build:
            specs = self.specs(framework)
            for spec in specs:
                if not isinstance(spec, TensorSpec):
                    raise UsageError(f"{where}: inputs hold {spec!r}; expected TensorSpec(name='x', dtype='float32', shape=(1, 4))")
            names = [spec.name for spec in specs]
            if len(set(names)) != len(names):
                raise UsageError(f"{where}: two inputs share a name in {names}")
            self._check_lengths(framework)

    def _check_lengths(self, framework: str) -> None:
        where = f"case {self.id!r}"
        if not isinstance(self.profiles, (list, tuple)) or not all(isinstance(one, Mapping) for one in self.profiles):
            raise UsageError(
                f"{where}: profiles={self.profiles!r}; expected lengths by dimension, for example ({{'batch': 1, 'seq': 128}},)"
            )
        try:
            space_of(self, framework)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None

    @property
    def given(self) -> Mapping[str, str]:
        """Conversions made elsewhere, and the format of each ("" where only a look inside tells)."""
        if isinstance(self.artifacts, Mapping):
            return self.artifacts
        return {name: format_of(name) for name in self.artifacts}

    def specs(self, framework: str) -> tuple[TensorSpec, ...]:
        """Return the inputs as ``framework`` takes them."""
        if isinstance(self.inputs, Mapping):
            if framework not in self.inputs:
                raise UsageError(f"case {self.id!r} declares no inputs for framework {framework!r}")
            return _several(self.inputs[framework])
        return _several(self.inputs)

    def to_json(self) -> dict[str, Any]:
        """Return plain data: everything but the functions, which stay in the declaring file."""
        return {
            "id": self.id,
            "inputs": {fw: [spec.to_json() for spec in self.specs(fw)] for fw in self.build},
            "frameworks": list(self.build),
            "level": self.level,
            "seed": self.seed,
            "weights": self.weights,
            "outputs": list(self.outputs),
            "tolerance": self.tolerance.to_json() if self.tolerance else None,
            "routes": list(self.routes),
            "task": [self.task.metric, dict(self.task.bounds), self.task.output, *_coarse(self.task)] if self.task else None,
            "family": self.family,
            "ties": {name: [tie.scores, tie.axis, tie.window] for name, tie in (self.ties or {}).items()},
            "files": list(self.files),
            "artifacts": dict(self.given),
            "has_data": self.has_data,
            "generate": None if self.generate is None else list(self.generate),
            "part": dict(self.part) if self.part else None,
            "relations": list(self.relations),
            "profiles": [dict(profile) for profile in self.profiles],
            **({"latency": True} if self.latency else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Case:
        """Return the case that `to_json` wrote, without its functions."""
        task = data["task"]
        return cls(
            id=data["id"],
            inputs={fw: tuple(map(TensorSpec.from_json, specs)) for fw, specs in data["inputs"].items()},
            build=dict.fromkeys(data["frameworks"]),
            level=data["level"],
            seed=data["seed"],
            weights=data["weights"],
            outputs=tuple(data["outputs"]),
            tolerance=tolerance_from(data["tolerance"], f"case {data['id']!r}") if data["tolerance"] else None,
            routes=tuple(data["routes"]),
            task=Task(metric=task[0], bounds=task[1], output=task[2], coarse=task[3] if len(task) > 3 else None) if task else None,
            family=data["family"],
            ties={name: Ties(scores=tie[0], axis=tie[1], window=tie[2]) for name, tie in data["ties"].items()},
            files=tuple(data["files"]),
            artifacts=dict(data["artifacts"]),
            has_data=data["has_data"],
            generate=None if data["generate"] is None else tuple(data["generate"]),
            part=data["part"],
            relations=tuple(data.get("relations", ())),
            profiles=tuple(data.get("profiles", ())),
            latency=bool(data.get("latency", False)),
        )


def _coarse(task: Task) -> list[Any]:
    return [{name: dict(bounds) for name, bounds in task.coarse.items()}] if task.coarse else []


def _several(inputs: Any) -> tuple[TensorSpec, ...]:
    """Return inputs as a tuple; a lone one, which somebody forgot to put into a list, counts as one."""
    return tuple(inputs) if isinstance(inputs, (list, tuple)) else (inputs,)
