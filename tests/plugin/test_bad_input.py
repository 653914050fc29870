"""Bad input: one clear message, exit code 2 for what was asked wrongly, and every other case is run all the same."""

from __future__ import annotations

import re

import pytest
from small_project import HEAD, ROUTES, Project

pytest_plugins = ["pytester"]

WRONG = """
def text_file():
    with open("model.onnx", "w") as stream:
        stream.write("no model at all")
    return "model.onnx"

def absent():
    return "nowhere.onnx"

def raises():
    raise ValueError("the weights are gone")

def spec(name="x", dtype="float32", shape=(Dim("batch", 1, 8, example=2), 4), **more):
    return (TensorSpec(name=name, dtype=dtype, shape=shape, **more),)

CASES = [
    case('relu'),
    case('lost-data', files=('gone.bin',)),
    case('no-model', build={'onnx': text_file}),
    case('no-file', build={'onnx': absent}),
    case('wrong-name', inputs=spec('z')),
    case('wrong-dtype', inputs=spec(dtype='float64')),
    case('raises', build={'onnx': raises}),
    case('number', build={'onnx': lambda: 42}),
    case('strange-framework', build={'onxn': graph('Relu')}),
    case('strange-route', routes=('onnx>onnxruntim@cpu',)),
    case('relu', 'Abs'),
]
"""
# What the closing lines of a run over all of this say, as pytest's own failures do.
SAID = [
    "*names the data file */gone.bin, which does not exist; names are relative to the case file",
    "UsageError: case 'no-model': build['onnx'] is no valid ONNX model: *",
    "UsageError: case 'no-file': build['onnx'] names */nowhere.onnx, which is no file",
    "UsageError: case 'wrong-name': build['onnx'] has the inputs ['x'], the case declares ['z']; declare the names of the graph",
    "UsageError: case 'wrong-dtype': build['onnx']: input 'x' is float32, the case declares float64",
    "UsageError: case 'number': build['onnx'] returned int; expected an onnx.ModelProto, bytes or the path of a .onnx file",
    "*case 'strange-framework': unknown framework 'onxn'; did you mean onnx?",
    "*case 'strange-route': unknown route pattern 'onnx>onnxruntim@cpu'; did you mean onnx>onnxruntime@cpu*",
    "*two cases have the id 'relu'; ids must be unique, rename one",
]
FILES = {
    "parity_dims.py": ("Y = Dim('batch', 8, 1)\nCASE = case('never')", "*dimension 'batch' has range 8..1; expected 0 <= low <= high, *"),
    "parity_dtype.py": (
        "Y = TensorSpec(name='x', dtype='float31', shape=(1,))",
        "*input 'x' has dtype 'float31'; expected one of float64, float32, *",
    ),
    "parity_elsewhere.py": ("CASES = [case('relu'), case('abs', 'Abs')]", "*case id 'relu' is already used in *parity_a.py; ids must *"),
    "parity_empty.py": ("pass", "*parity_empty.py declares no case; assign a Case, or a list of them, to a name at its top level"),
    "parity_syntax.py": ("CASE = case(", "*parity_syntax.py cannot be read as a case file: SyntaxError: *"),
    "parity_import.py": ("import no_such_package", "*parity_import.py cannot be read as a case file: ModuleNotFoundError: No module*"),
}


DICE = """
def dice():
    model = graph("RandomNormalLike")()
    del model.graph.node[0].attribute[:]
    return model
"""


@pytest.fixture
def everything_wrong(project: Project) -> Project:
    """A project in which each declaration but two is wrong in its own way."""
    project.cases(WRONG, "parity_a.py")
    for name, (body, _) in FILES.items():
        project.cases(body, name)
    return project


def test_each_mistake_is_told_once_and_no_other_case_is_lost(everything_wrong: Project) -> None:
    result = everything_wrong.run("--parity-target=onnxruntime")
    assert result.ret == 2
    for said in [*SAID, *(said for _, said in FILES.values())]:
        shape = re.compile(".*".join(map(re.escape, said.split("*"))))
        assert sum(shape.fullmatch(line) is not None for line in result.outlines) == 1, said
    result.assert_outcomes(passed=2, failed=16)
    assert "harness/engine" not in result.stdout.str(), "a user is shown the user's own code"
    expected = {
        **dict.fromkeys(("relu", "abs"), "match at compare"),
        **dict.fromkeys(("no-model", "no-file", "wrong-name", "wrong-dtype", "number", "raises"), "error at build"),
    }
    assert everything_wrong.outcomes() == {f"{name}[{ROUTES[1]}]": outcome for name, outcome in expected.items()}


def test_a_builder_that_raises_is_an_error_not_a_mistake_of_usage(project: Project) -> None:
    project.cases("def fails():\n    raise ValueError('gone')\nCASE = case('raises', build={'onnx': fails})")
    assert project.run().ret == 1


def test_a_mended_mistake_is_not_remembered(project: Project) -> None:
    project.cases("CASE = case('mine', files=('data.bin',), build={'onnx': lambda: open('data.bin') and graph('Relu')()})")
    assert project.run().ret == 2
    (project.path / "data.bin").write_text("here")
    assert project.run().ret == 0


def test_a_builder_finds_files_beside_its_case_file(project: Project) -> None:
    project.cases(
        "import onnx\nonnx.save(graph('Relu')(), 'made.onnx')\nCASE = case('mine', build={'onnx': lambda: 'made.onnx'})",
        "deep/er/parity_mine.py",
        head=HEAD,
    )
    assert project.run().ret == 0
    assert (project.path / "deep/er/made.onnx").is_file()


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (["--parity-target=onnxruntim"], {}, "unknown runtime 'onnxruntim'; did you mean onnxruntime*"),
        (["--parity-target=onnxruntime@cuad"], {}, "unknown device of runtime onnxruntime 'cuad'; did you mean cuda*"),
        (["--parity-route=onnx>onnxruntim@cpu", "parity_small.py"], {}, "unknown runtime 'onnxruntim'; did you mean onnxruntime*"),
        (["--parity-report=parity_small.py", "-n", "2"], {}, "report folder *parity_small.py: *; give a folder that can be written"),
        ([], {"hop": 2}, "unknown setting in [[]tool.parity[]] 'hop'; did you mean hops*"),
        ([], {"expectations": ["gone.toml"]}, "cannot read *gone.toml: No such file or directory"),
        ([], {"gate": {}}, "[[]tool.parity[]] gate = *"),
    ],
    ids=["target", "device", "route", "report-spread", "key", "expectations", "gate"],
)
def test_a_wrong_option_or_setting_is_one_line_and_exit_code_2(
    project: Project, arguments: list[str], settings: dict[str, object], said: str
) -> None:
    project.cases("CASE = case('relu')")
    if "gate" in settings:
        project.settings("[tool.parity.gate]\nmin_cell = 1")
        said = "gate: unknown key 'min_cell'; did you mean 'min_cells'?"
    else:
        project.settings(**settings)
    result = project.run(*arguments)
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"!* _pytest.outcomes.Exit: {said} !*"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


def test_a_source_that_answers_differently_each_time_is_told_so(project: Project) -> None:
    project.cases("CASE = case('dice', build={'onnx': dice})", head=HEAD + DICE)
    result = project.run("--parity-target=onnxruntime")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*NotDeterministic: the source gave two answers to one input: * differs by * between two runs; *"])
    assert project.outcomes() == {f"dice[{ROUTES[1]}]": "error at reference"}
