"""Which levels of a voice a text cites, and which of them were measured.

A citation is a field, a level and, for one of a vowel, its name: "tempo is very fast", "very fast
tempo", '/æ/ in "happy": low slope, high pitch with low variation', or '"happy": very loud very
long', in the words of `emocli.llm.vowel_words`. Our choices: what follows the name of a vowel up to
the end of a clause (; or the end of a sentence) is about that vowel, and so is what stands right
before "on", "in" or "at" and its name; a word in quotation marks names its vowels, and terse words
stand right after its colon, or after each other; what is negated or qualified ("not high",
"somewhat high") cites nothing; the same citation counts once. A level of something that was not
measured, or of a vowel that is not there, is cited and not true. The number of pauses, and that
something is unclear, are cited too, but are no levels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from emocli.llm.voice_levels import (
    BRIGHTNESS,
    CLARITY,
    DEGREES,
    LEVELS,
    MODERATE,
    PAUSES,
    TEMPO,
    UNCLEAR,
    UTTERANCE,
    VOWEL,
    Measured,
    Vowel,
    distance,
)
from emocli.llm.vowel_words import ADJECTIVES


class Citation(NamedTuple):
    """A field, the level that is claimed, and the vowel; None for the utterance."""

    field: str
    level: str
    vowel: Vowel | None = None

    @property
    def is_level(self) -> bool:
        """Say whether a level is cited: not a number, and not that something is unclear."""
        return self.field != PAUSES and self.level != UNCLEAR


WORDS = {
    word: level for words in (LEVELS, TEMPO) for word, level in zip(words, LEVELS, strict=True)
}
WORDS |= {"medium": LEVELS[MODERATE], UNCLEAR: UNCLEAR}
QUALITIES = {
    word: (field, level)
    for field, words in (("brightness", BRIGHTNESS), ("clarity", CLARITY))
    for word, level in zip(words, LEVELS, strict=True)
}
TERSE = {
    word: (field, level)
    for field, words in ADJECTIVES.items()
    for word, level in zip(words, LEVELS, strict=True)
}
FIELDS = (*dict.fromkeys((*UTTERANCE, *VOWEL)),)
OF_VOWELS = frozenset(VOWEL)


def _any(words: object) -> str:
    """Return a pattern for any of some words, longer ones first, with any blanks between."""
    listed = sorted(map(str, words), key=len, reverse=True)  # type: ignore[call-overload]
    return "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in listed)


_NAME = (
    r"/(?P<phone>[^/\s]{1,12})/(?:\s+(?:in|of)\s+(?:the\s+word\s+)?[\"“](?P<word>[^\"”]{1,60})[\"”]"
    r"|\s+at\s+(?P<at>\d+\.\d+)\s*s\b)?"
    r"|\bvowel\s+(?:(?:in|of)\s+(?:the\s+word\s+)?[\"“](?P<word_only>[^\"”]{1,60})[\"”]"
    r"|at\s+(?P<time>\d+\.\d+)\s*s\b)"
    r"|\b(?:word|syllable|in|on|of|at)\s+[\"“](?P<alone>[^\"”\s]{1,60})[\"”]"
    r"|[\"“](?P<listed>[^\"”\s]{1,60})[\"”](?=:)"
)
_LEVEL = _any(WORDS)
_FIELD = _any(field.replace("_", " ") for field in FIELDS)
_IS = (
    r"(?:\s+(?:is|was|are|were|remains?|stays?|sounds?|seems?)\s+|\s*[:=]\s*|\s+)(?:an?\s+|the\s+)?"
)
_TAIL = rf"(?:\s+with\s+(?P<tail{{0}}>{_LEVEL})\s+variation)?"
_QUALITY = _any(QUALITIES)
_OR = r"\s*(?:,\s*)?(?:\s(?:or|and|to|yet|but)\s|/)\s*"
_TERSE = _any(TERSE)
_ALSO = rf"(?:{_OR}(?:{_LEVEL})\b(?!\s+(?:{_FIELD}))){{0,4}}"  # "high or low" claims both
_PIECES = re.compile(
    rf"(?P<name>{_NAME})|(?P<end>[;\n]|[.!?](?!\d))"
    rf"|\b(?P<field>{_FIELD}){_IS}(?P<level>(?:{_LEVEL})\b{_ALSO}){_TAIL.format(1)}"
    rf"|\b(?P<before>(?:{_LEVEL})(?:{_OR}(?:{_LEVEL})){{0,4}})\s+(?P<after>{_FIELD})\b{_TAIL.format(2)}"
    rf"|\b(?P<varying>pitch|loudness|intensity)\s+var(?:ies|ied)\s+(?P<degree>{_any(DEGREES)})\b"
    rf"|\bvoice(?:\s+(?:is|was|sounds?|seems?))?\s+(?P<quality>{_QUALITY})\b"
    rf"(?:,?\s+(?:(?:and|or)\s+)?(?P<second>{_QUALITY})\b)?"
    rf"|\b(?P<quality_of>{_QUALITY})(?:,?\s+(?:and|or)\s+(?P<second_of>{_QUALITY}))?\s+voice\b"
    r"|\b(?P<none>without|no)\s+(?:any\s+)?pauses?\b|\b(?P<one>an?|one)\s+pause\b"
    r"|\b(?P<several>\d{1,4})\s+pauses\b"
    rf"|\b(?P<adjective>{_TERSE})\b(?!\s+(?:though|if|when|as|so)\b)"
)
# "on the /æ/ in ...", or a name that has its own preposition: 'on "happy"'.
_POSITION = re.compile(
    rf"(?=\s+(?:on|at|in|of|for)\b)(?:\s+(?:on|at|in|of|for)\s+(?:the\s+)?(?:vowel\s+)?|\s+)"
    rf"(?P<name>{_NAME})"
)
_LISTED = re.compile(r":?[\s,]+(?:and\s+)?")  # between the words of a list
_DENIED = re.compile(
    r"(?:\b(?:not|never|nor|neither|than|instead\s+of|hardly|less|more|most|least|slightly|somewhat"
    r"|fairly|quite|rather|moderately|extremely|too|if|whether)|n['’]t|[-/])\s*(?:an?\s+|the\s+)?$"
)


def citations(text: str) -> list[Citation]:
    """Return what a text cites, each once, in the order of the text.

    >>> citations('High pitch, tempo is slow; /æ/ in "happy": low slope.')[1:]
    [Citation(field='tempo', level='low', vowel=None), \
Citation(field='slope', level='low', vowel=Vowel(phone='æ', word='happy', start=None))]
    """
    squeezed = re.sub(r"[^\S\n]+", " ", text.casefold())
    return [*dict.fromkeys(_found(squeezed))]


def _found(text: str) -> Iterator[Citation]:
    vowel: Vowel | None = None
    end = 0  # of what is listed of a vowel
    for piece in _PIECES.finditer(text):
        if piece["adjective"] and not (vowel and _LISTED.fullmatch(text, end, piece.start())):
            continue
        end = piece.end()
        if piece["name"] or piece["end"]:
            vowel = _vowel(piece) if piece["name"] else None
        elif not _DENIED.search(text, max(0, piece.start() - 20), piece.start()):
            here = vowel
            if position := _POSITION.match(text, piece.end()):
                here = _vowel(position)
            for field, level in _claims(piece):
                yield Citation(field, level, here if field in OF_VOWELS else None)


def _vowel(piece: re.Match[str]) -> Vowel:
    """Return the vowel that a match names."""
    at = piece["at"] or piece["time"]
    word = piece["word"] or piece["word_only"] or piece["alone"] or piece["listed"]
    return Vowel(piece["phone"], word and " ".join(word.split()), float(at) if at else None)


def _claims(piece: re.Match[str]) -> Iterator[tuple[str, str]]:
    """Yield the fields and levels that a piece of text states."""
    if field := piece["field"] or piece["after"]:
        field = "_".join(field.split())
        for level in re.findall(_LEVEL, piece["level"] or piece["before"]):
            yield field, WORDS[_plain(level)]
        if varies := piece["tail1"] or piece["tail2"]:
            yield f"{field}_variation", WORDS[_plain(varies)]
    elif field := piece["varying"]:
        yield f"{field}_variation", LEVELS[DEGREES.index(_plain(piece["degree"]))]
    elif quality := piece["quality"] or piece["quality_of"]:
        for word in (quality, piece["second"] or piece["second_of"]):
            if word:
                yield QUALITIES[_plain(word)]
    elif word := piece["adjective"]:
        yield TERSE[_plain(word)]
    else:
        yield (
            PAUSES,
            str(int(piece["several"])) if piece["several"] else "0" if piece["none"] else "1",
        )


def _plain(words: str) -> str:
    return " ".join(words.split())


def is_true(citation: Citation, measured: Measured) -> bool:
    """Say whether a cited level is the measured one; of vowels of one name, that of any."""
    return fact(citation, measured) is not None


def fact(citation: Citation, measured: Measured) -> tuple[int | None, str] | None:
    """Return the place of the vowel and the field that a true citation is about, None if it is not.

    The place is None for the utterance; names of the same vowel have the same place.
    """
    field, level, vowel = citation
    if field == PAUSES:
        return (None, field) if level == str(measured.pauses) else None
    if vowel is None:
        return (None, field) if measured.utterance.get(field, UNCLEAR) == level else None
    for place, (name, levels) in enumerate(measured.vowels):
        if levels.get(field) == level and _is_named(name, vowel):
            return place, field
    return None


def _is_named(vowel: Vowel, name: Vowel) -> bool:
    """Say whether a name that a text uses is that of a vowel."""
    for ours, theirs in zip(vowel[:2], name[:2], strict=True):
        if theirs is not None and _plain(ours or "").casefold() != theirs:
            return False
    return name.start is None or (
        vowel.start is not None and f"{vowel.start:.2f}" == f"{name.start:.2f}"
    )


def told(cited: list[Citation], measured: Measured) -> tuple[int, int]:
    """Return how many levels that are not moderate are cited truly: of the utterance, of vowels."""
    true = [c for c in cited if c.is_level and distance(c.level) and is_true(c, measured)]
    utterance = sum(c.vowel is None for c in true)
    vowels = {
        (place, c.field)
        for c in true
        if c.vowel is not None
        for place, (name, levels) in enumerate(measured.vowels)
        if _is_named(name, c.vowel) and levels.get(c.field) == c.level
    }
    return utterance, len(vowels)
