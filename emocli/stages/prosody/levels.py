"""Compare prosody with norms: levels, sentences, and the source of the norms."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from emocli.errors import ConfigError, UsageError
from emocli.records import Record, texts

if TYPE_CHECKING:
    from emocli.signals.prosody_norms import Norms

SHIPPED = Path(__file__).with_name("norms.json")
DIGEST_LENGTH = 16  # hexadecimal digits: enough to tell files apart


class Source(NamedTuple):
    """Norms and their provenance."""

    norms: Norms
    name: str  # "shipped" or "file"
    sha256: str  # the first digits


# Required in a file of norms.
TABLES = {"corpus", "edges", "registers_hz", "speakers", "vowel_types"}


@functools.cache
def load(path: Path | None) -> Source:
    """Return the norms in a file, or the shipped ones; UsageError or ConfigError on failure."""
    import orjson

    from emocli.signals import norms_files, prosody_norms

    file = path or SHIPPED
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise UsageError(f"--norms {file}: {error.strerror}") from None
    try:
        text = texts.decoded(raw)
    except ValueError as error:
        raise ConfigError(f"{file}: {texts.reason(error)}", hint=texts.HINT) from None
    try:
        content = orjson.loads(text)
        norms = prosody_norms.Norms(content)
        expected = (prosody_norms.FORMAT, prosody_norms.VERSION)
        valid = (content["format"], content["version"]) == expected and content.keys() >= TABLES
        damaged = norms_files.fault(content) if valid else None
    except (ValueError, TypeError, KeyError, AttributeError):
        valid = False
    hint = "emocli prosody --fit FILE writes norms"
    if not valid:
        raise ConfigError(f"{file}: no norms of version {prosody_norms.VERSION}", hint=hint)
    if damaged:
        raise ConfigError(f"{file}: {damaged} is damaged", hint=hint)
    name = "shipped" if path is None else "file"
    return Source(norms, name, hashlib.sha256(raw).hexdigest()[:DIGEST_LENGTH])


def judged(measures: Record, record: Record, path: Path | None) -> Record:
    """Return `prosody` with the levels of utterance and vowels, and their description in words."""
    from emocli.signals import prosody_words

    source = load(path)
    speaker, language = speaker_of(record), language_of(record)
    levels = source.norms.utterance(measures, speaker)
    for vowel in measures.get("vowels", ()):
        vowel["levels"] = source.norms.vowel(vowel, measures, speaker, language)
    judgement: Record = {"levels": levels, "summary": prosody_words.summary(levels, measures)}
    if "vowels" in measures:
        judgement["description"] = prosody_words.description(measures["vowels"])
    return measures | judgement | {"norms": _provenance(source, measures, speaker)}


def _provenance(source: Source, measures: Record, speaker: str | None) -> Record:
    reference_hz = source.norms.reference_hz(speaker, measures["f0_median_hz"])
    return {
        "source": source.name,
        "sha256": source.sha256,
        "speaker": "known" if source.norms.knows(speaker) else "unknown",
        "reference_hz": reference_hz,
    }


def speaker_of(record: Record) -> str | None:
    """Return the speaker of a record, or None."""
    speaker = record.get("speaker")
    return str(speaker) if isinstance(speaker, str | int) and speaker != "" else None


def language_of(record: Record) -> str:
    """Return the language of a record, or of its alignment; "" if neither names one."""
    from emocli.signals import prosody_norms

    alignment = record.get("alignment")
    aligned = alignment.get("language") if isinstance(alignment, dict) else None
    return prosody_norms.same_language(record.get("language") or aligned)
