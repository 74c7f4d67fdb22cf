"""Thoughts say nothing that was not measured, and what they cite is read back."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from emocli.llm import voice_levels
from emocli.llm.citations import Citation, citations, is_true, told
from emocli.llm.rationales import thought
from emocli.llm.voice_levels import LEVELS, UTTERANCE, VOWEL, Measured, Vowel, unusual
from emocli.signals import prosody_norms, prosody_words

HAPPY, SIT = Vowel("æ", "happy", 0.5), Vowel("ɪ", "sit", 1.25)
MEASURED = Measured(
    {"pitch": "high", "pitch_variation": "low", "tempo": "very high", "clarity": "very low"},
    [(HAPPY, {"pitch": "low", "duration": "high"}), (SIT, {"pitch": "high"})],
    2,
)


LOW_AND_SLOW = [("pitch", "low", 'vowel in "happy"'), ("tempo", "low", None)]


def cited(text: str) -> list[tuple[str, str, str | None]]:
    return [(c.field, c.level, c.vowel and str(c.vowel)) for c in citations(text)]


def some(seed: int) -> tuple[dict[str, Any], Measured]:
    """Return the levels of an utterance and two vowels as prosody has them, and as thoughts do."""
    draw = random.Random(seed)
    utterance = {name: draw.choice([*LEVELS, "unclear"]) for name in (*UTTERANCE, "pauses")}
    utterance["loudness"] = draw.choice([*LEVELS, None])  # of norms without speakers
    if utterance["pitch"] == "unclear":
        utterance["pitch_variation"] = "unclear"
    vowels = [
        {"phone": phone, "word": word, "start": start}
        | {"levels": {name: draw.choice([*LEVELS, "unclear"]) for name in VOWEL}}
        for phone, word, start in (("æ", "happy", 0.5), ("ɪ", "don't", 1.25), (None, None, 2.514))
    ]
    named = [
        (Vowel(v["phone"], v["word"], v["start"]), {k: w for k, w in v["levels"].items()})
        for v in vowels
    ]
    levels = {name: level for name, level in utterance.items() if level}
    pauses = draw.randrange(4)
    prosody = {"levels": utterance, "vowels": vowels, "pause_count": pauses, "pause_total": 0.92}
    return prosody, Measured(levels, named, pauses)


def test_the_words_are_those_of_prosody() -> None:
    assert voice_levels.LEVELS == prosody_norms.LEVELS
    assert voice_levels.UNCLEAR == prosody_norms.UNCLEAR
    assert voice_levels.TEMPO == prosody_words.TEMPO
    assert voice_levels.BRIGHTNESS == prosody_words.BRIGHTNESS
    assert voice_levels.CLARITY == prosody_words.CLARITY
    assert voice_levels.DEGREES == prosody_words.DEGREE
    assert {*UTTERANCE, "pauses"} == {"pitch", *prosody_norms.UTTERANCE, "pauses"}
    assert set(VOWEL) == {"pitch", *prosody_norms.VOWEL}
    for vowel in ({"phone": "æ", "word": "happy", "start": 1.0}, {"start": 0.514}):
        name = Vowel(vowel.get("phone"), vowel.get("word"), vowel["start"])
        assert str(name) == prosody_words.name(vowel)


@pytest.mark.parametrize("seed", range(40))
def test_everything_that_summary_and_description_say_is_read_as_true(seed: int) -> None:
    prosody, measured = some(seed)
    summary = prosody_words.summary(prosody["levels"], prosody)
    description = prosody_words.description(prosody["vowels"])
    of_summary, of_description = citations(summary), citations(str(description))
    assert all(is_true(c, measured) for c in (*of_summary, *of_description))
    for field in UTTERANCE:
        if prosody["levels"][field] in LEVELS:
            assert Citation(field, prosody["levels"][field]) in of_summary
    for vowel in prosody["vowels"]:
        clear = vowel["levels"]["pitch"] in LEVELS
        mine = {c.field: c.level for c in of_description if c.vowel and _same(c.vowel, vowel)}
        for field in ("slope", "pitch", "duration", "intensity"):
            if clear or field in ("duration", "intensity"):
                assert mine[field] == vowel["levels"][field]


def _same(name: Vowel, vowel: dict[str, Any]) -> bool:
    return (name.phone, name.word) == (vowel["phone"], vowel["word"])


@pytest.mark.parametrize("seed", range(200))
def test_a_thought_is_true_and_in_the_words_of_the_question(seed: int) -> None:
    prosody, measured = some(seed)
    said = thought(measured, vowels=True)
    assert said is not None
    found = citations(said)
    assert found
    assert all(is_true(c, measured) for c in found)
    question = prosody_words.summary(prosody["levels"], prosody)
    question += str(prosody_words.description(prosody["vowels"]))
    for part in said.rstrip(".").replace("; ", ", ").split(", "):
        assert part.partition(": ")[2].casefold() in question.casefold(), part
        assert part.partition(": ")[0].casefold() in question.casefold(), part
    utterance, vowels = told(found, measured)
    assert utterance <= unusual(measured)[0]
    assert vowels <= unusual(measured)[1]


def test_three_levels_are_cited_where_three_were_measured() -> None:
    for seed in range(100):
        prosody, measured = some(seed)
        known = sum(prosody["levels"][field] in LEVELS for field in UTTERANCE)
        levels = [c for c in citations(thought(measured) or "") if c.is_level]
        assert len(levels) >= min(3, known) - (known == 3)  # bright and clear are one statement
        assert all(c.vowel is None for c in levels)


def test_a_thought_tells_what_is_most_unusual() -> None:
    levels = {"pitch": "moderate", "loudness": "very low", "tempo": "low", "clarity": "very high"}
    said = thought(Measured({**levels, "brightness": "moderate"}))
    assert said == (
        "Loudness is very low, tempo is slow, the voice is moderately bright and very clear."
    )


@pytest.mark.parametrize(
    "levels", [{}, {"pitch": "unclear"}, {"pauses": "high"}, {"tempo": "unclear"}]
)
def test_where_no_level_is_known_there_is_no_thought(levels: dict[str, str]) -> None:
    assert thought(Measured(levels)) is None
    assert thought(Measured(levels, [(HAPPY, {"pitch": "unclear"})], 3), vowels=True) is None


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("The PITCH was very HIGH!", [("pitch", "very high", None)]),
        ("pitch: low", [("pitch", "low", None)]),
        ("A very fast tempo.", [("tempo", "very high", None)]),
        ("low pitch variation", [("pitch_variation", "low", None)]),
        ("pitch variation is low", [("pitch_variation", "low", None)]),
        ("loudness varies very much", [("loudness_variation", "very high", None)]),
        ("the voice sounds dull", [("brightness", "low", None)]),
        ("a noisy voice", [("clarity", "low", None)]),
        ("no pauses", [("pauses", "0", None)]),
        ("with 12 pauses", [("pauses", "12", None)]),
        ('/æ/ in "happy" has low pitch', [("pitch", "low", '/æ/ in "happy"')]),
        ('low pitch on the /æ/ in "happy"', [("pitch", "low", '/æ/ in "happy"')]),
        ('the word "happy" has low pitch', [("pitch", "low", 'vowel in "happy"')]),
        ('In "happy", pitch is low.', [("pitch", "low", 'vowel in "happy"')]),
        ('low pitch on "happy", slow tempo', LOW_AND_SLOW),
        ('They say "I am happy" with low pitch', [("pitch", "low", None)]),
        ("vowel at 0.51 s: high duration", [("duration", "high", "vowel at 0.51 s")]),
        (
            '/æ/ in "happy": low pitch; tempo is slow',
            [("pitch", "low", '/æ/ in "happy"'), ("tempo", "low", None)],
        ),
        (
            '/æ/ in "happy": low pitch. Pitch is high.',
            [("pitch", "low", '/æ/ in "happy"'), ("pitch", "high", None)],
        ),
        ("pitch is high or low", [("pitch", "high", None), ("pitch", "low", None)]),
        ("pitch is high and low loudness", [("pitch", "high", None), ("loudness", "low", None)]),
        ("pitch is high, pitch is high, high pitch", [("pitch", "high", None)]),
        ("slope is high", [("slope", "high", None)]),
    ],
)
def test_citations_are_read(text: str, wanted: list[tuple[str, str, str | None]]) -> None:
    assert cited(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "She sounds happy and speaks well.",
        "pitch is not high",
        "the pitch isn't high",
        "not a high pitch",
        "somewhat high pitch",
        "rather than high pitch",
        "It is clear that the stakes are high.",
        "pitch is mentioned, and the mood is low",
        "highpitch lowtempo",
        '/æ/ in "happy"',
    ],
)
def test_what_claims_no_level_cites_nothing(text: str) -> None:
    assert cited(text) == []


@pytest.mark.parametrize(
    ("text", "true"),
    [
        ("pitch is high", True),
        ("pitch is very high", False),
        ("pitch is high or low", False),
        ("pitch is high; pitch is low", False),
        ("loudness is high", False),  # not measured
        ("slope is high", False),  # of no vowel
        ("very fast tempo with 2 pauses", True),
        ("very fast tempo, without pauses", False),
        ('/æ/ in "happy": low pitch, high duration', True),
        ('/Æ/ in "HAPPY": low pitch', True),
        ("/æ/: low pitch", True),
        ('/æ/ in "happy": high pitch', False),
        ('low pitch in "happy"', True),
        ('high pitch in "happy"', False),  # the level of the utterance
        ('/æ/ in "sit": low pitch', False),  # no such vowel
        ('/u/ in "moon": low pitch', False),
        ("vowel at 9.99 s: low pitch", False),
    ],
)
def test_only_the_measured_level_is_true(text: str, true: bool) -> None:
    found = citations(text)
    assert found
    assert all(is_true(c, MEASURED) for c in found) is true


def test_of_two_vowels_of_a_name_either_counts() -> None:
    twice = Measured({}, [(HAPPY, {"pitch": "low"}), (HAPPY, {"pitch": "high"})])
    for level in ("low", "high"):
        assert is_true(Citation("pitch", level, Vowel("æ", "happy")), twice)
    assert not is_true(Citation("pitch", "moderate", Vowel("æ", "happy")), twice)


def test_coverage_counts_what_is_not_moderate_once() -> None:
    assert unusual(MEASURED) == (4, 3)
    found = citations('Pitch is high, pitch is high, 2 pauses; /æ/ in "happy": low pitch')
    assert told(found, MEASURED) == (1, 1)
    assert told(citations("pitch is low"), MEASURED) == (0, 0)


def test_long_nonsense_is_read_in_no_time() -> None:
    began = time.process_time()
    for piece in (
        "very ",
        "pitch is ",
        "high or ",
        '/æ/ in "',
        "pitch  ",
        "1 ",
        "voice is bright, ",
    ):
        citations(piece * 2_000)
    assert time.process_time() - began < 5.0  # seconds; what backtracks takes minutes
