"""Feeds to calibrate with, as a tool wants them: by the names of the artifact, or from a file that a route names."""

from __future__ import annotations

import os
import zipfile
from typing import Any, Mapping

import numpy as np

from harness.core.errors import UsageError
from harness.core.protocols import Option, Source

SAMPLES = Option(name="samples", default=128, help="how many samples to calibrate with")
DATA = Option(name="data", default="", help="a .npz file of inputs to calibrate with, seen from the case file, not the case's data")


def wanted(options: Mapping[str, Any]) -> int:
    """Return how many samples the case is to provide. Raises `UsageError` for less than one."""
    if options["samples"] < 1:
        raise UsageError(f"samples={options['samples']}; expected a whole number above 0: static quantisation needs data to calibrate with")
    return 0 if options["data"] else int(options["samples"])


def feeds_of(source: Source, options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return feeds by canonical name: those that the case provides, or the rows of the file.

    Raises `UsageError` for no feeds at all, and for names, dtypes or shapes that are not those of the inputs.
    """
    given = list(source.calibration)
    where = "calibration data"
    if options["data"]:
        where = f"calibration data {options['data']}"
        given = [_read(options["data"])]
    if not given:
        raise UsageError(f"{where}: there is none; give the case data, or name a file with data=FILE.npz")
    return [_checked(source, feeds, where) for feeds in given]


def _read(path: str) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        why = str(error) if os.path.exists(path) else "there is no such file"
        raise UsageError(f"calibration data: cannot read {path}: {why}; expected a .npz file with an array for each input") from None


def _checked(source: Source, feeds: Mapping[str, Any], where: str) -> dict[str, Any]:
    names = [port.name for port in source.artifact.inputs]
    if set(feeds) != set(names):
        raise UsageError(f"{where}: has {', '.join(sorted(feeds)) or 'nothing'}, the model takes {', '.join(names)}")
    for name in names:
        example, array = source.feeds[name], feeds[name]
        if array.dtype != example.dtype:
            raise UsageError(f"{where}: {name!r} is {array.dtype.name}, the model takes {example.dtype.name}")
        free = source.dynamic.get(name, {})
        fits = array.ndim == example.ndim and all(n == m or axis in free for axis, (n, m) in enumerate(zip(array.shape, example.shape)))
        if not fits or not array.size:
            shape = "x".join("any" if axis in free else str(length) for axis, length in enumerate(example.shape))
            raise UsageError(f"{where}: {name!r} has the shape {'x'.join(map(str, array.shape))}, the model takes {shape}")
    return {name: np.array(feeds[name]) for name in names}
