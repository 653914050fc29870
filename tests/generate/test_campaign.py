"""A campaign loses nothing, goes on where it stopped, and groups what is the same. The engine is a stand-in here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.outcome import Outcome, Stage
from harness.core.record import Comparison, Record
from harness.core.registry import registry
from harness.core.route import Route, parse_route
from harness.generate.programs.campaign import Campaign, Plan, Result
from harness.generate.programs.findings import grouped
from harness.generate.programs.judge import Judge
from harness.generate.programs.program import Program

ROUTE = parse_route("onnx>onnxruntime@cpu", registry())
BROKEN = ("softmax", "log_softmax")


class StandIn(Judge):
    """A route on which two operators are wrong and one raises; it counts what it is asked, and may be interrupted."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.asked: list[str] = []
        self._left = stop_after

    def judged(self, program: Program, name: str, route: Route) -> Record:
        if self._left == 0:
            raise KeyboardInterrupt
        self._left -= 1
        self.asked.append(name)
        ops = {step.op for step in program.steps}
        wrong, raised = ops & set(BROKEN), "matmul" in ops
        outcome = Outcome.ERROR if raised else Outcome.MISMATCH if wrong else Outcome.MATCH
        error = {"kind": "error", "type": "ValueError", "message": f"no kernel for shape {len(program.text)}"} if raised else None
        compared = Comparison(output="v1", match=not wrong, metrics={"scaled": 0.5, "max_abs": 1.0}, bound={})
        return Record(
            id=f"{name}[{route}]", case=name, level="module", route=str(route), framework="onnx", target="onnxruntime@cpu",
            stage=Stage.RUN if raised else Stage.COMPARE, outcome=outcome, comparisons=() if raised else (compared,), error=error,
            versions={"onnxruntime": "0"},
        )  # fmt: skip

    def opinion(self, program: Program, name: str, route: Route, record: Record) -> Any:
        return None


def run(out: Path, judge: StandIn, programs: int = 60, seconds: float = float("inf")) -> Result:
    plan = Plan(routes=(ROUTE,), seed=0, programs=programs, seconds=seconds, tries=30)
    return Campaign(plan, judge, out, lambda _: None).run()


def test_findings_are_reduced_to_the_operator_and_grouped(tmp_path: Path) -> None:
    result = run(tmp_path, StandIn())
    assert result.ended
    assert len(result.records) == 60
    groups = grouped(result.findings)
    assert {(g.smallest.culprit, g.smallest.symptom.split(":")[0]) for g in groups} == {
        ("softmax", "mismatch at compare"), ("log_softmax", "mismatch at compare"), ("matmul", "error at run"),
    }  # fmt: skip
    assert all(len(group.smallest.program.steps) == 1 for group in groups)
    assert sum(len(group.ids) for group in groups) == sum(record.outcome is not Outcome.MATCH for record in result.records) > len(groups)
    assert [group.smallest.symptom.startswith("mismatch") for group in groups] == [True, True, False], "silent ones first"
    folders = sorted((tmp_path / "findings").iterdir())
    assert len(folders) == 3
    for folder in folders:
        assert {"program.json", "record.json", "README.md"} <= {file.name for file in folder.iterdir()}


def test_an_interruption_loses_nothing_and_the_same_command_goes_on(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", StandIn())
    stops = 0
    while True:
        judge = StandIn(stop_after=40)  # enough for one reduction, which is not kept half done
        result = run(tmp_path / "cut", judge)
        if result.ended:
            break
        stops += 1
        assert stops < 50
    assert stops >= 2
    assert [(r.id, r.outcome) for r in result.records] == [(r.id, r.outcome) for r in whole.records]
    assert {f.id: f.to_json() for f in result.findings} == {f.id: f.to_json() for f in whole.findings}
    again = StandIn()
    assert len(run(tmp_path / "cut", again).records) == 60
    assert again.asked == [], "nothing is judged twice"


def test_half_a_line_is_no_harm(tmp_path: Path) -> None:
    run(tmp_path, StandIn())
    for name in ("records.jsonl", "findings.jsonl"):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text[:-40])
    again = run(tmp_path, StandIn())
    assert len({record.id for record in again.records}) == 60
    assert len({finding.id for finding in again.findings}) == len(again.findings)
    for name in ("records.jsonl", "findings.jsonl"):
        assert all(json.loads(line) for line in (tmp_path / name).read_text().splitlines())


def test_more_programs_go_on_from_fewer(tmp_path: Path) -> None:
    run(tmp_path, StandIn(), programs=5)
    judge = StandIn()
    assert len(run(tmp_path, judge, programs=8).records) == 8
    assert not {f"random/onnx/000{n}" for n in range(5)} & set(judge.asked)


def test_when_the_seconds_are_spent_it_ends(tmp_path: Path) -> None:
    result = run(tmp_path, StandIn(), seconds=-1.0)
    assert not result.ended
    assert result.records == ()


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "findings.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(UsageError, match="not a finding"):
        run(tmp_path, StandIn())
