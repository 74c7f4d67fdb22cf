"""The terse wording of vowels tells what is very unusual, and all of it is read back as true."""

from __future__ import annotations

import pytest

from emocli.llm import vowel_words
from emocli.llm.citations import Citation, citations, is_true, told
from emocli.llm.rationales import thought
from emocli.llm.voice_levels import LEVELS, VOWEL, Measured, Vowel, distance
from emocli.llm.vowel_words import ADJECTIVES, NOTHING, terse
from tests.llm.test_rationales import some

HAPPY = Vowel("æ", "happy", 0.5)


@pytest.mark.parametrize("seed", range(40))
def test_what_is_very_unusual_is_told_and_nothing_else(seed: int) -> None:
    _, measured = some(seed)
    found = citations(terse(measured.vowels) or "")
    assert all(is_true(citation, measured) for citation in found)
    far = [
        level for _, levels in measured.vowels for level in levels.values() if distance(level) > 1
    ]
    assert told(found, measured) == (0, len(far))
    assert all(distance(citation.level) == vowel_words.FAR for citation in found)


@pytest.mark.parametrize("field", VOWEL)
@pytest.mark.parametrize("level", LEVELS)
def test_the_words_of_every_level_are_read_back(field: str, level: str) -> None:
    text = f'"happy": {vowel_words.said(field, level)}.'
    assert citations(text) == [Citation(field, level, Vowel(None, "happy"))]


@pytest.mark.parametrize("seed", range(100))
def test_a_terse_thought_is_true_and_in_the_words_of_the_question(seed: int) -> None:
    _, measured = some(seed)
    said = thought(measured, terse=True) or ""
    assert all(is_true(citation, measured) for citation in citations(said))
    vowels = said.rstrip(".").partition("; ")[2]
    assert vowels in str(terse(measured.vowels))
    assert bool(vowels) == (terse(measured.vowels) != NOTHING)


def test_two_vowels_of_a_word_and_one_without_a_word_have_their_clauses() -> None:
    high, soft = {"pitch": "very high"}, {"intensity": "very low", "duration": "very high"}
    vowels = [(HAPPY, high), (Vowel("i", "happy", 0.9), soft), (Vowel(None, None, 2.514), high)]
    assert terse(vowels) == (
        '"happy": very high pitch; "happy": very soft very long; vowel at 2.51 s: very high pitch.'
    )
    assert all(
        is_true(citation, Measured({}, vowels)) for citation in citations(terse(vowels) or "")
    )
    two = [(Vowel("u", "New York"), soft)]
    assert all(is_true(citation, Measured({}, two)) for citation in citations(terse(two) or ""))


def test_usual_vowels_are_told_as_such_and_none_are_not_told() -> None:
    assert terse([(HAPPY, {"pitch": "high", "slope": "unclear"})]) == NOTHING
    assert citations(NOTHING) == []
    assert terse([]) is None


@pytest.mark.parametrize(
    "text",
    [
        "very soft",
        '"happy" very soft',
        'the word "happy": low pitch even though it is long',
        '"happy": low pitch. Very long.',
        "long and loud",
    ],
)
def test_such_words_count_only_in_the_list_of_a_vowel(text: str) -> None:
    assert {citation.field for citation in citations(text)} <= {"pitch"}


def test_each_adjective_is_of_one_field_and_level() -> None:
    words = [word for listed in ADJECTIVES.values() for word in listed]
    assert len(words) == len(set(words))
