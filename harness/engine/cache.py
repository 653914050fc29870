"""A content-addressed cache of references, artifacts and runs. Safe under concurrent processes.

An entry is a folder named by its key; it appears by one rename, is verified by size and SHA-256 each
time it is read, and is made again when anything about it is wrong.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import filelock
import platformdirs

from harness.core import arrays
from harness.core.record import SCHEMA
from harness.core.value import value

META = "entry.json"
LAYOUT = 1
DEFAULT_BYTES = 10 * 2**30
LARGE = 2**26
"""Files from so many bytes on are not read at each use, only at the first and after a change."""


def default_root() -> Path:
    """Return the cache folder (``PARITY_CACHE`` overrides it)."""
    return Path(os.environ.get("PARITY_CACHE") or platformdirs.user_cache_dir("parity"))


def key_of(parts: Mapping[str, Any]) -> str:
    """Return the key of an entry: SHA-256 of everything its content depends on, schema included."""
    text = json.dumps({"schema": SCHEMA, "layout": LAYOUT, **parts}, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@value
class Entry:
    """One finished entry: its folder, the facts stored with it, and whether it was found or just made."""

    folder: Path
    facts: Mapping[str, Any]
    hit: bool

    def arrays(self, group: str) -> dict[str, Any]:
        """Return the arrays stored under ``group``, memory-mapped and read-only."""
        index = self.facts["arrays"].get(group, {})
        return arrays.read({name: {**item, "file": str(self.folder / item["file"])} for name, item in index.items()})


class Cache:
    """The cache below one folder, bounded to ``limit`` bytes by `prune`. ``fresh`` makes every entry anew."""

    def __init__(self, root: Path | None = None, *, limit: int = DEFAULT_BYTES, fresh: bool = False) -> None:
        self.root = root or default_root()
        self.limit = limit
        self.fresh = fresh
        self._made: set[str] = set()
        self._seen: dict[Path, tuple[str, int, int]] = {}
        (self.root / "entries").mkdir(parents=True, exist_ok=True)

    def get(self, parts: Mapping[str, Any], make: Callable[[Path], tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]]) -> Entry:
        """Return the entry for ``parts``; ``make(folder)`` fills a missing one.

        ``make`` writes files below the folder it is given and returns facts (plain data) and groups
        of arrays to store. Its exceptions pass through and leave nothing behind. Two processes that
        want one entry: one makes it, the other waits and reads it.
        """
        key = key_of(parts)
        place = self.root / "entries" / key[:2] / key
        usable = not self.fresh or key in self._made
        if usable and (entry := self._read(place)):
            return entry
        place.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(f"{place}.lock"):
            if usable and (entry := self._read(place)):
                return entry
            made = self._make(place, make)
        self._made.add(key)
        return made

    def _make(self, place: Path, make: Callable[[Path], tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]]) -> Entry:
        work = Path(tempfile.mkdtemp(prefix="making-", dir=self.root))
        try:
            content = work / "content"
            content.mkdir()
            facts, groups = make(content)
            index: dict[str, Any] = {}
            for group, members in groups.items():
                folder = work / f"arrays-{len(index)}"
                folder.mkdir()
                written = arrays.write(str(folder), members)
                index[group] = {name: {**item, "file": os.path.relpath(item["file"], work)} for name, item in written.items()}
            files = {str(f.relative_to(work)): (f.stat().st_size, digest_file(f)) for f in sorted(work.rglob("*")) if f.is_file()}
            stored = {**facts, "arrays": index}
            (work / META).write_text(json.dumps({"facts": stored, "files": files}))
            if place.exists():
                shutil.rmtree(place)
            work.rename(place)
            for name, (_, digest) in files.items():
                self._seen[place / name] = (digest, *_stamp(place / name))
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
        return Entry(folder=place, facts=stored, hit=False)

    def _read(self, place: Path) -> Entry | None:
        """Return a whole and unharmed entry, else None.

        It removes nothing: outside the lock another process may just be renaming a good one into place.
        """
        try:
            meta = json.loads((place / META).read_text())
            for name, (size, digest) in meta["files"].items():
                if not self._whole(place / name, size, digest):
                    return None
            entry = Entry(folder=place, facts=meta["facts"], hit=True)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        os.utime(place)
        return entry

    def _whole(self, path: Path, size: int, digest: str) -> bool:
        """Return whether a file is as it was stored. A large one is read once, and again after a change."""
        if path.stat().st_size != size:
            return False
        seen = (digest, *_stamp(path))
        if size >= LARGE and self._seen.get(path) == seen:
            return True
        if digest_file(path) != digest:
            return False
        self._seen[path] = seen
        return True

    def info(self) -> dict[str, Any]:
        """Return the folder, the number of entries, their bytes and the limit."""
        rows = self._rows()
        return {"folder": str(self.root), "entries": len(rows), "bytes": sum(size for _, size, _ in rows), "limit": self.limit}

    def prune(self) -> int:
        """Remove the entries unused for longest until the cache fits its limit; return how many went."""
        rows = sorted(self._rows())
        total, gone = sum(size for _, size, _ in rows), 0
        for _, size, place in rows:
            if total <= self.limit:
                break
            shutil.rmtree(place, ignore_errors=True)
            Path(f"{place}.lock").unlink(missing_ok=True)
            total, gone = total - size, gone + 1
        for leftover in (*self.root.glob("making-*"), *self.root.glob("generated/making-*")):
            if time.time() - leftover.stat().st_mtime > 86400:
                shutil.rmtree(leftover, ignore_errors=True)
        return gone

    def clean(self) -> int:
        """Remove every entry; return how many there were."""
        rows = self._rows()
        for part in ("entries", "manifests", "generated"):
            shutil.rmtree(self.root / part, ignore_errors=True)
        for leftover in self.root.glob("making-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        (self.root / "entries").mkdir(parents=True, exist_ok=True)
        return len(rows)

    def _rows(self) -> list[tuple[float, int, Path]]:
        rows = []
        # What was generated from models (see `harness.generate.discover`) lies beside the entries and counts like one.
        for made in (*self.root.glob(f"entries/*/*/{META}"), *self.root.glob("generated/*/table.json")):
            place = made.parent
            try:
                size = sum(f.stat().st_size for f in place.rglob("*") if f.is_file())
                rows.append((place.stat().st_mtime, size, place))
            except OSError:
                continue
        return rows


def _stamp(path: Path) -> tuple[int, int]:
    """Return what changes with a file, without reading it."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a file, read piece by piece: it may hold the weights of a large model."""
    total = hashlib.sha256()
    with path.open("rb") as stream:
        for block in iter(lambda: stream.read(1 << 20), b""):
            total.update(block)
    return total.hexdigest()
