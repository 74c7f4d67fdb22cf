"""What was found in a recording is remembered in the store, so that it is looked for once."""

from __future__ import annotations

import contextlib
import hashlib
from importlib import metadata
from typing import NamedTuple

import orjson

from emocli.errors import EmocliError
from emocli.io.store import Store
from emocli.pipeline import journal_lines
from emocli.signals import voice_activity
from emocli.stages.segment.recordings import Place
from emocli.stages.segment.ways import FIXED, Way

SUFFIX = ".spans.json"
FORMAT = 2  # of what is remembered, and of how it is found: another one is looked for again


class Found(NamedTuple):
    """The segments of a recording in seconds, how long it is, and what is wrong with it."""

    spans: list[tuple[float, float]]
    seconds: float
    claimed_s: float | None  # by the header, if clearly less could be decoded
    warning: str | None


def recall(store: Store, place: Place, way: Way) -> Found | None:
    """Return what is remembered of a file as it is now; None if nothing is."""
    if not place.regular:
        return None
    with contextlib.suppress(OSError, ValueError, TypeError, ImportError):
        data = (store.root / Store.name(_key(place, way), SUFFIX)).read_bytes()
        spans, *others = orjson.loads(data)
        return Found([(float(start), float(end)) for start, end in spans], *others)
    return None


def keep(store: Store, place: Place, way: Way, found: Found) -> None:
    """Remember what was found; a store that cannot be written is no failure."""
    if place.regular:
        with contextlib.suppress(OSError, EmocliError):
            store.put(_key(place, way), SUFFIX, orjson.dumps(list(found)))


def _key(place: Place, way: Way) -> str:
    """Return the digest of a file's content, as far as the journal looks, and of the settings."""
    how = f"{way.kind} {way.seconds}" if way.kind == FIXED else _detector()
    settings = f"{FORMAT} {how}".encode()
    return hashlib.sha256(settings + b"\0" + journal_lines.content(place.path)).hexdigest()


def _detector() -> str:
    """Return what decides where speech is found: the durations, and the network's package."""
    durations = voice_activity.durations(voice_activity.CUT_PAD_MS)
    return f"{durations} faster-whisper {metadata.version('faster-whisper')}"
