"""Transcribe recordings with Whisper."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from emocli import pipeline
from emocli.errors import AbsentError, ModelError, RecordError, UsageError
from emocli.modalities import audio
from emocli.pipeline import live
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.records.missing import clear_note, nobody_speaks
from emocli.records.modality import cost
from emocli.stages import speech, spoken_language
from emocli.stages.spoken_language import MULTILINGUAL, Loaded, Models

if TYPE_CHECKING:
    from emocli.encoders.speech_to_text import Transcript
    from emocli.encoders.speech_windows import Samples, Span

DEFAULT = "faster-whisper-tiny.en"
FALLBACKS = {DEFAULT: "whisper-tiny.en", MULTILINGUAL: "whisper-base"}  # the same for transformers
BEAM = 5  # openai/whisper
BATCH = 16
BUDGET_S = 480.0  # of audio in a batch: sixteen windows of 30 s
QUICK = "int8"  # of the multilingual model: half the time, the same languages; our choice
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
    chosen = spoken_language.once(partial(_load, context, model))
    multilingual = spoken_language.once(partial(_load, context, MULTILINGUAL, QUICK))

    def transcribe(batch: list[Record]) -> list[Record | Exception]:
        if model == DEFAULT and any(spoken_language.told(record) is None for record in batch):
            spoken_language.ahead(multilingual)
        models = Models(chosen(), multilingual, helps=model == DEFAULT)
        return _transcribe(batch, context, models, beam_size)

    listened = pipeline.batched(
        transcribe,
        name="transcribe",
        modality="text",
        size=context.batch(BATCH),
        length=lambda record: float(record["audio"]["duration"]),
        budget=BUDGET_S,
        wanted=wanted or needs_text,
    )
    return pipeline.chain(partial(map, _unspoken), listened)


def _unspoken(record: Record) -> Record:
    """Return a record of a recording in which nobody speaks with an empty text."""
    if nobody_speaks(record) and record.get("text") is None and not record.get("error"):
        record |= {"text": "", "words": []}
    return record


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


HALVES = ("bfloat16", "float16")  # which CTranslate2 refuses where they would be slow


def _load(context: Context, name: str, quick: str = "default") -> Loaded:
    """Return the model, and the `transcript` fields that describe it.

    `quick` is the type of weights that CTranslate2 computes with unless --dtype says another.
    """
    from emocli import hub
    from emocli.encoders import speech_to_text

    compute = COMPUTE.get(context.dtype)
    if compute is None:
        hint = f"one of {', '.join(COMPUTE)}"
        raise UsageError(f"--dtype: unknown dtype {context.dtype}", hint=hint)
    name = _installed(name)
    folder, revision = hub.locate(name, offline=context.offline)
    if (folder / "model.bin").exists():
        if compute in HALVES and not speech_to_text.computes(context.device, compute):
            context.say("transcribe", f"{name}: no {compute} on this device, its own numbers do")
            compute = "default"
        compute = quick if compute == "default" else compute
    shown = Path(name).name if Path(name).is_dir() else name
    with live.during(f"loading {shown}"):
        model = speech_to_text.load(folder, device=context.device, compute_type=compute)
    return model, {"model": shown, "revision": revision, "engine": model.name}


def serving() -> tuple[str, str]:
    """Return the model that transcribes by default on this machine, and the engine that runs it."""
    name = _installed(DEFAULT)
    return name, "transformers" if name in FALLBACKS.values() else "faster-whisper"


def _installed(name: str) -> str:
    """Return a model of ours in a format that an installed engine can run."""
    from emocli import hub

    other = FALLBACKS.get(name)
    if other and importlib.util.find_spec("faster_whisper") is None and hub.find(other):
        return other
    return name


class _Task(NamedTuple):
    """A recording to decode: its samples and speech, the language, the model that knows it."""

    samples: Samples
    spans: list[Span]
    language: str | None
    loaded: Loaded


def _transcribe(
    batch: list[Record], context: Context, models: Models, beam_size: int
) -> list[Record | Exception]:
    from emocli.encoders import speech_to_text
    from emocli.signals.audio import duration

    outcomes: list[Any] = [_task(record, context, models) for record in batch]
    chosen = [i for i, o in enumerate(outcomes) if isinstance(o, _Task)]
    for loaded in {id(outcomes[i].loaded): outcomes[i].loaded for i in chosen}.values():
        rows = [i for i in chosen if outcomes[i].loaded is loaded]
        transcripts = speech_to_text.transcribe(
            loaded[0],
            [outcomes[i].samples for i in rows],
            [outcomes[i].spans for i in rows],
            languages=[outcomes[i].language for i in rows],
            beam_size=beam_size,
        )
        for i, transcript in zip(rows, transcripts, strict=True):
            seconds = round(duration(outcomes[i].samples), 3)
            outcomes[i] = _add(batch[i], transcript, loaded[1])
            outcomes[i]["transcript"]["duration"] = seconds
    return outcomes


def _task(record: Record, context: Context, models: Models) -> _Task | RecordError:
    """Return what there is to decode of a record, or the error if it cannot be transcribed."""
    try:
        language = spoken_language.told(record)
        loaded = models.of(language)
        if audio.is_absent(record):
            hint = "the record names no sound"
            return AbsentError("no_audio", "no audio to transcribe", hint=hint)
        samples = audio.samples(record, context.store)
        spans = _speech(record, samples, context)
        if not language and (heard := spoken_language.heard(models, samples, spans)):
            language, sure = heard
            record |= {"language": language, "language_probability": round(sure, 4)}
            loaded = models.of(language)
        return _Task(samples, spans, language, loaded)
    except RecordError as error:
        return failures.without_frames(error)


def _speech(record: Record, samples: Samples, context: Context) -> list[Span]:
    """Return the spans of speech; the whole recording if somebody speaks and it cannot be cut."""
    from emocli.encoders import speech_windows
    from emocli.signals import voice_activity

    if not speech.hear(record, context.store):
        return []
    try:
        return voice_activity.speech_segments(samples) or speech_windows.everywhere(len(samples))
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
    record["language"] = record.get("language") or None
    record["transcript"] = {
        **about,
        "mean_word_probability": None if mean is None else round(mean, 4),
        "no_speech_probability": None if no_speech is None else round(no_speech, 4),
    }
    return clear_note(record, "text")
