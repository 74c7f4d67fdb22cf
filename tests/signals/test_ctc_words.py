"""Words as symbols of a network, and letters as sounds."""

from __future__ import annotations

import pytest

from emocli.signals import ctc_words, pronunciation
from emocli.signals.phones import Sound

LETTERS = {name: i for i, name in enumerate(["<pad>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ'"])}
PHONES = {name: i for i, name in enumerate(["<pad>", *"aɑɛɪʊəʃŋbdk", "iː", "tʃ", "t", "s"])}
ARPABET = {name: i for i, name in enumerate(["[PAD]", "aa", "ae", "iy", "ng", "sh", "t"])}


def test_networks_of_phones_are_told_from_those_of_letters() -> None:
    assert ctc_words.kind(LETTERS) == ctc_words.LETTERS
    assert ctc_words.kind([*LETTERS, "Ä", "Ö", "Ü", "ß", "é", "à"]) == ctc_words.LETTERS
    assert ctc_words.kind(PHONES) == ctc_words.PHONES
    assert ctc_words.kind(ARPABET) == ctc_words.PHONES


def test_letters_come_in_the_case_the_network_has() -> None:
    units = ctc_words.units(["Don't", "42", "go"], LETTERS, "en")
    assert [(LETTERS["D"], 0), (LETTERS["O"], 0)] == [(u.symbol, u.word) for u in units[:2]]
    assert [u.letter for u in units] == list("don'tgo")
    assert [u.word for u in units[-2:]] == [2, 2]
    assert ctc_words.delimiter(LETTERS) == 1
    assert ctc_words.delimiter(PHONES) is None


def test_sounds_come_as_the_network_spells_them() -> None:
    units = ctc_words.units(["cheese"], PHONES, "en")
    assert [u.symbol for u in units] == [PHONES["tʃ"], PHONES["iː"]]  # it has no z
    assert [u.sounds[0].ipa for u in units] == ["tʃ", "iː"]
    pieces = ctc_words.units(["Tsch"], {**PHONES, "ʔ": 99} | {"tʃ": 3}, "de")
    assert pieces
    arpabet = ctc_words.units(["she"], ARPABET, "en")
    assert [u.symbol for u in arpabet] == [ARPABET["sh"], ARPABET["iy"]]


@pytest.mark.parametrize(
    ("word", "language", "laid"),
    [
        ("cat", "en", ["c", "a", "t"]),
        ("she", "en", ["sh", "e"]),
        ("box", "en", ["b", "o", "x", "x"]),
        ("night", "en", ["n", "igh", "t"]),
        ("Tür", "de", ["t", "ü", "r"]),
    ],
)
def test_a_sound_lasts_as_long_as_its_letters(word: str, language: str, laid: list[str]) -> None:
    letters = list(word.lower())
    spans = [(float(i), float(i + 1)) for i in range(len(letters))]
    sounds = pronunciation.pronounce([word], language)[0]
    timed = ctc_words.sounds_of_letters(letters, spans, sounds)
    assert [sound for sound, _, _ in timed] == sounds
    covered = ["".join(letters[int(a) : max(int(b + 0.99), int(a) + 1)]) for _, a, b in timed]
    for part, expected in zip(covered, laid, strict=True):
        assert part[0] in expected
    starts = [start for _, start, _ in timed]
    assert starts == sorted(starts)
    assert all(start < end for _, start, end in timed)


def test_more_sounds_than_letters_share_them() -> None:
    timed = ctc_words.sounds_of_letters(["x"], [(0.0, 1.0)], [Sound("k"), Sound("s")])
    assert [(a, b) for _, a, b in timed] == [(0.0, 0.5), (0.5, 1.0)]
    assert ctc_words.sounds_of_letters([], [], [Sound("a")]) == []
