"""What ``[tool.parity.latency]`` and the options of pytest say of a measurement, as the plan and place of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.bench import Bench, baseline_path
from harness.bench_command import counts, cpus_from, part
from harness.bench_lane import THREADS, Asked, Place
from harness.core.errors import UsageError, unknown
from harness.latency.baseline import ABOVE, load
from harness.latency.measure import Plan

_WHOLE = {"launches": 1, "rounds": 2, "threads": 1}
_SECONDS = ("seconds", "warmup")
_TEXTS = ("fail_above", "baseline", "save")
_LISTS = {"batches": 1, "cpus": 0}
KEYS = (*_WHOLE, *_SECONDS, *_TEXTS, *_LISTS, "strict")


def bench_from(
    table: Mapping[str, Any], given: Mapping[str, str], root: Path, worker: Callable[[str, int], Asked], timeout: float
) -> Bench:  # fmt: skip
    """Return how cells are measured: ``given`` (options, "" for those left out) over the table over defaults.

    Raises `UsageError` for a key nobody knows, or a value that is not what it should be, naming both.
    """
    for key, setting in table.items():
        if key not in KEYS:
            raise unknown("setting in [tool.parity.latency]", key, KEYS)
        _check(key, setting)
    chosen = {**table, **{key: text for key, text in given.items() if text}}
    usual, threads = Plan(), int(chosen.get("threads", THREADS))
    plan = dataclasses.replace(usual, **{key: kind(chosen[key]) for key, kind in _KINDS.items() if key in chosen})
    above, baseline = chosen.get("fail_above"), chosen.get("baseline")
    cpus = cpus_from(",".join(map(str, chosen.get("cpus", ()))), threads)
    return Bench(
        plan=dataclasses.replace(plan, enough=min(plan.enough, plan.rounds)),
        place=Place(worker=worker, cpus=cpus, threads=threads, timeout=timeout),
        batches=counts(",".join(map(str, chosen.get("batches", ()))), "[tool.parity.latency] batches", 1),
        known=load(baseline_path(baseline, root)) if baseline else None,
        above=part(above, "fail_above") if above else ABOVE,
    )  # fmt: skip


_KINDS: Mapping[str, Any] = {"launches": int, "rounds": int, "seconds": float, "warmup": float}


def _check(key: str, setting: Any) -> None:
    whole = isinstance(setting, int) and not isinstance(setting, bool)
    if key in _WHOLE:
        fits, wanted = whole and setting >= _WHOLE[key], f"a whole number >= {_WHOLE[key]}"
    elif key in _SECONDS:
        fits, wanted = (whole or isinstance(setting, float)) and 0 < setting < float("inf"), "a number of seconds > 0"
    elif key in _TEXTS:
        fits, wanted = isinstance(setting, str), "a text"
    elif key == "strict":
        fits, wanted = isinstance(setting, bool), "true or false"
    else:
        fits = isinstance(setting, list) and all(isinstance(n, int) and not isinstance(n, bool) and n >= _LISTS[key] for n in setting)
        wanted = f"a list of whole numbers >= {_LISTS[key]}"
    if not fits:
        raise UsageError(f"[tool.parity.latency] {key} = {setting!r}; expected {wanted}")
