"""The exam itself: it counts what is found and what is missed, and notices when the judge goes blind or sees ghosts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.core.tolerance import Tolerance
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import DECLARING, Manifest, manifest
from harness.engine.pool import Limits, Pool
from harness.engine.worker import Worker
from harness.exam import zoo_cases
from harness.exam.mutants import Mutant, cut
from harness.exam.remedies import remedies, remedy_for
from harness.exam.sit import Answer, named
from harness.exam.survey import RUNGS, Report, Survey
from harness.numerics.compare import Bounds

ROUTE = parse_route("onnx>onnxruntime@cpu", registry())
LEVELS = ("unit", "module", "e2e")
FAULTS = ("eps-1e-3", "erf-to-tanh", "softmax-axis", "operands-swapped", "bias-channel-zeroed")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits()) as workers:
        yield workers


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(root=tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="module")
def zoo(pool: Pool, cache: Cache) -> Manifest:
    worker = Worker(DECLARING, pool.scratch / "d", pool.scratch / "de", threads=1, memory_limit=0)
    try:
        return manifest(
            Path(zoo_cases.__file__), Path.cwd(), cache.root,
            lambda file, roots: worker.call("describe", {"file": file, "roots": roots}, timeout=120.0),
        )  # fmt: skip
    finally:
        worker.kill()


def cell(zoo: Manifest, name: str) -> Cell:
    case = next(case for case in zoo.cases if case.id == f"zoo/{name}")
    return Cell(id=name, case=case, route=ROUTE, file=zoo.file, digest=zoo.digest)


def surveyed(zoo: Manifest, engine: Engine, *names: str, operators: tuple[str, ...] = FAULTS) -> Report:
    survey = Survey(engine, operators=operators, localise=True)
    for name in names:
        list(survey.take(cell(zoo, name), lambda _: None))
    return survey.report


def loose(_: Cell) -> Bounds:
    return lambda _, __: Tolerance(rtol=1e3, atol=1e3, reason="blind on purpose")


def exact(_: Cell) -> Bounds:
    return lambda _, __: Tolerance(rtol=0.0, atol=0.0, reason="sees ghosts on purpose")


def test_planted_faults_are_found_and_their_layers_named(zoo: Manifest, pool: Pool, cache: Cache) -> None:
    engine = Engine(pool, cache, rungs=dict.fromkeys(LEVELS, RUNGS))
    report = surveyed(zoo, engine, "mlp-blocks", "attention-causal")
    assert len(report.real) >= 3
    assert not report.missed
    assert not report.alarms
    assert report.clean > 20
    assert report.blamed
    assert all(answer.named for answer in report.blamed)
    numbers = report.numbers()
    assert (numbers["detection_rate"], numbers["localisation_rate"], numbers["false_alarms"]) == (1.0, 1.0, 0)
    assert all(answer.rivals and set(answer.rivals) == set(numbers["rivals"]) for answer in report.real)


def test_a_judge_that_goes_blind_fails_the_exam_and_its_remedy_is_found(zoo: Manifest, pool: Pool, cache: Cache) -> None:
    report = surveyed(zoo, Engine(pool, cache, bounds=loose), "mlp-blocks", operators=("erf-to-tanh", "eps-1e-3"))
    assert report.missed == report.real != []
    assert report.numbers()["detection_rate"] == 0
    said = remedy_for(report.missed[0], remedies(pool, cache, loose, {}))
    assert said == "drop the declared tolerance: the float64 oracle's bound catches it"


def test_a_judge_that_sees_ghosts_is_told_so(zoo: Manifest, pool: Pool, cache: Cache) -> None:
    report = surveyed(zoo, Engine(pool, cache, bounds=exact), "mlp-blocks")
    assert report.alarms == ("mlp-blocks",)
    assert not report.answers, "nothing can be told of faults in a cell that fails unharmed"


def test_a_fault_that_hides_from_ordinary_inputs_is_brought_out_by_the_search(zoo: Manifest, pool: Pool, cache: Cache) -> None:
    fault = ("hardswish-unclipped",)
    assert [answer.mutant.operator for answer in surveyed(zoo, Engine(pool, cache), "conv-groups", operators=fault).missed] == [*fault]
    found = surveyed(zoo, Engine(pool, cache, search=60), "conv-groups", operators=fault)
    assert [(answer.detected, answer.shown_by) for answer in found.real] == [(True, "found")]
    assert not found.alarms, "the search finds nothing where nothing is"


def test_an_unknown_fault_is_told_at_once(pool: Pool, cache: Cache) -> None:
    with pytest.raises(UsageError, match="unknown fault operator 'eps-1e3'; did you mean eps-1e-3"):
        Survey(Engine(pool, cache), operators=["eps-1e3"])


def test_a_route_without_onnx_is_refused() -> None:
    with pytest.raises(UsageError, match="has no ONNX file on its way"):
        cut(parse_route("torch>torchscript.trace>torchscript@cpu", registry()), registry())
    before, after = cut(parse_route("torch>onnx.dynamo>openvino.convert>openvino@cpu", registry()), registry())
    assert ([str(hop) for hop in before], [str(hop) for hop in after]) == (["onnx.dynamo"], ["openvino.convert"])


def mutant(**more: Any) -> Mutant:
    return Mutant(
        **{
            "cell": Cell(id="c", case=zoo_cases.CASES[0], route=ROUTE, file="", digest=""), "operator": "eps-1e-3", "family": "norm",
            "tells": "", "site": 0, "node": "n", "node_name": "/net/Norm_1", "tensor": "n", "layer": "net", **more,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "right"),
    [
        ("/net/Norm_1", True), ("Norm(n)", True), ("between /net/Norm_1 and /net/Add_2", True), ("/net/Conv_7", True),
        ("/net/Add_2", False), ("/net/Norm_11", False), ("net", False), ("", False), (None, False),
    ],
)  # fmt: skip
def test_only_the_node_of_the_fault_counts_as_named(layer: str | None, right: bool) -> None:
    assert named(mutant(), {"layer": layer}, ["/net/Conv_7", "c"]) is right


def test_modules_count_where_modules_are_blamed() -> None:
    one = mutant(
        cell=Cell(
            id="c", case=zoo_cases.CASES[0], route=parse_route("torch>onnx.dynamo>onnxruntime@cpu", registry()), file="", digest=""
        ),
        layer="module.encoder.0.norm",
    )
    assert named(one, {"layer": "encoder.0.norm"})
    assert not named(one, {"layer": "encoder.0"})
    assert not named(one, {"layer": "encoder.1.norm"})


def test_no_layer_is_to_blame_for_what_happens_at_the_ends() -> None:
    assert named(mutant(operator="outputs-swapped"), {"layer": "x"}) is None
    assert named(mutant(node_name=""), {"layer": "x"}) is None
    assert named(mutant(), None) is False


def answer(kind: str, detected: bool, **more: Any) -> Answer:
    one = mutant(operator=more.pop("operator", "eps-1e-3"))
    return Answer(mutant=one, kind=kind, scaled=more.pop("scaled", 0.1), detected=detected, **more)


def test_the_table_counts_real_faults_alone() -> None:
    rivals: Mapping[str, tuple[bool, bool]] = dict.fromkeys(Report(answers=(), clean=0, alarms=()).numbers()["rivals"], (False, True))
    answers = (
        answer("real", True, named=True, ordinary=True, rivals=rivals), answer("real", True, named=False, rivals=rivals),
        answer("real", False), answer("sub-noise", False), answer("equivalent", False), answer("refused", True),
        answer("real", False, operator="noise-1e-6", scaled=1e-7), answer("real", True, operator="noise-1e-4", scaled=1e-5),
    )  # fmt: skip
    numbers = Report(answers=answers, clean=12, alarms=("a",)).numbers()
    assert numbers["mutants"] == {"real": 3, "sub-noise": 1, "equivalent": 1, "refused": 1}
    assert numbers["detection_rate"] == pytest.approx(2 / 3)
    assert (numbers["blamed"], numbers["named"]) == (2, 1)
    assert numbers["smallest_noise_seen"] == 1e-5
    assert next(iter(numbers["rivals"].values())) == {"ordinary_inputs": 0.0, "all_inputs": 1.0}
    assert math.isnan(Report(answers=(), clean=0, alarms=()).numbers()["detection_rate"])
