"""Families become cases; attributes come from signatures and schemas; namespaces are covered; size tests turn between two shapes."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.spec import Dim, TensorSpec
from harness.generate import signatures
from harness.generate.sweeps import OMITTED, Family, branches, cases_of, coverage, derive

SWEEPS = Path(__file__).resolve().parents[2] / "suites" / "sweeps"
X = TensorSpec(name="x", dtype="float32", shape=(Dim("batch", 1, 4, example=2), 3))
LAYERS = """
class _Pool:
    def __init__(self, size, stride=None, *, ceil=False, eps=1e-5, kind=max): ...
class Pool(_Pool): ...
class Wide(Pool):
    def __init__(self, width): ...
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"layers_{abs(hash(tmp_path))}"
    (tmp_path / name / "nn").mkdir(parents=True)
    (tmp_path / name / "__init__.py").write_text("raise ImportError('never imported')")
    (tmp_path / name / "nn" / "pool.py").write_text(LAYERS)
    (tmp_path / name / "nn" / "__init__.py").write_text("from .pool import Pool, Wide as Broad\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_signatures_are_read_without_an_import(package: str) -> None:
    found = signatures.classes_of(package, "nn")
    assert list(found) == ["Pool", "Wide"]
    assert found["Pool"] == {
        "size": signatures.REQUIRED, "stride": None, "ceil": False, "eps": 1e-5, "kind": signatures.Unread(text="max"),
    }  # fmt: skip
    assert found["Wide"] == {"width": signatures.REQUIRED}
    assert signatures.exported(package, "nn/__init__.py") == ("Pool", "Broad")
    assert package not in sys.modules


def test_a_package_that_is_not_here_is_said() -> None:
    with pytest.raises(UsageError, match="no_such_framework is not installed here"):
        signatures.place_of("no_such_framework")


def test_attributes_follow_from_the_signature(package: str) -> None:
    signature = signatures.classes_of(package, "nn")["Pool"]
    values: dict[str, Any] = {"stride": lambda rank: (2, (3,) * rank), "Pool.eps": (0.1,), "eps": (9.0,), "size": (3, 4)}
    assert derive(signature, values, rank=2, owner="Pool") == {
        "size": (3, 4), "stride": (OMITTED, 2, (3, 3)), "ceil": (OMITTED, True), "eps": (OMITTED, 0.1),
    }  # fmt: skip


def make(call: Any, attributes: Any, specs: Any) -> Any:
    return SimpleNamespace(call=call, attributes=attributes, specs=specs)


def test_a_family_becomes_cases() -> None:
    family = Family(
        name="pool",
        call="Pool",
        inputs={"dynamic": [X]},
        fixed={"size": 3},
        attributes={"stride": (OMITTED, (2, 1)), "ceil": (OMITTED, True)},
    )
    cases = cases_of([family], "torch", make)
    assert cases[0].id == "sweep/torch.pool/dynamic"
    by_id = {case.id: case for case in cases}
    assert set(by_id) == {f"sweep/torch.pool/dynamic{told}" for told in ("", "+ceil-True", "+stride-2_1", "+stride-2_1+ceil-True")}
    built = by_id["sweep/torch.pool/dynamic+stride-2_1+ceil-True"].build["torch"]
    assert built is not None
    assert built().attributes == {"size": 3, "stride": (2, 1), "ceil": True}
    assert {case.level for case in cases} == {"unit"}


def test_two_rows_that_read_alike_are_refused() -> None:
    with pytest.raises(UsageError, match="two rows that read"):
        cases_of([Family(name="a", call="A", inputs={"x": [X]}, attributes={"k": (0, "1", 1)})], "torch", make)


def test_coverage_names_what_nobody_thought_of() -> None:
    found = coverage(["Conv", "LazyConv", "Pool"], ["Conv"], {"Lazy*": "becomes another class"})
    assert (found.swept, found.left_out, found.missing) == (("Conv",), {"LazyConv": "becomes another class"}, ("Pool",))
    assert found.sentence == "1 of 3 swept, 1 left out with a reason, 1 missing"


def test_a_size_test_turns_between_the_example_and_the_other_shape() -> None:
    ((name, number, axis, threshold),) = branches([X])
    assert (name, number, axis) == ("batch", 0, 0)
    assert X.dims[0].example <= threshold < X.dims[0].other()


@pytest.mark.parametrize(
    "package, table", [("torch", "_torch_layers"), ("keras", "_keras_layers"), ("paddle", "_paddle_layers"), ("onnx", "_onnx_operators")]
)
def test_no_layer_of_an_installed_framework_is_forgotten(package: str, table: str, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        signatures.place_of(package)
    except UsageError as absent:
        pytest.skip(str(absent))
    monkeypatch.syspath_prepend(str(SWEEPS))
    covered = __import__(table).covered()
    assert covered.missing == (), covered.sentence
    assert len(covered.swept) >= 70
