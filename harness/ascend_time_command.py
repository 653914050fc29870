"""``parity ascend time``: how long an OM file takes on an NPU, by the vendor's own timer."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.ascend.ais_bench import timed
from harness.core.errors import Unavailable, UsageError

_EPILOG = """examples:
  parity ascend time resnet.om --random
  parity ascend time resnet.om --input image.npy --batch 8 --loop 200
  parity ascend time bert.om --input ids.npy --input mask.npy --dims "ids:1,128;mask:1,128" --json times.json

A second opinion beside the harness's own measurements: time on the device alone, as ais_bench counts it, on inputs that nothing
is compared with. Whether the numbers are right is what `parity check` and `pytest -m parity` say.
exit code: 0 measured, 1 ais_bench failed, 2 usage error, 3 no ais_bench here"""
_PROFILES = {"batch": "dymBatch", "size": "dymHW", "dims": "dymDims", "shape": "dymShape"}


def declare(actions: Any) -> None:
    """Add the action to ``parity ascend``."""
    parser = actions.add_parser(
        "time", help="how long an .om takes on an NPU, by ais_bench: a second opinion", epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL.om")
    parser.add_argument("--input", action="append", default=[], metavar="FILE.npy", help="one for each input, in the model's order")
    parser.add_argument("--random", action="store_true", help="random numbers in place of inputs")
    parser.add_argument("--device", type=int, default=0, metavar="N", help="number of the NPU")
    parser.add_argument("--loop", type=int, default=100, metavar="N", help="runs that are timed")
    parser.add_argument("--warmup", type=int, default=10, metavar="N", help="runs before these")
    profile = parser.add_mutually_exclusive_group()
    profile.add_argument("--batch", default="", metavar="N", help="batch size, of a model with batch profiles")
    profile.add_argument("--size", default="", metavar="H,W", help="image size, of a model with image profiles")
    profile.add_argument("--dims", default="", metavar="X:N,N;...", help="shapes, of a model with profiles of dims")
    profile.add_argument("--shape", default="", metavar="X:N,N;...", help="shapes, of a model with ranges or open lengths")
    parser.add_argument("--json", metavar="FILE", help="write the times as JSON")
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace, console: Console) -> int:
    if bool(given.input) == given.random:
        raise UsageError("parity ascend time: expected --input FILE.npy for each input of the model, or --random, one of the two")
    if given.loop < 1 or given.warmup < 0:
        raise UsageError(f"parity ascend time: --loop {given.loop} --warmup {given.warmup}; expected at least one run, and no fewer than 0")
    profile = {flag: getattr(given, name) for name, flag in _PROFILES.items() if getattr(given, name)}
    heard = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        found = timed(given.model, given.input, device=given.device, loop=given.loop, warmup=given.warmup, profile=profile)
    except Unavailable as absent:
        heard.print(f"parity: {absent}", markup=False)
        return 3
    except RuntimeError as error:
        heard.print(f"parity: {error}", markup=False)
        return 1
    told = f"{given.model} on NPU {given.device}, by ais_bench, device alone: {found}"
    console.print(told, markup=False, highlight=False, soft_wrap=True)
    if given.json:
        body = {"source": "ais_bench", "model": given.model, "device": given.device, "milliseconds": dict(found.__dict__)}
        Path(given.json).write_text(json.dumps(body, indent=1), encoding="utf-8")
    return 0
