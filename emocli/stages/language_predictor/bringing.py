"""What a record lacks before a language model can be asked: a transcript, the voice in words."""

from __future__ import annotations

from functools import partial

from emocli import pipeline
from emocli.bundles.bundle import Bundle
from emocli.bundles.language import Spec
from emocli.errors import AbsentError, RecordError
from emocli.pipeline.context import Context
from emocli.records import Record, failures
from emocli.records.missing import lose, lost
from emocli.records.modality import computable, present
from emocli.stages import telling

NO_VOICE = AbsentError("no_audio", "no voice to describe", hint="the record names no sound")


def stage(context: Context, trained: Bundle, spec: Spec, *, strict: bool = False) -> pipeline.Stage:
    """Return the stage that transcribes and, if the voice is to be described, measures prosody.

    What a record already has stays. A record without sound gets a note; an error if `strict`.
    """
    from emocli.stages import align, extract_audio, prosody, transcribe
    from emocli.stages.align.options import AlignOptions

    told = not trained.instructed and (spec.soft is None or spec.soft.words)
    lacks = _lacks_text if told else _never
    voice = _never if trained.instructed else partial(lacks_voice, spec=spec)
    phones = partial(_lacks_phones, spec=spec)
    noted = partial(_noted, spec=spec, strict=strict)
    aligned = partial(align.align, options=AlignOptions(), store=context.store)
    measured = partial(prosody.measure, store=context.store)
    return pipeline.chain(
        extract_audio.bring(context, lambda r: lacks(r) and r.get("audio") is None),
        transcribe.bring(context, lacks),
        pipeline.each(aligned, name="align", modality="phones", wanted=phones),
        pipeline.each(measured, name="prosody", modality="audio", wanted=voice),
        pipeline.each(noted, name="predict", wanted=voice),
    )


def _never(_record: Record) -> bool:
    return False


def _lacks_text(record: Record) -> bool:
    return record.get("text") is None and computable(record, "text")


def lacks_voice(record: Record, spec: Spec) -> bool:
    """Say whether the description of the voice that a prompt needs is not in a record."""
    if spec.prosody == "none" or record.get("error"):
        return False
    found = record.get("prosody")
    found = found if isinstance(found, dict) else {}
    if spec.prosody in telling.OF_VOWELS and "description" not in found and _has_phones(record):
        return True
    return not found.get("summary")


def _has_phones(record: Record) -> bool:
    return record.get("phones") is not None


def _lacks_phones(record: Record, spec: Spec) -> bool:
    """Say whether vowels have to be found: they are wanted, and there is a sound to look in."""
    found = record.get("prosody")
    described = isinstance(found, dict) and "description" in found
    if spec.prosody not in telling.OF_VOWELS or described or _has_phones(record):
        return False
    return _has_sound(record) and lost(record, "phones") is None


def _has_sound(record: Record) -> bool:
    return lost(record, "audio") is None and (
        present(record, "audio") or computable(record, "audio")
    )


def _noted(record: Record, spec: Spec, strict: bool) -> Record:
    """Note that the voice of a record cannot be described; raise RecordError if `strict`."""
    if strict:
        note = lost(record, "audio") or {}
        message = f"without audio: {note.get('message', NO_VOICE.message)}"
        raise RecordError("missing_modality", message, hint=f"--prosody {spec.prosody} needs it")
    if lost(record, "audio") is None:
        lose(record, failures.problem("predict", NO_VOICE), "audio")
    return record
