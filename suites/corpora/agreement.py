"""Our verdicts on the ONNX backend cases beside those of the official runner, ``onnx.backend.test`` with ``onnxruntime.backend``.

``python suites/corpora/agreement.py reports/records.jsonl`` runs the official runner on the same cases, with its own models, inputs,
comparison and tolerance, and writes where the two disagree, as a Markdown table. Exit code 1 when a disagreement is not explained in
``fixtures/corpora/onnx_disagreements.toml``, or an explanation is no longer needed.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import unittest
from typing import Iterable, Iterator, Mapping, Sequence

HERE = os.path.dirname(os.path.realpath(__file__))
EXPLAINED = os.path.join(HERE, "..", "..", "fixtures", "corpora", "onnx_disagreements.toml")
ROUTE = "onnx>onnxruntime@cpu"
# How the official runner names the kinds of `_onnx_node.KINDS`.
_CLASSES = {
    "node": "NodeModel", "simple": "SimpleModel", "pytorch-converted": "PyTorchConvertedModel", "pytorch-operator": "PyTorchOperatorModel",
}  # fmt: skip


def disagreements(official: Mapping[str, tuple[str, str]], ours: Mapping[str, str]) -> list[tuple[str, str, str, str]]:
    """Return case, official verdict and ours, and what the official one says, where one passes and the other does not.

    A case that one side lacks, or that the official runner skips, is no disagreement.

    ``official``: case to verdict (pass, fail, skip, crash) and message. ``ours``: case to outcome at stage.
    """
    both = [(name, official[name], ours[name]) for name in sorted(ours) if name in official and official[name][0] != "skip"]
    return [(name, theirs, own, said) for name, (theirs, said), own in both if (theirs == "pass") != own.startswith("match")]


def unexplained(found: Iterable[tuple[str, str, str, str]], reasons: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return the disagreements without an explanation of these very verdicts, and the explanations without a disagreement, in words."""
    told = []
    seen = set()
    for name, theirs, own, said in found:
        seen.add(name)
        row = reasons.get(name)
        if row is None:
            told.append(f"{name}: officially {theirs}, here {own}: not explained")
        elif (row["official"], row["ours"]) != (theirs, own) or not re.search(row["signature"], said):
            told.append(f"{name}: officially {theirs}, here {own}, for another reason than the one explained: {said}")
    return told + [f"{name}: explained, but there is no such disagreement" for name in reasons if name not in seen]


def explanations(version: str, path: str = EXPLAINED) -> dict[str, Mapping[str, str]]:
    """Return case -> its row (official verdict, ours, signature of the official message, why) for a version of the onnx package."""
    from harness.core.toml import read

    return {name: row for row in read(path)["disagreement"] if row["onnx"] == version for name in row["cases"]}


def verdicts(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the official verdict on each case, from child processes: one that dies costs the case it was at, no other."""
    found: dict[str, tuple[str, str]] = {}
    rest = list(names)
    while rest:
        child = subprocess.run(
            [sys.executable, "-W", "ignore", os.path.realpath(__file__), "--official"],
            input="\n".join(rest), capture_output=True, text=True, check=False,
        )  # fmt: skip
        for line in child.stdout.splitlines():
            if line.startswith("verdict\t"):
                _, name, verdict, said = line.split("\t", 3)
                found[name] = (verdict, said)
        before, rest = len(rest), [name for name in rest if name not in found]
        if rest and child.returncode:
            found[rest[0]] = ("crash", f"exit status {child.returncode}")
            rest = rest[1:]
        elif len(rest) == before:
            raise RuntimeError(f"the official runner judged nothing of {rest[:3]}: {child.stderr[-500:]}")
    return found


def official(names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield case, verdict and message of the official runner, in this process."""
    import onnxruntime.backend
    from onnx.backend.test.runner import Runner

    onnxruntime.set_default_logger_severity(4)
    classes = Runner(onnxruntime.backend, "agreement").test_cases
    for name in names:
        _, kind, short = name.split("/", 2)
        method = f"test_{short}_cpu"
        of = classes.get(f"OnnxBackend{_CLASSES[kind]}Test")
        if of is None or not hasattr(of, method):
            yield name, "skip", "the official runner has no such test"
            continue
        result = unittest.TestResult()
        of(method).run(result)
        bad = [*result.errors, *result.failures]
        verdict = "fail" if bad else "skip" if result.skipped else "pass"
        yield name, verdict, " ".join((bad[0][1].strip().splitlines()[-1] if bad else str(result.skipped[:1])).split())[:200]


def recorded(path: str) -> dict[str, str]:
    """Return case -> outcome at stage, of the records on `ROUTE`."""
    from harness.core.record import read_records

    return {r.case: f"{r.outcome} at {r.stage}" for r in read_records(path) if r.route == ROUTE and r.case.startswith("onnx/")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the table; return 1 where something is not explained."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("records", nargs="?", help="records.jsonl of a run of suites/corpora/parity_onnx_node.py")
    parser.add_argument("--official", action="store_true", help="judge the cases on standard input by the official runner")
    given = parser.parse_args(arguments)
    write = sys.stdout.write
    if given.official:
        for item in official(sys.stdin.read().split()):
            write("\t".join(("verdict", *item)) + "\n")
            sys.stdout.flush()
        return 0
    import onnx

    ours = recorded(given.records)
    theirs = verdicts(sorted(ours))
    found = disagreements(theirs, ours)
    reasons = explanations(onnx.__version__)
    skipped = sum(verdict == "skip" for verdict, _ in theirs.values())
    write(f"{len(ours)} cases, {skipped} skipped officially, {len(ours) - skipped - len(found)} agree, {len(found)} do not\n\n")
    write("| case | official | here | who is right, and why |\n|---|---|---|---|\n")
    write("".join(f"| {name} | {a} | {b} | {reasons[name]['why'] if name in reasons else said} |\n" for name, a, b, said in found))
    problems = unexplained(found, reasons)
    write("".join(f"\n{problem}" for problem in problems) + "\n" * bool(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.path.insert(0, os.path.join(HERE, "..", ".."))
    raise SystemExit(main())
