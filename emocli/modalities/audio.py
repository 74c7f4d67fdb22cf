"""Audio: the samples of a recording, decoded from its file or kept in the store."""

from __future__ import annotations

import contextlib
import math
import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from emocli import records
from emocli.errors import AbsentError, RecordError, UsageError
from emocli.io import tables
from emocli.io.store import Store
from emocli.records import Record
from emocli.records.jsonl import STDIN
from emocli.records.missing import lose, lost
from emocli.records.modality import in_file, names_other, present

if TYPE_CHECKING:
    from emocli.signals.audio import Audio, Samples

PLAIN: Record = {  # the middle of tiny.en: our choice
    "encoder": "whisper-tiny.en",
    "layer": [2],
    "pooling": "mean+std",
    "level_dbfs": -26.0,
}
LAYER_COUNTS = ("num_hidden_layers", "encoder_layers")  # names of the number of layers
SEVERAL_LAYERS = True
BATCH = 16  # fastest of 4 to 64 on two cores
BUDGET = 480.0  # seconds of audio in a batch at most: sixteen windows of 30 s
FLAGS = {"level": "--level needs --modality audio"}

# The decoded 16-bit sound of a record, for the stages of this process: never written.
SOUND = "\0sound"

LOWEST_DBFS = -60.0  # below it, 16 bits are too few for a voice
# Half an hour of samples, so that several stages in one process decode only once.
CACHE_BYTES = 128 * 2**20
PIPES = (STDIN, "/dev/fd/", "/proc/self/fd/")  # names of what only one process could read


def settings(flags: Record) -> Record:
    """Return what flags of `encode` add to a spec: the level to which sound is normalised."""
    level = flags.get("level")
    return {"level_dbfs": _level(level)} if level else {}


def _level(text: str) -> float | None:
    try:
        value = None if text == "none" else float(text)
    except ValueError:
        value = 1.0
    if value is not None and not LOWEST_DBFS <= value <= 0.0:
        raise UsageError(f"--level {text}: neither none nor a number from {LOWEST_DBFS:g} to 0")
    return value


def of_model(config: Record) -> Record:
    """Return the defaults for a model with this config.json: the middle layer, our choice.

    >>> of_model({"num_hidden_layers": 12}), of_model({})
    ({'layer': [6]}, {})
    """
    counts = (config.get(name) for name in LAYER_COUNTS)
    found = [count for count in counts if isinstance(count, int)]
    return {"layer": [found[0] // 2]} if found else {}


def length(record: Record) -> float:
    """Return the seconds of a recording."""
    return float(record["audio"]["duration"])


def material(record: Record, spec: Record, store: Store) -> Samples:
    """Return the samples (time,) of a record, at the level of the spec."""
    from emocli.encoders import levels, speech_windows

    if is_absent(record):
        raise AbsentError("no_audio", "no audio", hint="the record names no file")
    if not present(record, "audio") and not in_file(record, "audio"):
        raise RecordError("no_audio", "no file and no audio", hint="a record needs a path")
    waveform = samples(record, store)
    levels.require_usable(waveform)
    if speech_windows.is_silent(waveform):
        raise AbsentError("silence", "the recording is silent", hint="was the microphone on?")
    level = spec.get("level_dbfs")
    return waveform if level is None else levels.normalise_level(waveform, level)


def is_lost(record: Record) -> bool:
    """Say whether a record is noted to have no audio: audio stages pass it on."""
    return lost(record, "audio") is not None


def is_absent(record: Record) -> bool:
    """Return whether a record is about other modalities and has no audio."""
    here = present(record, "audio") or in_file(record, "audio")
    return not here and names_other(record, "audio")


def passed_on(record: Record, stage: str) -> bool:
    """Say whether a record has no audio; one of another modality is noted, and is no failure."""
    if is_lost(record):
        return True
    if not is_absent(record):
        return False
    is_text = isinstance(record.get("text"), str) and not record.get("path")
    hint = "the record is a text and names no file" if is_text else "the record names no sound"
    lose(record, {"stage": stage, "code": "no_audio", "message": "no audio", "hint": hint}, "audio")
    return True


def samples(record: Record, store: Store | None) -> Samples:
    """Return the samples (time,) of a record, 16 kHz mono float32, read-only.

    From `audio.path` in the store if the record has one, else decoded from `path`; both give
    the same numbers. A warning of the decoder is kept in `audio` of the record. Raises RecordError
    as `emocli.signals.audio.read` does.
    """
    try:
        path = stored(record)
        if path is None or store is None or SOUND in record:
            recording = decoded(record)
            _keep_warning(record, recording)
            return recording.samples
        file = os.fspath(store.path(path))
        return _CACHE.get((file,), file).samples
    except RecordError as error:
        error.modality = "audio"  # whatever the modality of the calling stage
        raise


def described(audio: Audio) -> Record:
    """Return the `audio` of a record whose samples are not in the store."""
    description = {
        "sample_rate_hz": audio.sample_rate_hz,
        "duration": audio.duration,
        "channels": audio.channels,
        "decoder": audio.decoder,
    }
    return description if audio.warning is None else description | {"warning": audio.warning}


def _keep_warning(record: Record, recording: Audio) -> None:
    """Add `audio` to a record whose recording has a warning, where it is not there yet."""
    about = record.get("audio") or {}
    if recording.warning is not None and about.get("warning") is None:
        record["audio"] = described(recording) | about | {"warning": recording.warning}


def span_of(record: Record) -> tuple[float | None, float | None]:
    """Return `start` and `end` of a record in seconds; RecordError bad_span for no number."""
    return _seconds(record, "start"), _seconds(record, "end")


def _seconds(record: Record, field: str) -> float | None:
    value = record.get(field)
    if value is None or value == "":
        return None
    try:
        seconds = tables.number(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if isinstance(value, bool):  # which Python takes for 0 or 1
        seconds = math.nan
    if not math.isfinite(seconds):
        raise RecordError("bad_span", f"{field} is not a number of seconds: {value!r:.80}")
    return seconds


def stored(record: Record) -> str | None:
    """Return `audio.path`; RecordError bad_audio if `audio` has not the form that we write."""
    audio = record.get("audio") or {}
    path = audio.get("path") if isinstance(audio, dict) else 0
    if not isinstance(path, str | None):
        raise RecordError("bad_audio", f"audio is not what extract-audio adds: {audio!r:.80}")
    return path


def decoded(record: Record) -> Audio:
    """Return the decoded audio of a record's part of its file, or what comes with the record."""
    if SOUND in record:
        from emocli.signals import audio

        recording = audio.of_decoded(record[SOUND])
        recording.samples.flags.writeable = False
        return recording
    path = records.path_of(record)
    if path.startswith(PIPES) and not os.path.lexists(path):
        hint = "emocli extract-audio, as the first step of a pipe, keeps the sound in the store"
        raise RecordError("not_found", f"what came through {path} is not here any more", hint=hint)
    start, end = span_of(record)
    version: tuple[int, ...] = ()
    with contextlib.suppress(OSError):
        status = os.stat(path)  # noqa: PTH116 - a bare name is enough
        version = (status.st_mtime_ns, status.st_size)
    return _CACHE.get((path, start, end, *version), path, start, end)


def keep(samples: Samples, store: Store) -> str:
    """Write samples (time,) in -1..1, 16 kHz, as FLAC; return their path in the store."""
    from emocli.signals import audio

    values = audio.quantise(samples)
    digest = audio.sha256(values)
    return store.has(digest, ".flac") or store.put(digest, ".flac", audio.flac_bytes(values))


class _Cache:
    """The recordings decoded last in this process, up to CACHE_BYTES."""

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
        recording = audio.read(path, start=start, end=end)
        recording.samples.flags.writeable = False
        self.kept[key] = recording
        self.bytes += recording.samples.nbytes
        while self.bytes > CACHE_BYTES:
            self.bytes -= self.kept.popitem(last=False)[1].samples.nbytes
        return recording


_CACHE = _Cache()
