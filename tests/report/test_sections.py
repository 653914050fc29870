"""How records are arranged for reading."""

from __future__ import annotations

import pytest

from harness.core.outcome import Outcome
from harness.report import sections
from tests.report.records import culprit, met, record, unmet


@pytest.mark.parametrize(
    ("route", "shown"),
    [
        ("torch>onnx.dynamo>onnxruntime@cpu", "onnx.dynamo"),
        ("torch>onnx.dynamo[opset=17]>onnx2tf>litert@cpu", "onnx.dynamo[opset=17] › onnx2tf"),
        ("onnx>onnxruntime@cpu", "direct"),
        ("onnx>onnxruntime[level=all]@cpu", "direct [level=all]"),
        ("torch>x[a=b>c]>ort@cpu", "x[a=b>c]"),
        ("garbage", "direct"),
    ],
)
def test_chain_of_a_route(route: str, shown: str) -> None:
    assert sections.chain(route) == shown


def test_pairs_hold_their_routes_and_put_failures_first() -> None:
    script = "torch>onnx.script>onnxruntime@cpu"
    cells = [
        record("match", "unit/a"),
        record("match", "unit/a", script),
        record("mismatch", "unit/z", script),
        record("match", "unit/a", "onnx>openvino@cpu"),
    ]
    found = sections.pairs(cells)
    assert [(pair.framework, pair.target) for pair in found] == [("onnx", "openvino@cpu"), ("torch", "onnxruntime@cpu")]
    assert [(lane.chain, lane.tally.matched, lane.tally.executed) for lane in found[1].lanes] == [
        ("onnx.dynamo", 1, 1),
        ("onnx.script", 1, 2),
    ]
    assert [cell.case for cell in found[1].lanes[1].records] == ["unit/z", "unit/a"]
    assert [lane.index for pair in found for lane in pair.lanes] == [0, 1, 2]


def test_matrix_leaves_untried_pairs_empty() -> None:
    targets, rows = sections.matrix(sections.pairs([record(), record(route="onnx>openvino@cpu")]))
    assert targets == ["onnxruntime@cpu", "openvino@cpu"]
    assert [(name, [bool(pair) for pair in cells]) for name, cells in rows] == [("onnx", [False, True]), ("torch", [True, False])]


def test_families_only_of_the_unit_level_and_by_case_without_one() -> None:
    cells = [
        record(family="conv"),
        record("mismatch", "unit/b", family="conv"),
        record(case="unit/lonely"),
        record(case="e2e/net", level="e2e"),
    ]
    targets, rows = sections.families(cells)
    assert targets == ["onnxruntime@cpu"]
    assert [(row.name, row.tallies["onnxruntime@cpu"].words) for row in rows] == [
        ("conv", "1 match, 1 mismatch"),
        ("unit/lonely", "1 match"),
    ]


def test_causes_join_what_says_the_same() -> None:
    def failed(number: int) -> dict[str, str]:
        return {"type": "RuntimeError", "message": f"no kernel for node {number} in /tmp/run{number}/model.onnx at 0x7f{number}"}

    cells = [record("error", f"unit/{n}", error=failed(n)) for n in range(3)]
    cells += [record("error", "unit/x", error={"message": "another"}), record("mismatch", "unit/m"), record("unavailable"), record("match")]
    cells += [record("unsupported", expectation=met()), record("match", "unit/h", expectation=unmet("unexpected pass"))]
    found = sections.causes(cells)
    assert [(cause.outcome, len(cause.records)) for cause in found] == [
        (Outcome.MISMATCH, 1), (Outcome.ERROR, 3), (Outcome.ERROR, 1), (Outcome.MATCH, 1),
    ]  # fmt: skip


def test_mismatches_by_a_fact_stay_apart_from_numbers() -> None:
    from tests.report.records import comparison

    facts = record("mismatch", "unit/f", comparisons=(comparison(match=False, facts=("dtype is int64, expected float32",)),))
    assert len(sections.causes([facts, record("mismatch", "unit/m"), record("mismatch", "unit/n")])) == 2


def test_absences_join_by_reason_and_read_the_joined_text() -> None:
    cells = [record("unavailable", f"unit/{n}", "torch>x>ascend@npu", error={"message": "no NPU (to get it: buy one)"}) for n in range(2)]
    cells += [record("unavailable"), record("unavailable", "unit/e", error=None), record("match")]
    found = sections.absences(cells)
    assert [(item["reason"], item["how"], item["cells"]) for item in found] == [
        ("no NPU", "buy one", 2),
        ("no CUDA device was found", "run on a machine with an NVIDIA GPU and driver 550 or later", 1),
        ("no reason was recorded", "", 1),
    ]
    assert found[0]["targets"] == ["ascend@npu"]


def test_expectation_rows_with_the_unmet_first() -> None:
    cells = [
        record("unsupported", "unit/a", expectation=met()),
        record("crash", "unit/b", expectation=unmet("changed cause: b")),
        record("match"),
    ]
    found = sections.expectations(cells)
    assert [(row["row"][-5:], row["met"], len(row["bad"]), row["problems"]) for row in found] == [
        ("row 7", 0, 1, ["changed cause: b"]), ("row 4", 1, 0, []),
    ]  # fmt: skip


def test_versions_list_each_one_seen() -> None:
    found = sections.versions(
        [record(versions={"torch": "2.13", "onnx": "1.17"}), record(versions={"torch": "2.12"}), record(versions=None)]
    )
    assert found == {"onnx": ["1.17"], "torch": ["2.12", "2.13"]}


def test_mismatches_are_one_cause_where_hop_kind_of_layer_and_suspect_are_the_same() -> None:
    found = [
        culprit(), culprit(layer="another.norm"), culprit(type="Linear"), culprit(hop="onnx.script"), culprit(suspects=[]),
        culprit(suspects=["epsilon"]), None,
    ]  # fmt: skip
    grouped = sections.causes([record("mismatch", f"unit/{n}", culprit=item) for n, item in enumerate(found)])
    assert sorted(len(cause.records) for cause in grouped) == [1, 1, 1, 1, 3]
