"""Decode the audio of media files: 16 kHz, mono, 16 bit, as FLAC in the store.

Reads `path` (with `start` and `end`, where a record is about a part of it). Adds `audio`: path in
the store, sample_rate_hz, duration, channels of the source, decoder, and a warning where only a
part could be decoded. Streams.

Stereo is averaged, so a voice in both channels keeps its level. wav, flac, aiff and ogg need no
ffmpeg; everything else goes through ffmpeg, and any file name is a file name: an option or a
protocol in it means nothing. A video without audio gets `missing.audio` and flows on; so does a
record that is only a text, which is no failure.

With --segment vad a record becomes one for each stretch of speech of at most 30 s, named
"id#start-end", with its own `start`, `end` and `audio`.

Example:
    emocli extract-audio interview.mp4 | jq .audio
"""

from __future__ import annotations

import contextlib
import math
import os
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emocli import pipeline, records
from emocli.cli import options
from emocli.errors import RecordError, UsageError
from emocli.io.store import Store
from emocli.records import Record, failures

if TYPE_CHECKING:
    from emocli.signals.audio import Audio, Samples

SEGMENTERS = ("none", "vad")
SEGMENTS = "\0segments"  # carries the segments of a record out of a worker; never written
CACHE_BYTES = 128 * 2**20  # half an hour of samples: several stages in one process decode once


@options.filter("jobs", "store")
def command(
    run: options.Run,
    segment: Annotated[
        str, typer.Option(metavar="none|vad", help="Cut long recordings where nobody speaks.")
    ] = "none",
) -> int:
    """Decode the audio of media files: 16 kHz, mono, 16 bit, as FLAC in the store."""
    if segment not in SEGMENTERS:
        raise UsageError(f"--segment {segment}: none of {', '.join(SEGMENTERS)}")
    if segment == "vad":
        return run.through(segments(run.store, jobs=run.jobs), one_to_one=False)
    return run.through(stage(run.store, jobs=run.jobs))


def stage(
    store: Store | None, *, jobs: int = 1, wanted: Callable[[Record], bool] | None = None
) -> pipeline.Stage:
    """Return the stage that adds `audio`; without a store the samples are not kept."""
    from emocli.signals import audio  # noqa: F401 - before the workers fork, once for all

    work = partial(extract, store=store)
    return pipeline.each(work, name="extract-audio", modality="audio", jobs=jobs, wanted=wanted)


def extract(record: Record, store: Store | None) -> Record:
    """Decode the audio of a record and describe it in `audio`."""
    if _is_stored(record, store) or passed_on(record, "extract-audio"):
        return record
    found = _decode(record)
    record["audio"] = _described(found, store)
    return record


def no_audio(record: Record) -> bool:
    """Say whether it is known already that a record has no audio: its stages pass it on."""
    return failures.lost(record, "audio") is not None


def passed_on(record: Record, stage: str) -> bool:
    """Say whether a record has no audio; that it is only a text is noted, and no failure."""
    if no_audio(record):
        return True
    only_text = isinstance(record.get("text"), str) and not (
        record.get("path") or record.get("audio")
    )
    if only_text:
        hint = "the record is a text and names no file"
        note = {"stage": stage, "code": "no_audio", "message": "no audio", "hint": hint}
        record["missing"] = {**(record.get("missing") or {}), "audio": note}
    return only_text


def samples(record: Record, store: Store | None) -> Samples:
    """Return the samples (time,) of a record, 16 kHz mono float32, not to be written to.

    From `audio.path` in the store where the record has one, else decoded from `path`; both give
    the same numbers. Raises RecordError as `emocli.signals.audio.read` does.
    """
    try:
        stored = _stored(record)
        if stored is None or store is None:
            return _decode(record).samples
        path = os.fspath(store.path(stored))
        return _CACHE.get((path,), path).samples
    except RecordError as error:
        error.modality = "audio"  # whatever the stage that asked works on
        raise


def span_of(record: Record) -> tuple[float | None, float | None]:
    """Return `start` and `end` of a record in seconds; RecordError bad_span if not numbers."""
    return _seconds(record, "start"), _seconds(record, "end")


def _seconds(record: Record, field: str) -> float | None:
    value = record.get(field)
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise RecordError("bad_span", f"{field} is not a number of seconds: {value!r:.80}")
    return seconds


def _is_stored(record: Record, store: Store | None) -> bool:
    stored = _stored(record)
    return stored is not None and store is not None and (store.root / stored).exists()


def _stored(record: Record) -> str | None:
    """Return `audio.path`; RecordError bad_audio where `audio` is not what we write."""
    audio = record.get("audio") or {}
    path = audio.get("path") if isinstance(audio, dict) else 0
    if not isinstance(path, str | None):
        raise RecordError("bad_audio", f"audio is not what extract-audio adds: {audio!r:.80}")
    return path


def _decode(record: Record) -> Audio:
    path = records.path_of(record)
    start, end = span_of(record)
    version: tuple[int, ...] = ()
    with contextlib.suppress(OSError):
        status = os.stat(path)  # noqa: PTH116 - a bare name is enough
        version = (status.st_mtime_ns, status.st_size)
    return _CACHE.get((path, start, end, *version), path, start, end)


def _described(found: Audio, store: Store | None) -> Record:
    """Return the `audio` of a record, and see to it that the store has the samples."""
    description: Record = {} if store is None else {"path": keep(found.samples, store)}
    description |= {
        "sample_rate_hz": found.sample_rate_hz,
        "duration": found.duration,
        "channels": found.channels,
        "decoder": found.decoder,
    }
    return description if found.warning is None else description | {"warning": found.warning}


def keep(samples: Samples, store: Store) -> str:
    """Write samples (time,) in -1..1, 16 kHz, as FLAC; return their path in the store."""
    from emocli.signals import audio

    values = audio.quantise(samples)
    digest = audio.sha256(values)
    return store.has(digest, ".flac") or store.put(digest, ".flac", audio.flac_bytes(values))


class _Cache:
    """The last recordings that were decoded in this process, up to CACHE_BYTES."""

    def __init__(self) -> None:
        self.kept: OrderedDict[tuple[Any, ...], Audio] = OrderedDict()
        self.bytes = 0

    def get(
        self,
        key: tuple[Any, ...],
        path: str,
        start: float | None = None,
        end: float | None = None,
    ) -> Audio:
        from emocli.signals import audio

        if key in self.kept:
            self.kept.move_to_end(key)
            return self.kept[key]
        found = audio.read(path, start=start, end=end)
        found.samples.flags.writeable = False
        self.kept[key] = found
        self.bytes += found.samples.nbytes
        while self.bytes > CACHE_BYTES:
            self.bytes -= self.kept.popitem(last=False)[1].samples.nbytes
        return found


_CACHE = _Cache()


def segments(store: Store, *, jobs: int = 1) -> pipeline.Stage:
    """Return the stage that makes a record of every stretch of speech."""
    work = partial(_cut, store=store)
    cut = pipeline.each(work, name="extract-audio", modality="audio", jobs=jobs)

    def run(incoming: Iterator[Record]) -> Iterator[Record]:
        for record in cut(incoming):
            yield from record.get(SEGMENTS) or [record]

    return run


def _cut(record: Record, store: Store) -> Record:
    from emocli.signals import audio, voice_activity

    if passed_on(record, "extract-audio"):
        return record
    whole = _decode(record)
    offset = span_of(record)[0] or 0.0
    spans = voice_activity.speech_segments(whole.samples)
    if not spans:
        hint = "without --segment the whole recording is used"
        raise RecordError("no_speech", "nobody speaks here", hint=hint)
    rate = audio.SAMPLE_RATE_HZ
    parts = []
    for exact in spans:
        start, end = (round(offset + second, 3) - offset for second in exact)
        values = whole.samples[round(start * rate) : round(end * rate)]
        part = audio.Audio(values, whole.channels, whole.decoder, whole.warning)
        times = {"start": round(offset + start, 3), "end": round(offset + end, 3)}
        name = f"{record.get('id')}#{times['start']:.2f}-{times['end']:.2f}"
        parts.append(record | {"id": name} | times | {"audio": _described(part, store)})
    return {**record, SEGMENTS: parts}
