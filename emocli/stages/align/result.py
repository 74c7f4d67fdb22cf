"""The words and sounds in a record, timed in seconds from the start of the recording."""

from __future__ import annotations

from collections.abc import Sequence

from emocli.records import Record
from emocli.records.missing import clear_note
from emocli.signals import phones, transcripts
from emocli.signals.phones import Span

DIGITS = 3  # of a second: 1 ms


def add(
    record: Record, spans: Sequence[Span], words: Sequence[str], about: Record, offset: float
) -> Record:
    """Add `phones`, `words` and `alignment`; a span's word is an index into `words`."""
    record["phones"] = [_phone(span, words, offset) for span in spans]
    if words:
        record["words"] = _words(record, spans, words, offset)
    record["alignment"] = about
    return clear_note(record, "phones")


def _phone(span: Span, words: Sequence[str], offset: float) -> Record:
    phone = {
        "phone": span.ipa,
        "start": round(span.start + offset, DIGITS),
        "end": round(span.end + offset, DIGITS),
        "word": None if span.word is None else words[span.word],
        "is_vowel": span.ipa is None or phones.is_vowel(span.ipa),
        "stress": span.stress,
    }
    if span.original not in (None, span.ipa):
        phone["original"] = span.original
    return phone


def _words(
    record: Record, spans: Sequence[Span], words: Sequence[str], offset: float
) -> list[Record]:
    """Return the words with their times: the record's own words if they are the same."""
    times: dict[int, tuple[float, float]] = {}
    for span in spans:
        if span.word is not None:
            start = times.get(span.word, (span.start, 0.0))[0]
            times[span.word] = (start, span.end)
    groups = groups_of(record, words)
    if groups is None:
        groups = [({"text": word}, [index]) for index, word in enumerate(words)]
    timed = []
    for word, members in groups:
        known = [times[index] for index in members if index in times]
        if known:
            start, end = known[0][0] + offset, known[-1][1] + offset
            word = {**word, "start": round(start, DIGITS), "end": round(end, DIGITS)}
        timed.append({"text": None, "start": None, "end": None} | word)
    return timed


def groups_of(record: Record, words: Sequence[str]) -> list[tuple[Record, list[int]]] | None:
    """Return the record's words, each with the indices of the `words` that it contains.

    None if the record has no list of words, or a list of other words.
    """
    listed = record.get("words")
    if not isinstance(listed, list) or not listed:
        return None
    if not all(isinstance(word, dict) and isinstance(word.get("text"), str) for word in listed):
        return None
    groups: list[tuple[Record, list[int]]] = []
    done = 0
    for word in listed:
        tokens = transcripts.tokens(word["text"])
        if list(words[done : done + len(tokens)]) != tokens:
            return None
        groups.append((word, list(range(done, done + len(tokens)))))
        done += len(tokens)
    return groups if done == len(words) else None
