"""Speech sounds: alphabets agree with each other, and every sound has a neighbour in English."""

from __future__ import annotations

import pytest

from emocli.signals import phone_sets, phones, pronunciation
from emocli.signals.phones import Sound

# The same words in CMU's ARPABET and in the IPA of a dictionary (Wells, Longman, US).
WORDS = {
    "happy": ("HH AE1 P IY0", "h æ p i"),
    "choice": ("CH OY1 S", "tʃ ɔɪ s"),
    "nurse": ("N ER1 S", "n ɝ s"),
    "above": ("AH0 B AH1 V", "ə b ʌ v"),
    "vision": ("V IH1 ZH AH0 N", "v ɪ ʒ ə n"),
    "yellow": ("Y EH1 L OW0", "j ɛ l oʊ"),
    "father": ("F AA1 DH ER0", "f ɑ ð ɚ"),
    "thing": ("TH IH1 NG", "θ ɪ ŋ"),
    "good": ("G UH1 D", "ɡ ʊ d"),
}
LANGUAGES = {  # pangrams and the like
    "de": "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich, Häuser Pferd ich auch",
    "pl": "Zażółć gęślą jaźń, chrząszcz brzmi w trzcinie",
    "fr": "Portez ce vieux whisky au juge blond qui fume un bon vin blanc huit montagne",
    "es": "El veloz murciélago hindú comía feliz cardillo y kiwi niño lluvia guerra",
    "it": "Quel vituperabile xenofobo zelante assaggia il whisky ed esclama gli gnocchi",
    "ru": "Съешь же ещё этих мягких французских булок да выпей чаю",
    "tr": "Pijamalı hasta yağız şoföre çabucak güvendi",
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy",
    "hu": "Árvíztűrő tükörfúrógép gyár nyúl",
    "cmn": "你好 我们 去 吃 饭 中国",
    "ja": "こんにちは ありがとう",
    "hi": "नमस्ते आप कैसे हैं धन्यवाद",
    "ar": "مرحبا كيف حالك صباح الخير قلم",
    "sv": "Flygande bäckasiner söka hwila på mjuka tuvor sjuk",
}


@pytest.mark.parametrize("word", WORDS)
def test_arpabet_is_the_ipa_of_a_dictionary(word: str) -> None:
    arpabet, ipa = WORDS[word]
    assert [phones.of_arpabet(symbol).ipa for symbol in arpabet.split()] == ipa.split()


def test_stress_is_the_digit_and_only_vowels_have_it() -> None:
    assert [s.stress for s in map(phones.of_arpabet, ("AH0", "B", "AH1", "V", "OW2"))] == [
        *(0, None, 1, None),
        2,
    ]
    assert phones.of_arpabet("AH") == Sound("ʌ", None)
    assert phones.of_arpabet("AH", 0) == Sound("ə", 0)


def test_the_table_of_neighbours_names_sounds_of_the_model() -> None:
    for ipa, symbols in phone_sets.NEAREST.items():
        assert set(symbols.split()) <= phone_sets.ARPABET.keys(), ipa
        vowels = [phones.is_vowel(phone_sets.ARPABET[symbol]) for symbol in symbols.split()]
        assert not vowels or any(vowels) == (phones.is_vowel(ipa) or ipa == "ʕ"), ipa


def test_what_english_has_is_its_own_neighbour() -> None:
    for symbol, ipa in phone_sets.ARPABET.items():
        assert phones.nearest(ipa) == [symbol]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sound_of_a_language_has_a_neighbour(language: str) -> None:
    spoken = pronunciation.pronounce(LANGUAGES[language].split(), language)
    assert all(spoken)
    for sound in (sound for word in spoken for sound in word):
        assert phones.nearest(sound.ipa) or phones.base(sound.ipa) == "ʔ", sound


def test_symbols_of_two_sounds_come_apart() -> None:
    assert [s.ipa for s in phones.sounds("ˌɔːɹ")] == ["ɔː", "ɹ"]
    assert [s.ipa for s in phones.sounds("ˈaɪɚ")] == ["aɪ", "ɚ"]
    assert [s.ipa for s in phones.sounds("əl")] == ["ə", "l"]
    assert phones.sounds("ˈtʃ") == [Sound("tʃ", None)]
    assert phones.sounds("ˈiə")[0] == Sound("i", 1)
    assert phones.sounds("") == []


@pytest.mark.parametrize(
    ("symbols", "written"),
    [
        (["HH", "AH0", "L", "OW1"], "arpabet"),
        (["hh", "ah", "l", "ow"], "arpabet"),
        (["h", "ə", "l", "oʊ"], "ipa"),
        (["h", "a", "l", "o"], "ipa"),
        (["h", "@", "l", "@U"], "sampa"),
        (["m", "a:", "N"], "sampa"),
        (["B", "N", "D", "a"], "sampa"),
    ],
)
def test_the_alphabet_of_a_tier_is_told(symbols: list[str], written: str) -> None:
    assert phones.alphabet(symbols) == written


def test_three_alphabets_give_the_same_sounds() -> None:
    arpabet = [s.ipa for s in phones.read(["CH", "OY1", "S", "AH0", "Z"])]
    assert arpabet == ["tʃ", "ɔɪ", "s", "ə", "z"]
    assert [s.ipa for s in phones.read(["tS", "OI", "s", "@", "z"])] == arpabet
    assert [s.ipa for s in phones.read(["t͡ʃ", "ɔj", "s", "ə", "z"])] == arpabet


def test_silence_is_told_from_sounds() -> None:
    silent = ("", "sil", "SP", "spn", "<p:>", "[laughs]", "h#", "pau")
    assert all(map(phones.is_silence, silent))
    assert not any(map(phones.is_silence, ("s", "p", "AH0", "ə", "a:")))
