"""``parity ascend lint``: the ATC calls of a command or a script, beside the files and models that they name, where these are at hand."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.ascend.companions import companions
from harness.ascend.fits import fits
from harness.ascend.script import Found, calls_in
from harness.ascend.words import Fault
from harness.core.errors import Unavailable, UsageError
from harness.core.registry import registry
from harness.engine.pool import Limits, Pool
from harness.engine.worker import WorkerFailure

_COMMAND = re.compile(r"\s*(\w+=\S*\s+)*([\w./\\-]*[/\\])?(py)?atc(\.bin)?\s+-")


def linted(asked: str, say: Callable[[str], None]) -> tuple[str, list[Found]]:
    """Return the script's name ("" for a command) and its calls with their faults; ``say`` hears which model is looked at.

    Raises `UsageError` for a file that is not there or is no text, and for one that holds no call.
    """
    name, text = ("", asked) if _COMMAND.match(asked) else (asked, _read(asked))
    calls = calls_in(text, Path(name).name)
    if not calls:
        raise UsageError(f"{name or repr(asked)} holds no atc call; expected one such as: atc --model=m.onnx --framework=5 ...")
    folders = list(dict.fromkeys([Path.cwd(), Path(name).resolve().parent if name else Path.cwd()]))
    models = {call.said["model"]: path for call in calls if (path := _model(call, folders))}
    inputs = _inputs(models, say) if models else {}
    return name, [_beside(call, folders, inputs) for call in calls]


def _read(asked: str) -> str:
    try:
        return Path(asked).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"{asked!r}: {why}; expected an atc command in quotes, or a script that holds one") from None


def _model(call: Found, folders: Sequence[Path]) -> Path | None:
    """Return the ONNX file that a call converts, where it is at hand."""
    model = call.said.get("model", "")
    if not model.endswith(".onnx") or call.said.get("mode", "0") not in ("0", "3"):
        return None
    return next((path for path in (folder / model for folder in folders) if path.is_file()), None)


def _inputs(models: dict[str, Path], say: Callable[[str], None]) -> dict[str, Any]:
    """Return the inputs of each model; none for one that cannot be looked at, which is told: a command may be right all the same."""
    found: dict[str, Any] = {}
    with Pool(Limits()) as pool:
        for name, path in models.items():
            say(f"looking at {name}")
            try:
                found[name] = pool.call(registry().get("frameworks", "onnx").toolchain, "ascend_inputs", {"path": str(path)})["inputs"]
            except Unavailable as absent:
                say(f"{name} is not looked at: {absent}")
            except WorkerFailure as failure:
                say(f"{name} cannot be looked at: {failure.detail.get('message', failure.kind)}")
    return found


def _beside(call: Found, folders: Sequence[Path], inputs: dict[str, Any]) -> Found:
    more: list[Fault] = [fault for folder in folders for fault in companions(call.said, str(folder))]
    if call.said.get("model") in inputs:
        more += fits(call.said, dict(inputs[call.said["model"]]))
    return dataclasses.replace(call, faults=(*call.faults, *dict.fromkeys(more)))
