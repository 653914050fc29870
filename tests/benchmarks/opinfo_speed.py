"""What a batch saves: OpInfo through the dynamo exporter and ONNX Runtime, one process per operator, one live worker, and batches.

``python -m tests.benchmarks.opinfo_speed [OPERATORS] [BATCH]`` prints seconds for each operator, ratios, verdicts and the largest
memory of a worker. All ways run the same samples one after the other with empty caches, the first one every fourth of them only;
the time that PyTorch's test package takes to import is left out there, which a script of its own would not need.
"""

from __future__ import annotations

import collections
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
ROUTE = "torch>onnx.dynamo>onnxruntime@cpu"
_CHILD = """
import json, sys, time
sys.path[:0] = [{suite!r}, {root!r}]
import numpy, onnx, onnxruntime, onnxscript, torch
begun = time.perf_counter()
import _torch_corpora
_torch_corpora.database("opinfo")
spent = time.perf_counter() - begun
verdict = "error"
try:
    module, feeds = _torch_corpora.model(*json.loads(sys.argv[1]))
    tensors = tuple(torch.from_numpy(array.copy()) for array in feeds.values())
    with torch.no_grad():
        torch.onnx.export(module.eval(), tensors, "model.onnx", dynamo=True, opset_version=20, verbose=False, input_names=list(feeds))
        expected = module(*tensors)
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    given = {{port.name: feeds[port.name] for port in session.get_inputs()}}
    found = session.run(None, given)
    wanted = expected if isinstance(expected, tuple) else (expected,)
    close = all(numpy.allclose(a, b.numpy(), rtol=1e-4, atol=1e-5, equal_nan=True) for a, b in zip(found, wanted, strict=True))
    verdict = "match" if close else "mismatch"
finally:
    print("verdict", verdict, spent)
"""


def chosen(number: int) -> list[str]:
    """Return the first float32 sample of so many operators, evenly taken from the whole list."""
    cases = json.loads((ROOT / "fixtures" / "corpora" / "opinfo.json").read_text())["cases"]
    firsts = list({case.rsplit("/", 2)[0]: case for case in reversed(cases) if case.split("/")[3] == "float32"}.values())[::-1]
    return firsts[:: max(1, len(firsts) // number)][:number]


def one_by_one(cases: list[str]) -> tuple[float, collections.Counter[str]]:
    """Return seconds and verdicts with a process for each case."""
    rows = json.loads((ROOT / "fixtures" / "corpora" / "opinfo.json").read_text())["cases"]
    program = _CHILD.format(suite=str(ROOT / "suites" / "corpora"), root=str(ROOT))
    total, verdicts = 0.0, collections.Counter[str]()
    for case in cases:
        kind, name, variant, dtype, _ = case.split("/")
        sample = json.dumps([kind, f"{name}/{variant}", dtype, rows[case]["sample"]])
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            command = [sys.executable, "-W", "ignore", "-c", program, sample]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            total += time.perf_counter() - begun
        said = next((line.split() for line in done.stdout.splitlines() if line.startswith("verdict ")), ["", "crash", "0"])
        verdicts[said[1]] += 1
        total -= float(said[2])
    return total, verdicts


def harness(cases: list[str], batch: int) -> tuple[float, collections.Counter[str], float]:
    """Return seconds, verdicts and the largest memory of a worker in MiB, for a run of the suite with an empty cache."""
    peak = [0.0]
    over = threading.Event()

    def watch(process: psutil.Process) -> None:
        while not over.wait(0.2):
            for child in process.children(recursive=True):
                try:
                    peak[0] = max(peak[0], child.memory_info().rss / 2**20)
                except psutil.Error:
                    continue

    with tempfile.TemporaryDirectory() as folder:
        nodes = [f"suites/corpora/parity_opinfo.py::{case}[{ROUTE}]" for case in cases]
        command = [
            sys.executable, "-m", "pytest", "-m", "parity", "-q", "-p", "no:cacheprovider", "--tb=no", f"--parity-route={ROUTE}",
            "--no-parity-localise", f"--parity-batch={batch}", f"--parity-report={folder}/report", *nodes,
        ]  # fmt: skip
        environment = {**os.environ, "PARITY_CACHE": f"{folder}/cache"}
        begun = time.perf_counter()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        watcher = threading.Thread(target=watch, args=(psutil.Process(process.pid),))
        watcher.start()
        process.wait()
        seconds = time.perf_counter() - begun
        over.set()
        watcher.join()
        lines = Path(folder, "report", "records.jsonl").read_text().splitlines()
    return seconds, collections.Counter(json.loads(line)["outcome"] for line in lines), peak[0]


def main() -> None:
    """Measure and print."""
    number, batch = (int(text) for text in [*sys.argv[1:], "40", "8"][:2]) if len(sys.argv) != 2 else (int(sys.argv[1]), 8)
    cases = chosen(number)
    some = cases[::4]
    alone, verdicts = one_by_one(some)
    each = alone / len(some)
    print(f"a process for each of {len(some)} operators: {each:.2f} s an operator; {dict(verdicts)}", flush=True)  # noqa: T201
    for size in (1, batch):
        seconds, verdicts, peak = harness(cases, size)
        how = "one live worker" if size == 1 else f"batches of {size}"
        took = seconds / len(cases)
        told = f"{took:.2f} s an operator, {each / took:.1f} times as fast; {dict(verdicts)}; largest worker {peak:.0f} MiB"
        print(f"{how}, {len(cases)} operators: {told}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
