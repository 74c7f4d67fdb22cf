"""Align the text of a record with its samples; a long recording in several stretches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from emocli import records
from emocli.errors import RecordError
from emocli.modalities import audio
from emocli.records import Record
from emocli.signals import stretches, syllable_nuclei, transcripts, word_aligner
from emocli.signals.phones import Span
from emocli.signals.stretches import LONGEST_S, Stretch
from emocli.signals.word_aligner import Alignment
from emocli.stages.align import result
from emocli.stages.align.options import AlignOptions

if TYPE_CHECKING:
    from emocli.signals.audio import Samples

Align = Callable[["Samples", Sequence[str], str], Alignment]
Aligned = tuple[list[Span], list[str], Record]

SAMPLE_RATE_HZ = 16_000
MOST_S = 300.0  # without word times: aligned in one piece within a minute; our choice
DEFAULT_LANGUAGE = "en"
TEXT_OF = "transcribe"  # the command that adds a text


def find(record: Record, samples: Samples, options: AlignOptions) -> Aligned:
    """Return sounds, words, and the `alignment` fields that describe the aligner."""
    aligner = options.chosen
    text = records.modality_text(record) or ""
    words = transcripts.tokens(text)
    duration = round(len(samples) / SAMPLE_RATE_HZ, 3)
    if aligner == "nuclei" or (aligner == "auto" and not words):
        return syllable_nuclei.find(samples), [], nuclei_about() | {"duration": duration}
    if not words:
        records.require(record, "text", TEXT_OF)
        raise RecordError("no_words", f"no words in the text {text!r:.60}")
    language = options.language or record.get("language") or DEFAULT_LANGUAGE
    if aligner == "ctc":
        from emocli.stages.align import ctc

        align: Align
        align, about = ctc.prepared(options)
    else:
        limit = word_aligner.MISFIT_NATS if options.max_misfit is None else options.max_misfit
        align = functools.partial(word_aligner.align, most=limit)
        about = pocketsphinx_about(str(language))
    pieces = _stretches(record, words, len(samples) / SAMPLE_RATE_HZ)
    aligned, failed = _all(pieces, samples, words, align, str(language))
    about |= {
        "language": language,
        "guessed_words": list(dict.fromkeys(aligned.guessed)),
        "misfit_nats_per_frame": round(aligned.misfit, 3),
        "duration": duration,
    }
    if failed:
        about["failed"] = failed
    return aligned.spans, words, about


def nuclei_about() -> Record:
    """Return the `alignment` fields for syllable nuclei in place of vowels."""
    import parselmouth

    return {"aligner": "syllable-nuclei", "model": None, "version": parselmouth.PRAAT_VERSION}


def pocketsphinx_about(language: str) -> Record:
    """Return the `alignment` fields: Pocketsphinx, and the source of pronunciations."""
    from emocli.signals import pocketsphinx_aligner, pronunciation

    try:
        espeak = f"espeak-ng {pronunciation.version()}"
    except RecordError:
        espeak = "no espeak-ng"
    english = word_aligner.is_english(language)
    return {
        "aligner": "pocketsphinx",
        "model": pocketsphinx_aligner.MODEL,
        "version": pocketsphinx_aligner.version(),
        "pronunciation": f"cmudict-en-us, {espeak}"
        if english
        else f"{espeak}, nearest sounds of English",
    }


def _stretches(record: Record, words: list[str], duration_s: float) -> list[Stretch]:
    """Return the single stretch of a short recording, or several cut at the words' times."""
    if duration_s <= LONGEST_S:
        return [Stretch(0, len(words), 0.0, duration_s)]
    times = _times(record, words)
    if times:
        return stretches.cut(times, duration_s)
    if duration_s > MOST_S:
        raise RecordError(
            "too_long",
            f"{duration_s:.0f} s is too long to align without word times",
            hint=f"emocli {TEXT_OF} --overwrite adds them; or emocli extract-audio --segment vad",
        )
    return [Stretch(0, len(words), 0.0, duration_s)]


def _times(record: Record, words: list[str]) -> list[tuple[float, float]]:
    """Return start and end of every word in seconds from the record's first sample."""
    offset = audio.span_of(record)[0] or 0.0
    groups = result.groups_of(record, words)
    times: list[tuple[float, float]] = []
    for word, members in groups or []:
        start, end = word.get("start"), word.get("end")
        if not isinstance(start, int | float) or not isinstance(end, int | float):
            return []
        times += [(start - offset, end - offset)] * len(members)
    return times


def _all(
    pieces: list[Stretch], samples: Samples, words: list[str], align: Align, language: str
) -> tuple[Alignment, list[Record]]:
    """Return the sounds of all stretches, and the stretches that could not be aligned.

    Raises RecordError if none could be aligned.
    """
    spans: list[Span] = []
    guessed: list[str] = []
    failed: list[Record] = []
    misfits: list[tuple[float, float]] = []
    problem: RecordError | None = None
    for piece in pieces:
        part = samples[round(piece.start * SAMPLE_RATE_HZ) : round(piece.end * SAMPLE_RATE_HZ)]
        try:
            aligned = align(part, words[piece.first : piece.last], language)
        except RecordError as error:
            if error.code != "cannot_align":
                raise
            problem = error
            failed.append({"start": round(piece.start, 3), "end": round(piece.end, 3)})
            continue
        spans += [_moved(span, piece) for span in aligned.spans]
        guessed += aligned.guessed
        misfits.append((aligned.misfit, piece.end - piece.start))
    if problem is not None and not misfits:
        raise problem
    total = sum(length for _, length in misfits) or 1.0
    misfit = sum(misfit * length for misfit, length in misfits) / total
    return Alignment(spans, guessed, misfit), failed


def _moved(span: Span, piece: Stretch) -> Span:
    """Return a sound of a stretch with its times in the whole recording."""
    word = None if span.word is None else span.word + piece.first
    return span._replace(start=span.start + piece.start, end=span.end + piece.start, word=word)
