"""Spell words in the symbols of a CTC network, and find the speech sounds of its symbols.

A network of phones gets the pronunciation of espeak-ng, a network of letters the letters. To time
the sounds of letters, the two sequences are aligned by an edit distance that prefers vowels beside
vowel letters, and a sound lasts as long as its letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from emocli.signals import phones, pronunciation
from emocli.signals.phones import Sound

PHONES, LETTERS = "phones", "letters"
DELIMITERS = ("|", " ", "▁")  # between words
VOWEL_LETTERS = frozenset("aeiouyæøœαεηιουωаеёиоуыэюяієї")
FEWEST_IPA = 5  # symbols outside all alphabets: a network of phones


class Unit(NamedTuple):
    """What one symbol stands for: the index of its word, and its sounds (or its letter)."""

    symbol: int
    word: int
    sounds: list[Sound]
    letter: str = ""


def kind(symbols: Iterable[str]) -> str:
    """Return whether the symbols of a network are phones or letters."""
    names = [name for name in symbols if not name.startswith(("<", "["))]
    ipa = [n for n in names if any(c in "əɪʊɛɔɑæʌɹʃʒŋθðɡɐɾʁɲçɕʑːˈ" for c in n)]
    arpabet = {"AA", "AE", "IY", "NG", "SH"} <= {name.upper().rstrip("012") for name in names}
    return PHONES if len(ipa) >= FEWEST_IPA or arpabet else LETTERS


def delimiter(symbols: dict[str, int]) -> int | None:
    """Return the symbol between words, or None."""
    return next((symbols[name] for name in DELIMITERS if name in symbols), None)


def units(words: Sequence[str], symbols: dict[str, int], language: str) -> list[Unit]:
    """Return the symbols of words, in order, without those that the network lacks."""
    if kind(symbols) == PHONES:
        spoken = pronunciation.pronounce(words, language)
        return [u for i, sounds in enumerate(spoken) for u in _of_sounds(i, sounds, symbols)]
    return [unit for i, word in enumerate(words) for unit in _of_letters(i, word, symbols)]


def _of_sounds(word: int, sounds: Sequence[Sound], symbols: dict[str, int]) -> list[Unit]:
    spelled = []
    for sound in sounds:
        names = _spellings(sound.ipa, symbols)
        spelled += [
            Unit(symbols[name], word, [sound] if number == 0 else [])
            for number, name in enumerate(names)
        ]
    return spelled


def _spellings(ipa: str, symbols: dict[str, int]) -> list[str]:
    """Return the symbols for a sound: itself, without its marks, its letters, or ARPABET."""
    for name in (ipa, phones.base(ipa), phones.base(ipa) + "ː"):
        if name in symbols:
            return [name]
    letters = [letter for letter in phones.base(ipa) if letter in symbols]
    if letters:
        return letters
    for change in (str.upper, str.lower):
        names = [change(name) for name in phones.nearest(ipa)]
        if names and all(name in symbols for name in names):
            return names
    return []


def _of_letters(word: int, text: str, symbols: dict[str, int]) -> list[Unit]:
    text = unicodedata.normalize("NFC", text)
    variants = (text, text.lower(), text.upper())
    best = max(variants, key=lambda variant: sum(letter in symbols for letter in variant))
    return [Unit(symbols[c], word, [], c.lower()) for c in best if c in symbols]


def sounds_of_letters(
    letters: Sequence[str],
    spans: Sequence[tuple[float, float]],
    sounds: Sequence[Sound],
) -> list[tuple[Sound, float, float]]:
    """Return the time of each sound of a word, from the times of its letters.

    Several sounds of one letter share its time equally; letters without a sound go to the sound
    before them, at the beginning to the sound after them.
    """
    if not letters or not sounds:
        return []
    owners = _beside(letters, sounds)
    timed = []
    for index, sound in enumerate(sounds):
        indices = [i for i, group in enumerate(owners) if index in group]
        first, last = indices[0], indices[-1]
        group = owners[first]
        start, end = spans[first][0], spans[last][1]
        if len(group) > 1:
            length = (spans[first][1] - spans[first][0]) / len(group)
            start = spans[first][0] + length * group.index(index)
            end = start + length
        timed.append((sound, start, end))
    return timed


def _beside(letters: Sequence[str], sounds: Sequence[Sound]) -> list[list[int]]:
    """Return for each letter the indices of the sounds that it stands for."""
    rows, columns = len(letters) + 1, len(sounds) + 1
    cost = [[float(i + j) for j in range(columns)] for i in range(rows)]
    for i in range(1, rows):
        for j in range(1, columns):
            cost[i][j] = min(
                cost[i - 1][j - 1] + _unlike(letters[i - 1], sounds[j - 1]),
                cost[i - 1][j] + 1,
                cost[i][j - 1] + _more(letters[i - 1], sounds[j - 1]),
            )
    owners: list[list[int]] = [[] for _ in letters]
    i, j = rows - 1, columns - 1
    while j:
        if i and cost[i][j] == cost[i - 1][j - 1] + _unlike(letters[i - 1], sounds[j - 1]):
            i, j = i - 1, j - 1
            owners[i].insert(0, j)
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
            owners[max(i - 1, 0)].insert(0, j)
    for i, group in enumerate(owners):
        if not group:
            owners[i] = owners[i - 1][-1:] if i and owners[i - 1] else [0]
    return owners


def _unlike(letter: str, sound: Sound) -> float:
    bare = unicodedata.normalize("NFD", letter)[:1]
    if bare == phones.base(sound.ipa)[:1]:
        return 0.0
    return 0.4 if _alike(letter, sound) else 1.5


def _more(letter: str, sound: Sound) -> float:
    """Return the cost of one more sound for a letter."""
    return 1.0 if _alike(letter, sound) else 1.2


def _alike(letter: str, sound: Sound) -> bool:
    bare = unicodedata.normalize("NFD", letter)[:1]
    return (bare in VOWEL_LETTERS) == phones.is_vowel(sound.ipa)
