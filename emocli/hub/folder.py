"""A model given as a folder of one's own: its revision, hashed once and remembered.

Hashing 16 GB takes half a minute, so the digest is kept in the cache beside size and time of every
file, and made anew when any of these has changed.
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
from emocli.io.store import cache_home


def revision(folder: Path) -> str:
    """Return local:DIGEST over the names and contents of all files in a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    state = [[str(path.relative_to(folder)), *_stamp(path)] for path in files]
    place = _place(folder)
    known = _read(place)
    if known.get("files") == state:
        return str(known["revision"])
    text = "".join(f"{path.relative_to(folder)} {digest(path)}\n" for path in files)
    found = "local:" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    _write(place, {"folder": str(folder), "files": state, "revision": found})
    return found


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _place(folder: Path) -> Path:
    name = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:32]
    return cache_home() / "folders" / f"{name}.json"


def _read(place: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(place.read_text(encoding="utf-8"))
        return known if isinstance(known, dict) else {}
    return {}


def _write(place: Path, known: dict[str, Any]) -> None:
    """Keep what is known, whole or not at all; a cache that cannot be written costs time only."""
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(known), encoding="utf-8")
        part.replace(place)
