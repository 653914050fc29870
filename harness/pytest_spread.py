"""What the main process learns from reports: under pytest-xdist it collects and runs nothing itself."""

from __future__ import annotations

import os
from typing import Any

import pytest

OWNER = "parity_owner"
USAGE = "parity_usage"
OUTCOME = "parity_outcome"


class Spread:
    """Watches the reports. ``active`` once a cell was run, here or in a worker; ``broken`` holds declarations that are wrong."""

    def __init__(self) -> None:
        self.active = False
        self.broken: list[str] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker whose records it writes."""
        node.workerinput[OWNER] = os.getpid()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note that there were cells, and which of them were declared wrongly."""
        found = dict(report.user_properties)
        self.active = self.active or OUTCOME in found or USAGE in found
        if USAGE in found and report.when == "call":
            self.broken.append(str(found[USAGE]))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """End the session when a worker did because of a usage error: it is the same one in all of them."""
        said = (getattr(node, "workeroutput", None) or {}).get(USAGE)
        if said:
            pytest.exit(said, returncode=2)
