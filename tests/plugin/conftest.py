"""A project of tiny ONNX graphs, fresh for each test; see `small_project`."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_project import ROOT, Project


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all these projects: what is no concern of a test is replayed."""
    return tmp_path_factory.mktemp("parity-cache")


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, shared_cache: Path) -> Project:
    """An empty project that can import the harness."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PARITY_CACHE", str(shared_cache))
    for name in ("CI", "BUILD_NUMBER", "COLUMNS", "PYTEST_XDIST_WORKER"):  # with these pytest prints other lines, or measures no latency
        monkeypatch.delenv(name, raising=False)
    return Project(pytester)
