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


HONEST = "<think>Pitch is high with low variation, tempo is very fast.</think><answer>joy</answer>"
PROMPT = f'{QUESTION}\nSpeaker_1 says: "Oh."\nThe voice: pitch is high with low variation.'


def rewarded(completion: str, gold: str = "joy") -> tuple[float, float, float]:
    return rewards.rewards(completion, gold, LABELS, QUESTION, VOICE)


def test_the_honest_answer_earns_everything_and_a_wrong_label_its_share() -> None:
    assert rewarded(HONEST) == (1, 1, 1)
    assert rewarded(HONEST, gold="anger") == (0, 1, 1)
    assert rewarded(HONEST.replace("joy", "JOY!")) == (1, 1, 1)
    assert rewarded(GOOD) == (1, 1, 1 / 3)


@pytest.mark.parametrize(("completion", "problem"), CHEATS.items())
def test_no_cheat_earns_everything(completion: str, problem: str) -> None:
    accuracy, form, _ = rewarded(completion)
    assert form == 0, problem
    if problem in ("two answers", "no answer", "unknown label", "empty answer"):
        assert accuracy == 0


TRUE = "Pitch is high with low variation, tempo is very fast"
PAYS_LESS = {
    "two answers": f"<think>{TRUE}.</think><answer>joy</answer><answer>anger</answer>",
    "two labels in one answer": f"<think>{TRUE}.</think><answer>joy, anger</answer>",
    "all labels": f"<think>{TRUE}.</think><answer>neutral, joy, anger</answer>",
    "the label outside its block": f"<think>{TRUE}.</think>joy",
    "the label in the thought": f"<think>{TRUE}: joy.</think>",
    "an empty thought": "<think></think><answer>joy</answer>",
    "a thought of blanks": "<think> </think><answer>joy</answer>",
    "two thoughts": f"<think>{TRUE}.</think><think>{TRUE}.</think><answer>joy</answer>",
    "the prompt repeated": f"<think>{PROMPT} {TRUE}</think><answer>joy</answer>",
    "the prompt before the answer": f"{PROMPT}<think>{TRUE}</think><answer>joy</answer>",
    "a thought without an end": f"<think>{(TRUE + ', ') * 16}</think><answer>joy</answer>",
    "a vowel that is not there": f'<think>{TRUE}; /u/ in "moon": low pitch.</think>'
    "<answer>joy</answer>",
    "a word that is not there": f'<think>{TRUE}; /æ/ in "hat": low pitch.</think>'
    "<answer>joy</answer>",
    "nothing cited": "<think>They sound happy.</think><answer>joy</answer>",
    "only what is no level": "<think>Without pauses.</think><answer>joy</answer>",
    "the same level three times": "<think>Pitch is high. High pitch. The pitch was high.</think>"
    "<answer>joy</answer>",
    "the same level by three names": '<think>/æ/ in "happy": low pitch; vowel in "happy": low '
    "pitch; vowel at 0.50 s: low pitch.</think><answer>joy</answer>",
    "all levels of a field": "<think>Pitch is very low, low, moderate, high or very high."
    "</think><answer>joy</answer>",
    "both sides": f"<think>{TRUE}, tempo is slow.</think><answer>joy</answer>",
    "what was not measured": f"<think>{TRUE}, loudness is high.</think><answer>joy</answer>",
    "what is denied": "<think>Pitch is not high, tempo is not very fast.</think>"
    "<answer>joy</answer>",
}


@pytest.mark.parametrize("cheat", PAYS_LESS)
def test_a_cheat_pays_less_than_an_honest_answer(cheat: str) -> None:
    found = rewarded(PAYS_LESS[cheat])
    assert all(0 <= reward <= 1 for reward in found)
    assert sum(found) < sum(rewarded(HONEST))
    # Nor does it make up for a label that is wrong.
    assert sum(rewarded(PAYS_LESS[cheat], gold="anger")) < sum(rewarded(HONEST, gold="anger"))


@pytest.mark.parametrize(
    ("thought", "truth"),
    [
        ("PITCH IS HIGH with low variation: a very fast tempo!", 1),
        ("pitch is high with low variation, tempo is very fast", 1),
        ('pitch is high, tempo is very fast; /æ/ in "happy": low pitch', 1),
        (f'{TRUE}, without pauses; /æ/ in "happy": low pitch', 1),
        ("Pitch is high, tempo is very fast.", 2 / 3),  # less than three
        ("Pitch is high.", 1 / 3),
        ('/æ/ in "happy": low pitch', 1 / 3),
        (f"{TRUE}, loudness is high.", 3 / 4),  # was not measured
        (f'{TRUE}; /u/ in "moon": low pitch', 3 / 4),  # no such vowel
        (f'{TRUE}; /æ/ in "happy": high pitch', 3 / 4),  # the level of the utterance
        (f"{TRUE}, with 3 pauses.", 3 / 4),
        ("Pitch is high, tempo is slow, loudness is low.", 1 / 3),
        ("", 0),
        ("They sound happy.", 0),  # nothing is cited
        ("Without pauses.", 0),  # true, but no level
        ("Pitch is low.", 0),
        ("Pitch is high. Pitch is low.", 0),  # contradictions
        ("Pitch is high or low.", 0),
        ("pitch is very low, low, moderate, high", 0),
    ],
)
def test_truth_is_the_share_of_what_is_cited_of_three_at_least(thought: str, truth: float) -> None:
    completion = f"<think>{thought}</think><answer>joy</answer>"
    assert rewards.truth(completion, VOICE) == pytest.approx(truth)


def test_where_less_was_measured_all_of_it_is_enough() -> None:
    voice = Measured({"pitch": "high"}, [(Vowel("u", None, 0.1), {"pitch": "unclear"})])
    high = "<think>Pitch is high.</think>"
    assert rewards.truth(high, voice) == 1
    assert rewards.truth(high, Measured({})) == rewards.truth("<think>x</think>", Measured({})) == 0


def test_levels_outside_the_thought_do_not_count() -> None:
    assert rewards.truth("Pitch is high.<think>Hm.</think><answer>joy</answer>", VOICE) == 0
    assert rewards.truth("<think>Hm.</think><answer>pitch is high</answer>", VOICE) == 0
    assert rewards.truth("Pitch is high.", VOICE) == 0


def test_more_citations_may_be_asked_for() -> None:
    assert rewards.truth(HONEST, VOICE, least=4) == 3 / 4
    assert rewards.truth(HONEST, VOICE, least=1) == rewards.truth(GOOD, VOICE, least=1) == 1
    again = "<think>Pitch is high. Pitch is high. High pitch, 0 pauses.</think>"
    assert rewards.truth(again, VOICE, least=2) == 1 / 2


def test_repeating_the_question_earns_no_form() -> None:
    everything = f"{QUESTION} Pitch is high with low variation, tempo is very fast."
    completion = f"<think>{everything}</think><answer>joy</answer>"
    assert rewarded(completion) == (1, 0, 1)
    assert answers.parse(everything * 2, LABELS).label is None
    assert rewarded(everything * 2) == (0, 0, 0)
