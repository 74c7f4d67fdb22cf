"""Rewards on completions written by hand, cheats among them."""

from __future__ import annotations

import pytest

from emocli.llm import answers, rewards
from emocli.llm.voice_levels import Measured, Vowel
from tests.llm.test_answers import CHEATS, GOOD, LABELS, QUESTION

VOICE = Measured(
    {"pitch": "high", "pitch_variation": "low", "tempo": "very high"},
    [(Vowel("æ", "happy", 0.5), {"pitch": "low"})],
    0,
)


def rewarded(completion: str, gold: str = "joy") -> tuple[float, float, float]:
    return (
        rewards.accuracy(completion, gold, LABELS),
        rewards.form(completion, LABELS, QUESTION),
        rewards.truth(completion, VOICE),
    )


def test_the_good_answer_earns_everything_and_a_wrong_label_its_share() -> None:
    assert rewarded(GOOD) == (1, 1, 1)
    assert rewarded(GOOD, gold="anger") == (0, 1, 1)
    assert rewarded(GOOD.replace("joy", "JOY!")) == (1, 1, 1)


@pytest.mark.parametrize(("completion", "problem"), CHEATS.items())
def test_no_cheat_earns_everything(completion: str, problem: str) -> None:
    accuracy, form, _ = rewarded(completion)
    assert form == 0, problem
    if problem in ("two answers", "no answer", "unknown label", "empty answer"):
        assert accuracy == 0


@pytest.mark.parametrize(
    ("thought", "truth"),
    [
        ("Pitch is high.", 1),
        ("PITCH IS HIGH, with low variation: a very fast tempo!", 1),
        ("pitch is high with low variation, tempo is very fast", 1),
        ('/æ/ in "happy": low pitch', 1),
        ("", 0),
        ("They sound happy.", 0),  # nothing is cited
        ("Without pauses.", 0),  # true, but no level
        ("Pitch is low.", 0),
        ("Pitch is high. Pitch is low.", 0),  # contradictions
        ("Pitch is high or low.", 0),
        ("pitch is very low, low, moderate, high", 0),
        ('Pitch is high; /u/ in "moon": low pitch', 0),  # no such vowel
        ('/æ/ in "happy": high pitch', 0),  # the level of the utterance
        ("Pitch is high, with 3 pauses.", 0),
        ("Pitch is high, loudness is high.", 0),  # loudness was not measured
    ],
)
def test_truth_is_all_or_nothing(thought: str, truth: float) -> None:
    completion = f"<think>{thought}</think><answer>joy</answer>"
    assert rewards.truth(completion, VOICE) == truth


def test_levels_outside_the_thought_do_not_count() -> None:
    assert rewards.truth("Pitch is high.<think>Hm.</think><answer>joy</answer>", VOICE) == 0
    assert rewards.truth("<think>Hm.</think><answer>pitch is high</answer>", VOICE) == 0
    assert rewards.truth("Pitch is high.", VOICE) == 0


def test_more_citations_may_be_asked_for() -> None:
    three = "<think>Pitch is high with low variation, tempo is very fast.</think>"
    assert rewards.truth(three, VOICE, least=3) == 1
    assert rewards.truth(three, VOICE, least=4) == 0
    again = "<think>Pitch is high. Pitch is high. High pitch, 0 pauses.</think>"
    assert rewards.truth(again, VOICE, least=2) == 0


def test_repeating_the_question_earns_no_form() -> None:
    everything = f"{QUESTION} Pitch is high with low variation."
    completion = f"<think>{everything}</think><answer>joy</answer>"
    assert rewarded(completion) == (1, 0, 1)
    assert answers.parse(everything * 2, LABELS).label is None
    assert rewarded(everything * 2) == (0, 0, 0)
