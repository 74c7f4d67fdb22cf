"""The clip to draw: its record, its samples, and the part that is shown."""

from __future__ import annotations

import contextlib
import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from emocli import records
from emocli.errors import EmptyInputError, RecordError, UsageError
from emocli.io import inputs
from emocli.io.store import Store
from emocli.modalities import audio
from emocli.pipeline.context import Context
from emocli.records import Record

if TYPE_CHECKING:
    from emocli.signals.audio import Samples

Part = tuple[float | None, float | None]  # seconds of the recording; None is its start or end

LEAST_S = 0.1  # the least that Praat can analyse
MOST_S = 60.0  # 17 pixels per second, where a vowel is one pixel wide; our choice
MARGIN_S = 0.5  # analysed on either side of a part, to avoid edge effects
REMEMBERED = 1000  # ids kept for suggestions


@dataclass(frozen=True)
class Clip:
    """A record, its samples (time,) from `offset`, and which seconds of it to show."""

    record: Record
    samples: Samples
    offset: float
    first: float
    last: float
    by: str = "pitch"  # the level that colours the vowels
    rate_hz: int = 16_000

    @property
    def prosody(self) -> Record:
        """The `prosody` of the record."""
        prosody = self.record.get("prosody")
        return prosody if isinstance(prosody, dict) else {}


def source(stdin: BinaryIO, name: str | None) -> str:
    """Return the input; raise UsageError rather than wait for a terminal."""
    if name is None and stdin.isatty():
        raise UsageError("no input: name a file, or pipe records into stdin")
    return name or "-"


def find(stdin: BinaryIO, name: str | None, record_id: str | None) -> Record:
    """Return the first record of an input, or the one with an id."""
    items = inputs.Source(inputs.named([source(stdin, name)]), stdin)
    seen: list[str] = []
    for record in items:
        if record_id is None or record.get("id") == record_id:
            return record
        if len(seen) < REMEMBERED:
            seen.append(records.name_of(record))
    if items.problem is not None:
        raise items.problem
    if not items.count:
        raise EmptyInputError("no input records")
    close = difflib.get_close_matches(record_id or "", seen, 1, cutoff=0) or seen
    raise UsageError(f"--id {record_id}: no such record among {items.count}", hint=f"{close[0]}?")


@contextlib.contextmanager
def naming(record: Record) -> Iterator[None]:
    """Prefix messages about a record with its name."""
    try:
        yield
    except RecordError as error:
        message = f"{records.name_of(record)}: {error.message}"
        raise RecordError(error.code, message, hint=error.hint) from None


def prepare(record: Record, store: Store, part: Part, by: str) -> Clip:
    """Return a clip ready to be drawn; missing prosody is measured.

    Raises RecordError without audio, UsageError if the part lies outside the audio.
    """
    record = _measured(record, store, part)
    samples = audio.samples(record, store)
    offset = audio.span_of(record)[0] or 0.0
    _check_level(record, by)
    first, last = _shown(records.name_of(record), part, offset, offset + len(samples) / 16_000)
    start = max(round((first - MARGIN_S - offset) * 16_000), 0)
    end = round((last + MARGIN_S - offset) * 16_000)
    return Clip(record, samples[start:end], offset + start / 16_000, first, last, by)


def _measured(record: Record, store: Store, part: Part) -> Record:
    """Return the record with `prosody`; for a bare file, only that of the part.

    It is measured again if phones were added after it, to include their vowels.
    """
    from emocli.stages import prosody

    _refuse(record)
    present = record.get("prosody")
    if isinstance(present, dict) and ("vowels" in present or not record.get("phones")):
        return record
    if "audio" not in record:
        span = audio.span_of(record)
        starts = [t for t in (span[0], part[0]) if t is not None]
        ends = [t for t in (span[1], part[1]) if t is not None]
        record = {**record, **({"start": max(starts)} if starts else {})}
        record |= {"end": min(ends)} if ends else {}
    (measured,) = prosody.stage(Context(store=store))(iter([dict(record)]))
    _refuse(measured)
    return measured


def _refuse(record: Record) -> None:
    """Raise the error of a record that has no audio to draw."""
    missing = record.get("missing")
    problem = record.get("error") or (missing.get("audio") if isinstance(missing, dict) else None)
    if isinstance(problem, dict):
        code, message, hint = (str(problem.get(k) or "") for k in ("code", "message", "hint"))
        raise RecordError(code or "failed", message or "an earlier stage failed", hint=hint)


def _check_level(record: Record, by: str) -> None:
    """Raise UsageError if vowels have levels, but none of this name."""
    vowels = record["prosody"].get("vowels") if isinstance(record.get("prosody"), dict) else None
    listed = [v.get("levels") for v in vowels or () if isinstance(v, dict)]
    names = dict.fromkeys(name for levels in listed if isinstance(levels, dict) for name in levels)
    if names and by not in names:
        raise UsageError(f"--by: unknown level {by}", hint=", ".join(names))


def _shown(name: str, part: Part, start: float, end: float) -> tuple[float, float]:
    """Return start and end of what is shown, in seconds: the part, clipped to the audio."""
    first = start if part[0] is None else max(part[0], start)
    last = end if part[1] is None else min(part[1], end)
    if math.isnan(first + last) or last - first < LEAST_S:
        raise UsageError(
            f"{name}: less than {LEAST_S} s to show",
            hint=f"the audio is from {start:.2f} to {end:.2f} s; --start, --end",
        )
    if last - first > MOST_S:
        hint = f"a part of it, such as --start {first:g} --end {first + 10:g}"
        raise UsageError(f"{name}: {last - first:.0f} s is too long for a page", hint=hint)
    return first, last
