"""Every adapter found keeps the same contract, in its own worker, on the shortest route that uses it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from harness.ascend.devices import ask
from harness.core.errors import Unavailable, UsageError
from harness.core.outcome import Outcome
from harness.core.protocols import ANY
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.route import Route, adapters_of, find_routes, parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import Manifest
from harness.engine.pool import Pool
from harness.engine.toolchains import locate


def toolchains_of(route: Route) -> list[str]:
    return list(dict.fromkeys(adapter.toolchain for adapter in adapters_of(route, registry())))


def shortest() -> dict[str, Route]:
    """Return for each adapter the shortest route that uses it, preferring one that can run here.

    The reference evaluator comes last: it gets batch normalisation of old operator sets wrong, which old exporters write.
    """
    found = registry()
    routes = find_routes(found, max_hops=3, devices=("cpu", "npu-simulated", "npu"))
    routes.sort(key=lambda route: (len(route.converters), not_here(route) is not None, route.runtime.name == "onnx.reference"))
    chosen: dict[str, Route] = {}
    for route in map(with_chip, routes):
        chosen.setdefault(f"framework {route.framework}", route)
        chosen.setdefault(f"runtime {route.runtime.name}", route)
        for name in route.converter_names:
            chosen.setdefault(f"converter {name}", route)
    return chosen


def with_chip(route: Route) -> Route:
    """Return a route whose compiler for Ascend is told the chip of this machine, which it never guesses."""
    chip = next((npu.soc for npu in ask()[0] if npu.soc), "Ascend310P3")
    told = tuple(dataclasses.replace(hop, options={"soc": chip}) if hop.name == "om.atc" else hop for hop in route.converters)
    return dataclasses.replace(route, converters=told)


def not_here(route: Route) -> Unavailable | None:
    for name in toolchains_of(route):
        try:
            locate(name)
        except Unavailable as absent:
            return absent
    return None


ROUTES = shortest()


@pytest.fixture(scope="module")
def ran(pool: Pool, described: Manifest, place: Path) -> dict[tuple[str, str], Record]:
    return {}


def record_of(route: Route, case_id: str, pool: Pool, described: Manifest, place: Path, ran: dict[tuple[str, str], Record]) -> Record:
    absent = not_here(route)
    if absent is not None:
        pytest.skip(f"{absent.reason}; to get it: {absent.how}")
    key = (str(route), case_id)
    if key not in ran:
        case = next(case for case in described.cases if case.id == case_id)
        cell = Cell(id=case_id, case=case, route=route, file=described.file, digest=described.digest)
        ran[key] = Engine(pool, Cache(place / "cache")).run_cell(cell)
    return ran[key]


def test_every_adapter_is_on_a_route() -> None:
    found = registry()
    wanted = {f"framework {name}" for name in found.frameworks} | {f"runtime {name}" for name in found.runtimes}
    wanted |= {f"converter {name}" for name, c in found.converters.items() if ANY not in c.sources and c.target not in c.sources}
    assert wanted == set(ROUTES)


@pytest.mark.parametrize("adapter", sorted(ROUTES))
def test_the_contract_model_comes_through(
    adapter: str, pool: Pool, described: Manifest, place: Path, ran: dict[tuple[str, str], Record]
) -> None:
    route = ROUTES[adapter]
    record = record_of(route, "contract", pool, described, place, ran)
    if record.outcome is Outcome.UNAVAILABLE:
        pytest.skip(str((record.error or {}).get("message")))
    assert record.outcome is Outcome.MATCH, (str(route), record.error, [c.facts for c in record.comparisons if not c.match])
    judged = [comparison.output for comparison in record.comparisons if comparison.against == "reference"]
    assert set(judged) == {"logits", "probs"}
    assert judged[:2] == ["logits", "probs"]
    assert (record.provenance or {})["device"] == route.device
    assert (record.provenance or {})["provider"]
    assert (record.provenance or {})["precision"]
    assert (record.timing or {}).keys() >= {"reference", "run"}
    assert record.versions


MUTANTS = {
    "onnx.mutate": "onnx>onnx.mutate[operator=softmax-axis]>onnxruntime@cpu",
    "torch.mutate": "torch>torch.mutate[operator=bias-shifted,site=2]>onnx.dynamo>onnxruntime@cpu",
}
COARSER = {"onnx.float16": "onnx>onnx.float16>onnxruntime@cpu", "onnx.quantise": "onnx>onnx.quantise>onnxruntime@cpu"}
SAMPLE = {
    "onnx.mutate": ("softmax-axis", "node=probs tensor=probs layer=Softmax"),
    "torch.mutate": ("bias-shifted", "node=second tensor=second.bias"),
}


def test_every_converter_that_leads_to_where_it_came_from_is_driven() -> None:
    own = {name for name, converter in registry().converters.items() if converter.target in converter.sources}
    assert {*MUTANTS, *COARSER} == own


@pytest.mark.parametrize("name", sorted(COARSER))
def test_a_converter_to_fewer_bits_is_held_to_these(
    name: str, pool: Pool, described: Manifest, place: Path, ran: dict[tuple[str, str], Record]
) -> None:
    record = record_of(parse_route(COARSER[name], registry()), "contract", pool, described, place, ran)
    assert record.outcome is Outcome.MATCH, record.error
    bounds = [comparison.bound for comparison in record.comparisons if "allowed" in comparison.bound]
    assert bounds
    assert all(bound["allowed"] > 2.0**-12 * bound["scale"] for bound in bounds), "no bound of float32 would let it pass"


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_mutate_converter_plants_what_it_says_and_the_judge_sees_it(
    name: str, pool: Pool, described: Manifest, place: Path, ran: dict[tuple[str, str], Record]
) -> None:
    operator, site = SAMPLE[name]
    route = parse_route(MUTANTS[name], registry())
    record = record_of(route, "contract", pool, described, place, ran)
    assert record.outcome is Outcome.MISMATCH, record.error
    assert any(message.startswith(f"planted {operator} at site") and site in message for message in record.messages), record.messages


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_mutate_converter_says_why_it_cannot(
    name: str, pool: Pool, described: Manifest, place: Path, ran: dict[tuple[str, str], Record]
) -> None:
    framework = name.partition(".")[0]
    for options, said in (
        ("", "needs the fault to plant"),
        ("[operator=qkv-reordered]", "it needs a packed"),
        ("[operator=biased]", "did you mean"),
    ):
        route = parse_route(f"{framework}>{name}{options}>{'onnxruntime' if framework == 'onnx' else 'torch'}@cpu", registry())
        record = record_of(route, "contract", pool, described, place, ran)
        assert (record.error or {})["kind"] == "usage"
        assert said in (record.error or {})["message"]


def test_a_module_that_another_converter_made_is_not_changed(
    pool: Pool, described: Manifest, place: Path, ran: dict[tuple[str, str], Record]
) -> None:
    route = parse_route("onnx>torch.onnx2torch>torch.mutate[operator=bias-shifted]>torch@cpu", registry())
    record = record_of(route, "contract", pool, described, place, ran)
    assert record.outcome is Outcome.UNSUPPORTED
    assert "not one that torch.onnx2torch made; let it come first" in (record.error or {})["message"]


@pytest.mark.parametrize("framework", sorted(registry().frameworks))
def test_what_is_no_model_is_told_so(
    framework: str, pool: Pool, described: Manifest, place: Path, ran: dict[tuple[str, str], Record]
) -> None:
    record = record_of(ROUTES[f"framework {framework}"], "no-model", pool, described, place, ran)
    assert (record.error or {})["kind"] == "usage"
    assert "returned int" in (record.error or {})["message"]
    assert "expected" in (record.error or {})["message"]


@pytest.mark.parametrize("adapter", sorted(name for name in ROUTES if not name.startswith("framework")))
def test_an_option_it_lacks_is_refused(adapter: str) -> None:
    name = adapter.partition(" ")[2]
    hops = [f"{name}[no_such=1]" if hop.partition("[")[0] == name else hop for hop in str(ROUTES[adapter]).partition("@")[0].split(">")]
    if adapter.startswith("runtime"):
        hops[1:] = [*map(str, ROUTES[adapter].converters), f"{name}[no_such=1]"]
    text = ">".join(hops)
    with pytest.raises(UsageError, match="no option 'no_such'"):
        parse_route(text, registry())
