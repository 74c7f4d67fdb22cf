"""Write down what is said in a recording, word by word.

Reads `audio`, or the file at `path`. Adds `text`, `words` (text, start, end, probability),
`language` and `transcript`: model, revision, engine, how sure it is. Streams, in batches of like
length.

A record that has a `text` keeps it unless --overwrite is given. Where nobody speaks `text` is
empty; that is no error. A record in a language that the model does not know is passed on with a
note in `missing.text`, which is no failure.

The default model is Whisper tiny.en (English). --model takes another one of the catalog, a hub id
or a folder: faster-whisper's format or that of transformers.

Example:
    emocli transcribe clip.wav | jq -r .text
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emocli import pipeline
from emocli.cli import options
from emocli.errors import ModelError, RecordError, UsageError
from emocli.pipeline import windows
from emocli.records import Record

if TYPE_CHECKING:
    from emocli.encoders.speech_to_text import Model, Transcript
    from emocli.encoders.speech_windows import Samples, Span

DEFAULT = "faster-whisper-tiny.en"
FALLBACK = "whisper-tiny.en"  # the same model for transformers
BEAM = 5  # openai/whisper
BATCH = 16
BUDGET_S = 480.0  # of audio in a batch: sixteen windows of 30 s
COMPUTE = {"auto": "default", "float32": "float32", "float16": "float16", "bfloat16": "bfloat16"}


@options.filter("store", "device")
def command(
    run: options.Run,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="A model of the catalog, the hub, or a folder.")
    ] = DEFAULT,
    beam_size: Annotated[
        int, typer.Option(min=1, metavar="N", help="Hypotheses kept; 1 is quicker and worse.")
    ] = BEAM,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Transcribe records that have a text as well.")
    ] = False,
) -> int:
    """Write down what is said in a recording, word by word."""
    wanted = functools.partial(_wanted, overwrite=overwrite)
    work = stage(run, model=model, beam_size=beam_size, wanted=wanted)
    return run.through(work, window=windows.of(run.batch_size(BATCH)))


def stage(
    run: options.Run,
    *,
    model: str = DEFAULT,
    beam_size: int = BEAM,
    wanted: Callable[[Record], bool] | None = None,
) -> pipeline.Stage:
    """Return the stage that adds `text`, `words`, `language` and `transcript`.

    `wanted` says which records need it; those without a text, if it is not given.
    """
    loaded = functools.cache(lambda: _load(run, model))

    def transcribe(batch: list[Record]) -> list[Record | Exception]:
        return _transcribe(batch, run, loaded(), beam_size)

    return pipeline.batched(
        transcribe,
        name="transcribe",
        modality="text",
        size=run.batch_size(BATCH),
        length=lambda record: float(record["audio"]["duration"]),
        budget=BUDGET_S,
        wanted=wanted or _wanted,
    )


def _wanted(record: Record, overwrite: bool = False) -> bool:
    from emocli.commands import extract_audio

    if extract_audio.no_audio(record):
        return False
    return record.get("text") is None or (
        overwrite and bool(record.get("path") or record.get("audio"))
    )


def _load(run: options.Run, name: str) -> tuple[Model, Record]:
    """Return the model, and what records say of it."""
    from emocli import hub
    from emocli.encoders import speech_to_text

    compute = COMPUTE.get(run.flags["dtype"])
    if compute is None:
        raise UsageError(f"--dtype {run.flags['dtype']}: none of {', '.join(COMPUTE)}")
    name = _replaced(name)
    folder = hub.resolve(name, offline=run.flags["offline"])
    device = run.flags["device"]
    model = speech_to_text.load(folder, device=device, compute_type=compute)
    shown = Path(name).name if Path(name).is_dir() else name
    return model, {"model": shown, "revision": hub.revision(name), "engine": model.name}


def _replaced(name: str) -> str:
    """Return the default model in the format that something installed can run."""
    from emocli import hub

    if (
        name == DEFAULT
        and importlib.util.find_spec("faster_whisper") is None
        and hub.find(FALLBACK)
    ):
        return FALLBACK
    return name


def _transcribe(
    batch: list[Record], run: options.Run, loaded: tuple[Model, Record], beam_size: int
) -> list[Record | Exception]:
    from emocli.encoders import speech_to_text

    model, about = loaded
    outcomes: list[Any] = [_samples(record, run, model) for record in batch]
    chosen = [i for i, o in enumerate(outcomes) if not isinstance(o, Exception | dict)]
    heard = speech_to_text.transcribe(
        model,
        [outcomes[i] for i in chosen],
        [_speech(outcomes[i]) for i in chosen],
        languages=[_language(batch[i]) for i in chosen],
        beam_size=beam_size,
    )
    for i, transcript in zip(chosen, heard, strict=True):
        outcomes[i] = _add(batch[i], transcript, about)
    return outcomes


def _samples(record: Record, run: options.Run, model: Model) -> Samples | Record | RecordError:
    """Return the samples of a record, itself with a note, or why it cannot be heard."""
    from emocli.commands import extract_audio

    language = _language(record)
    if language and language not in model.languages:
        return _note(record, language, model)
    try:
        return extract_audio.samples(record, run.store)
    except RecordError as error:
        return error


def _language(record: Record) -> str | None:
    """Return the language of a record without its region ("en-GB" is "en"), if it says one."""
    language = record.get("language")
    return language.split("-")[0].lower() if isinstance(language, str) and language else None


def _note(record: Record, language: str, model: Model) -> Record:
    """Note that a record has no text because of its language; that is no failure."""
    known = ", ".join(sorted(model.languages)) if len(model.languages) < 5 else "other languages"
    note = {
        "stage": "transcribe",
        "code": "language",
        "message": f"the model knows {known}, not {language}",
        "hint": "--model names one that does",
    }
    record["missing"] = {**(record.get("missing") or {}), "text": note}
    return record


def _speech(samples: Samples) -> list[Span]:
    """Return where somebody speaks; without a detector that is everywhere."""
    from emocli.encoders import speech_windows
    from emocli.signals import voice_activity

    if speech_windows.is_silent(samples):
        return []
    try:
        return voice_activity.speech_segments(samples)
    except ModelError:
        return speech_windows.everywhere(len(samples))


def _add(record: Record, transcript: Transcript, about: Record) -> Record:
    from emocli.commands import extract_audio

    offset = extract_audio.span_of(record)[0] or 0.0
    words = [
        {
            "text": word["text"],
            "start": round(word["start"] + offset, 3),
            "end": round(word["end"] + offset, 3),
            "probability": round(word["probability"], 4),
        }
        for word in transcript.words
    ]
    sure = [word["probability"] for word in transcript.words]
    silence = transcript.no_speech_probability
    record |= {"text": transcript.text, "words": words}
    record["language"] = record.get("language") or transcript.language or None
    record["transcript"] = {
        **about,
        "mean_word_probability": round(sum(sure) / len(sure), 4) if sure else None,
        "no_speech_probability": None if silence is None else round(silence, 4),
    }
    return _without_note(record)


def _without_note(record: Record) -> Record:
    """Take back what was noted about a missing text, now that it is there."""
    missing = record.get("missing")
    if isinstance(missing, dict) and "text" in missing:
        record["missing"] = {k: v for k, v in missing.items() if k != "text"}
        if not record["missing"]:
            del record["missing"]
    return record
