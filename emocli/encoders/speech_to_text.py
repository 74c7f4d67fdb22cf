"""Turn speech into words with Whisper.

Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision",
https://arxiv.org/abs/2212.04356, run by faster-whisper (CTranslate2), else by transformers
(`transformers_whisper.py`). The beam, the word times (cross-attention and dynamic time warping) and
the thresholds are those of the paper and of openai/whisper; these are our choice:

- A recording of at most 30 s is heard whole, a longer one in stretches that end in pauses.
- What is short is padded to 10 or 20 s rather than 30 s: the encoder's time grows with its window,
  and no segment times are asked for. Words are the same on most clips (10 s; 5 s would do harm);
  where the result is poor the window is heard again in full.
- A result that repeats itself is decoded again without repetition, not at a random temperature
  (paper, section 4.5), so that the same recording always gives the same words.
- No word reaches into a pause.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from emocli.encoders.decoding import Decoded, DecodingOptions, Word
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

NO_REPEAT_TOKENS = 3  # no three tokens twice when decoding a repetitive window again


@dataclass(frozen=True)
class Transcript:
    """What was said in a recording; `no_speech_probability` is None where nothing was decoded."""

    text: str
    words: list[Word]
    language: str
    no_speech_probability: float | None = None


class Model(Protocol):
    """A loaded Whisper; `own_language` is None for a multilingual one."""

    name: str
    own_language: str | None
    languages: frozenset[str]
    pads: bool  # whether it always pads to 30 s

    def detect(self, window: Samples) -> str:
        """Return the language of a window (time,)."""

    def decode(
        self, windows: Sequence[Samples], length: int, options: DecodingOptions
    ) -> list[Decoded]:
        """Decode windows (time,) padded with silence to `length` samples."""


def load(
    folder: str | Path, *, device: str = "auto", compute_type: str = "default", threads: int = 0
) -> Model:
    """Load a Whisper from `folder`: CTranslate2's model.bin, else a transformers model.

    `threads` 0 leaves the number to OMP_NUM_THREADS or the library. Raises ModelError where
    faster-whisper is needed and not installed, ConfigError where the folder does not load.
    """
    if not (Path(folder) / "model.bin").exists():
        from emocli.encoders import transformers_whisper

        return transformers_whisper.load(folder, device=device, dtype=compute_type)
    try:
        from emocli.encoders import faster_whisper_ctranslate2 as engine
    except ImportError:
        raise ModelError(
            f"{Path(folder).name} needs faster-whisper, which is not installed",
            hint="pip install 'emocli[offline]'",
        ) from None
    try:
        return engine.FasterWhisper(folder, device, compute_type, threads)
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"cannot load {folder}: {error}", hint="--device, --dtype") from None


def transcribe(
    model: Model,
    waveforms: Sequence[Samples],
    spans: Sequence[Sequence[Span]],
    *,
    languages: Sequence[str | None] | None = None,
    beam_size: int = 5,
) -> list[Transcript]:
    """Return what is said in each of `waveforms` (time,), 16 kHz mono.

    `spans` has, for each, the stretches in seconds (of at most 30 s) in which somebody speaks; a
    recording without any is not decoded. `languages` has the codes that are known; a multilingual
    model listens for others in the first window of the recording. A result does not depend on the
    rest of the batch.
    """
    windows: list[Window] = []
    transcripts = []
    known = languages or [None] * len(waveforms)
    for row, (samples, speech) in enumerate(zip(waveforms, spans, strict=True)):
        found = list(_windows(model, row, samples, speech, known[row]))
        language = found[0].language if found else known[row] or model.own_language or ""
        windows += found
        transcripts.append(Transcript("", [], language))
    pieces: list[list[tuple[Window, Decoded]]] = [[] for _ in waveforms]
    for group in groups(windows):
        for window, heard in zip(group, _hear(model, group, beam_size), strict=True):
            pieces[window.row].append((window, heard))
    return [_joined(t, parts) for t, parts in zip(transcripts, pieces, strict=True)]


def _windows(
    model: Model, row: int, samples: Samples, spans: Sequence[Span], language: str | None
) -> Iterator[Window]:
    language = model.own_language or language
    for start, end in stretches(spans, len(samples) / SAMPLE_RATE_HZ):
        part = samples[sample(start) : sample(end)]
        language = language or model.detect(part)
        yield Window(row, start, part, spans, language)


def _hear(model: Model, group: list[Window], beam_size: int) -> list[Decoded]:
    """Decode a group; what came out poor is decoded again, and the likeliest result stays."""
    options = DecodingOptions(group[0].language, beam_size)
    found = model.decode([w.samples for w in group], group[0].length, options)
    for again in (options, DecodingOptions(options.language, beam_size, NO_REPEAT_TOKENS)):
        if again is options and (model.pads or group[0].length == sample(WINDOW_S)):
            continue
        poor = [i for i, heard in enumerate(found) if not heard.is_good]
        if not poor:
            break
        others = model.decode([group[i].samples for i in poor], sample(WINDOW_S), again)
        for i, other in zip(poor, others, strict=True):
            found[i] = max(found[i], other, key=lambda h: (h.is_good, h.log_probability))
    return found


def _joined(transcript: Transcript, parts: list[tuple[Window, Decoded]]) -> Transcript:
    parts = sorted(parts, key=lambda part: part[0].start)
    if not parts:
        return transcript
    said = [(window, heard) for window, heard in parts if not heard.is_silence]
    return Transcript(
        " ".join(heard.text.strip() for _, heard in said),
        [_placed(word, window) for window, heard in said for word in heard.words],
        transcript.language,
        min(heard.no_speech_probability for _, heard in parts),
    )


def _placed(word: Word, window: Window) -> Word:
    """Return a word in the time of the recording, cut to the speech it lies in."""
    start, end = word["start"] + window.start, word["end"] + window.start
    over = [(min(end, last) - max(start, first), first, last) for first, last in window.spans]
    most, first, last = max(over)
    if most > 0:
        start, end = max(start, first), min(end, last)
    return {**word, "start": round(start, 3), "end": round(end, 3)}
