"""Pronunciations: what dictionaries say, in several languages, and what is not there."""

from __future__ import annotations

import pytest

from emocli.errors import RecordError
from emocli.signals import pronunciation
from emocli.signals.pronunciation import pronounce


@pytest.mark.parametrize(
    ("word", "language", "ipa"),
    [  # the Wiktionary's narrower details aside
        ("Tür", "de", "t yː ɾ"),
        ("schön", "de", "ʃ øː n"),
        ("ich", "de-AT", "ɪ ç"),
        ("dzień", "pl", "dʑ ɛ ɲ"),
        ("nuit", "fr", "n y i"),
        ("gatto", "it", "ɡ a tː o"),
        ("judge", "en", "dʒ ʌ dʒ"),
        ("bird", "en_US", "b ɜː d"),
    ],
)
def test_words_are_said_as_in_a_dictionary(word: str, language: str, ipa: str) -> None:
    assert [sound.ipa for sound in pronounce([word], language)[0]] == ipa.split()


def test_stress_lies_where_it_is_and_numbers_are_words() -> None:
    again, ninety = pronounce(["again", "90"], "en")
    assert [sound.stress for sound in again] == [0, None, 1, None]
    assert [sound.ipa for sound in ninety] == ["n", "aɪ", "n", "t", "i"]


def test_each_word_has_its_own_sounds_even_where_two_are_run_together() -> None:
    words = ["It", "is", "in", "the", "house,", "of", "course;", "3", "of", "them."]
    assert len(pronounce(words, "en")) == len(words)
    assert all(pronounce(words, "en"))


def test_a_language_does_not_stay_for_the_next_word() -> None:
    before = pronounce(["die"], "en")
    assert pronounce(["die"], "de") != before
    assert pronounce(["die"], "en") == before


def test_a_language_that_is_not_there_is_said() -> None:
    with pytest.raises(RecordError, match="nonsense") as caught:
        pronounce(["a"], "nonsense")
    assert caught.value.code == "unknown_language"


def test_a_library_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pronunciation, "_places", lambda: ("/nowhere/libespeak.so", None))
    pronunciation._library.cache_clear()
    pronunciation._speak_as.cache_clear()
    try:
        with pytest.raises(RecordError, match="espeak-ng") as caught:
            pronounce(["a"], "en")
    finally:
        pronunciation._library.cache_clear()
    assert caught.value.code == "no_espeak"
    assert "emocli[align]" in caught.value.hint


def test_signs_alone_have_no_sounds_and_nothing_crashes() -> None:
    for odd in ("...", "", "\0", "🙄", "a\0b", "ﷺ" * 50):
        assert isinstance(pronounce([odd], "en"), list)
