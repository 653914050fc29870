"""``parity bench``: what it prints and writes, its exit codes, and input that makes no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import bench_command
from harness.cli import main
from harness.core.record import read_records
from harness.engine.worker import WorkerFailure

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
agraph (float[n, 4] x) => (float[n, 4] y) <float[4] bias = {{1, 2, 3, {last}}}> {{ s = Mul(x, x) y = Add(s, bias) }}
"""
QUICK = ("--to", "onnxruntime", "--dim", "x.0=n:1:8", "--launches", "2", "--rounds", "3", "--warmup", "1")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and a copy of it that computes something else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path_factory.getbasetemp() / "bench-cache"))
    for name, last in (("model.onnx", 4), ("wrong.onnx", 4.1)):
        onnx.save(onnx.parser.parse_model(TEXT.format(last=last)), tmp_path / name)
    return tmp_path


def bench(*arguments: str) -> int:
    """Run the command."""
    return main(["bench", *arguments])


def test_times_ratio_throughput_and_baseline(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("model.onnx", *QUICK, "--batch", "1,8,99", "--save", "lat.json", "--json", "r.jsonl", "--html", "r.html")
    assert bench(*given) == 0
    said = capsys.readouterr().out
    for text in ("onnx>onnxruntime@cpu: p50", "times its source", "batch 8: ", "batch 99: not measured", "1 of 1 cells saved"):
        assert text in said
    (record,) = read_records(place / "r.jsonl")
    latency = record.latency or {}
    assert latency["target"]["launches"] == latency["source"]["launches"] == 2
    assert latency["target"]["peak"] > latency["target"]["resident"] / 2
    assert [("per_second" in part) for part in latency["batches"]] == [True, True, False]
    assert record.repro.startswith("parity bench")
    assert 'id="latency"' in (place / "r.html").read_text()
    body = json.loads((place / "lat.json").read_text())
    assert list(body["cells"]) == ["model[onnx>onnxruntime@cpu]"]
    body["cells"]["model[onnx>onnxruntime@cpu]"]["fingerprint"]["threads"] = 64
    (place / "lat.json").write_text(json.dumps(body))
    assert bench("model.onnx", *QUICK, "--baseline", "lat.json") == 0
    assert "baseline: abstained: another machine: the threads was 64, is 1" in capsys.readouterr().out
    assert bench("model.onnx", *QUICK, "--baseline", "lat.json", "--strict") == 1


def test_a_side_that_crashes_fails_and_says_how(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from harness.engine.worker import Worker

    call = Worker.call

    def dying(self: Worker, verb: str, arguments: Any, *, timeout: float) -> Any:
        if verb == "latency_block" and self.requests > 8 and "onnxruntime" in self.located.toolchain.imports:
            raise WorkerFailure("crash", {"message": "the worker died of SIGSEGV during latency_block", "signal": "SIGSEGV"})
        return call(self, verb, arguments, timeout=timeout)

    monkeypatch.setattr(Worker, "call", dying)
    assert bench("model.onnx", *QUICK) == 1
    said = capsys.readouterr().out
    assert "crash at stage bench" in said
    assert "the target ended early: the worker died of SIGSEGV" in said


def test_an_interruption_prints_what_was_measured_and_saves_no_baseline(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.engine.worker import Worker

    call, seen = Worker.call, []

    def stopped(self: Worker, verb: str, arguments: Any, *, timeout: float) -> Any:
        seen.append(verb)
        if seen.count("latency_block") > 60:
            raise KeyboardInterrupt
        return call(self, verb, arguments, timeout=timeout)

    monkeypatch.setattr(Worker, "call", stopped)
    assert bench("model.onnx", *QUICK, "--rounds", "50", "--warmup", "0.1", "--save", "lat.json") == bench_command.INTERRUPTED
    assert "interrupted" in capsys.readouterr().out
    assert not (place / "lat.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--fail-above", "fast"), "--fail-above fast; expected a part"), (("--fail-above", "0"), "--fail-above 0"),
        (("--batch", "1,x"), "--batch 1,x; expected whole numbers"), (("--batch", "0"), "--batch 0"),
        (("--launches", "0"), "--launches 0"), (("--rounds", "1"), "--rounds 1"), (("--threads", "0"), "--threads 0"),
        (("--warmup", "-1"), "--warmup -1"), (("--cpus", "4096"), "--cpus 4096: this process may use"),
        (("--baseline", "none.json"), "measure one with --save"), (("--baseline", "."), "is a folder"),
        (("--to", "nobody"), "nobody"),
    ],
)  # fmt: skip
def test_input_that_makes_no_sense(place: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str) -> None:
    assert bench("model.onnx", *arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("text", "found"), [("10%", 0.1), ("0.1", 0.1), ("7.5 %", 0.075)])
def test_parts_are_read_as_they_are_written(text: str, found: float) -> None:
    assert bench_command.part(text, "--fail-above") == pytest.approx(found)


def test_numbers_joined_by_commas() -> None:
    assert bench_command.counts("1, 8,8,32", "--batch", 1) == (1, 8, 32)
    assert bench_command.counts("", "--batch", 1) == ()
