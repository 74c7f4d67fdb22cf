"""A model in a local folder: its revision, hashed once and cached.

Hashing 16 GB takes half a minute, so the digest is cached with the size and the time of every file,
and computed again if any of these has changed.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from emocli.hub.cache import digest
from emocli.io.folders import cache_home


def revision(folder: Path) -> str:
    """Return local:DIGEST over the names and contents of all files in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    state = [[str(path.relative_to(folder)), *_stamp(path)] for path in files]
    cache_file = _cache_path(folder)
    cached = _read(cache_file)
    if cached.get("files") == state:
        return str(cached["revision"])
    text = "".join(f"{path.relative_to(folder)} {digest(path)}\n" for path in files)
    result = "local:" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    _write(cache_file, {"folder": str(folder), "files": state, "revision": result})
    return result


def digests(folder: Path, names: list[str]) -> dict[str, str]:
    """Return the sha256 of files by name; those that are not there are left out."""
    present = {name: folder / name for name in names if (folder / name).is_file()}
    state = [[name, *_stamp(path)] for name, path in present.items()]
    cache_file = _cache_path(folder).with_suffix(".files.json")
    cached = _read(cache_file)
    if cached.get("files") == state and isinstance(cached.get("digests"), dict):
        return dict(cached["digests"])
    found = {name: digest(path) for name, path in present.items()}
    _write(cache_file, {"folder": str(folder), "files": state, "digests": found})
    return found


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _cache_path(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
    return cache_home() / "folders" / f"{name}.json"


def _read(cache_file: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        cached = json.loads(cache_file.read_text(encoding="utf-8"))
        return cached if isinstance(cached, dict) else {}
    return {}


def _write(cache_file: Path, content: dict[str, Any]) -> None:
    """Write the cache atomically; a cache that cannot be written only costs time."""
    part = cache_file.with_name(f".{cache_file.name}.{secrets.token_hex(4)}.part")
    with contextlib.suppress(OSError):
        cache_file.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(content), encoding="utf-8")
        part.replace(cache_file)
