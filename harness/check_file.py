"""The case file that ``parity check`` writes for a model somebody names."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.check_specs import Axes, domains_of, profiles_of, specs_of
from harness.check_tied import Ask, Say, tied
from harness.core.artifact import format_of
from harness.core.case import Case
from harness.core.errors import UsageError, unknown
from harness.core.tolerance import Tolerance, default_tolerance

if TYPE_CHECKING:
    from harness.check import Question

_TEMPLATE = '''"""Written by parity check."""

import json

from harness.core.given import given_case

CASE = given_case(json.loads({data!r}), {target!r}, {arrays!r})
'''


def absolute(target: str) -> str:
    """Return the target with its file part absolute; a module found from here becomes its file, an installed one stays."""
    path, colon, name = target.rpartition(":")
    if Path(target).exists() or not colon:
        return str(Path(target).resolve())
    beside = Path(*path.split(".")).with_suffix(".py")
    if not path.endswith(".py") and not beside.is_file():
        return target
    return f"{Path(path).resolve() if path.endswith('.py') else beside.resolve()}:{name}"


def written(question: Question, source: str, look: Mapping[str, Any], folder: Path, say: Say, ask: Ask) -> Path:
    """Write the case file for a source; the same question gives the same file.

    ``look``: what a worker learned of it, see `harness.core.given.looked_at`; ``ask`` asks that worker more, raising `WorkerFailure`.
    """
    examples = _examples(question, look)
    takes = look["inputs"] or [[name, array.dtype.name, list(array.shape)] for name, array in (examples or {}).items()]
    if not takes:
        raise UsageError(f"{question.source} does not say what it takes; give --inputs, or a function returning (model, example inputs)")
    axes, domains, known = Axes(question.dims, look["lengths"], say), domains_of(question.domains), {entry[0] for entry in takes}
    for name in [*(name for name, _ in axes.asked), *domains, *(examples or {})]:
        if name not in known:
            raise unknown(f"input of {question.source}", name, known)
    specs = specs_of(takes, examples, axes, domains)
    artifacts = {kept: format_of(kept) for kept in [absolute(question.artifact)]} if question.artifact else {}
    case = Case(
        id=re.sub(r"[^A-Za-z0-9_.+-]+", "-", Path(source.rpartition(":")[2] or source).stem).strip("-.") or "model",
        inputs=tuple(specs), build={look["framework"]: None}, tolerance=_tolerance(question), seed=question.seed, artifacts=artifacts,
        files=tuple(look["files"]), profiles=profiles_of(question.profiles),
        relations=(*question.relations, *axes.relations(look["lengths"].get("relations", ()))),
    )  # fmt: skip
    arrays = "" if examples is None or any(spec.dims for spec in specs) else _stored(examples, folder)
    file = _file(case, source, arrays, folder)
    ref = {"file": str(file), "case": case.id, "digest": ""}
    joined = tied(case, axes.unknown, ref, ask, say)
    return file if joined is case else _file(joined, source, arrays, folder)


def _file(case: Case, source: str, arrays: str, folder: Path) -> Path:
    files = (*case.files, arrays) if arrays else case.files
    text = _TEMPLATE.format(data=json.dumps({**case.to_json(), "files": list(files)}), target=source, arrays=arrays)
    file = folder / hashlib.sha256(text.encode()).hexdigest()[:24] / "parity_check.py"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def _tolerance(question: Question) -> Tolerance | None:
    if question.rtol is None and question.atol is None:
        return None
    usual = default_tolerance("float32")
    return Tolerance(
        rtol=usual.rtol if question.rtol is None else question.rtol, atol=usual.atol if question.atol is None else question.atol,
        reason="given on the command line",
    )  # fmt: skip


def _examples(question: Question, look: Mapping[str, Any]) -> dict[str, Any] | None:
    if not question.inputs:
        return {name: np.array(array) for name, array in look["examples"].items()} if look["examples"] else None
    try:
        with np.load(question.inputs, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, AttributeError) as error:
        raise UsageError(f"--inputs {question.inputs}: {error}; expected an .npz file with one array for each input") from None


def _stored(examples: Mapping[str, Any], folder: Path) -> str:
    digest = hashlib.sha256()
    for name, array in sorted(examples.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    path = folder / f"{digest.hexdigest()[:24]}.npz"
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(path, **dict(examples))
    return str(path)
