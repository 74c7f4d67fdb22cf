from __future__ import annotations

from typing import Any

import pytest

from emocli.signals import prosody_words
from emocli.signals.prosody_norms import LEVELS, UNCLEAR

MODERATE = dict.fromkeys(
    ("slope", "pitch", "pitch_variation", "intensity", "intensity_variation", "duration"),
    "moderate",
)
NORMAL = dict.fromkeys(
    (
        "pitch",
        "pitch_variation",
        "loudness",
        "loudness_variation",
        "tempo",
        "brightness",
        "clarity",
        "pauses",
    ),
    "moderate",
)
FLUENT = {"pause_count": 0, "pause_total": 0.0}


def vowel(phone: str | None, word: str | None, start: float = 0.0, **levels: Any) -> dict[str, Any]:
    return {"phone": phone, "word": word, "start": start, "levels": {**MODERATE, **levels}}


def test_a_vowel_is_said_in_the_order_of_the_paper() -> None:
    text = vowel(
        "æ",
        "happy",
        slope="moderate",
        pitch="high",
        pitch_variation="very low",
        intensity="low",
        intensity_variation="high",
        duration="very high",
    )
    assert prosody_words.description([text]) == (
        '/æ/ in "happy": moderate slope, high pitch with very low variation, '
        "low intensity with high variation, very high duration."
    )


def test_there_is_a_clause_for_every_vowel_in_its_order() -> None:
    happy = [
        vowel("aɪ", "I", slope="very low"),
        vowel("æ", "happy", pitch=UNCLEAR, slope=UNCLEAR, pitch_variation=UNCLEAR),
        vowel("i", "happy", intensity="very high", intensity_variation=UNCLEAR),
    ]
    assert prosody_words.description(happy) == (
        '/aɪ/ in "I": very low slope, moderate pitch with moderate variation, '
        "moderate intensity with moderate variation, moderate duration; "
        '/æ/ in "happy": unclear pitch, moderate intensity with moderate variation, '
        "moderate duration; "
        '/i/ in "happy": moderate slope, moderate pitch with moderate variation, '
        "very high intensity, moderate duration."
    )


def test_a_vowel_without_phone_or_word_is_known_by_its_time() -> None:
    assert prosody_words.name(vowel(None, None, 1.2345)) == "vowel at 1.23 s"
    assert prosody_words.name(vowel("a", None, 0.5)) == "/a/ at 0.50 s"
    assert prosody_words.name(vowel(None, "ja")) == 'vowel in "ja"'


def test_a_description_is_english_whatever_is_said() -> None:
    text = prosody_words.description([vowel("øː", "schön"), vowel("ɨ", "być")])
    assert text is not None
    assert text.startswith('/øː/ in "schön": moderate slope')
    assert '; /ɨ/ in "być": moderate slope' in text


def test_a_word_cannot_break_the_line() -> None:
    assert prosody_words.name(vowel("a", "two\n lines")) == '/a/ in "two lines"'


def test_other_vowels_in_another_order_are_another_description() -> None:
    one, other = vowel("a", "ja", pitch="high"), vowel("a", "ja", pitch="low")
    assert prosody_words.description([one, other]) != prosody_words.description([other, one])
    assert prosody_words.description([]) is None


def test_what_norms_do_not_know_is_unclear() -> None:
    text = vowel("a", "ja") | {"levels": dict.fromkeys(MODERATE)}
    assert prosody_words.description([text]) == (
        '/a/ in "ja": unclear pitch, unclear intensity, unclear duration.'
    )


def test_an_utterance_is_one_sentence() -> None:
    levels = NORMAL | {
        "pitch": "very high",
        "pitch_variation": "low",
        "loudness": "high",
        "tempo": "very high",
        "brightness": "very low",
        "clarity": "low",
    }
    pauses = {"pause_count": 2, "pause_total": 0.94}
    assert prosody_words.summary(levels, pauses) == (
        "Pitch is very high with low variation, loudness is high with moderate variation, "
        "tempo is very fast, the voice is very dull and noisy, with 2 pauses (0.9 s in all)."
    )


def test_loudness_without_a_known_recording_level_tells_its_variation() -> None:
    text = prosody_words.summary(NORMAL | {"loudness": None, "loudness_variation": "low"}, FLUENT)
    assert text == (
        "Pitch is moderate with moderate variation, loudness varies little, tempo is moderate, "
        "the voice is moderately bright and moderately clear, without pauses."
    )


def test_a_whisper_and_silence_have_sentences_too() -> None:
    whisper = NORMAL | {"pitch": UNCLEAR, "pitch_variation": UNCLEAR, "clarity": UNCLEAR}
    pause = {"pause_count": 1, "pause_total": 0.31}
    assert prosody_words.summary(whisper, pause) == (
        "Pitch is unclear, loudness is moderate with moderate variation, tempo is moderate, "
        "the voice is moderately bright, with a pause (0.3 s)."
    )
    assert (
        prosody_words.summary(dict.fromkeys(NORMAL), FLUENT) == "Pitch is unclear, without pauses."
    )
    silence = {"pause_count": None, "pause_total": None}
    assert prosody_words.summary(dict.fromkeys(NORMAL), silence) == "Nothing is heard."


@pytest.mark.parametrize("name", ["tempo", "brightness", "clarity", "pitch", "loudness"])
def test_every_level_has_its_words(name: str) -> None:
    said = {prosody_words.summary(NORMAL | {name: level}, FLUENT) for level in LEVELS}
    assert len(said) == len(LEVELS)
