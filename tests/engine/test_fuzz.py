"""Fuzzing whole cells with planted shape bugs: found, shrunk to the true minimum, and told with their cause."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from fuzzed import Bench

from harness.core.outcome import Outcome, Stage
from harness.core.record import record_from

HEAD = """
from planted import *
MENDED = False
B, L, W = Dim("batch", 1, 8, example=2), Dim("length", 1, 64, example=12), Dim("W", 4, 33, example=8)
X = TensorSpec(name="x", dtype="float32", shape=(B, L, 5))
IMAGE = TensorSpec(name="x", dtype="float32", shape=(B, W))
def case(right, target=None, inputs=X, **more):
    build = {"plain": lambda: Model(right, None if MENDED else target)}
    return Case(**{"id": "planted", "level": "unit", "inputs": (inputs,), "build": build, **more})
"""

# What is planted, its smallest shape, the region in words, and the cause where one can be told.
PLANTED: dict[str, tuple[str, Mapping[str, int], str, str]] = {
    "2k+1 pooling": (
        "case(lambda x: pooled(x, ceil=True), lambda x: pooled(x, ceil=False), IMAGE)", {"batch": 1, "W": 5}, "W is odd", "",
    ),
    "odd, from a batch of 3 on": (
        "case(lambda x: pooled(x, ceil=True), lambda x: pooled(x, ceil=len(x) < 3), IMAGE)", {"batch": 3, "W": 5},
        "W is odd and batch >= 3", "",
    ),
    "axes merged": (
        "case(merged, merged_wrongly)", {"batch": 3, "length": 2}, "",
        "output 'y' holds the right values in other places: axes are merged or split wrongly, only when batch and length both move",
    ),
    "broadcast at 1": ("case(lambda x: x - x.mean(axis=0), broadcast)", {"batch": 1, "length": 1}, "batch == 1", ""),
    "buffer of 2^5": ("case(lambda x: np.cumsum(x, axis=1), windowed)", {"batch": 1, "length": 32}, "length >= 32", ""),
    "constant reshape": (
        "case(merged, reshaped)", {"batch": 1, "length": 1}, "", "output 'y' keeps the length 24 of the export sample along axis 0",
    ),
    "baked divisor": (
        "case(lambda x: x.mean(axis=1), averaged)", {"batch": 1, "length": 1}, "",
        "output 'y' is length / 12 times what it should be: computed with the length of the export sample",
    ),
    "baked value": (
        "case(lambda x: {'y': np.tanh(x), 'n': np.asarray(x.shape[1])}, lambda x: {'y': np.tanh(x), 'n': np.asarray(12)})",
        {"batch": 1, "length": 1}, "length != 12 (the export sample)", "output 'n' keeps its value 12, whatever batch and length are",
    ),
    "axis ignored": (
        "case(lambda x: x.sum(axis=1), lambda x: x[:, :12].sum(axis=1))", {"batch": 1, "length": 13}, "length >= 13",
        "output 'y' does not depend on what lies beyond the first 12 along length, the length of the export sample",
    ),
}  # fmt: skip


def run(bench: Bench, body: str, **more: Any) -> Any:
    """Return the record of the case that ``body`` declares, and check that it can be stored."""
    record = bench.run(f"{HEAD}\n{body}\n", **more)
    assert record.error is None or record.error["kind"] != "error" or "internal" not in record.error["message"], record.error
    assert record_from(json.loads(record.line())).outcome is record.outcome
    return record


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_bug_is_found_shrunk_and_explained(bench: Bench, name: str) -> None:
    body, least, region, cause = PLANTED[name]
    record = run(bench, f"CASE = {body}")
    assert (record.outcome, record.stage) == (Outcome.MISMATCH, Stage.COMPARE)
    assert record.shapes["smallest"] == {"lengths": least, "rung": "normal", "seed": 0}
    if region:
        assert record.shapes["region"].startswith(f"fails when {region}; holds on ")
    assert [cause] == record.shapes["causes"] or not cause
    assert dict(least) in record.shapes["failing"]
    wrong = [comparison for comparison in record.comparisons if not comparison.match]
    assert dict(least) in [comparison.shapes for comparison in wrong], "the record shows the comparison of the smallest example"


def test_inputs_on_which_a_bug_does_not_show_are_told_apart_from_shapes(bench: Bench) -> None:
    """A divisor of the export sample is as good as any where the sum is zero, as on the rung of zeros."""
    region = run(bench, f"CASE = {PLANTED['baked divisor'][0]}").shapes["region"]
    assert region.startswith("on ordinary inputs fails when length != 12 (the export sample); holds on ")


@pytest.mark.parametrize("name", PLANTED)
def test_the_right_function_is_a_match(bench: Bench, name: str) -> None:
    record = run(bench, f"MENDED = True\nCASE = {PLANTED[name][0]}")
    assert record.outcome is Outcome.MATCH, record.comparisons
    assert record.shapes["examples"] >= 12
    assert (record.shapes["region"], record.shapes["causes"], record.shapes["smallest"]) == ("", [], None)


REFUSES = "case(tanh, baked_batch)"


def test_a_target_that_refuses_shapes_ends_with_an_error_that_says_which(bench: Bench) -> None:
    record = run(bench, f"CASE = {REFUSES}")
    assert (record.outcome, record.stage) == (Outcome.ERROR, Stage.RUN)
    message = record.error["message"]
    assert message.startswith(
        "declares x.0 as batch and accepts only 2; is refused when batch != 2 (the export sample); runs on "
    )  # fmt: skip
    assert "the smallest is batch=1, length=1: Got invalid dimensions for input: x." in message
    assert record.error["type"] == "ValueError"
    assert record.shapes["smallest"]["lengths"] == {"batch": 1, "length": 1}


def test_a_refusal_that_the_usual_shapes_do_not_show_is_found(bench: Bench) -> None:
    body = "def few(x):\n    if x.shape[0] > 5: raise RuntimeError('workspace too small')\n    return np.tanh(x)\nCASE = case(tanh, few)"
    record = run(bench, body)
    assert (record.outcome, record.stage) == (Outcome.ERROR, Stage.RUN)
    assert "is refused when batch >= 6; runs on " in record.error["message"]
    assert record.shapes["smallest"]["lengths"] == {"batch": 6, "length": 1}


def test_what_kills_the_target_is_found_and_never_remembered(bench: Bench) -> None:
    body = "def fatal(x):\n    if x.shape[1] > 40: raise Dies\n    return np.tanh(x)\nCASE = case(tanh, fatal)"
    record = run(bench, body)
    assert record.outcome is Outcome.CRASH
    assert record.shapes["smallest"]["lengths"] == {"batch": 1, "length": 41}
    assert "the worker died of SIGSEGV" in record.error["message"]
    before = len(bench.pool.calls)
    again = run(bench, body)
    assert again.outcome is Outcome.CRASH
    assert len(bench.pool.calls) > before + 20, "a crash need not come back: nothing of it was taken from the cache"


def test_shapes_that_the_source_refuses_are_counted_and_blame_nobody(bench: Bench) -> None:
    body = "def domain(x):\n    if x.shape[0] == 1: raise ValueError('needs two')\n    return np.tanh(x)\nCASE = case(domain, tanh)"
    record = run(bench, body)
    assert record.outcome is Outcome.MATCH
    assert record.shapes["refused"] >= 2
    assert record.shapes["judged"] == len(record.shapes["tried"])
    assert all(where["batch"] != 1 for where in record.shapes["tried"])
    assert f"fuzzing: the target answered {record.shapes['refused']} shapes that the source itself refuses" in record.messages


def test_a_source_that_dies_is_no_failure_of_the_target(bench: Bench) -> None:
    body = "def domain(x):\n    if x.shape[0] == 8: raise Dies\n    return np.tanh(x)\nCASE = case(domain, tanh)"
    record = run(bench, body)
    assert record.outcome is Outcome.MATCH
    assert record.shapes["refused"] >= 1


def test_more_than_the_memory_of_this_machine_says_nothing(bench: Bench) -> None:
    body = "def large(x):\n    if x.size > 999: raise MemoryError('cannot allocate')\n    return np.tanh(x)\nCASE = case(tanh, large)"
    record = run(bench, body)
    assert record.outcome is Outcome.MATCH
    assert all(where["batch"] * where["length"] * 5 <= 999 for where in record.shapes["tried"])


def test_a_missing_output_and_another_type_are_hard_facts_at_any_shape(bench: Bench) -> None:
    missing = "case(lambda x: {'y': x, 'z': x}, lambda x: {'y': x, 'z': x} if len(x) < 4 else {'y': x})"
    record = run(bench, f"CASE = {missing}")
    assert record.shapes["smallest"]["lengths"] == {"batch": 4, "length": 1}
    assert any("output 'z' is missing" in fact for comparison in record.comparisons for fact in comparison.facts)
    other = "case(lambda x: x + 1, lambda x: (x + 1).astype('float16' if len(x) == 8 else x.dtype))"
    record = run(bench, f"CASE = {other}")
    assert record.shapes["region"].startswith("fails when batch == 8; holds on ")
    assert any("dtype is float16, expected float32" in fact for comparison in record.comparisons for fact in comparison.facts)


def test_only_what_needs_it_asks_for_the_float64_answer(bench: Bench) -> None:
    run(bench, "CASE = case(lambda x: np.tanh(x) * 3, lambda x: np.float32(3) * np.tanh(x))")
    exact = bench.framework.oracles
    bench.framework.oracles = 0
    run(bench, "CASE = case(tanh, lambda x: np.tanh(x) * np.float32(1 + 2e-6))")
    assert bench.framework.oracles > exact, "differences of a few units in the last place are judged with the twin"


def test_a_difference_within_rounding_is_a_match_at_every_shape(bench: Bench) -> None:
    """Sums in another order: the judge with the twin decides, and lets it pass."""
    body = "CASE = case(lambda x: x.cumsum(axis=1), lambda x: x.astype('float64').cumsum(axis=1).astype(x.dtype))"
    assert run(bench, body).outcome is Outcome.MATCH


def test_lengths_that_hang_together_are_kept_to(bench: Bench) -> None:
    body = (
        "K = Dim('k', 2, 30, example=4)\n"
        "P, Q = TensorSpec(name='p', dtype='float32', shape=(K,)), TensorSpec(name='q', dtype='float32', shape=(2 * K + 1,))\n"
        "def right(p, q):\n    assert q.size == 2 * p.size + 1\n    return q[1::2] + p\n"
        "def wrong(p, q):\n    return right(p, q) + (p.size % 5 == 0)\n"
        "CASE = Case(id='planted', inputs=(P, Q), level='unit', build={'plain': lambda: Model(right, wrong)})"
    )  # fmt: skip
    record = run(bench, body)
    assert record.shapes["smallest"]["lengths"] == {"k": 5}
    assert record.shapes["region"].startswith("fails when k is a multiple of 5;")
    assert record.shapes["refused"] == 0


def test_nothing_is_fuzzed_without_dynamic_axes_or_examples(bench: Bench) -> None:
    fixed = "CASE = case(tanh, inputs=TensorSpec(name='x', dtype='float32', shape=(2, 3)))"
    assert "examples" not in run(bench, fixed).shapes
    assert "examples" not in run(bench, "CASE = case(tanh, windowed)", examples={"unit": 0}).shapes
    assert not any(verb in ("session_runs", "source_runs") for _, verb in bench.pool.calls)


def test_a_failure_at_the_export_sample_is_left_alone(bench: Bench) -> None:
    record = run(bench, "CASE = case(tanh, lambda x: x)")
    assert record.outcome is Outcome.MISMATCH
    assert "region" not in record.shapes


def test_the_same_budget_tries_the_same_examples(bench: Bench) -> None:
    tried = [run(bench, "CASE = case(tanh)", fresh=True).shapes["tried"] for _ in range(2)]
    assert tried[0] == tried[1]
    more = run(bench, "CASE = case(tanh)", examples={"unit": 30}).shapes["tried"]
    assert len(more) > len(tried[0])


def test_an_unchanged_run_is_replayed_and_a_changed_budget_is_not(bench: Bench) -> None:
    body = f"CASE = {PLANTED['2k+1 pooling'][0]}"
    first = run(bench, body)
    calls = len(bench.pool.calls)
    again = run(bench, body)
    assert len(bench.pool.calls) == calls, "no worker was asked"
    assert again.replayed
    assert (again.shapes, again.outcome) == (first.shapes, first.outcome)
    assert [c.to_json() for c in again.comparisons] == [c.to_json() for c in first.comparisons]
    run(bench, body, examples={"unit": 13})
    assert len(bench.pool.calls) > calls
    calls = len(bench.pool.calls)
    run(bench, body, fresh=True)
    assert len(bench.pool.calls) > calls, "--parity-fresh runs anew"


def test_the_budget_of_time_is_kept_and_said(bench: Bench) -> None:
    body = "import time\ndef slow(x):\n    time.sleep(0.15)\n    return np.tanh(x)\nCASE = case(slow, tanh)"
    record = run(bench, body, seconds=0.5)
    assert record.outcome is Outcome.MATCH
    said = next(message for message in record.messages if message.startswith("fuzzing: "))
    ran, planned = record.shapes["planned"], 12
    assert f" of {planned} examples ran in the time there was" in said
    assert ran == planned
    assert record.shapes["examples"] < 12 + 8
