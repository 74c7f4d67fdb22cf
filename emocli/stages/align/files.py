"""Alignments in files: those of the user, read for a record, and TextGrids written from one."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from emocli import records
from emocli.errors import RecordError, UsageError
from emocli.io.writing import whole_file
from emocli.modalities import audio
from emocli.records import Record, names, texts
from emocli.records.jsonl import SPOOLED
from emocli.records.missing import notes
from emocli.signals import phones
from emocli.signals.phones import Span
from emocli.signals.textgrid import BINARY

READABLE = (".TextGrid", ".textgrid", ".lablaut")
TRANSCRIPTS = (".txt", ".lab")
PHONE_TIERS = ("phones", "phone", "phonemes", "phoneme", "mau", "segments", "segment", "phon")
WORD_TIERS = ("words", "word", "ort-mau", "ort", "orthography")


def names_of(record: Record) -> list[str]:
    """Return the possible file names of a record, without a suffix: by its id, then its path."""
    stems: list[str] = []
    identity = str(record.get("id") or "")
    path = records.path_of(record) if record.get("path") and SPOOLED not in record else ""
    for name in (identity, path):
        file = PurePath(name)
        parts = [part for part in file.parts if part not in ("..", file.anchor, ".")]
        for kept in (parts, parts[-1:]):
            if kept:
                stem = PurePath(*kept)
                stems += [str(stem), str(stem.with_suffix(""))]
    return list(dict.fromkeys(stems))


def find(folder: Path, record: Record, suffixes: Sequence[str]) -> Path | None:
    """Return the file of a record in a folder, however it spells accents; None without one."""
    for name in names_of(record):
        for suffix in suffixes:
            try:
                path = Path(names.on_disk(str(folder / f"{name}{suffix}")))
                if path.is_file():
                    return path
            except (OSError, ValueError):  # not a valid file name
                continue
    return None


def transcript(folder: Path, record: Record) -> tuple[str, Record]:
    """Return the text of a record from a folder, and a warning for `alignment`, if any.

    Raises RecordError no_transcript or bad_transcript.
    """
    path = find(folder, record, TRANSCRIPTS)
    if path is None:
        expected = " or ".join(names_of(record)[-1:]) + TRANSCRIPTS[0]
        hint = "name the file after the record's id or path, with this suffix"
        message = f"no transcript in {folder}, such as {expected}"
        raise RecordError("no_transcript", message, hint=hint)
    text, about = _read(path, "transcript")
    return " ".join(text.split()), about


def _read(path: Path, kind: str) -> tuple[str, Record]:
    """Return the text of a file, and a warning where its encoding is a guess.

    Raises RecordError no_KIND if it cannot be opened, bad_KIND if it is no text.
    """
    try:
        data = path.read_bytes()
        text, warning = texts.guessed(data)
    except OSError as error:
        raise RecordError(f"no_{kind}", f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        if data.startswith(BINARY.encode()):
            return BINARY, {}  # which the parser refuses
        hint = "save it as UTF-8 text"
        raise RecordError(f"bad_{kind}", f"{path}: {texts.reason(error)}", hint=hint) from None
    return text, {"warning": f"{path.name}: {warning}"} if warning else {}


def existing(folder: Path, record: Record) -> tuple[list[Span], list[str], Record]:
    """Return sounds, words and their source; times are from the start of the recording.

    Raises RecordError no_textgrid, bad_textgrid, no_phone_tier or bad_lablaut.
    """
    path = find(folder, record, READABLE)
    if path is None:
        expected = " or ".join(names_of(record)[-1:]) + READABLE[0]
        raise RecordError(
            "no_textgrid",
            f"no alignment in {folder}, such as {expected}",
            hint="name the file after the record's id or path, with this suffix",
        )
    kind = "lablaut" if path.suffix == ".lablaut" else "textgrid"
    text, warning = _read(path, kind)
    about = {"aligner": kind, "model": path.name}
    if kind == "lablaut":  # always Latin-1: nothing to warn of
        return *_of_lablaut(text), about
    return *_of_textgrid(text, str(record.get("speaker") or "")), about | warning


def _of_lablaut(text: str) -> tuple[list[Span], list[str]]:
    from emocli.signals import lablaut

    spans = [
        Span(s.ipa, s.start, s.end, None, None, s.original)
        for s in lablaut.parse(text)
        if not phones.is_silence(s.original)
    ]
    return spans, []


def _of_textgrid(text: str, speaker: str) -> tuple[list[Span], list[str]]:
    from emocli.signals import textgrid

    tiers = textgrid.parse(text)
    sounds = _tier(tiers, PHONE_TIERS, speaker)
    if sounds is None:
        listed = ", ".join(tier.name for tier in tiers) or "none"
        hint = f"name the tier of sounds {PHONE_TIERS[0]}"
        raise RecordError("no_phone_tier", f"no tier of sounds among: {listed}", hint=hint)
    word_tier = _tier(tiers, WORD_TIERS, speaker)
    intervals = [s for s in sounds.intervals if not phones.is_silence(s.label) and s.end > s.start]
    words = list(textgrid.spoken(word_tier.intervals if word_tier else [], intervals))
    parsed = phones.read([s.label for s in intervals])
    spans = []
    for interval, sound in zip(intervals, parsed, strict=True):
        middle = (interval.start + interval.end) / 2
        word = next((i for i, w in enumerate(words) if w.start <= middle < w.end), None)
        times = (interval.start, interval.end)
        spans.append(Span(sound.ipa, *times, word, sound.stress, interval.label))
    return spans, [w.label for w in words]


def _tier(tiers: Sequence[Any], wanted: Sequence[str], speaker: str) -> Any:
    """Return the tier with one of these names, as MFA writes it ("speaker - phones") or plain.

    The tier of this speaker comes before those of others.
    """
    for only_speaker in (True, False):
        for name in wanted:
            for tier in tiers:
                owner, _, kind = tier.name.rpartition(" - ")
                matches = owner.strip() in ("", speaker) or not only_speaker
                if kind.strip().lower() == name and matches:
                    return tier
    return None


def within(spans: list[Span], start: float | None, end: float | None) -> list[Span]:
    """Return the sounds whose midpoint lies in a part of the recording."""
    first, last = start or 0.0, float("inf") if end is None else end
    return [span for span in spans if first <= (span.start + span.end) / 2 < last]


def text_grid(record: Record) -> bytes:
    """Return the TextGrid of a record with phones: the tiers words and phones, or nuclei."""
    from emocli.signals.textgrid import Interval, Tier, dumps

    sounds = record.get("phones") or []
    nuclei = [Interval(p["start"], p["end"], "nucleus") for p in sounds if p["phone"] is None]
    spoken = [Interval(p["start"], p["end"], p["phone"]) for p in sounds if p["phone"] is not None]
    words = [
        Interval(word["start"], word["end"], word["text"])
        for word in (record.get("words") or [] if spoken else [])
        if None not in (word.get("start"), word.get("end"), word.get("text"))
    ]
    tiers = [Tier("nuclei", nuclei)] if nuclei else [Tier("words", words), Tier("phones", spoken)]
    start, end = limits(record, [*nuclei, *spoken, *words])
    return dumps(tiers, start, end).encode("utf-8", "replace")


def limits(record: Record, intervals: Sequence[Any]) -> tuple[float, float]:
    """Return start and end of the record's part of the recording, in seconds."""
    start = audio.span_of(record)[0] or 0.0
    parts = (part for part in (record.get("audio"), record["alignment"]) if isinstance(part, dict))
    known = (part.get("duration") for part in parts)
    duration = next((seconds for seconds in known if type(seconds) in (int, float)), None)
    last = max((interval.end for interval in intervals), default=start)
    return start, max(last, start + (duration or 0.0), start + 1e-3)


def written(folder: Path, incoming: Iterator[Record]) -> Iterator[Record]:
    """Pass records on, writing the TextGrid of each that has phones into a folder."""
    taken: set[str] = set()
    for record in incoming:
        if _has_alignment(record):
            _write(folder, record, taken)
        yield record


class OnlyTextGrid:
    """Writes the TextGrid of a single record, and refuses a second."""

    def __init__(self, path: Path | None, stdout: BinaryIO) -> None:
        self.path, self.stdout, self.done = path, stdout, False

    def __call__(self, record: Record) -> bool:
        """Write the TextGrid if the record has phones; raise UsageError for a second record."""
        if self.done:
            raise UsageError(
                "--format textgrid takes one record",
                hint="--write-textgrid DIR writes a file per record",
            )
        self.done = True
        if _has_alignment(record):
            with whole_file(self.path, self.stdout) as file:
                file.write(text_grid(record))
        return True


def _has_alignment(record: Record) -> bool:
    failed = bool(record.get("error")) or "phones" in notes(record)
    return not failed and "alignment" in record


def _path_of(record: Record) -> str:
    """Return the path of a record for its name, whatever it is."""
    try:
        return records.path_of(record)
    except RecordError:
        return records.name_of(record)


def _write(folder: Path, record: Record, taken: set[str]) -> None:
    name = PurePath(str(record.get("id") or _path_of(record))).name
    stem = name if "#" in name else PurePath(name).stem
    path = folder / f"{stem}{READABLE[0]}"
    if str(path) in taken:
        raise UsageError(
            f"--write-textgrid: two records would be written to {path}",
            hint="their ids must end differently, or write them to two folders",
        )
    taken.add(str(path))
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(path, io.BytesIO()) as file:
        file.write(text_grid(record))
