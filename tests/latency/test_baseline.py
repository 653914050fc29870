"""The gate compares only what can be compared; fingerprints say what is not the same."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.latency.baseline import ABSTAINED, PASSED, SLOWER, Entry, gate, load, save
from harness.latency.fingerprint import differences, fingerprint
from harness.latency.statistics import Effect

PRINT = fingerprint(versions={"onnxruntime": "1.31"}, cpus=[0], threads=1, device="cpu")


def entry(ratio: float = 0.0, **more: Any) -> Entry:
    """Return an entry whose logarithm of the ratio is this."""
    effect = Effect(estimate=ratio, error=0.005, freedom=4.0, launches=5, rounds=100)
    return Entry(**{"effect": effect, "fingerprint": PRINT, "target": {"p50": 0.001}, "source": {"p50": 0.002}, **more})


def test_the_same_passes_and_says_what_it_would_have_found() -> None:
    found = gate("c", {"c": entry()}, entry())
    assert found["outcome"] == PASSED
    assert "would have been found" in found["reason"]
    assert 0.05 < found["detectable"] < 0.1


def test_a_tenth_slower_fails_with_both_ratios() -> None:
    found = gate("c", {"c": entry()}, entry(0.0953))
    assert found["outcome"] == SLOWER
    assert "+10.0%" in found["reason"]
    assert found["now"] == pytest.approx(1.1, rel=1e-3)


def test_more_may_be_let_pass() -> None:
    assert gate("c", {"c": entry()}, entry(0.0953), above=0.2)["outcome"] == PASSED


def test_another_machine_abstains_and_says_what_differs() -> None:
    moved = {**PRINT, "cpu": "Other", "versions": {"onnxruntime": "1.30"}}
    found = gate("c", {"c": entry(fingerprint=moved)}, entry(0.5))
    assert found["outcome"] == ABSTAINED
    assert "the processor was Other" in found["reason"]
    assert "onnxruntime was 1.30, is 1.31" in found["reason"]
    assert "slowdown" not in found


@pytest.mark.parametrize(
    ("key", "setting"), [("threads", 2), ("governor", "powersave"), ("accelerator", "NVIDIA H200"), ("cpus", 4), ("device", "cuda")]
)
def test_whatever_a_time_depends_on_is_in_the_fingerprint(key: str, setting: Any) -> None:
    assert gate("c", {"c": entry(fingerprint={**PRINT, key: setting})}, entry(0.5))["outcome"] == ABSTAINED


def test_a_cell_the_baseline_lacks_abstains() -> None:
    assert "no such cell" in gate("d", {"c": entry()}, entry())["reason"]


def test_without_a_measurement_there_is_no_verdict() -> None:
    assert "no measurement" in gate("c", {"c": entry()}, None)["reason"]


def test_one_launch_says_nothing_of_how_processes_differ() -> None:
    single = dataclasses.replace(entry().effect, launches=1)
    assert "one launch" in gate("c", {"c": entry(effect=single)}, entry(0.5))["reason"]


def test_what_had_not_settled_is_not_judged() -> None:
    assert "settled" in gate("c", {"c": entry()}, entry(0.5, steady=False))["reason"]


def test_a_baseline_is_read_as_it_was_written_and_keeps_other_cells(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "latency.json"
    save(path, {"a": entry(0.1)})
    save(path, {"b": entry(0.2)})
    found = load(path)
    assert list(found) == ["a", "b"]
    assert found["a"] == entry(0.1)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "is none"), ("[]", "is none"), ('{"schema": 9, "cells": {}}', "schema 9"), ('{"schema": 1, "cells": {"a": {}}}', "is none"),
     ('{"schema": 1, "cells": 3}', "is none")],
)  # fmt: skip
def test_a_file_that_is_no_baseline_is_a_usage_error(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "latency.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        load(path)


def test_a_number_that_is_none_is_a_usage_error(tmp_path: Path) -> None:
    path = tmp_path / "latency.json"
    save(path, {"a": entry()})
    body = json.loads(path.read_text())
    body["cells"]["a"]["effect"]["estimate"] = "nan"
    path.write_text(json.dumps(body))
    with pytest.raises(UsageError, match="is none"):
        load(path)


def test_a_missing_baseline_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--save"):
        load(tmp_path / "none.json")


def test_a_fingerprint_is_read_from_the_system(tmp_path: Path) -> None:
    (tmp_path / "proc/driver/nvidia/gpus/0").mkdir(parents=True)
    (tmp_path / "proc/cpuinfo").write_text("processor : 0\nmodel name\t: Made Up 3000\n")
    (tmp_path / "proc/driver/nvidia/gpus/0/information").write_text("Model: \t\t NVIDIA Z1\n")
    governor = tmp_path / "sys/devices/system/cpu/cpu2/cpufreq"
    governor.mkdir(parents=True)
    (governor / "scaling_governor").write_text("performance\n")
    found = fingerprint(versions={}, cpus=[2, 3], threads=2, device="cuda", root=tmp_path)
    assert (found["cpu"], found["governor"], found["cpus"], found["accelerator"]) == ("Made Up 3000", "performance", 2, "NVIDIA Z1")
    assert fingerprint(versions={}, cpus=[2, 3], threads=2, device="cpu", root=tmp_path)["accelerator"] == ""


def test_what_cannot_be_read_is_empty_and_equal(tmp_path: Path) -> None:
    one = fingerprint(versions={"a": "1"}, cpus=[0], threads=1, device="cpu", root=tmp_path)
    assert one["governor"] == ""
    assert differences(one, dict(one)) == []
    assert differences(one, {**one, "versions": {"b": "2"}}) == ["a was 1, is absent", "b was absent, is 2"]
