"""What prosody means against norms: levels, sentences, and where the norms are from."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from emocli.errors import ConfigError, UsageError
from emocli.records import Record

if TYPE_CHECKING:
    from emocli.signals.prosody_norms import Norms

SHIPPED = Path(__file__).with_name("norms.json")
DIGEST_LENGTH = 16  # hexadecimal digits: enough to tell files apart


class Source(NamedTuple):
    """Norms and what a record says of them."""

    norms: Norms
    name: str  # "shipped" or "file"
    sha256: str  # its beginning


TABLES = {"corpus", "edges", "registers_hz", "speakers", "vowel_types"}  # a file of norms has all


@functools.cache
def load(path: Path | None) -> Source:
    """Return the norms in a file, or the shipped ones; UsageError, ConfigError if that fails."""
    import orjson

    from emocli.signals import prosody_norms

    file = path or SHIPPED
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise UsageError(f"--norms {file}: {error.strerror}") from None
    try:
        content = orjson.loads(raw)
        norms = prosody_norms.Norms(content)
        wanted = (prosody_norms.FORMAT, prosody_norms.VERSION)
        known = (content["format"], content["version"]) == wanted and content.keys() >= TABLES
    except (ValueError, TypeError, KeyError):
        known = False
    if not known:
        hint = "emocli prosody --fit FILE makes them"
        raise ConfigError(f"{file}: no norms of version {prosody_norms.VERSION}", hint=hint)
    name = "shipped" if path is None else "file"
    return Source(norms, name, hashlib.sha256(raw).hexdigest()[:DIGEST_LENGTH])


def judged(found: Record, record: Record, path: Path | None) -> Record:
    """Return `prosody` with the levels of the utterance and its vowels, and in words."""
    from emocli.signals import prosody_words

    source = load(path)
    speaker, language = speaker_of(record), language_of(record)
    levels = source.norms.utterance(found, speaker)
    for vowel in found.get("vowels", ()):
        vowel["levels"] = source.norms.vowel(vowel, found, speaker, language)
    said: Record = {"levels": levels, "summary": prosody_words.summary(levels, found)}
    if "vowels" in found:
        said["description"] = prosody_words.description(found["vowels"])
    return found | said | {"norms": _provenance(source, found, speaker)}


def _provenance(source: Source, found: Record, speaker: str | None) -> Record:
    reference_hz = source.norms.reference_hz(speaker, found["f0_median_hz"])
    return {
        "source": source.name,
        "sha256": source.sha256,
        "speaker": "known" if source.norms.knows(speaker) else "unknown",
        "reference_hz": reference_hz,
    }


def speaker_of(record: Record) -> str | None:
    """Return who speaks, None where that is not said."""
    speaker = record.get("speaker")
    return str(speaker) if isinstance(speaker, str | int) and speaker != "" else None


def language_of(record: Record) -> str:
    """Return the language of a record, or of its alignment; "" where neither says."""
    from emocli.signals import prosody_norms

    alignment = record.get("alignment")
    aligned = alignment.get("language") if isinstance(alignment, dict) else None
    return prosody_norms.same_language(record.get("language") or aligned)
