"""Align the words of a transcript, and their sounds, with an acoustic model of English.

English words are in Pocketsphinx's dictionary or are pronounced by espeak-ng, which also supplies
the stress that the dictionary lacks. Words of other languages are pronounced by espeak-ng
throughout, and aligned as the nearest sounds that English has (`phone_sets.NEAREST`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from emocli.errors import RecordError
from emocli.signals import phones, pocketsphinx_aligner, pronunciation, transcripts
from emocli.signals.phones import Sound, Span
from emocli.signals.pocketsphinx_aligner import (
    HINT,
    SAMPLE_RATE_HZ,
    Aligned,
    Aligner,
    Piece,
    Samples,
)

# Text and audio agree where the misfit is at most this, in nats per frame below the best state;
# the limit rises by half of the advantage over the same sounds backwards, since noise and unusual
# voices raise both. Our values, from clips of RAVDESS, EMO-DB and nEMO with right and wrong texts:
# 1 to 2 % of the right texts are refused (in RAVDESS, 18 of 960, all of them screams), and 1 to 2 %
# of the wrong ones pass; `python -m tests.bench align`.
MISFIT_NATS = 6.9
ADVANTAGE = 0.5
MOST_NATS = 5.0  # at most, of that advantage


class Alignment(NamedTuple):
    """Sounds with times, and the words that were guessed."""

    spans: list[Span]
    guessed: list[str]  # words that the dictionary does not have
    misfit: float  # nats per frame


class Entry(NamedTuple):
    """A word, or a part of one, for the decoder."""

    word: int  # its index in the transcript
    name: str  # in the dictionary
    sounds: list[tuple[Sound, int]]  # each with its number of English sounds; or none


def is_english(language: str) -> bool:
    """Say whether the dictionary is of this language."""
    return language.lower().replace("_", "-").split("-")[0] in ("en", "eng", "english")


def align(
    samples: Samples, words: Sequence[str], language: str, most: float = MISFIT_NATS
) -> Alignment:
    """Return the times of the sounds of words in samples (time,) at 16 kHz.

    A misfit of at most `most` nats is always accepted.

    Raises RecordError cannot_align where the words do not fit, and no_espeak or unknown_language
    where they have no pronunciation.
    """
    aligner = pocketsphinx_aligner.aligner()
    english = is_english(language)
    guessed: list[str] = []
    if english:
        entries, stresses = _of_english(aligner, words, guessed)
    else:
        entries, stresses = _of_others(aligner, words, language), []
    _check_length(aligner, entries, len(samples) / SAMPLE_RATE_HZ)
    aligned = aligner.align(samples, [entry.name for entry in entries])
    _check_fit(aligner, samples, aligned, most)
    spans = list(_spans(entries, aligned.words, stresses, english))
    return Alignment(spans, guessed, aligned.misfit)


def _check_length(aligner: Aligner, entries: list[Entry], duration_s: float) -> None:
    count = sum(len(aligner.decoder.lookup_word(entry.name).split()) for entry in entries)
    least = pocketsphinx_aligner.shortest(count)
    if least > duration_s:
        message = f"{duration_s:g} s are too short for {count} sounds, which take {least:g} s"
        raise RecordError("cannot_align", message, hint=HINT)


def _check_fit(aligner: Aligner, samples: Samples, aligned: Aligned, limit: float) -> None:
    """Raise RecordError cannot_align if the sounds hardly fit better than backwards."""
    misfit = aligned.misfit
    if misfit <= limit:
        return
    advantage = MOST_NATS
    if misfit <= limit + ADVANTAGE * MOST_NATS:
        backwards = [
            aligner.add([piece.symbol for piece in reversed(word)])
            for word in reversed(aligned.words)
        ]
        with contextlib.suppress(RecordError):  # they do not fit at all
            advantage = min(aligner.align(samples, backwards).misfit - misfit, MOST_NATS)
    limit += ADVANTAGE * advantage
    if misfit > limit:
        message = (
            f"text and audio disagree: misfit {misfit:.1f} nats a frame, the limit is {limit:.1f}"
        )
        raise RecordError("cannot_align", message, hint=HINT)


def _of_english(
    aligner: Aligner, words: Sequence[str], guessed: list[str]
) -> tuple[list[Entry], list[list[int]]]:
    """Return the entries of English words, and the stresses of each word's vowels."""
    spoken = _pronounced(words)
    entries: list[Entry] = []
    for index, word in enumerate(words):
        for part in _known_parts(aligner, word.lower()):
            if part is not None:
                entries.append(Entry(index, part, []))
                continue
            guessed.append(word)
            sounds = spoken[index] if spoken else pronunciation.pronounce([word], "en")[0]
            entries.append(_guess(aligner, index, sounds))
    stresses = [[s.stress or 0 for s in sounds if phones.is_vowel(s.ipa)] for sounds in spoken]
    return [entry for entry in entries if entry.name], stresses


def _pronounced(words: Sequence[str]) -> list[list[Sound]]:
    """Return espeak-ng's pronunciations, or nothing if it is not installed: no stress then."""
    try:
        return pronunciation.pronounce(words, "en")
    except pronunciation.NoPronunciationError:
        return []


def _known_parts(aligner: Aligner, word: str) -> list[str | None]:
    """Return the dictionary's names of a word's parts, or one None if it has to be guessed."""
    if not transcripts.is_plain(word):
        return [None]
    bare = word.strip("'")  # a quotation mark, or an elision: 'cause
    for parts in ([word], [bare], [f"{word}."], [word.replace("-", "")], transcripts.parts(word)):
        if parts and all(aligner.knows(part) for part in parts):
            return list(parts)
    return [None]


def _guess(aligner: Aligner, index: int, sounds: Sequence[Sound]) -> Entry:
    """Return an entry of the nearest English sounds; without any it has no name."""
    nearest = [phones.nearest(sound.ipa) for sound in sounds]
    symbols = [symbol for some in nearest for symbol in some]
    counts = [(sound, len(some)) for sound, some in zip(sounds, nearest, strict=True)]
    return Entry(index, aligner.add(symbols) if symbols else "", counts)


def _of_others(aligner: Aligner, words: Sequence[str], language: str) -> list[Entry]:
    spoken = pronunciation.pronounce(words, language)
    entries = [_guess(aligner, index, sounds) for index, sounds in enumerate(spoken)]
    return [entry for entry in entries if entry.name]


def _spans(
    entries: Sequence[Entry],
    pieces_of_words: Sequence[Sequence[Piece]],
    stresses: Sequence[Sequence[int]],
    english: bool,
) -> Iterator[Span]:
    done: dict[int, int] = {}  # vowels of a word that earlier parts of it had
    vowels: dict[int, int] = {}
    for entry, pieces in zip(entries, pieces_of_words, strict=True):
        vowels[entry.word] = vowels.get(entry.word, 0) + _vowel_count(pieces)
    for entry, pieces in zip(entries, pieces_of_words, strict=True):
        if not english:
            yield from _of_sounds(entry, pieces)
            continue
        stress = stresses[entry.word] if stresses else []
        known = len(stress) == vowels[entry.word]
        first = done.get(entry.word, 0)
        done[entry.word] = first + _vowel_count(pieces)
        yield from _of_pieces(entry.word, pieces, stress[first:] if known else None)


def _vowel_count(pieces: Sequence[Piece]) -> int:
    return sum(phones.is_vowel(phones.of_arpabet(piece.symbol).ipa) for piece in pieces)


def _of_pieces(
    word: int, pieces: Sequence[Piece], stresses: Sequence[int] | None
) -> Iterator[Span]:
    """Yield English sounds; the stress of a vowel is None where it is not known."""
    rest = list(stresses or ())
    for piece in pieces:
        sound = phones.of_arpabet(piece.symbol)
        if phones.is_vowel(sound.ipa) and stresses is not None:
            sound = phones.of_arpabet(piece.symbol, rest.pop(0))
        yield Span(sound.ipa, piece.start, piece.end, word, sound.stress, piece.symbol)


def _of_sounds(entry: Entry, pieces: Sequence[Piece]) -> Iterator[Span]:
    """Yield the sounds of another language, each over its English sounds."""
    rest = list(pieces)
    for sound, count in entry.sounds:
        part, rest = rest[:count], rest[count:]
        if part:
            yield Span(sound.ipa, part[0].start, part[-1].end, entry.word, sound.stress)
