"""Transcribe speech with Whisper.

Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision",
https://arxiv.org/abs/2212.04356, run by faster-whisper (CTranslate2), else by transformers
(`transformers_whisper.py`). The beam, the word times (cross-attention and dynamic time warping) and
the thresholds are those of the paper and of openai/whisper; these are our choice:

- A recording of at most 30 s is decoded at once, a longer one in stretches that end in pauses.
- Short windows are padded to 10 or 20 s rather than 30 s: the encoder's time grows with its window,
  and segment times are not needed. Words are the same on most clips (10 s; 5 s would do harm); a
  window with a poor result is decoded again at 30 s.
- A result that repeats itself is decoded again without repetition, not at a random temperature
  (paper, section 4.5), so that the same recording always gives the same words.
- No word extends into a pause (`word_times.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emocli.encoders import weight_files, word_times
from emocli.encoders.decoding import Decoded, DecodingOptions, Detected, Word
from emocli.encoders.speech_windows import (
    SAMPLE_RATE_HZ,
    WINDOW_S,
    Samples,
    Span,
    Window,
    groups,
    sample,
    stretches,
)
from emocli.errors import ConfigError, ModelError

CTRANSLATE2 = ("config.json", "tokenizer.json")  # beside model.bin
LISTEN_S = 5.0  # of speech tell the language as well as 30 s do, in a sixth of the time: our choice
NO_REPEAT_TOKENS = 3  # no three tokens twice when decoding a repetitive window again


@dataclass(frozen=True)
class Transcript:
    """The words of a recording; `no_speech_probability` is None if nothing was decoded."""

    text: str
    words: list[Word]
    language: str
    no_speech_probability: float | None = None


class Model(Protocol):
    """A loaded Whisper; `only_language` is None for a multilingual one."""

    name: str
    only_language: str | None
    languages: frozenset[str]
    pads: bool  # whether it always pads to 30 s

    def detect(self, window: Samples, favoured: str | None = None) -> Detected:
        """Return the language of a window (time,) and its probability; one may be favoured."""

    def decode(
        self, windows: Sequence[Samples], length: int, options: DecodingOptions
    ) -> list[Decoded]:
        """Decode windows (time,) padded with silence to `length` samples."""


def load(
    folder: str | Path, *, device: str = "auto", compute_type: str = "default", threads: int = 0
) -> Model:
    """Load a Whisper from `folder`: CTranslate2's model.bin, else a transformers model.

    `threads` 0 leaves the number to OMP_NUM_THREADS or the library. Raises ModelError if
    faster-whisper is needed and not installed, ConfigError if the folder cannot be loaded.
    """
    folder = Path(folder)
    if not weight_files.is_there(folder / "model.bin"):
        from emocli.encoders import transformers_whisper

        return transformers_whisper.load(folder, device=device, dtype=compute_type)
    try:
        from emocli.encoders import faster_whisper_ctranslate2 as engine
    except ImportError:
        raise ModelError(
            f"{folder.name} needs faster-whisper, which is not installed",
            hint="pip install faster-whisper",
        ) from None
    weight_files.require_file(folder / "model.bin")
    for name in CTRANSLATE2:  # faster-whisper would look for a tokenizer on the network
        weight_files.json_object(folder / name)
    try:
        return engine.FasterWhisper(folder, device, compute_type, threads)
    except Exception as error:  # the tokenizers raise nothing narrower
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
            raise
        hint = f"--device, --dtype, or {weight_files.AGAIN}"
        raise ConfigError(f"cannot load {folder}: {error}", hint=hint) from None


def computes(device: str, compute_type: str) -> bool:
    """Say whether CTranslate2 computes with numbers of 16 bits on a device; True without it."""
    try:
        import ctranslate2
    except ImportError:
        return True
    kind, _, index = device.partition(":")
    if kind == "auto":
        kind = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    return compute_type in ctranslate2.get_supported_compute_types(kind, int(index or 0))


def transcribe(
    model: Model,
    waveforms: Sequence[Samples],
    spans: Sequence[Sequence[Span]],
    *,
    languages: Sequence[str | None] | None = None,
    beam_size: int = 5,
) -> list[Transcript]:
    """Return the transcripts of `waveforms` (time,), 16 kHz mono.

    `spans` has the speech segments of each, in seconds (of at most 30 s); a recording without any
    is not decoded. `languages` has the codes that are known; a multilingual model detects the
    others. A result does not depend on the rest of the batch.
    """
    windows: list[Window] = []
    transcripts = []
    known = languages or [None] * len(waveforms)
    for row, (samples, speech) in enumerate(zip(waveforms, spans, strict=True)):
        parts = list(_windows(model, row, samples, speech, known[row]))
        language = parts[0].language if parts else known[row] or model.only_language or ""
        windows += parts
        transcripts.append(Transcript("", [], language))
    pieces: list[list[tuple[Window, Decoded]]] = [[] for _ in waveforms]
    for group in groups(windows):
        for window, result in zip(group, _decode(model, group, beam_size), strict=True):
            pieces[window.row].append((window, result))
    return [_joined(t, parts) for t, parts in zip(transcripts, pieces, strict=True)]


def detect(
    model: Model, samples: Samples, spans: Sequence[Span], favoured: str | None = None
) -> Detected:
    """Return the language at the beginning of the speech in samples (time,).

    One language may be `favoured`, that of a model which knows no other.
    """
    start = sample(spans[0][0])
    return model.detect(samples[start : start + sample(LISTEN_S)], favoured)


def _windows(
    model: Model, row: int, samples: Samples, spans: Sequence[Span], language: str | None
) -> Iterator[Window]:
    language = model.only_language or language
    for start, end in stretches(spans, len(samples) / SAMPLE_RATE_HZ):
        part = samples[sample(start) : sample(end)]
        language = language or detect(model, samples, spans).language
        yield Window(row, start, part, spans, language)


def _decode(model: Model, group: list[Window], beam_size: int) -> list[Decoded]:
    """Decode a group; decode poor results again, and keep the likeliest of each window."""
    options = DecodingOptions(group[0].language, beam_size)
    results = model.decode([w.samples for w in group], group[0].length, options)
    for again in (options, DecodingOptions(options.language, beam_size, NO_REPEAT_TOKENS)):
        if again is options and (model.pads or group[0].length == sample(WINDOW_S)):
            continue
        poor = [i for i, result in enumerate(results) if not result.is_good]
        if not poor:
            break
        retries = model.decode([group[i].samples for i in poor], sample(WINDOW_S), again)
        for i, retry in zip(poor, retries, strict=True):
            results[i] = max(results[i], retry, key=lambda r: (r.is_good, r.log_probability))
    return results


def _joined(transcript: Transcript, parts: list[tuple[Window, Decoded]]) -> Transcript:
    parts = sorted(parts, key=lambda part: part[0].start)
    if not parts:
        return transcript
    speech = [(window, result) for window, result in parts if not result.is_silence]
    return Transcript(
        " ".join(result.text.strip() for _, result in speech),
        [word for window, result in speech for word in _words(result, window)],
        transcript.language,
        min(result.no_speech_probability for _, result in parts),
    )


def _words(result: Decoded, window: Window) -> list[Word]:
    """Return the words of a window in the time of the recording, without the pauses beside them."""
    start, end = window.start, window.start + len(window.samples) / SAMPLE_RATE_HZ
    heard = word_times.without_pauses(result.words, window.samples)
    placed = [{**word, **{k: word[k] + start for k in ("start", "end")}} for word in heard]
    if not result.is_timed:
        placed = word_times.shared(placed, window.spans, start, end)
    return word_times.in_order([_cut(word, window.spans) for word in placed], start, end)


def _cut(word: Word, spans: Sequence[Span]) -> Word:
    """Return a word cut to the speech segment it lies in, if it lies in one."""
    start, end = word["start"], word["end"]
    overlaps = [(min(end, last) - max(start, first), first, last) for first, last in spans]
    overlap, first, last = max(overlaps)
    if overlap > 0:
        start, end = max(start, first), min(end, last)
    return {**word, "start": start, "end": end}
