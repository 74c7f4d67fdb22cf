"""What a bundle leaves out: a recording in which nobody speaks, words that it cannot judge.

The facts flow with the record (`audio.speech_s`, `language`, `words`), the rules stand in the
bundle's config.json (`audio_rules`, `text_rules`). What no stage has noted is no reason.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from emocli.errors import RecordError
from emocli.records import Record


def reason(record: Record, spec: Record, contents: Mapping[str, Any]) -> dict[str, str] | None:
    """Return the reason to leave out a stream of a record, or None.

    Raises RecordError where the facts are of a wrong type.
    """
    modality = spec["modality"]
    rules = contents.get(f"{modality}_rules")
    return BY_MODALITY[modality](record, rules) if rules and modality in BY_MODALITY else None


def _of_audio(record: Record, rules: Record) -> dict[str, str] | None:
    about = record.get("audio")
    if not isinstance(about, dict) or about.get("speech_s") is None:
        return None
    from emocli.signals import speech_presence

    speech_s, duration_s = about["speech_s"], about.get("duration", math.inf)
    for name, value in (("speech_s", speech_s), ("duration", duration_s)):
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise RecordError("bad_audio", f"audio.{name} is not a number: {value!r:.60}")
    if speech_presence.enough(speech_s, duration_s, rules["min_speech_s"]):
        return None
    message = f"nobody speaks (a voice is certain for {speech_s:.2f} s)"
    return {"code": "no_speech", "message": message, "hint": ""}


def _of_text(record: Record, rules: Record) -> dict[str, str] | None:
    language = record.get("language")
    if language is not None and not isinstance(language, str):
        raise RecordError("bad_language", f"language is not a string: {language!r:.60}")
    if language and language.split("-")[0].lower() != rules["language"]:
        sure = record.get("language_probability")
        how = f" ({sure:.0%} sure)" if isinstance(sure, float) else ""
        message = f"the text is {language}{how}, the model needs {rules['language']}"
        hint = "--language, or a language in the record, overrules this" if how else ""
        return {"code": "language", "message": message, "hint": hint}
    probabilities = _word_probabilities(record)
    mean = sum(probabilities) / len(probabilities) if probabilities else 1.0
    if mean < rules["min_word_probability"]:
        message = f"words were recognised with a mean probability of only {mean:.2f}"
        return {"code": "low_word_probability", "message": message, "hint": "a larger --model"}
    return None


def _word_probabilities(record: Record) -> list[float]:
    """Return the probability of each word in the transcript."""
    words = record.get("words") or []
    if not isinstance(words, list) or not all(isinstance(word, dict) for word in words):
        raise RecordError("bad_words", f"words is not what transcribe adds: {words!r:.60}")
    return [word["probability"] for word in words if word.get("probability") is not None]


BY_MODALITY = {"audio": _of_audio, "text": _of_text}
