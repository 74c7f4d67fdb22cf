"""Transcribe recordings with Whisper."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emocli import pipeline
from emocli.errors import AbsentError, ModelError, RecordError, UsageError
from emocli.modalities import audio
from emocli.pipeline import live
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.records.missing import clear_note
from emocli.records.modality import cost

if TYPE_CHECKING:
    from emocli.encoders.speech_to_text import Model, Transcript
    from emocli.encoders.speech_windows import Samples, Span

DEFAULT = "faster-whisper-tiny.en"
FALLBACK = "whisper-tiny.en"  # the same model for transformers
BEAM = 5  # openai/whisper
BATCH = 16
BUDGET_S = 480.0  # of audio in a batch: sixteen windows of 30 s
COMPUTE = {"auto": "default", "float32": "float32", "float16": "float16", "bfloat16": "bfloat16"}


def stage(
    context: Context,
    *,
    model: str = DEFAULT,
    beam_size: int = BEAM,
    wanted: Callable[[Record], bool] | None = None,
) -> pipeline.Stage:
    """Return the stage that adds `text`, `words`, `language` and `transcript`.

    `wanted` says which records to transcribe; without it those that have no text.
    """

    @functools.cache
    def loaded() -> tuple[Model, Record]:
        with live.during(f"loading {Path(model).name}"):
            return _load(context, model)

    def transcribe(batch: list[Record]) -> list[Record | Exception]:
        return _transcribe(batch, context, loaded(), beam_size)

    return pipeline.batched(
        transcribe,
        name="transcribe",
        modality="text",
        size=context.batch(BATCH),
        length=lambda record: float(record["audio"]["duration"]),
        budget=BUDGET_S,
        wanted=wanted or needs_text,
    )


def bring(context: Context, wanted: Callable[[Record], bool]) -> pipeline.Stage:
    """Return the stage that transcribes the wanted records with the default model."""
    return stage(context, wanted=lambda r: wanted(r) and needs_text(r))


def needs_text(record: Record, overwrite: bool = False) -> bool:
    """Say whether a record is to be transcribed: it has no text, or `overwrite` asks for it."""
    if audio.is_lost(record):
        return False
    return record.get("text") is None or (
        overwrite and bool(record.get("path") or record.get("audio"))
    )


def work(wanted: Callable[[Record], bool]) -> Callable[[Record], float]:
    """Return the cost function of records: their seconds if they are wanted, else 1."""
    return lambda record: cost(record, ("audio",) if wanted(record) else ())


def _load(context: Context, name: str) -> tuple[Model, Record]:
    """Return the model, and the `transcript` fields that describe it."""
    from emocli import hub
    from emocli.encoders import speech_to_text

    compute = COMPUTE.get(context.dtype)
    if compute is None:
        hint = f"one of {', '.join(COMPUTE)}"
        raise UsageError(f"--dtype: unknown dtype {context.dtype}", hint=hint)
    name = _installed(name)
    folder, revision = hub.locate(name, offline=context.offline)
    model = speech_to_text.load(folder, device=context.device, compute_type=compute)
    shown = Path(name).name if Path(name).is_dir() else name
    return model, {"model": shown, "revision": revision, "engine": model.name}


def _installed(name: str) -> str:
    """Return the default model in a format that an installed engine can run."""
    from emocli import hub

    if (
        name == DEFAULT
        and importlib.util.find_spec("faster_whisper") is None
        and hub.find(FALLBACK)
    ):
        return FALLBACK
    return name


def _transcribe(
    batch: list[Record], context: Context, loaded: tuple[Model, Record], beam_size: int
) -> list[Record | Exception]:
    from emocli.encoders import speech_to_text

    model, about = loaded
    outcomes: list[Any] = [_samples(record, context, model) for record in batch]
    chosen = [i for i, o in enumerate(outcomes) if not isinstance(o, Exception)]
    transcripts = speech_to_text.transcribe(
        model,
        [outcomes[i] for i in chosen],
        [_speech(outcomes[i]) for i in chosen],
        languages=[_language(batch[i]) for i in chosen],
        beam_size=beam_size,
    )
    for i, transcript in zip(chosen, transcripts, strict=True):
        outcomes[i] = _add(batch[i], transcript, about)
    return outcomes


def _samples(record: Record, context: Context, model: Model) -> Samples | RecordError:
    """Return the samples of a record, or the error if it cannot be transcribed."""
    language = _language(record)
    if language and language not in model.languages:
        return _other_language(language, model)
    if audio.is_absent(record):
        return AbsentError("no_audio", "no audio to transcribe", hint="the record names no sound")
    try:
        return audio.samples(record, context.store)
    except RecordError as error:
        return failures.without_frames(error)


def _language(record: Record) -> str | None:
    """Return the language of a record without its region ("en-GB" is "en"), or None."""
    language = record.get("language")
    return language.split("-")[0].lower() if isinstance(language, str) and language else None


def _other_language(language: str, model: Model) -> AbsentError:
    known = ", ".join(sorted(model.languages)) if len(model.languages) < 5 else "other languages"
    message = f"the model knows {known}, not {language}"
    return AbsentError("language", message, hint="--model names one that does")


def _speech(samples: Samples) -> list[Span]:
    """Return the spans of speech; the whole recording if no detector is installed."""
    from emocli.encoders import speech_windows
    from emocli.signals import voice_activity

    if speech_windows.is_silent(samples):
        return []
    try:
        return voice_activity.speech_segments(samples)
    except ModelError:
        return speech_windows.everywhere(len(samples))


def _add(record: Record, transcript: Transcript, about: Record) -> Record:
    offset = audio.span_of(record)[0] or 0.0
    words = [
        {
            "text": word["text"],
            "start": round(word["start"] + offset, 3),
            "end": round(word["end"] + offset, 3),
            "probability": round(word["probability"], 4),
        }
        for word in transcript.words
    ]
    probabilities = [word["probability"] for word in transcript.words]
    mean = sum(probabilities) / len(probabilities) if probabilities else None
    no_speech = transcript.no_speech_probability
    record |= {"text": transcript.text, "words": words}
    record["language"] = record.get("language") or transcript.language or None
    record["transcript"] = {
        **about,
        "mean_word_probability": None if mean is None else round(mean, 4),
        "no_speech_probability": None if no_speech is None else round(no_speech, 4),
    }
    return clear_note(record, "text")
