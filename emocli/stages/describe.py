"""Add `descriptions`: what was measured of face and voice in words, and one of both by a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from emocli import pipeline
from emocli.errors import RecordError, UsageError
from emocli.io import features
from emocli.io.store import Store
from emocli.llm import consolidation, face_words
from emocli.llm.face_words import Moment
from emocli.modalities import video_sampling
from emocli.pipeline.context import Context
from emocli.records import Record, label_reading, modality_text, validation

BY = "emocli"
KINDS = (("emotion", "original"), ("polarity", "polarity"), ("intent", "intent"))
HINT = "run emocli prosody, or emocli encode --modality video --pooling frames first"

Ask = Callable[[list[dict[str, str]]], str]  # a conversation: the answer


@dataclass(frozen=True)
class Writer:
    """A model that writes descriptions: its name, how it is asked, and by which template."""

    name: str
    ask: Ask
    template: Mapping[str, Any] = field(default_factory=consolidation.template)


def stage(context: Context, writer: Writer | None = None) -> pipeline.Stage:
    """Return the stage that adds `descriptions`, with a writer also one that knows the label."""
    return pipeline.each(partial(describe, context.store, writer), name="describe")


def describe(store: Store, writer: Writer | None, record: Record) -> Record:
    """Describe a record; RecordError where nothing was measured, or the writer says nothing."""
    listed = validation.value(record, "descriptions", code="bad_descriptions") or {}
    found = {**_face(record, store), **_voice(record)}
    if not found:
        raise RecordError("nothing_measured", "neither face nor voice was measured", hint=HINT)
    if writer is not None:
        found |= _consolidated(record, found, writer)
    record["descriptions"] = {**listed, **found}
    return record


def _face(record: Record, store: Store) -> Record:
    """Return the expression over time in words, and note its peak in `video`."""
    from emocli.modalities import faces_told  # numpy

    frames = [Moment(*glance) for glance in faces_told.by_frame(record, store)]
    seconds = [Moment(*glance) for glance in faces_told.by_second(record, store)]
    peak = face_words.peak(frames)
    if peak is None:
        return {}
    at = frames[peak.place].start
    text = face_words.words(seconds, peak, at)
    about = video_sampling.about_of(record)
    times = about.get("times") or []
    said: Record = {"time": at, "intensity": peak.intensity, "emotion": peak.emotion}
    if times:
        said["index"] = min(range(len(times)), key=lambda i: abs(times[i] - at))
    record["video"] = about | {"peak": said}
    by = "unimodal.video"
    if name := faces_told.stream(record):
        by = f"{faces_told.ENCODER}@{features.of(record)[name].get('revision')}"
    return {"image": {"text": text, "by": f"{BY}, {by}", "synthetic": True}}


def _voice(record: Record) -> Record:
    summary = validation.value(record, "prosody", "summary", code="bad_prosody")
    if not summary:
        return {}
    return {"audio": {"text": summary, "by": f"{BY}, prosody", "synthetic": True}}


def _consolidated(record: Record, found: Record, writer: Writer) -> Record:
    """Return the description by a model under the kind of the label that it was told."""
    kind, label = _label(record)
    facts = {"label": label, "text": " ".join((modality_text(record) or "").split())}
    facts |= {name: found[key]["text"] for name, key in (("voice", "audio"), ("face", "image"))
              if key in found}  # fmt: skip
    text = " ".join(writer.ask(consolidation.messages(writer.template, facts)).split())
    if not text:
        raise RecordError("no_description", f"{writer.name} wrote nothing", hint="another model")
    digest = consolidation.digest(writer.template)
    about = {"text": text, "by": writer.name, "synthetic": True, "prompt": digest, "label": label}
    return {kind: about}


def _label(record: Record) -> tuple[str, str]:
    """Return the first kind of label that a record has, and its word; RecordError without one."""
    label = label_reading.label(record)
    for kind, source in KINDS:
        for name in (source, kind):
            if word := label_reading.emotion({"emotion": label.get(name)}, "label"):
                return kind, word
    several = label_reading.several(label, "label")
    if several:
        return "multi", ", ".join(several)
    message = "no label.emotion, polarity, intent or multi to tell the model"
    raise RecordError("no_label", message, hint="without --llm the facts alone are described")


def writer(
    context: Context,
    llm: str | None,
    llm_url: str | None,
    *,
    timeout_s: float,
    template: Path | None = None,
) -> Writer | None:
    """Return the model that is named, on this machine or a server; None for none.

    Raises UsageError for a template without a model, ConfigError for one of another form.
    """
    if llm is None and llm_url is None:
        if template is not None:
            raise UsageError(f"--template {template}: no --llm and no --llm-url to ask")
        return None
    contents = consolidation.template(template)
    if llm_url is not None:
        from emocli.stages import language_server

        served = language_server.connect(context, llm_url, llm, timeout_s=timeout_s, concurrency=1)
        name = f"{served.server.model}@{served.server.url}"

        def ask(messages: list[dict[str, str]]) -> str:
            return str(served.server.complete(messages, tokens=consolidation.LIMIT).text)

        return Writer(name, ask, contents)
    assert llm is not None
    from emocli.stages.annotate.text import TextModel

    held = TextModel(context, llm, [])
    return Writer(held.known_as, partial(_local, held), contents)


def _local(held: Any, messages: list[dict[str, str]]) -> str:
    """Return what a model on this machine writes, greedily; RecordError for a prompt too long."""
    from emocli.llm import generation, prompts

    ids = prompts.tokens(held.model, messages)
    size = len(ids) + consolidation.LIMIT
    if size > held.model.limit:
        message = f"the facts and the answer have {size} tokens, the model reads {held.model.limit}"
        raise RecordError("prompt_too_long", message, hint="a model with a longer context")
    (made,) = generation.greedy(held.model, [ids], consolidation.LIMIT)
    return str(made.text)
