"""What an instruction needs of a record: something to tell, its streams, the voice if asked for."""

from __future__ import annotations

from emocli import records
from emocli.errors import RecordError
from emocli.io import features
from emocli.llm.prompts import Utterance
from emocli.records import Record
from emocli.stages import telling
from emocli.stages.telling import NONE, OF_VOWELS, SUMMARY


def utterance(
    record: Record, prosody: str | None, turns: int, streams: tuple[str, ...]
) -> Utterance:
    """Return what is told of a record; RecordError if there is nothing, or less than asked for.

    `prosody` is one of `telling.VOICES`, None for the summary where there is one; `streams` are the
    features that go with the question.
    """
    _require_streams(record, streams)
    text = records.modality_text(record) or ""
    told = telling.utterance(record, text, turns, SUMMARY if prosody is None else prosody)
    if prosody not in (None, NONE) and told.summary is None:
        hint = "run emocli prosody first"
        raise RecordError("no_prosody", "no prosody.summary to tell", hint=hint)
    if prosody in OF_VOWELS and told.vowels is None:
        hint = "run emocli align, then emocli prosody"
        raise RecordError("no_vowels", "no prosody.vowels to tell", hint=hint)
    if not told.said.text and told.summary is None and not streams:
        hint = "run emocli transcribe or emocli prosody first"
        raise RecordError("nothing_told", "neither text nor the voice in words", hint=hint)
    return told


def seen(
    record: Record, streams: tuple[str, ...], task: str, sees: list[str] | None
) -> tuple[str, ...]:
    """Return the streams that may go with a question: all, or those with a name or modality.

    Raises RecordError if streams were named, and the task is about none of them.
    """
    if sees is None or not streams:
        return streams
    found = fitting(record, streams, sees)
    if not found:
        _require_streams(record, streams)
        message = f"{task} is about {' or '.join(sees)}, not {', '.join(streams)}"
        raise RecordError("no_features", message, hint="name a stream of it with --streams")
    return found


def fitting(record: Record, streams: tuple[str, ...], sees: list[str]) -> tuple[str, ...]:
    """Return the streams with one of these names or modalities."""
    listed = features.checked(record)

    def fits(name: str) -> bool:
        feature = listed.get(name)
        modality = feature.get("modality") if isinstance(feature, dict) else None
        return name in sees or modality in sees

    return tuple(name for name in streams if fits(name))


def _require_streams(record: Record, streams: tuple[str, ...]) -> None:
    """Raise RecordError if the record lacks one of the streams."""
    for name in streams:
        if name not in features.checked(record):
            message = f"no features.{name:.40}"
            raise RecordError("no_features", message, hint="run emocli encode first")
        features.described(record, name)
