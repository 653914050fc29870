"""Planted bugs are found by a campaign with real workers, reduced to the operator they sit in, and shown by a script of their own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.core.registry import registry
from harness.core.route import parse_route
from harness.engine.cache import Cache
from harness.engine.cell import Engine
from harness.engine.pool import Limits, Pool
from harness.generate.programs.campaign import Campaign, Plan, Result
from harness.generate.programs.findings import grouped
from harness.generate.programs.judge import Judge
from harness.generate.programs.program import Input, Program, Step
from harness.generate.programs.scripts import torch_script, weights
from tests.generate.programs import feeds_of

GUARDS = ("neg", "abs", "transpose", "add")
PLANTED = {
    "reduce-axis": ("reduce_max", "reduce_mean", "reduce_l1"),
    "broadcast-axis": ("linear",),
    "ceil-mode": ("max_pool", "avg_pool"),
    "mod-sign": ("int_floor_divide_by", "int_remainder_by", "int_fmod_by"),
}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Pool(Limits(timeout=120.0)) as pool:
        yield Engine(pool, Cache(tmp_path_factory.mktemp("cache")), rungs={"module": ("shapes",)})


def run(engine: Engine, out: Path, route: str, ops: tuple[str, ...], programs: int, seed: int = 0) -> Result:
    plan = Plan(routes=(parse_route(route, registry()),), seed=seed, programs=programs, ops=(*ops, *GUARDS), tries=60)
    return Campaign(plan, Judge(engine, out / "programs"), out, lambda _: None).run()


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_bug_is_found_and_reduced_to_its_operator(fault: str, engine: Engine, tmp_path: Path) -> None:
    ops = PLANTED[fault]
    clean = run(engine, tmp_path / "clean", "onnx>onnxruntime@cpu", ops, 12)
    assert {str(record.outcome) for record in clean.records} == {"match"}, "no alarm without the bug"
    found = run(engine, tmp_path / "planted", f"onnx>onnx.mutate[operator={fault},site=0]>onnxruntime@cpu", ops, 12)
    # A shape that is wrong may also stop what comes after it, which is another finding.
    groups = [group for group in grouped(found.findings) if group.smallest.symptom.startswith("mismatch")]
    assert groups, "the campaign found nothing"
    assert {group.smallest.culprit for group in groups} <= set(ops)
    assert all(group.smallest.verdict == "NumPy agrees with the source: the route is wrong" for group in groups)
    assert all(group.smallest.minimal for group in groups)


def test_a_real_difference_comes_with_a_script_of_its_own(engine: Engine, tmp_path: Path) -> None:
    """The reference runtime of the onnx package keeps a window that begins in the padding."""
    # The pool of program 1 is so large that the loops of this runtime, in Python, take more than a minute for it.
    found = run(engine, tmp_path, "onnx>onnx.reference@cpu", ("avg_pool",), 4, seed=2)
    shown = [group.smallest for group in grouped(found.findings) if group.smallest.symptom.endswith("shape")]
    assert shown, "onnx 1.17 rounds the length of a pool up wrongly; where a later one is right, choose another difference"
    assert shown[0].culprit == "avg_pool"
    text = (tmp_path / "findings" / shown[0].folder / "README.md").read_text()
    assert "NumPy agrees with the source" in text


def test_a_torch_script_runs_without_the_harness(engine: Engine, tmp_path: Path) -> None:
    given = Input(dtype="float32", shape=("batch", 4), low=-1.0, high=1.0)
    attributes = {"into": 4, "out": 3, "bias": True, "seed": 1}
    program = Program(inputs=(given,), steps=(Step(op="linear", inputs=(0,), attributes=attributes),), outputs=(1,))
    example = feeds_of(program, {"batch": 2})
    np.savez(tmp_path / "weights.npz", **weights(program))
    np.savez(tmp_path / "example.npz", **example)
    np.savez(tmp_path / "feeds.npz", **feeds_of(program, {"batch": 5}))
    text = torch_script(program, parse_route("torch>torch.export>torch.exported@cpu", registry()), example)
    assert text is not None
    assert "harness" not in text
    wrong = text.replace("wanted = [t.numpy()", "wanted = [-t.numpy()")
    assert wrong != text
    for source, code in ((text, 0), (wrong, 1)):
        (tmp_path / "reproduce.py").write_text(source)
        ran = subprocess.run([sys.executable, "-I", str(tmp_path / "reproduce.py")], capture_output=True, text=True, cwd=tmp_path)
        assert ran.returncode == code, ran.stderr
        assert "differs by" in ran.stdout
