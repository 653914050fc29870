"""Nothing of a corpus is dropped silently; tables hold what the cases declare; rows name cases that exist. In processes of their own."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.case import Case
from harness.core.toml import read
from harness.policy.expectations import DRAFT, load_expectations

ROOT = Path(__file__).resolve().parents[2]
SUITE = ROOT / "suites" / "corpora"
ROWS = ROOT / "fixtures" / "expectations" / "corpora"
_ASK = """
import json, sys
sys.path[:0] = [{suite!r}, {root!r}]
from _onnx_node import corpus, split
from parity_onnx_node import CASES
import onnx
kept, left = split()
first = next(case for case in CASES if case.id == "onnx/node/add")
real = first.data()
print(json.dumps({{"onnx": onnx.__version__, "all": list(corpus()), "kept": list(kept), "left": left, "cases": [c.to_json() for c in CASES],
                  "outputs": [list(real.feeds), list(real.outputs), real.tolerance.rtol]}}))
"""


def tables(kind: str) -> dict[str, dict[str, object]]:
    return dict(json.loads((ROOT / "fixtures" / "corpora" / f"{kind}.json").read_text()))


@pytest.mark.skipif(importlib.util.find_spec("onnx") is None, reason="needs the onnx package")
def test_every_onnx_case_is_declared_or_left_out_with_a_reason() -> None:
    program = _ASK.format(suite=str(SUITE), root=str(ROOT))
    told = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True, cwd=SUITE).stdout
    found = json.loads(told.splitlines()[-1])
    assert len(found["all"]) > 1_000
    assert sorted([*found["kept"], *found["left"]]) == sorted(found["all"])
    assert all(found["left"].values())
    cases = [Case.from_json(item) for item in found["cases"]]
    assert [case.id for case in cases] == found["kept"]
    assert all(case.has_data and case.level == "unit" and case.family for case in cases)
    assert found["outputs"] == [["x", "y"], ["sum"], 1e-3]
    if found["onnx"] == "1.17.0":
        assert (len(found["kept"]), len(found["left"])) == (1283, 145)
        rows = load_expectations([ROWS / "onnx_node.toml"])
        assert not {row.case for row in rows} - set(found["kept"]), "rows name cases that exist, and none by a pattern"


@pytest.mark.parametrize("kind", ["opinfo", "moduleinfo"])
def test_a_table_declares_cases_and_says_why_others_are_left_out(kind: str) -> None:
    found = tables(kind)
    names = {name.split("/", 1)[1].rsplit("/", 2)[0] for name in found["cases"]}
    assert not names & set(found["left_out"])
    assert len(names) + len(found["left_out"]) == {"opinfo": 702, "moduleinfo": 114}[kind]
    assert all(found["left_out"].values())
    program = f"import sys; sys.path[:0] = [{str(SUITE)!r}, {str(ROOT)!r}]\nfrom parity_{kind} import CASES\n"
    program += "assert 'torch' not in sys.modules\nprint(len(CASES))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=SUITE)
    assert told.stdout.split()[-1:] == [str(len(found["cases"]))], told.stderr


def test_a_table_for_another_pytorch_is_refused_with_what_to_do() -> None:
    program = f"import sys; sys.path[:0] = [{str(SUITE)!r}, {str(ROOT)!r}]\nimport importlib.metadata as m\nm.version = lambda _: '1.0'\n"
    told = subprocess.run(
        [sys.executable, "-c", program + "import parity_opinfo"], capture_output=True, text=True, check=False, cwd=SUITE
    ).stderr
    assert "was written for torch " in told
    assert "write it anew: python suites/corpora/_torch_corpora.py" in told


def test_rows_of_the_corpora_are_reviewed_and_name_their_cells() -> None:
    for path in sorted(ROWS.glob("*.toml")):
        for row in load_expectations([path]):
            assert not row.reason.startswith(DRAFT)
            assert not set("*?") & set(row.case + row.route)
        assert read(path)["expect"]
