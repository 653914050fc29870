"""An emulated route in a run of pytest: its cells are told apart in the summary, the report and the gate."""

from __future__ import annotations

from small_project import Project

pytest_plugins = ["pytester"]

EMULATED = "onnx>ascend.emulated[mode=fp16]@cpu"


def test_an_emulated_route_is_a_column_of_its_own(project: Project) -> None:
    project.settings(routes=["onnx>onnxruntime@cpu", EMULATED])
    project.cases("CASES = [case('relu'), case('exp', 'Exp')]")
    done = project.run("--parity-fuzz=0")
    found = project.records()
    labels = {"onnx>onnxruntime@cpu": "", EMULATED: "emulated"}
    assert {name: record["label"] for name, record in found.items()} == {
        f"{case}[{route}]": label for case in ("relu", "exp") for route, label in labels.items()
    }
    route = EMULATED.replace("[", "[[]", 1)
    done.stdout.fnmatch_lines(["*emulated, no result of the device itself: * of 2 cells match*", f"*{route}*(emulated)*"])
    summary = (project.path / "reports" / "summary.md").read_text()
    assert "2 of 2 executed cells match" in summary
    assert "emulated, no result of the device itself" in summary


def test_a_required_device_is_not_met_by_it(project: Project) -> None:
    project.settings("[tool.parity.gate]\nrequire_runtimes = ['ascend*']", routes=["onnx>onnxruntime@cpu", EMULATED])
    project.cases("CASES = [case('relu')]")
    done = project.run("--parity-fuzz=0")
    assert done.ret == 1
    done.stdout.fnmatch_lines(["gate: require_runtimes ascend[*]: no cell of this run targets it"])
    assert set(project.records()) == {f"relu[{EMULATED}]", "relu[onnx>onnxruntime@cpu]"}
