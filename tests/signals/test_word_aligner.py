"""Alignments of speech whose phone times the synthesiser gives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from emocli.errors import ModelError, RecordError
from emocli.signals import phones, pocketsphinx_aligner, pronunciation, transcripts, word_aligner
from tests.synthetic_speech import matched, say

SENTENCES = (
    "The child lost his small dog.",
    "Please call me when you get home.",
    "My mother bought five yellow boxes.",
)


def align(speech, text: str, language: str = "en") -> word_aligner.Alignment:
    return word_aligner.align(speech.samples, transcripts.tokens(text), language)


def starts(speech, alignment) -> tuple[list[float], int]:
    """Return how far off the starts of matching sounds are, in seconds, and how many there are."""
    names = [ipa for ipa, _ in speech.sounds]
    pairs = matched(names, [span.ipa for span in alignment.spans])
    return [alignment.spans[j].start - speech.sounds[i][1] for i, j in pairs], len(names)


def test_most_boundaries_of_english_are_within_20_ms() -> None:
    errors, total = [], 0
    for text in SENTENCES:
        speech = say(text)
        alignment = align(speech, text)
        off, count = starts(speech, alignment)
        errors, total = errors + off, total + count
        assert alignment.guessed == []
    near = sum(abs(error) <= 0.02 for error in errors)
    assert near / total >= 0.6  # 0.75 over the twenty sentences of the bench
    assert abs(np.median(errors)) < 0.01  # neither early nor late


def test_other_languages_come_in_their_own_sounds() -> None:
    text = "Über sieben Brücken musst du gehen."
    speech = say(text, "de")
    alignment = align(speech, text, "de")
    off, total = starts(speech, alignment)
    assert np.mean(np.abs(off) <= 0.05) > 0.6
    assert len(off) >= 0.9 * total
    assert {"yː", "ʏ"} <= {span.ipa for span in alignment.spans}


def test_words_the_dictionary_lacks_are_guessed_and_named() -> None:
    text = "He saw 12 snorgles in well-worn Xylobon."
    alignment = align(say(text), text)
    assert alignment.guessed == ["12", "snorgles", "Xylobon"]
    words = [[s.ipa for s in alignment.spans if s.word == i] for i in range(7)]
    assert words[2] == ["t", "w", "ɛ", "l", "v"]
    assert words[3][:3] == ["s", "n", "ɔ"]
    assert words[5][:3] == ["w", "ɛ", "l"]  # a compound of known words is known


def test_sounds_follow_each_other_within_the_recording() -> None:
    text = SENTENCES[1]
    speech = say(text)
    spans = align(speech, text).spans
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(spans))
    assert all(0 <= s.start < s.end <= len(speech.samples) / 16_000 for s in spans)
    assert [s.word for s in spans] == sorted(s.word for s in spans)
    stressed = {s.word: s.stress for s in spans if s.stress == 1}
    assert 1 in stressed  # "call"
    assert all((s.stress is None) != phones.is_vowel(s.ipa) for s in spans)


def test_what_came_before_does_not_matter() -> None:
    speech = [say(text) for text in SENTENCES[:2]]
    first = align(speech[0], SENTENCES[0])
    align(speech[1], SENTENCES[1])
    assert align(speech[0], SENTENCES[0]) == first


@pytest.mark.parametrize("text", ["Colourless green ideas sleep furiously.", "Sieben Brücken"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(RecordError) as caught:
        align(say(SENTENCES[0]), text)
    assert caught.value.code == "cannot_align"


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.1, 1.0, 3.0])
@pytest.mark.parametrize("text", ["leave me alone", "hello there", "Thank you."])
def test_silence_says_nothing(seconds: float, text: str) -> None:
    silence = np.zeros(int(16_000 * seconds), np.float32)
    with pytest.raises(RecordError) as caught:
        word_aligner.align(silence, transcripts.tokens(text), "en")
    assert caught.value.code == "cannot_align"


def test_noise_does_not_say_a_sentence() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    with pytest.raises(RecordError) as caught:
        word_aligner.align(noise, transcripts.tokens(SENTENCES[0]), "en")
    assert caught.value.code == "cannot_align"


def test_without_espeak_known_words_go_on_without_stress(monkeypatch: pytest.MonkeyPatch) -> None:
    speech = say(SENTENCES[0])

    def absent() -> None:
        raise pronunciation.NoPronunciationError("no_espeak", "not here", hint="install it")

    monkeypatch.setattr(pronunciation, "_library", absent)
    pronunciation._speak_as.cache_clear()
    alignment = align(speech, SENTENCES[0])
    assert {span.stress for span in alignment.spans} == {None}
    with pytest.raises(RecordError) as caught:
        align(speech, "The snorgle")
    assert caught.value.code == "no_espeak"


def test_without_pocketsphinx_the_model_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(ModelError, match="pocketsphinx"):
        pocketsphinx_aligner.Aligner()


def test_the_dictionary_is_read_again_before_it_grows_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pocketsphinx_aligner, "MOST_ADDED", 2)
    shared = pocketsphinx_aligner.aligner()
    for symbols in (["B", "AA"], ["B", "AA", "D"], ["B", "IY"]):
        shared.add(symbols)
    assert pocketsphinx_aligner.aligner() is not shared
    assert pocketsphinx_aligner.aligner().align(say("be").samples, ["be"]).words
