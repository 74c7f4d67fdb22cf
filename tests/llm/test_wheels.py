"""Words for feelings on emotion wheels: every wheel whole, synonyms from WordNet."""

from __future__ import annotations

import tomllib
from collections import Counter

import pytest

from emocli.llm import voice_levels, wheels
from emocli.records.labels import EMOTIONS
from emocli.signals import prosody_words
from tests.llm.test_rationales import some


def contents(name: str) -> dict[str, dict[str, list[str]]]:
    return tomllib.loads((wheels.FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("wheel", wheels.names())
def test_a_wheel_names_its_source_and_no_word_twice(wheel: str) -> None:
    known = contents(wheel)
    assert str(known["source"]).strip()
    words = Counter(w for t in ("clusters", "also") for listed in known[t].values() for w in listed)
    assert max(words.values()) == 1
    assert known["also"].keys() <= known["clusters"].keys()
    for table in ("clusters", "also"):
        for name, listed in known[table].items():
            assert wheels.of(listed, wheel) == {name}


def test_the_wheels_have_the_size_of_their_sources() -> None:
    sizes = {
        name: sum(len(words) for words in contents(name)["clusters"].values())
        for name in wheels.names()
    }
    assert sizes["plutchik"] == 8 * 3
    assert sizes["geneva"] == 20 * 2
    assert sizes["shaver"] == 135
    assert len(contents("willcox")["clusters"]) == 6


def test_the_synonyms_are_those_of_words_on_wheels_and_say_where_they_come_from() -> None:
    text = wheels.SYNONYMS.read_text(encoding="utf-8")
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in text
    assert "without fee or royalty is hereby granted" in " ".join(text.replace("#", "").split())
    table = tomllib.loads(text)
    words = {
        w
        for n in wheels.names()
        for t in ("clusters", "also")
        for s in contents(n)[t].values()
        for w in s
    }
    assert table.keys() <= words
    forms = {form for listed in table.values() for form in listed}
    assert f"{len(table)} words, {len(forms)} synonyms" in text


@pytest.mark.parametrize(
    ("words", "wheel", "sectors"),
    [
        (["happy"], "plutchik", {"joy"}),
        (["Furious", " angrily "], "plutchik", {"anger"}),
        (["scared"], "willcox", {"scared"}),
        (["terrified", "worried"], "geneva", {"worry"}),
        (["surprised"], "willcox", set()),
        (["neutral", "calm down", "", "table"], "shaver", set()),
        (["love", "rage"], "shaver", {"love", "anger"}),
    ],
)
def test_a_word_leads_to_its_sector(words: list[str], wheel: str, sectors: set[str]) -> None:
    assert wheels.of(words, wheel) == sectors


def test_the_six_emotions_are_on_the_wheels_and_neutral_is_not() -> None:
    for wheel in wheels.names():
        for emotion in EMOTIONS[1:]:
            on = bool(wheels.of([emotion], wheel))
            assert on or (wheel == "willcox" and emotion in ("surprise", "disgust"))
        assert not wheels.of(["neutral"], wheel)


def test_overlap_counts_sectors_not_words() -> None:
    found = wheels.overlap(["angry", "furious", "sad", "table"], ["rage", "joy"], "plutchik")
    assert found == (1, 2, 2)


def test_feelings_are_found_in_a_text_but_for_denied_ones() -> None:
    assert wheels.named("She is furious, not happy, without joy, and isn't very sad.") == [
        "furious"
    ]
    assert wheels.named("Happiness! Sad?") == ["happiness", "sad"]


def test_the_words_for_voices_are_no_feelings() -> None:
    for seed in range(60):
        prosody, _ = some(seed)
        text = prosody_words.summary(prosody["levels"], prosody)
        assert wheels.named(text) == []
    assert wheels.named(" ".join((*voice_levels.UTTERANCE, *voice_levels.VOWEL))) == []
