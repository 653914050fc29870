"""Programs as ordinary cases: declared by a suite for a range of seeds, or one by one in files that a campaign writes."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.case import Case
from harness.core.errors import UsageError, unknown
from harness.generate.programs import onnx_graph, torch_source
from harness.generate.programs.draw import draw_program
from harness.generate.programs.ops import OPS
from harness.generate.programs.program import Program, program_from

BUILDERS = {"torch": torch_source.build, "onnx": onnx_graph.build}
_FILE = '''"""Written by parity fuzz."""

import json

from harness.generate.programs.cases import case_from

CASE = case_from(json.loads({data!r}), {name!r}, {framework!r})
'''


def case_of(program: Program, name: str, framework: str, routes: Sequence[str] = ()) -> Case:
    """Return a program as a case of one framework. Raises `UsageError` for a framework that has no builder."""
    if framework not in BUILDERS:
        raise unknown("framework that random programs are built in", framework, BUILDERS)
    return Case(
        id=name, inputs=program.specs, build={framework: functools.partial(BUILDERS[framework], program)}, level="module", family="random",
        outputs=tuple(map(program.name, program.outputs)), routes=tuple(routes),
    )  # fmt: skip


def name_of(framework: str, seed: int) -> str:
    """Return the id of a case: ``random/torch/0007``."""
    return f"random/{framework}/{seed:04d}"


def cases(seeds: Sequence[int], frameworks: Sequence[str] = tuple(BUILDERS), routes: Sequence[str] = ()) -> list[Case]:
    """Return the programs of these seeds as cases, each in these frameworks."""
    return [case_of(draw_program(seed), name_of(framework, seed), framework, routes) for seed in seeds for framework in frameworks]


def case_from(data: Mapping[str, Any], name: str, framework: str) -> Case:
    """Return the case that a file written by `write` declares. Raises `UsageError` for what is no program of ours."""
    return case_of(program_from(data, tuple(OPS)), name, framework)


def write(program: Program, name: str, framework: str, folder: Path) -> Path:
    """Write the case file of a program into ``folder``. Raises `UsageError` where another program has its place."""
    file = folder / "parity_program.py"
    text = _FILE.format(data=json.dumps(program.to_json()), name=name, framework=framework)
    if file.is_file() and file.read_text(encoding="utf-8") != text:
        raise UsageError(f"{file} holds another program than this version draws for it; write into an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@functools.cache
def code() -> str:
    """Return a digest of what builds models from programs: results made by other code are stale."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem in _BUILDING or path.stem.startswith("ops"):
            total.update(path.read_bytes())
    return total.hexdigest()


_BUILDING = ("op", "program", "known", "windows", "torch_ops", "torch_source", "onnx_ops", "onnx_graph")
