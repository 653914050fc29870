"""A record is one line of strict JSON, and comes back as it was; a file cut off by an interruption is readable."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.core.outcome import Outcome, Stage
from harness.core.record import SCHEMA, Comparison, Record, latest, plain, read_records, record_from

# Messages of native code hold anything, halves of characters included.
TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(2**63), 2**63)
DATA = st.dictionaries(TEXT, st.recursive(st.none() | st.booleans() | NUMBERS | TEXT, lambda part: st.lists(part, max_size=3)), max_size=4)
COMPARISONS = st.builds(
    Comparison, output=TEXT, match=st.booleans(), metrics=DATA, bound=DATA, facts=st.lists(TEXT, max_size=2).map(tuple),
    against=st.sampled_from(["reference", "oracle", "task"]), shapes=DATA,
)  # fmt: skip
RECORDS = st.builds(
    Record, id=TEXT, case=TEXT, level=TEXT, route=TEXT, framework=TEXT, target=TEXT, stage=st.sampled_from(Stage),
    outcome=st.sampled_from(Outcome), comparisons=st.lists(COMPARISONS, max_size=2).map(tuple), shapes=DATA,
    messages=st.lists(TEXT, max_size=2).map(tuple), versions=DATA, provenance=DATA, error=st.none() | DATA, timing=DATA,
    expectation=st.none() | DATA, replayed=st.booleans(), repro=TEXT, family=TEXT, file=TEXT,
    culprit=st.none() | DATA, latency=st.none() | DATA,
)  # fmt: skip


def record(**more: Any) -> Record:
    """Return a small record."""
    return Record(**{
        "id": "c[r]", "case": "c", "level": "unit", "route": "r", "framework": "onnx", "target": "t",
        "stage": Stage.COMPARE, "outcome": Outcome.MATCH, **more,
    })  # fmt: skip


@given(RECORDS)
def test_a_line_holds_all_of_a_record(one: Record) -> None:
    line = one.line()
    assert line.encode("utf-8")
    assert "\n" not in line
    assert "\r" not in line
    again = record_from(json.loads(line, parse_constant=pytest.fail))
    assert again.line() == line
    assert plain(again.to_json()) == plain(one.to_json())
    assert set(one.to_json()) == {"schema", "ok", *(field.name for field in dataclasses.fields(Record))}


def test_half_a_character_can_be_written_and_comes_back() -> None:
    line = record(messages=("half \ud800",)).line()
    assert record_from(json.loads(line.encode("utf-8"))).messages == ("half \ud800",)


def test_what_json_lacks_is_written_in_words() -> None:
    comparison = Comparison(output="y", match=False, metrics={"max_abs": math.nan, "worst": [math.inf, -math.inf]}, bound={})
    (back,) = record_from(json.loads(record(comparisons=(comparison,)).line())).comparisons
    assert back.metrics == {"max_abs": "nan", "worst": ["inf", "-inf"]}


def test_ok_is_a_match_or_a_failure_that_a_row_expects() -> None:
    assert record().ok
    assert not record(outcome=Outcome.ERROR).ok
    assert record(outcome=Outcome.ERROR, expectation={"met": True}).ok
    assert not record(expectation={"met": False}).ok, "an unexpected pass"


def test_the_last_record_of_an_id_counts() -> None:
    found = latest([record(id="a"), record(id="b"), record(id="a", outcome=Outcome.ERROR)])
    assert [(one.id, one.outcome) for one in found] == [("a", Outcome.ERROR), ("b", Outcome.MATCH)]


def test_a_last_line_cut_off_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(record(id="a").line() + "\n" + record(id="b").line()[:40])
    assert [one.id for one in read_records(file)] == ["a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}\n{\n", "line 1: a record has schema None; this version reads schema"),
        ("{\n\n", "line 1: not a record"),
        ("[]\n\n", "line 1: not a record (not an object)"),
        (json.dumps({"schema": SCHEMA}) + "\n", "line 1: a record is incomplete or malformed: KeyError: 'id'"),
        (record().line().replace('"match"', '"matches"') + "\n", "line 1: a record is incomplete or malformed: ValueError: 'matches'"),
        (record().line().replace(f'"schema": {SCHEMA}', '"schema": 99') + "\n", "run the suite again to renew it"),
    ],
)
def test_another_line_that_is_no_record_is_told_with_its_number(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        list(read_records(file))
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read records from .*gone.jsonl"):
        list(read_records(tmp_path / "gone.jsonl"))


def test_keys_of_a_later_version_are_left_alone() -> None:
    data = {**json.loads(record().line()), "novelty": 1}
    assert record_from(data) == record_from(json.loads(record().line()))
