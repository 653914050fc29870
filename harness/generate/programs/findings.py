"""Findings: what failed, reduced; grouped by what is to blame and how it shows; each group with a script that needs the tools alone."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import UsageError
from harness.core.record import Record, plain, record_from
from harness.core.route import Route
from harness.core.value import value
from harness.engine.bundle_files import CONVERTING, write_folder
from harness.engine.prefixes import WRONG
from harness.engine.reduce import tool_of
from harness.generate.programs import scripts
from harness.generate.programs.judge import Opinion
from harness.generate.programs.program import Program, program_from
from harness.generate.programs.symptom import error_of, magnitude


@value
class Finding:
    """One program that failed on one route. ``id`` is the cell's; ``program`` is what is left of it, ``record`` is that one's.

    ``steps``: how many it had; ``tries``: how many programs the reduction judged; ``minimal``: no simplification of it still fails.
    ``source`` and ``target``: how far each is from NumPy, over the root mean square; ``verdict``: whom NumPy finds wrong.
    """

    id: str
    route: str
    symptom: str
    culprit: str
    program: Program
    steps: int
    tries: int
    minimal: bool
    record: Record
    source: float | None = None
    target: float | None = None
    verdict: str = ""

    @property
    def group(self) -> tuple[str, str, str]:
        """What makes two findings the same one."""
        return self.route, self.culprit, self.symptom

    @property
    def folder(self) -> str:
        """A folder name for the group."""
        words = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{self.culprit}-{self.route}").strip("-")[:90]
        return f"{words}-{hashlib.sha256(json.dumps(self.group).encode()).hexdigest()[:6]}"

    @property
    def error(self) -> float | None:
        """The largest difference over the root mean square, None where nothing was subtracted."""
        found = [error_of(c) for c in self.record.comparisons if not c.match]
        return max(found, default=None)

    @property
    def size(self) -> tuple[int, int]:
        """How large the reduced program is: steps, then letters."""
        return len(self.program.steps), len(self.program.text)

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `finding_from` reads."""
        return {**{field.name: getattr(self, field.name) for field in dataclasses.fields(self)},
                "program": self.program.to_json(), "record": self.record.to_json()}  # fmt: skip


def finding_from(data: Mapping[str, Any], ops: Sequence[str]) -> Finding:
    """Return the finding that `Finding.to_json` wrote. Raises `UsageError`, `KeyError` or `TypeError` for what is none."""
    far = {side: None if data[side] is None else float(data[side]) for side in ("source", "target")}
    return Finding(**{**data, **far, "program": program_from(data["program"], ops), "record": record_from(data["record"])})


@value
class Group:
    """Findings that are the same: the smallest of them, and the ids of all."""

    smallest: Finding
    ids: tuple[str, ...]


def grouped(findings: Iterable[Finding]) -> list[Group]:
    """Return the distinct findings: silent ones first, then those that occur most often."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.group, []).append(finding)
    found = [Group(smallest=min(own, key=lambda f: f.size), ids=tuple(f.id for f in own)) for own in groups.values()]
    return sorted(found, key=lambda g: (not g.smallest.symptom.startswith("mismatch"), -len(g.ids), g.smallest.group))


def written(finding: Finding, route: Route, opinion: Opinion | None, folder: Path) -> None:
    """Write the folder of a finding: the program, the record, and where one is known a script without this harness."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "program.json").write_text(json.dumps(finding.program.to_json(), indent=1) + "\n", encoding="utf-8")
    (folder / "record.json").write_text(json.dumps(plain(finding.record.to_json()), indent=1) + "\n", encoding="utf-8")
    text = told(finding)
    if opinion is not None and _script(finding, route, opinion, folder, text):
        text += "\n    python reproduce.py\n\nIt needs the tools and NumPy alone; exit code 1: it still differs.\n"
    (folder / "README.md").write_text(text, encoding="utf-8")


def told(finding: Finding) -> str:
    """Return a finding in words."""
    lines = [f"# {finding.culprit} on {finding.route}", "", f"{finding.symptom}", "", "```", finding.program.text, "```", ""]
    for comparison in [c for c in finding.record.comparisons if not c.match][:3]:
        m = comparison.metrics
        at = ", ".join(f"{name}={length}" for name, length in (comparison.shapes or {}).items()) or "the declared shape"
        lines += [f"- output {comparison.output} at {at}: {fact}" for fact in comparison.facts]
        if "max_abs" in m:
            lines.append(f"- output {comparison.output} at {at}: {magnitude(comparison)}; greatest difference {m['max_abs']:.4g} "
                         f"({error_of(comparison):.3g} of the rms), at {m.get('worst')} got {m.get('actual_at_worst')}, expected "
                         f"{m.get('expected_at_worst')}")  # fmt: skip
    if finding.record.error:
        lines.append(
            f"- {finding.record.error.get('type') or finding.record.error.get('kind')}: {str(finding.record.error.get('message'))[:600]}"
        )
    if finding.verdict:
        sides = ", ".join(f"{who} {'has another shape or dtype' if far is None else f'{far:.2g} of the rms off'}"
                          for who, far in (("source", finding.source), ("target", finding.target)))  # fmt: skip
        lines.append(f"- {finding.verdict} ({sides})")
    state = "no simplification of it fails in this way" if finding.minimal else "perhaps not the smallest"
    lines.append(f"- reduced from {finding.steps} steps to {len(finding.program.steps)} in {finding.tries} tries; {state}")
    versions = ", ".join(f"{name} {version}" for name, version in sorted((finding.record.versions or {}).items()))
    return "\n".join([*lines, f"- {versions}", ""])


def _script(finding: Finding, route: Route, opinion: Opinion, folder: Path, readme: str) -> bool:
    """Write the script where one is known for the route; return whether there is one."""
    arrays = opinion.arrays
    if route.framework == "torch":
        text = scripts.torch_script(finding.program, route, arrays["example"])
        if text is None:
            return False
        np.savez(folder / "feeds.npz", **dict(arrays["feeds"]))
        np.savez(folder / "example.npz", **dict(arrays["example"]))
        np.savez(folder / "weights.npz", **scripts.weights(finding.program))
        (folder / "reproduce.py").write_text(text, encoding="utf-8")
        return True
    try:
        tool = tool_of(route)
    except UsageError:
        return False
    model = Path(opinion.model)
    write_folder(
        folder, model.parent, model.name, arrays["feeds"], arrays["expected"], versions=finding.record.versions or {},
        body=CONVERTING[tool],
        tool=tool, limit=WRONG, readme=readme,
    )  # fmt: skip
    return True
