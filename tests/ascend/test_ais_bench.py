"""``parity ascend time``: the vendor's timer asked as it is documented, both spellings, and never believed without its numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from om_fakes import FAKES

from harness.ascend.ais_bench import command, parse_screen, parse_summary
from harness.cli import main

OLD = """[INFO] -----------------Performance Summary------------------
[INFO] H2D_latency (ms): min = 0.05700000002980232, max = 0.05700000002980232, mean = 0.057, median = 0.057, percentile(99%) = 0.057
[INFO] NPU_compute_time (ms): min = 0.6650000214576721, max = 0.7, mean = 0.667, median = 0.666, percentile(99%) = 0.699
[INFO] D2H_latency (ms): min = 0.009999999776482582, max = 0.01, mean = 0.01, median = 0.01, percentile(99%) = 0.01
[INFO] throughput 1000*batchsize.mean(1)/NPU_compute_time.mean(0.6650000214576721): 1503.759349974173
"""


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to time, with the stand-in for the timer where a child process and this one find it."""
    monkeypatch.setenv("PYTHONPATH", str(FAKES / "ais"))
    monkeypatch.syspath_prepend(str(FAKES / "ais"))
    (tmp_path / "m.om").write_bytes(b"om")
    np.save(tmp_path / "x.npy", np.zeros((1, 3)))
    return tmp_path / "m.om"


def test_the_screen_is_read_and_copies_are_not_taken_for_it() -> None:
    found = parse_screen(OLD)
    assert (found.least, found.median, found.p99, found.mean) == (0.6650000214576721, 0.666, 0.699, 0.667)
    assert found.throughput == pytest.approx(1503.759)


@pytest.mark.parametrize("lost", ["NPU_compute_time (ms)", "throughput"])
def test_a_screen_without_numbers_is_no_measurement(lost: str) -> None:
    with pytest.raises(RuntimeError, match="printed no NPU_compute_time and throughput"):
        parse_screen(OLD.replace(lost, "something else"))


def test_a_summary_without_numbers_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match="lacks 'median'"):
        parse_summary({"NPU_compute_time": {"min": 1, "max": 1, "mean": 1}, "throughput": 3})


@pytest.mark.parametrize("way", ["summary", "screen", "hyphens"])
def test_times_come_from_the_summary_or_the_screen_in_either_spelling(
    way: str, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASCEND_FAKE_AIS", way)
    told = model.with_name("t.json")
    words = ["--input", str(model.with_name("x.npy")), "--batch", "1", "--loop", "7", "--json", str(told)]
    code = main(["ascend", "time", str(model), *words])
    assert code == 0
    assert "by ais_bench, device alone: median 2 ms, p99 8.5 ms" in capsys.readouterr().out
    found = json.loads(told.read_text())
    assert (found["source"], found["milliseconds"]["median"]) == ("ais_bench", 2.0)
    assert found["milliseconds"]["count"] == (0 if way == "screen" else 7)


@pytest.mark.parametrize(("way", "said"), [("fails", "ended with 255 and said: [ERROR] load model"), ("silent", "printed no NPU_compute")])
def test_a_run_that_failed_or_said_nothing_is_told(
    way: str, said: str, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ASCEND_FAKE_AIS", way)
    assert main(["ascend", "time", str(model), "--random"]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [([], "one of the two"), (["--random", "--input", "x.npy"], "one of the two"), (["--random", "--loop", "0"], "at least one run")],
)
def test_inputs_are_named_and_never_zeros_by_default(
    words: list[str], said: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ascend", "time", str(model), *words]) == 2
    assert said in capsys.readouterr().err


def test_a_file_that_is_not_there(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "time", str(model), "--input", "no.npy"]) == 2
    assert "no.npy: there is no such file" in capsys.readouterr().err


def test_without_the_timer_it_says_where_it_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ascend", "time", str(tmp_path / "m.om"), "--random"]) == 3
    said = capsys.readouterr().err
    assert "gitee.com/ascend/tools" in said
    assert "pip install" not in said, "no package index has it under that name"


def test_profiles_have_the_flags_of_the_documentation() -> None:
    words = command("m.om", ["a.npy", "b.npy"], "o", device=1, loop=2, warmup=3, profile={"dymDims": "a:1,3"})
    assert words[3:] == [
        "--model", "m.om", "--output", "o", "--output_dirname", "out", "--outfmt", "NPY", "--loop", "2", "--warmup_count", "3",
        "--device", "1", "--input", "a.npy,b.npy", "--dymDims", "a:1,3",
    ]  # fmt: skip
