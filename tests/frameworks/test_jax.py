"""JAX as a source and a target, asked of a worker: what a model may be, its two precisions, and what is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.errors import Unavailable
from harness.core.outcome import Outcome
from harness.core.record import Record
from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Cell, Engine
from harness.engine.manifest import Manifest, manifest
from harness.engine.pool import Limits, Pool
from harness.engine.serve import Serve
from harness.engine.toolchains import locate
from harness.engine.worker import WorkerFailure

FILE = Path(__file__).with_name("jaxes.py")
X = np.asarray([[1.0, -2.0, 0.5], [0.1, 0.2, 0.3]], np.float32)
ROUTES = ("jax>jax@cpu", "jax>jax.export>jax.exported@cpu")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    try:
        locate("jax")
    except Unavailable as absent:
        pytest.skip(f"{absent.reason}; to get it: {absent.how}")
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jax")


@pytest.fixture(scope="module")
def described(place: Path) -> Manifest:
    return manifest(FILE, FILE.parent, place, lambda file, roots: Serve().describe(file, roots))


def reference(pool: Pool, case: str, feeds: dict[str, Any]) -> Any:
    ref = {"file": str(FILE), "case": case, "digest": "0"}
    return pool.call("jax", "reference", {"framework": "jax", "ref": ref, "feeds": feeds, "precision": ""})


def record_of(case_id: str, route: str, pool: Pool, described: Manifest, place: Path) -> Record:
    case = next(case for case in described.cases if case.id == case_id)
    cell = Cell(id=case_id, case=case, route=parse_route(route, registry()), file=described.file, digest=described.digest)
    return Engine(pool, Cache(place / "cache")).run_cell(cell)


def test_a_function_may_hold_its_arrays_in_a_closure(pool: Pool) -> None:
    answer = reference(pool, "closure", {"x": X})
    np.testing.assert_array_equal(answer["outputs"]["output"], X * np.float32([1, 2, 3]))
    assert answer["outputs"]["output"].dtype == np.float32
    assert answer["oracle"]["output"].dtype == np.float64


def test_parameters_are_filled_and_what_is_no_array_among_them_stays(pool: Pool) -> None:
    answer = reference(pool, "pair", {"x": X})
    outputs = answer["outputs"]
    assert list(outputs) == ["second", "first"], "the order of the function"
    assert {array.dtype.name for array in outputs.values()} == {"float32"}, "NumPy's float64 is JAX's float32"
    ones = np.tanh(X.sum(-1, keepdims=True)) + np.arange(3)
    assert not np.allclose(outputs["second"], ones), "the weights are filled"
    assert (np.abs(outputs["second"] - np.arange(3)) <= 1).all(), "whole numbers are not"
    assert np.abs(answer["oracle"]["second"] - outputs["second"]).max() < 1e-6
    assert answer["spread"]["second"].max() > 0, "weights and inputs are moved"


def test_a_flax_module_runs_in_inference_mode_with_its_statistics_filled(pool: Pool) -> None:
    feeds = {"x": X}
    first, again = (reference(pool, "module", feeds) for _ in range(2))
    assert np.array_equal(first["outputs"]["output"], again["outputs"]["output"]), "no dropout"
    assert first["wobble"]["output"] == 0
    alone = reference(pool, "module", {"x": X[:1]})["outputs"]["output"]
    np.testing.assert_allclose(alone, first["outputs"]["output"][:1], rtol=1e-5, atol=1e-5)
    assert first["oracle"]["output"].dtype == np.float64


def test_a_function_that_casts_to_less_has_no_oracle(pool: Pool) -> None:
    answer = reference(pool, "casts", {"x": X})
    assert answer["oracle"] is None
    assert "still returns less in output" in answer["oracle_error"]


def test_whole_numbers_are_narrowed_or_refused_but_never_cut_off(pool: Pool) -> None:
    outputs = reference(pool, "whole", {"i": np.asarray([3, 2**31 - 2])})["outputs"]
    np.testing.assert_array_equal(outputs["output"], [4, 2**31 - 1])
    with pytest.raises(WorkerFailure, match=f"input 'i' holds {2**40}, and JAX has whole numbers of 32 bits only") as failure:
        reference(pool, "beyond", {"i": np.asarray([3, 2**40, 4, 5])})
    assert failure.value.kind == "usage"


def test_an_input_of_64_bits_switches_all_of_them_on_and_the_next_model_is_as_before(pool: Pool) -> None:
    outputs = reference(pool, "double", {"x": X.astype(np.float64), "i": np.asarray([2**40, 1])})["outputs"]
    assert [array.dtype.name for array in outputs.values()] == ["float64", "int64"]
    np.testing.assert_array_equal(outputs["output_1"], [2**41, 2])
    assert reference(pool, "closure", {"x": X})["outputs"]["output"].dtype == np.float32


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("case_id", ["pair", "module", "double"])
def test_a_model_comes_through(case_id: str, route: str, pool: Pool, described: Manifest, place: Path) -> None:
    record = record_of(case_id, route, pool, described, place)
    assert record.outcome is Outcome.MATCH, (record.error, [c.facts for c in record.comparisons if not c.match])
    provenance = record.provenance or {}
    assert provenance["device"] == "cpu"
    assert provenance["precision"] == ("float64" if case_id == "double" else "float32")


@pytest.mark.parametrize(
    ("case_id", "route", "said"),
    [
        ("branches", ROUTES[0], "jax.jit refuses Python that depends on values: Attempted boolean conversion"),
        ("branches", ROUTES[1], "jax.export refuses Python that depends on values: Attempted boolean conversion"),
        ("needs-even", ROUTES[1], "jax.export refuses a dynamic axis: Symbolic dimension comparison 'batch' > '2' is inconclusive"),
    ],
)
def test_what_cannot_be_traced_is_refused_by_name(
    case_id: str, route: str, said: str, pool: Pool, described: Manifest, place: Path
) -> None:
    record = record_of(case_id, route, pool, described, place)
    assert record.outcome is Outcome.UNSUPPORTED
    assert said in (record.error or {})["message"]


def test_what_cannot_be_compiled_runs_op_by_op(pool: Pool, described: Manifest, place: Path) -> None:
    record = record_of("branches", "jax>jax[jit=false]@cpu", pool, described, place)
    assert record.outcome is Outcome.MATCH, record.error
    assert "op by op" in str((record.provenance or {})["provider"])
