"""``parity check``: right and wrong conversions made elsewhere, sources of every kind, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli import main
from harness.engine.pool import Pool
from harness.engine.worker import WorkerFailure

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

MODELS = '''
import onnx

TEXT = """
<ir_version: 8, opset_import: ["" : 17]>
agraph (float[n, 4] x) => (float[n, 4] y) <float[4] bias = {{1, 2, 3, {last}}}> {{ s = Mul(x, x) y = Add(s, bias) }}
"""


def model():
    return onnx.parser.parse_model(TEXT.format(last=4))


def wrong():
    return onnx.parser.parse_model(TEXT.format(last=4.01))


def pair():
    import numpy

    return model(), (numpy.ones((2, 4), "float32"),)


def nothing():
    return 3


def declared():
    from harness import Case, Dim, TensorSpec

    return Case(id="declared", inputs=[TensorSpec(name="x", dtype="float32", shape=(Dim("n", 1, 8), 4))], build={"onnx": model})


CASE = declared()
'''


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARITY_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models.py").write_text(MODELS)
    space: dict[str, Any] = {}
    exec(MODELS, space)
    for name in ("model", "wrong"):
        onnx.save(space[name](), str(tmp_path / f"{name}.onnx"))
    return tmp_path


@pytest.mark.parametrize("source", ["model.onnx", "models.py:model", "models.py:pair", "models:model", "models.py:CASE"])
def test_a_faithful_runtime_ends_with_0(source: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", source, "--to", "onnxruntime"]) == 0
    assert "match" in capsys.readouterr().out


def test_a_declared_axis_is_tried_at_another_length(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "model.onnx", "--to", "onnxruntime", "--dim", "x.0=rows:1:6:4", "--fuzz", "0", "--json", "out.jsonl"]) == 0
    record = json.loads((place / "out.jsonl").read_text())
    lengths = [shape["rows"] for shape in record["shapes"]["tried"]]
    assert lengths[0] == 4
    assert len(set(lengths)) == 2


TWICE = """
<ir_version: 8, opset_import: ["" : 17]>
agraph (float[n, k] x, float[n, k2] y, float[k] z) => (float[n, m] out) { s = Add(x, z) twice = Concat<axis = 1>(s, x) out = Mul(twice, y) }
"""


def tried(place: Path, *more: str) -> list[dict[str, int]]:
    model = onnx.parser.parse_model(TWICE)
    model.graph.input[1].type.tensor_type.shape.dim[1].dim_param = "2*k"
    onnx.save(model, str(place / "twice.onnx"))
    assert main(["check", "twice.onnx", "--to", "onnxruntime", "--rung", "normal", "--fuzz", "0", "--json", "out.jsonl", *more]) == 0
    shapes: list[dict[str, int]] = json.loads((place / "out.jsonl").read_text())["shapes"]["tried"]
    return shapes


def test_symbols_of_a_file_are_dimensions_wherever_they_stand(place: Path) -> None:
    assert tried(place) == [{"n": 2, "k": 16}, {"n": 3, "k": 17}], "also inside an expression, and at another axis"
    assert tried(place, "--dim", "x.1=S:1:9", "--relation", "S % 3 == 0") == [{"S": 3, "n": 2}, {"S": 9, "n": 3}]
    assert tried(place, "--dim", "x.1=S:1:9", "--dim", "y.1=T:1:20", "--relation", "T == 2*S") == [
        {"S": 2, "T": 4, "n": 2}, {"S": 5, "T": 10, "n": 3},
    ]  # fmt: skip
    assert tried(place, "--dim", "x.1=gear:1,2,4", "--dim", "y.1=2*gear") == [{"gear": 2, "n": 2}, {"gear": 4, "n": 3}]
    assert tried(place, "--profile", "n=4,k=6", "--profile", "n=1,k=8") == [{"n": 4, "k": 6}, {"n": 1, "k": 8}]


def judged(*more: str) -> int:
    return main(["check", "model.onnx", "--artifact", "wrong.onnx", "--to", "onnxruntime", *more])


def test_a_mismatch_names_the_layer_and_what_explains_it(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judged("--json", "out.jsonl", "--html", "out.html") == 1
    shown = capsys.readouterr()
    culprit = json.loads((place / "out.jsonl").read_text())["culprit"]
    assert (culprit["hop"].split("[")[0], culprit["type"]) == ("given.onnx", "Add")
    assert f"blame: {culprit['sentence']}" in shown.out
    assert "it differs; looking for the layer to blame" in shown.err
    assert "Who is to blame" in (place / "out.html").read_text()


def test_nobody_is_blamed_when_nobody_asks(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judged("--no-localise", "--json", "out.jsonl") == 1
    assert "blame:" not in capsys.readouterr().out
    assert json.loads((place / "out.jsonl").read_text())["culprit"] is None


def test_a_match_is_not_looked_into(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "model.onnx", "--to", "onnxruntime", "--repro", "bundles"]) == 0
    assert "blame:" not in "".join(capsys.readouterr())
    assert not (place / "bundles").exists()


@pytest.mark.parametrize("verb", ["trace", "tensors"])
def test_a_crash_while_blaming_becomes_a_note(
    verb: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Pool.call

    def call(pool: Pool, toolchain: str, asked: str, arguments: Any) -> Any:
        if asked == verb:
            raise WorkerFailure("crash", {"message": "the worker died of SIGSEGV"})
        return plain(pool, toolchain, asked, arguments)

    monkeypatch.setattr(Pool, "call", call)
    assert judged("--json", "out.jsonl") == 1
    shown = capsys.readouterr().out
    assert "blame: The result differs first after given.onnx" in shown
    assert "the worker died of SIGSEGV" in shown
    assert json.loads((place / "out.jsonl").read_text())["outcome"] == "mismatch"


def test_a_bundle_is_written_and_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert judged("--repro", "bundles", "--json", "out.jsonl") == 1
    (folder,) = (place / "bundles").iterdir()
    record = json.loads((place / "out.jsonl").read_text())
    assert record["messages"][-1].startswith(f"bundle: bundles/{folder.name}: ")
    assert record["repro"].startswith("parity check")
    assert f"\nbundle: bundles/{folder.name}: the whole model, since " in capsys.readouterr().out
    ran = subprocess.run([sys.executable, "-I", str(folder / "reproduce.py")], capture_output=True, text=True)
    assert (ran.returncode, "differs by" in ran.stdout) == (1, True), ran.stderr


@pytest.mark.parametrize("artifact", ["wrong.onnx", "models.py:wrong"])
def test_a_wrong_conversion_made_elsewhere_ends_with_1_and_says_where(
    artifact: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["check", "model.onnx", "--artifact", artifact, "--to", "onnxruntime", "--json", "out.jsonl", "--html", "out.html"])
    assert code == 1
    shown = capsys.readouterr().out
    assert "mismatch" in shown
    assert "got" in shown
    assert "next: parity check" in shown
    record = json.loads((place / "out.jsonl").read_text())
    assert record["outcome"] == "mismatch"
    assert record["comparisons"][0]["metrics"]["worst"][1] == 3
    assert "mismatch" in (place / "out.html").read_text()


def test_the_same_conversion_unharmed_ends_with_0(place: Path) -> None:
    assert main(["check", "model.onnx", "--artifact", "model.onnx", "--to", "onnxruntime"]) == 0


def test_a_changed_artifact_of_the_same_name_is_judged_anew(place: Path) -> None:
    converted = place / "converted.onnx"
    converted.write_bytes((place / "model.onnx").read_bytes())
    assert main(["check", "model.onnx", "--artifact", "converted.onnx", "--to", "onnxruntime"]) == 0
    converted.write_bytes((place / "wrong.onnx").read_bytes())
    assert main(["check", "model.onnx", "--artifact", "converted.onnx", "--to", "onnxruntime"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope.onnx"], "there is no such file"),
        (["junk.onnx"], "is no ONNX model"),
        (["models.py:modle"], "did you mean model?"),
        (["models.py:CASE", "--dim", "x.0=n:1:4", "--rtol", "0.1"], "leave --dim, --rtol out and edit the Case"),
        (["models.py:nothing"], "expected a Case, a model, or a function returning a model"),
        (["notes.txt"], "no source framework reads this"),
        (["model.onnx", "--to", "onnxruntme"], "did you mean onnxruntime"),
        (["model.onnx", "--dim", "x.0=rows"], "expected INPUT.AXIS=NAME:LOW:HIGH"),
        (["model.onnx", "--dim", "x.0=rows:1:2:3:4:5"], "expected INPUT.AXIS=NAME:LOW:HIGH"),
        (["model.onnx", "--dim", "x.0=2*"], "expression '2*': expected names, whole numbers"),
        (["model.onnx", "--dim", "x.0=2*rows"], "unknown dimension 'rows'; known: none; expected INPUT.AXIS="),
        (["model.onnx", "--relation", "n"], "relation 'n': expected two expressions and one of == != < <= > >= between them"),
        (["model.onnx", "--relation", "n > 8"], "relation 'n > 8' cannot hold: n in 1..8"),
        (["model.onnx", "--dim", "x.0=n:1:8:3", "--relation", "n != 3"], "the example n=3 does not satisfy relation 'n != 3'; n=2 would"),
        (["model.onnx", "--profile", "n"], "--profile 'n'; expected NAME=LENGTH,NAME=LENGTH, for example batch=1,seq=128"),
        (["model.onnx", "--profile", "n=9"], "profile {'n': 9}: n = 9 is not admissible; it must be one of n in 1..8"),
        (["models.py:CASE", "--relation", "n == 2", "--profile", "n=2"], "leave --relation, --profile out and edit the Case"),
        (["model.onnx", "--dim", "q.0=rows:1:2"], "unknown input of model.onnx 'q'"),
        (["model.onnx", "--dim", "x.7=rows:1:2"], "has 2 axes"),
        (["model.onnx", "--domain", "x=gauss"], "expected INPUT=KIND"),
        (["model.onnx", "--domain", "x=ids:a"], "does not take a"),
        (["model.onnx", "--inputs", "none.npz"], "expected an .npz file"),
        (["model.onnx", "--artifact", "model.bin"], "files ending in '.bin' are not known"),
        (["model.onnx", "--artifact", "gone.onnx"], "there is no such file"),
        (["model.onnx", "--to", "litert", "--artifact", "model.onnx"], "no route leads from artifact model.onnx"),
    ],
)
def test_bad_input_ends_with_2_and_one_clear_message(
    arguments: list[str], said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "junk.onnx").write_text("this is no model at all")
    (place / "notes.txt").write_text("notes")
    assert main(["check", *arguments]) == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


def test_a_limit_that_is_too_low_says_what_to_do(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "model.onnx", "--to", "onnxruntime", "--memory", "1M", "--fresh"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "needs more than 0.000977 GiB, the memory limit of one worker; --memory 1 allows more (pytest: --parity-memory 1G)" in said
    assert main(["check", "model.onnx", "--to", "onnxruntime", "--memory", "2", "--rung", "normal"]) == 0


@pytest.mark.parametrize(("text", "told"), [("much", "size 'much'; expected a number and a unit"), ("0", "expected more than 0")])
def test_a_limit_that_is_none_is_refused(text: str, told: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "model.onnx", "--memory", text]) == 2
    assert told in capsys.readouterr().err


@pytest.fixture
def apart(place: Path) -> Path:
    """A folder with the model in two files, the numbers under a name of their own."""
    folder = place / "made"
    (folder / "parts").mkdir(parents=True)
    proto = onnx.load("model.onnx")
    (tensor,) = proto.graph.initializer  # only raw numbers can lie elsewhere
    tensor.CopyFrom(onnx.numpy_helper.from_array(np.array([1, 2, 3, 4], np.float32), tensor.name))
    onnx.save(proto, folder / "one.onnx", save_as_external_data=True, location="parts/numbers", size_threshold=0)
    return folder


def test_weights_beside_an_artifact_come_with_it_and_are_watched(apart: Path) -> None:
    asked = ["check", "model.onnx", "--artifact", "made/one.onnx", "--to", "onnxruntime", "--no-localise", "--rung", "normal"]
    assert main(asked) == 0
    (apart / "parts" / "numbers").write_bytes(np.array([1, 2, 3, 4.01], np.float32).tobytes())
    assert main(asked) == 1
    (apart / "parts" / "numbers").unlink()
    assert main(asked) == 2


def test_weights_beside_a_source_are_watched(apart: Path) -> None:
    asked = ["check", "made/one.onnx", "--artifact", "model.onnx", "--to", "onnxruntime", "--no-localise", "--rung", "normal"]
    assert main(asked) == 0
    (apart / "parts" / "numbers").write_bytes(np.array([1, 2, 3, 4.01], np.float32).tobytes())
    assert main(asked) == 1


def test_an_artifact_with_other_inputs_ends_with_2(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = '<ir_version: 8, opset_import: ["" : 17]> g (float[n, 4] a, float[n, 4] b) => (float[n, 4] y) { y = Add(a, b) }'
    onnx.save(onnx.parser.parse_model(text), str(place / "two.onnx"))
    assert main(["check", "model.onnx", "--artifact", "two.onnx", "--to", "onnxruntime"]) == 2
    assert "takes 2 inputs (a, b), the source 1 (x)" in capsys.readouterr().out


def test_whole_numbers_need_a_domain(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        '<ir_version: 8, opset_import: ["" : 17]> g (int64[n] tokens) => (float[n] y) '
        "<float[5] table = {1, 2, 3, 4, 5}> { y = Gather(table, tokens) }"
    )
    onnx.save(onnx.parser.parse_model(text), str(place / "gather.onnx"))
    assert main(["check", "gather.onnx", "--to", "onnxruntime"]) == 2
    assert "--domain tokens=ids:" in capsys.readouterr().err
    assert main(["check", "gather.onnx", "--to", "onnxruntime", "--domain", "tokens=ids:5"]) == 0


def test_a_device_that_is_not_here_ends_with_3(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "model.onnx", "--to", "onnxruntime@cann"]) == 3
    assert "nothing was compared" in capsys.readouterr().out
