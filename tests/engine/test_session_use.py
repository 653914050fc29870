"""Sessions as people use them: each planted violation fails the cell, and what is no violation does not."""

from __future__ import annotations

from typing import Any

import pytest
from fuzzed import Bench

from harness.core.outcome import Outcome

CASES = """
from sitting import *
B, L = Dim("batch", 1, 8, example=2), Dim("length", 1, 64, example=12)
X, IDS = TensorSpec(name="x", dtype="float32", shape=(B, L, 5)), TensorSpec(name="ids", dtype="int64", shape=(B, L), domain=ids(9))
CASE = Case(id="planted", level="unit", inputs={inputs}, build={{"plain": lambda: Model(right, None, {session})}})
"""


def run(bench: Bench, session: str, inputs: str = "(X,)", **more: Any) -> Any:
    """Return the record of a case whose sessions are those of ``sitting``."""
    record = bench.run(CASES.format(session=session, inputs=inputs), **more)
    assert record.error is None or "internal" not in record.error["message"], record.error
    return record


PLANTED = {
    "keeps_its_buffer": ("(X,)", "at the other shape again: output 'y' differs by up to 1"),
    "shares_state": ("(X,)", "first run of a second session: output 'y' differs by up to"),
    "aliases": ("(X,)", "first run: the output 'y' changed after it was returned: a later run wrote to its memory"),
    "writes_to_its_feeds": ("(X,)", "first run: the feed 'x' was written to"),
    "fails_later": ("(X,)", "at the other shape again: fails with RuntimeError: no plan is left for this shape"),
    "reads_memory_as_it_lies": ("(X,)", "feeds laid out otherwise (column-major): output 'y' differs by up to"),
    "halves_doubles": ("(X,)", "float64 fed for float32: output 'y' differs by up to"),
    "reads_int32_for_int64": ("(X, IDS)", "int32 fed for int64: output 'y' differs by up to"),
}


@pytest.mark.parametrize("session", PLANTED)
def test_a_planted_violation_fails_the_cell(bench: Bench, session: str) -> None:
    inputs, said = PLANTED[session]
    record = run(bench, session, inputs)
    assert record.outcome is Outcome.MISMATCH
    (found,) = [comparison for comparison in record.comparisons if comparison.output == "(session)"]
    assert not found.match
    assert any(fact.startswith(said) for fact in found.facts), found.facts


def test_a_session_that_does_nothing_wrong_passes(bench: Bench) -> None:
    record = run(bench, "fine", "(X, IDS)")
    assert record.outcome is Outcome.MATCH
    assert record.shapes["session"] == {"uses": 11, "refused": [], "notes": ["float64 fed for float32: answers in float64"]}
    assert not [comparison for comparison in record.comparisons if comparison.output == "(session)"]


def test_what_is_refused_is_stated_and_fails_nothing(bench: Bench) -> None:
    record = run(bench, "refuses_layouts", "(X, IDS)")
    assert record.outcome is Outcome.MATCH
    assert record.shapes["session"]["refused"] == [
        "feeds laid out otherwise (every other element of a larger array)", "feeds laid out otherwise (column-major)",
        "feeds laid out otherwise (reversed strides)", "float64 fed for float32", "int32 fed for int64",
    ]  # fmt: skip


def test_channels_last_is_tried_on_images(bench: Bench) -> None:
    image = "(TensorSpec(name='x', dtype='float32', shape=(B, 4, 3, L)),)"
    record = run(bench, "reads_memory_as_it_lies", image)
    facts = [fact for comparison in record.comparisons if comparison.output == "(session)" for fact in comparison.facts]
    assert any(fact.startswith("feeds laid out otherwise (channels last): output 'y' differs") for fact in facts)


def test_a_second_session_is_opened_and_closed_and_that_is_all(bench: Bench) -> None:
    run(bench, "fine")
    assert bench.runtime.loads == 3, "one is judged, one is fuzzed, one sits beside it"
    verbs = [verb for _, verb in bench.pool.calls]
    assert verbs.count("close") == 3
    assert verbs.count("session_use") == 1


def test_what_there_is_no_time_for_is_said(bench: Bench) -> None:
    slow = "lambda: (lambda feeds: (__import__('time').sleep(0.05), fine()(feeds))[1])"
    record = run(bench, slow, seconds=0.2)
    assert record.outcome is Outcome.MATCH
    assert "no time was left for float64 fed for float32" in record.shapes["session"]["notes"]


def test_sessions_are_used_from_the_cache_too(bench: Bench) -> None:
    first = run(bench, "aliases")
    calls = len(bench.pool.calls)
    again = run(bench, "aliases")
    assert len(bench.pool.calls) == calls
    assert [c.facts for c in again.comparisons] == [c.facts for c in first.comparisons]
