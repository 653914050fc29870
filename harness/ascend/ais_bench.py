"""ais_bench, the vendor's own timer of OM files: its command line, and what it prints. A second opinion on latency, never a comparison."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
from typing import Any, Mapping, Sequence

from harness.ascend.process import run, workplace
from harness.core.errors import Unavailable, UsageError
from harness.core.value import value

_HOW = "the wheels aclruntime and ais_bench from gitee.com/ascend/tools (ais-bench_workload), in the Python that runs this"
_NUMBER = r"([-+0-9.eE]+)"
_LINE = re.compile(rf"NPU_compute_time \(ms\): min\s*=\s*{_NUMBER}, max\s*=\s*{_NUMBER}, mean\s*=\s*{_NUMBER}, "
                   rf"median\s*=\s*{_NUMBER}, percentile\(99%\)\s*=\s*{_NUMBER}")  # fmt: skip
_THROUGHPUT = re.compile(rf"throughput 1000\*batchsize[^:]*:\s*{_NUMBER}")


@value
class Timing:
    """Time on the device alone, without copies, in milliseconds; ``throughput`` in samples a second, as ais_bench counts it.

    ``count`` runs were timed, 0 where the version does not tell.
    """

    least: float
    most: float
    mean: float
    median: float
    p99: float
    throughput: float
    count: int = 0

    def __str__(self) -> str:
        runs = f" over {self.count} runs" if self.count else ""
        return f"median {self.median:.4g} ms, p99 {self.p99:.4g} ms, mean {self.mean:.4g} ms{runs}; {self.throughput:.4g} a second"


def command(
    model: str, feeds: Sequence[str], output: str, *, device: int, loop: int, warmup: int, profile: Mapping[str, str], hyphens: bool = False
) -> list[str]:
    """Return the words that time a model. ``feeds``: one .npy file for each input in the model's order, none for random numbers.

    ``profile``: ``dymBatch``, ``dymHW``, ``dymDims`` or ``dymShape`` with its text. ``hyphens``: as later versions spell flags.
    """
    words = {
        "model": model, "output": output, "output_dirname": "out", "outfmt": "NPY", "loop": str(loop), "warmup_count": str(warmup),
        "device": str(device), **({"input": ",".join(feeds)} if feeds else {"pure_data_type": "random"}), **profile,
    }  # fmt: skip
    named = {_hyphens(name) if hyphens else name: text for name, text in words.items()}
    return [sys.executable, "-m", "ais_bench", *[word for name, text in named.items() for word in ("--" + name, text)]]


def _hyphens(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name).replace("_", "-").lower()


def parse_screen(text: str) -> Timing:
    """Return what the last summary on the screen says. Raises `RuntimeError` where there is none."""
    times, rates = _LINE.findall(text), _THROUGHPUT.findall(text)
    if not times or not rates:
        last = " | ".join(text.strip().splitlines()[-3:]) or "nothing"
        raise RuntimeError(f"ais_bench printed no NPU_compute_time and throughput; it ended with: {last[:400]}")
    least, most, mean, median, p99 = map(float, times[-1])
    return Timing(least=least, most=most, mean=mean, median=median, p99=p99, throughput=float(rates[-1]))


def parse_summary(data: Mapping[str, Any]) -> Timing:
    """Return what a ``*_summary.json`` says. Raises `RuntimeError` for one that lacks something."""
    try:
        times = data["NPU_compute_time"]
        count = times.get("count") or len(data.get("npu_compute_time_list", ()))
        return Timing(
            least=float(times["min"]), most=float(times["max"]), mean=float(times["mean"]), median=float(times["median"]),
            p99=float(times["percentile(99%)"]), throughput=float(data["throughput"]), count=int(count),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RuntimeError(f"the summary of ais_bench lacks {error}") from None


def timed(
    model: str, feeds: Sequence[str], *, device: int = 0, loop: int = 100, warmup: int = 10, profile: Mapping[str, str] | None = None
) -> Timing:
    """Time an OM file on an NPU.

    Raises `Unavailable` without ais_bench, `UsageError` for a file that is not there, `RuntimeError` for a run that failed or printed no
    times: its exit status and its numbers are both demanded.
    """
    if importlib.util.find_spec("ais_bench") is None:
        raise Unavailable("the package ais_bench is not installed", _HOW)
    for path in (model, *feeds):
        if not os.path.isfile(path):
            raise UsageError(f"{path}: there is no such file; expected an .om file, and a .npy file for each input in its order")
    with workplace() as folder:
        for hyphens in (False, True):
            words = command(
                os.path.abspath(model), [os.path.abspath(path) for path in feeds], folder, device=device, loop=loop, warmup=warmup,
                profile=profile or {}, hyphens=hyphens,
            )  # fmt: skip
            status, printed = run(words, folder)
            if not re.search(r"unrecognized arguments|no such option", printed, re.I):
                break
        if status != 0:
            last = " | ".join(printed.strip().splitlines()[-3:]) or "nothing"
            raise RuntimeError(f"ais_bench ended with {status} and said: {last[:400]}")
        for place in sorted(os.listdir(folder)):
            if place.endswith("_summary.json"):
                with open(os.path.join(folder, place), encoding="utf-8") as stream:
                    return parse_summary(json.load(stream))
        return parse_screen(printed)
