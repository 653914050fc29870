"""Cases that were generated: one call of a sub-module, or function, of a declared case. Runs inside workers only.

The pytest process writes a folder with a table of parts and a small case file that calls `generated_cases`. Each case
builds its parent, walks it once on stored inputs and takes the one call out of it. Where the table comes from:
`harness.generate.parts`.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, Mapping

import numpy as np

from harness.core.case import Case, RealData
from harness.core.declared import beside, find_case

TABLE = "table.json"
FEEDS = "feeds.npz"

_parents: dict[tuple[str, ...], Any] = {}


def generated_cases(folder: str) -> list[Case]:
    """Return the cases of the table in ``folder``."""
    with open(os.path.join(folder, TABLE), encoding="utf-8") as stream:
        table = json.load(stream)
    return [_case(folder, table, part) for part in table["parts"]]


def _case(folder: str, table: Mapping[str, Any], part: Mapping[str, Any]) -> Case:
    from harness.core.registry import registry

    declared = Case.from_json(dict(part["case"], has_data=False))
    framework = table["framework"]

    def build() -> Any:
        adapter = registry().get("frameworks", framework)
        model = _parent(adapter, table, folder)
        return adapter.sub(model, part["path"], part["call"], part["bound"], declared.specs(framework))

    def real() -> RealData:
        feeds = arrays_in(os.path.join(folder, part["arrays"]))
        first = {name[2:]: array for name, array in feeds.items() if name.startswith("a/")}
        second = {name[2:]: array for name, array in feeds.items() if name.startswith("b/")}
        return RealData(feeds=first, more=(second,) if second else ())

    return dataclasses.replace(declared, build={framework: build}, data=real)


def _parent(adapter: Any, table: Mapping[str, Any], folder: str) -> Any:
    """Return the model that the parts are taken from, walked once; the last one is kept."""
    state = adapter.mode() if hasattr(adapter, "mode") else ""
    key = (table["file"], table["case"], table["digest"], table["framework"], folder, state)
    if key not in _parents:
        case = find_case(table["file"], table["case"])
        with beside(table["file"]):
            model = adapter.build(case)
        adapter.walk(model, arrays_in(os.path.join(folder, FEEDS)), [])
        # A float64 twin of the parent lives beside it for a while; others go.
        for other in [old for old in _parents if old[:-1] != key[:-1]]:
            del _parents[other]
        _parents[key] = model
    return _parents[key]


def arrays_in(path: str) -> dict[str, Any]:
    """Return the arrays of an ``.npz`` file; pickles are refused."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def part_case(case_id: str, framework: str, specs: Any, build: Any, seed: int) -> Case:
    """Return a case that stands for one call while it is tried out."""
    return Case(id=case_id, inputs=tuple(specs), build={framework: build}, seed=seed, level="unit")
