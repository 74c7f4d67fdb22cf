"""Raters: five personas in turn, temperatures of five bands, and labels out of answers."""

import pytest

from emocli.llm import personas

LABELS = ["neutral", "joy", "sadness", "anger", "fear"]
TWENTY = range(20)


def test_five_personas_come_round():
    names = [personas.persona(a).name for a in TWENTY]
    assert len(set(names[:5])) == 5
    assert names[5:10] == names[:5]
    assert len({personas.persona(a).focus for a in range(5)}) == 5


@pytest.mark.parametrize("rater", range(200))
def test_temperatures_lie_in_their_band_widened_by_the_jitter_and_clipped(rater):
    low, high = [(0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 0.93)][rater % 5]
    value = personas.temperature(rater)
    assert max(0.1, low - 0.05) <= value <= min(1.0, high + 0.05)
    assert value == personas.temperature(rater)


def test_temperatures_fill_their_bands():
    values = [personas.temperature(a) for a in range(0, 5000, 5)]
    assert min(values) == 0.1  # clipped: a draw in 32 is below
    assert sum(v == 0.1 for v in values) == pytest.approx(1000 / 16, abs=40)  # P(u + j < 0.1)
    assert sum(values) / 1000 == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("anger", "anger"),
        ("  Anger.\n", "anger"),
        ('"SADNESS"', "sadness"),
        ("The emotion is fear", "fear"),
        ("It is sadness rather than anger", "sadness"),  # in the order of the answer
        ("joyful", "joy"),
        ("killjoy", None),  # a label begins a word
        ("happy", None),
        ("", None),
    ],
)
def test_an_answer_names_a_label_or_none(answer, label):
    assert personas.parse(answer, LABELS) == label


def test_of_two_labels_that_begin_together_the_longer_is_meant():
    assert personas.parse("joy and pride, both", ["joy", "joy and pride"]) == "joy and pride"
    assert personas.parse("joy", ["joy and pride", "joy"]) == "joy"


def test_the_prompt_says_what_is_known_and_what_may_be_answered():
    full = personas.prompt("Attend to X.", LABELS, "I am here", "Ann")
    assert all(label in full for label in LABELS)
    assert "Attend to X." in full
    assert "I am here" in full
    assert "Ann" in full
    assert "cannot hear" not in full
    bare = personas.prompt("Attend to X.", LABELS)
    assert "Transcript" not in bare
    assert "Speaker" not in bare


@pytest.mark.parametrize("persona", personas.PERSONAS, ids=lambda p: p.name)
def test_a_rater_that_reads_is_not_asked_what_it_hears(persona):
    read = personas.prompt(persona.focus, LABELS, "I am here", hears=False)
    assert "you hear" not in read
    assert "You cannot hear the recording; you read what was said." in read
    told = personas.prompt(persona.focus, LABELS, "I am here", voice="Loud.", hears=False)
    assert "you read what was said, and how the voice sounds." in told
