"""A real browser, and a page of records in it from disk."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from harness.core.record import Record
from harness.report.html import render_html
from tests.report.driving import Open, size

BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without a window. Skips where it or its driver is missing."""
    if not (os.path.exists(BROWSER) and os.path.exists(DRIVER)):
        pytest.skip(f"{BROWSER} or {DRIVER} is missing; install the packages chromium and chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed; pip install selenium")
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    profile = tmp_path_factory.mktemp("profile")
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    from selenium.webdriver.chrome.service import Service

    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_page_load_timeout(60)
    yield driver
    driver.quit()


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Return a function that opens the page of some records; afterwards nothing may have gone wrong or out."""

    def show(records: Sequence[Record], fragment: str = "", **options: Any) -> Any:
        path = tmp_path / "index.html"
        path.write_text(render_html(records, **options), encoding="utf-8")
        browser.get("about:blank")
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(path.as_uri() + fragment)
        return browser

    size(browser, 1360, 1000)
    yield show
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert [url for url in requests if not url.startswith(("file:", "about:"))] == []
