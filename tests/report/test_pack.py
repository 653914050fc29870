"""The payload for the page's script."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.report.pack import pack
from harness.report.sections import pairs
from tests.report.records import HOSTILE, hostile, many, one_of_each, record


def unpacked(records: Any, **options: Any) -> Any:
    payload, _ = pack(pairs(records), **options)
    return json.loads(payload)


@pytest.mark.parametrize("sign", ["<", ">", "&", "\u2028", "\u2029", "\ud800", "\x00"])
def test_nothing_can_leave_the_script_element(sign: str) -> None:
    payload, _ = pack(pairs(hostile()))
    assert sign not in payload


def test_payload_is_strict_json() -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    payload, _ = pack(pairs(hostile()))
    assert len(json.loads(payload, parse_constant=refuse)["records"]) == len(HOSTILE)


def test_every_fact_of_a_record_is_there() -> None:
    data = unpacked([record("mismatch", latency={"median_ms": 1.5}, messages=("note",), replayed=True)])
    found = data["records"][0]
    assert (found["stage"], found["outcome"], found["ok"], found["replayed"]) == ("compare", "mismatch", False, True)
    assert found["messages"] == ["note"]
    assert [suspect["name"] for suspect in found["culprit"]["suspects"]] == ["epsilon", "axis"]
    assert found["culprit"]["curve"][4] == {"path": "encoder.layers.1.norm1", "own": 3100.0, "inherited": 0.0, "total": 0.08}
    assert data["lanes"][found["lane"]]["route"] == "torch>onnx.dynamo>onnxruntime@cpu"
    assert data["maps"][found["shapes"]]["failing"] == [{"batch": 2}, {"batch": 8}]
    assert data["maps"][found["provenance"]]["provider"] == "CPUExecutionProvider"
    output, match, against, keys, values, bound, shapes, facts, share = found["comparisons"][0]
    metrics = dict(zip(data["keys"][keys], values, strict=True))
    assert (output, match, against, facts, share) == ("y", 0, "reference", [], 41.0)
    assert metrics["worst"] == [0, 3, 17]
    assert metrics["max_abs"] == pytest.approx(0.005535)
    assert metrics["oracle.reference_scaled"] == pytest.approx(4e-7)
    assert data["maps"][bound]["atol"] == 1e-5
    assert data["maps"][shapes] == {"batch": 2}


def test_the_first_lane_and_map_are_kept_although_their_number_is_zero() -> None:
    found = unpacked([record()])["records"][0]
    assert found["lane"] == 0
    assert "shapes" in found


def test_not_a_number_travels_as_a_word() -> None:
    data = unpacked(hostile())
    assert "nan" in [value for item in data["records"] for row in item["comparisons"] for value in row[4] if isinstance(value, str)]


def test_long_runs_are_shortened_and_say_so() -> None:
    records = many(40, comparisons=20)
    whole, nothing = pack(pairs(records))
    short, shortened = pack(pairs(records), budget=len(whole.encode()) - 1)
    assert nothing == 0
    assert shortened == sum(str(item.outcome) == "match" for item in records)
    assert len(short) < len(whole) / 2
    dropped = [item.get("dropped", 0) for item in json.loads(short)["records"] if item["outcome"] == "match"]
    assert set(dropped) == {18}


def test_failures_are_shortened_last() -> None:
    records = one_of_each()
    _, shortened = pack(pairs(records), budget=1)
    assert shortened == 0
    tail = json.loads(pack(pairs([record("crash", error={"message": "m", "stderr": "x" * 9000})]), budget=1)[0])["records"][0]["error"][
        "stderr"
    ]
    assert len(tail) < 2000
