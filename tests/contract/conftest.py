"""Workers, a folder and the contract model, one of each for every module of these tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.engine.manifest import Manifest, manifest
from harness.engine.pool import Limits, Pool
from harness.engine.serve import Serve

FILE = Path(__file__).with_name("declared.py")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder."""
    return tmp_path_factory.mktemp("contract")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Workers with time for a native framework to load."""
    with Pool(Limits(timeout=240.0)) as pool:
        yield pool


@pytest.fixture(scope="module")
def described(place: Path) -> Manifest:
    """The contract model, once for each framework."""
    return manifest(FILE, FILE.parent, place, lambda file, roots: Serve().describe(file, roots))
