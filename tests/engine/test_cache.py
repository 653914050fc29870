"""The cache: one maker per key, whole entries or none, harmed entries made again, bounded."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.core.generated import TABLE
from harness.engine import cache as caches
from harness.engine.cache import Cache


def maker(counter: list[int], text: str = "content") -> Any:
    """Return a function that fills an entry and counts how often it was asked."""

    def make(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
        counter.append(1)
        (folder / "model.bin").write_text(text)
        return {"fact": 1}, {"outputs": {"y": np.arange(3.0), "empty": np.empty((0, 2), np.float32)}}

    return make


def test_second_read_is_a_hit_with_the_same_arrays(tmp_path: Path) -> None:
    calls: list[int] = []
    cache = Cache(tmp_path)
    assert not cache.get({"k": 1}, maker(calls)).hit
    entry = cache.get({"k": 1}, maker(calls))
    assert entry.hit
    assert len(calls) == 1
    arrays = entry.arrays("outputs")
    assert arrays["y"].tolist() == [0.0, 1.0, 2.0]
    assert arrays["empty"].shape == (0, 2)
    with pytest.raises(ValueError, match="read-only"):
        arrays["y"][0] = 5


@pytest.mark.parametrize("harm", ["truncate", "flip", "delete", "meta"])
def test_harmed_entry_is_made_again(tmp_path: Path, harm: str) -> None:
    calls: list[int] = []
    cache = Cache(tmp_path)
    entry = cache.get({"k": 1}, maker(calls))
    target = entry.folder / "content" / "model.bin"
    if harm == "truncate":
        target.write_text("con")
    elif harm == "flip":
        target.write_text("Content")
    elif harm == "delete":
        target.unlink()
    else:
        (entry.folder / "entry.json").write_text('{"facts":')
    assert not cache.get({"k": 1}, maker(calls)).hit
    assert target.read_text() == "content"
    assert len(calls) == 2


def test_a_large_file_is_read_once_and_again_after_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    read: list[str] = []
    plain = caches.digest_file
    monkeypatch.setattr(caches, "LARGE", 7)
    monkeypatch.setattr(caches, "digest_file", lambda path: (read.append(path.name), plain(path))[1])
    cache = Cache(tmp_path)
    model = cache.get({"k": 1}, maker(calls)).folder / "content" / "model.bin"
    read.clear()
    assert cache.get({"k": 1}, maker(calls)).hit
    assert "model.bin" not in read
    assert Cache(tmp_path).get({"k": 1}, maker(calls)).hit
    assert "model.bin" in read, "another process has not seen it yet"
    model.write_text("Content")
    os.utime(model, ns=(1, 1))
    assert not cache.get({"k": 1}, maker(calls)).hit
    assert (len(calls), model.read_text()) == (2, "content")


def test_failed_maker_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fail(_: Path) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.get({"k": 1}, fail)
    assert cache.info()["entries"] == 0
    assert not list(tmp_path.glob("making-*"))


def test_concurrent_readers_share_one_maker(tmp_path: Path) -> None:
    calls: list[int] = []
    threads = [threading.Thread(target=lambda: Cache(tmp_path).get({"k": 1}, maker(calls))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_prune_removes_the_least_recently_used_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit=1)
    cache.get({"k": 1}, maker([]))
    assert cache.prune() == 1
    assert cache.info()["entries"] == 0


def test_what_was_generated_counts_and_goes_like_an_entry(tmp_path: Path) -> None:
    folder = tmp_path / "generated" / "0123"
    folder.mkdir(parents=True)
    (folder / TABLE).write_text("{}")
    assert Cache(tmp_path).prune() == 0
    assert Cache(tmp_path, limit=1).prune() == 1
    assert not folder.exists()


def test_fresh_makes_each_entry_once_per_run(tmp_path: Path) -> None:
    calls: list[int] = []
    Cache(tmp_path).get({"k": 1}, maker(calls))
    fresh = Cache(tmp_path, fresh=True)
    assert not fresh.get({"k": 1}, maker(calls)).hit
    assert fresh.get({"k": 1}, maker(calls)).hit
    assert len(calls) == 2
