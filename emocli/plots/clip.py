"""The clip that a picture is of: which record, its samples, and the part that is shown."""

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

LEAST_S = 0.1  # Praat finds nothing in less
MOST_S = 60.0  # 17 pixels a second: a vowel is one pixel wide; our choice
MARGIN_S = 0.5  # analysed on either side of a part, so that its edges are like the rest
REMEMBERED = 1000  # ids to suggest from


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
        """What was measured."""
        found = self.record.get("prosody")
        return found if isinstance(found, dict) else {}


def source(stdin: BinaryIO, name: str | None) -> str:
    """Return the input; a terminal without a name is a usage error, never a wait."""
    if name is None and stdin.isatty():
        raise UsageError("no input: name a file, or pipe records into stdin")
    return name or "-"


def find(stdin: BinaryIO, name: str | None, wanted: str | None) -> Record:
    """Return the first record of an input, or the one with an id."""
    items = inputs.Source(inputs.named([source(stdin, name)]), stdin)
    seen: list[str] = []
    for _, record in items:
        if wanted is None or record.get("id") == wanted:
            return record
        if len(seen) < REMEMBERED:
            seen.append(records.name_of(record))
    if items.problem is not None:
        raise items.problem
    if not items.count:
        raise EmptyInputError("no input records")
    close = difflib.get_close_matches(wanted or "", seen, 1, cutoff=0) or seen
    raise UsageError(f"--id {wanted}: no such record among {items.count}", hint=f"{close[0]}?")


@contextlib.contextmanager
def naming(record: Record) -> Iterator[None]:
    """Let messages about a record say which one it is."""
    try:
        yield
    except RecordError as error:
        message = f"{records.name_of(record)}: {error.message}"
        raise RecordError(error.code, message, hint=error.hint) from None


def prepare(record: Record, store: Store, part: Part, by: str) -> Clip:
    """Return a clip ready to be drawn; prosody that it lacks is measured.

    Raises RecordError where there is no audio, UsageError where the part is not in it.
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
    """Return the record with `prosody`; of a file of which nothing is known, only of the part.

    It is measured again where the phones came later than it, for the sake of their vowels.
    """
    from emocli.stages import prosody

    _refuse(record)
    found = record.get("prosody")
    if isinstance(found, dict) and ("vowels" in found or not record.get("phones")):
        return record
    if "audio" not in record:
        known = audio.span_of(record)
        starts = [t for t in (known[0], part[0]) if t is not None]
        ends = [t for t in (known[1], part[1]) if t is not None]
        record = {**record, **({"start": max(starts)} if starts else {})}
        record |= {"end": min(ends)} if ends else {}
    (measured,) = prosody.stage(Context(store=store))(iter([dict(record)]))
    _refuse(measured)
    return measured


def _refuse(record: Record) -> None:
    """Raise the problem of a record that has no audio to draw."""
    missing = record.get("missing")
    problem = record.get("error") or (missing.get("audio") if isinstance(missing, dict) else None)
    if isinstance(problem, dict):
        code, message, hint = (str(problem.get(k) or "") for k in ("code", "message", "hint"))
        raise RecordError(code or "failed", message or "it failed before", hint=hint)


def _check_level(record: Record, by: str) -> None:
    """Raise UsageError where vowels have levels, but none of that name."""
    vowels = record["prosody"].get("vowels") if isinstance(record.get("prosody"), dict) else None
    found = [v.get("levels") for v in vowels or () if isinstance(v, dict)]
    names = dict.fromkeys(name for levels in found if isinstance(levels, dict) for name in levels)
    if names and by not in names:
        raise UsageError(f"--by {by}: no such level", hint=", ".join(names))


def _shown(name: str, part: Part, start: float, end: float) -> tuple[float, float]:
    """Return which seconds to show: the part, as far as there is audio."""
    first = start if part[0] is None else max(part[0], start)
    last = end if part[1] is None else min(part[1], end)
    if math.isnan(first + last) or last - first < LEAST_S:
        raise UsageError(
            f"{name}: less than {LEAST_S} s to show",
            hint=f"the audio is from {start:.2f} to {end:.2f} s; --start, --end",
        )
    if last - first > MOST_S:
        hint = f"a part of it, such as --start {first:g} --end {first + 10:g}"
        raise UsageError(f"{name}: {last - first:.0f} s are too long for a page", hint=hint)
    return first, last
