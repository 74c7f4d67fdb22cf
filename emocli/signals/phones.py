"""Speech sounds in IPA: their classes, other notations, and their nearest English sounds.

The International Phonetic Association, "Handbook of the IPA", 1999; the tables are in
`phone_sets.py`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from emocli.signals.phone_sets import (
    AFFRICATES,
    ARPABET,
    LABLAUT,
    NEAREST,
    REDUCED,
    SAMPA,
    TIMIT,
    VOWELS,
)

STRESS = {"ˈ": 1, "ˌ": 2}
SAME = str.maketrans({"g": "ɡ", "ε": "ɛ", ":": "ː", "'": "ˈ", "͡": None, "͜": None, "ᵊ": "ə"})
TONES = re.compile(r"[0-9.˥˦˧˨˩↑↓|‖-]")
GLIDES = {
    "aj": "aɪ",
    "aw": "aʊ",
    "ej": "eɪ",
    "ow": "oʊ",
    "ɔj": "ɔɪ",
    "oj": "oɪ",
}  # as MFA writes them
SILENCES = frozenset(
    {"", "sil", "sp", "spn", "silence", "pau", "pause", "#", "h#", "_", "-", "...", "noise", "nib"}
    | {"<eps>", "<p:>", "<p>", "<usb>", "<nib>", "<sil>", "epi", "ns", "xxx", "unk", "oov"}
)


class Sound(NamedTuple):
    """One sound of a pronunciation; stress 1 or 2 on a vowel that has it, 0 on one without."""

    ipa: str
    stress: int | None = None


class Span(NamedTuple):
    """One sound in a recording: times in seconds, `word` an index into the words."""

    ipa: str | None
    start: float
    end: float
    word: int | None = None
    stress: int | None = None
    original: str | None = None


def is_vowel(ipa: str) -> bool:
    """Say whether a sound is a vowel or a diphthong; syllabic consonants are not.

    >>> [is_vowel(sound) for sound in ("ˈaɪ", "ɔ̃", "n̩", "j", "ɐ̯")]
    [True, True, False, False, False]
    """
    bare = unicodedata.normalize("NFD", ipa.lstrip("ˈˌ"))
    return bare[:1] in VOWELS and bare[1:2] != "̯"


def sounds(symbol: str) -> list[Sound]:
    """Return the sounds in a synthesiser's symbol: "ɔːɹ" is two, "tʃ" and "aɪ" are one each.

    A consonant is a letter with its marks, or an affricate; vowels that follow each other within
    one symbol are a diphthong, a third one is a sound of its own.
    """
    result: list[Sound] = []
    stress = next((STRESS[mark] for mark in symbol if mark in STRESS), 0)
    for part in _parts(normal(symbol)):
        vowel = is_vowel(part)
        result.append(Sound(part, stress if vowel else None))
        stress = 0 if vowel else stress
    return result


def normal(symbol: str) -> str:
    """Return IPA in one spelling: without stress, tone and ties."""
    plain = unicodedata.normalize("NFD", symbol).translate(SAME)
    return re.sub(r"[ˈˌ\s]", "", TONES.sub("", plain)).replace("c\u0327", "\u00e7")


def _parts(symbol: str) -> list[str]:
    letters: list[str] = []
    for character in symbol:
        modifies = unicodedata.category(character) in ("Mn", "Lm", "Sk")
        if letters and modifies:
            letters[-1] += character
        elif not modifies:
            letters.append(character)
    parts: list[str] = []
    for letter in letters:
        if parts and _joins(parts[-1], letter):
            parts[-1] += letter
        else:
            parts.append(letter)
    return parts


def _joins(before: str, letter: str) -> bool:
    bare = base(before)
    if is_vowel(before):
        return len(bare) == 1 and letter[0] in VOWELS | {"ɚ"} and letter[0] not in "əɚɐ"
    return len(bare) == 1 and bare + letter[0] in AFFRICATES


def base(ipa: str) -> str:
    """Return the letters of a sound without length, nasality and other marks.

    >>> base("ɔ̃ː"), base("tʲ"), base("ç")
    ('ɔ', 't', 'ç')
    """
    plain = normal(ipa)
    return "".join(c for c in plain if unicodedata.category(c) not in ("Mn", "Lm", "Sk"))


def nearest(ipa: str) -> list[str]:
    """Return the nearest English sounds to a sound, in ARPABET: one, several, or none.

    >>> nearest("yː"), nearest("ts"), nearest("ʔ")
    (['UW'], ['T', 'S'], [])
    """
    bare = base(ipa)
    if bare in NEAREST:
        return NEAREST[bare].split()
    return [symbol for letter in bare for symbol in NEAREST.get(letter, "").split()]


def of_arpabet(symbol: str, stress: int | None = None) -> Sound:
    """Return the sound of an ARPABET symbol, whose digit, if any, is the stress.

    AH is ə if it is known to be unstressed, else ʌ; likewise ER.

    >>> of_arpabet("AH0"), of_arpabet("ER1").ipa
    (Sound(ipa='ə', stress=0), 'ɝ')
    """
    name = symbol.upper().rstrip("0123")
    if name != symbol.upper():
        stress = min(int(symbol[-1]), 2)
    ipa = (TIMIT | ARPABET)[name]
    if stress == 0:
        ipa = REDUCED.get(name, ipa)
    return Sound(ipa, stress if is_vowel(ipa) else None)


def of_sampa(symbol: str, table: dict[str, str] = SAMPA) -> str:
    """Return the IPA of a SAMPA symbol.

    >>> of_sampa("E:"), of_sampa("tS"), of_sampa("9~")
    ('ɛː', 'tʃ', 'œ̃')
    """
    return "".join(table.get(character, character) for character in symbol)


def of_lablaut(symbol: str) -> str:
    """Return the IPA of a label of EMO-DB."""
    return of_sampa(symbol, LABLAUT)


def is_silence(label: str) -> bool:
    """Say whether a label of an alignment stands for silence or noise."""
    label = label.strip().lower()
    return label in SILENCES or (label[:1] + label[-1:]) in ("[]", "()", "<>")


def alphabet(symbols: Iterable[str]) -> str:
    """Return the notation of a list of symbols: "arpabet", "ipa" or "sampa".

    ARPABET if all are ARPABET and one has two letters; IPA if any is not ASCII or all are
    lower-case letters; else SAMPA.
    """
    names = {symbol.strip() for symbol in symbols}
    bare = {name.upper().rstrip("0123") for name in names}
    if bare <= ARPABET.keys() | TIMIT.keys() and any(len(name) > 1 for name in bare):
        return "arpabet"
    if not all(name.isascii() for name in names):
        return "ipa"
    return "ipa" if all(re.fullmatch(r"[a-z:]+", name) for name in names) else "sampa"


def read(symbols: Sequence[str]) -> list[Sound]:
    """Return the sounds of the symbols of one alignment, in any notation."""
    notation = alphabet(symbols)
    if notation == "arpabet":
        return [of_arpabet(symbol.strip()) for symbol in symbols]
    result = []
    for symbol in symbols:
        ipa = of_sampa(symbol.strip()) if notation == "sampa" else symbol.strip()
        stress = next((STRESS[mark] for mark in ipa if mark in STRESS), None)
        ipa = normal(ipa)
        ipa = GLIDES.get(ipa, ipa)
        result.append(Sound(ipa, stress if is_vowel(ipa) else None))
    return result
