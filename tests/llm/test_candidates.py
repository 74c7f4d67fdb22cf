"""Candidates: tokens of whole answers in a trie, numbers of one width, expectations."""

from __future__ import annotations

import numpy as np
import pytest

from emocli.errors import ConfigError
from emocli.llm import candidates
from emocli.llm.candidates import ROOT
from emocli.records.labels import EMOTIONS
from tests.llm import tiny_language


def by_letter(text: str) -> list[int]:
    return [ord(letter) for letter in text]


def test_answers_share_the_tokens_that_they_begin_with() -> None:
    found = candidates.of(["cat", "car", "dog"], by_letter, before="> ")
    assert found.stem == tuple(by_letter("> "))
    assert found.rows == tuple(tuple(by_letter(word)) for word in ("cat", "car", "dog"))
    letters = ["".join(chr(n.token) for n in found.nodes if n.depth == d) for d in range(2)]
    assert letters == ["cd", "ao"]  # the last letters are no inner nodes
    assert found.steps[0][0] == (ROOT, ord("c"))
    assert found.steps[0][1:] == [(0, ord("a")), (1, ord("t"))]
    assert found.steps[1][2] == (1, ord("r"))  # car branches off where cat goes on
    assert found.ancestors.tolist()[1] == [True, True, False, False]


def test_no_answer_wins_by_being_the_beginning_of_another() -> None:
    found = candidates.of(["joy", "joyful"], by_letter, ending=[0])
    assert found.rows == ((0,), (*by_letter("ful"), 0))
    assert found.stem == tuple(by_letter("joy"))
    plain = candidates.of(["joy", "fear"], by_letter, ending=[0])
    assert 0 not in {token for row in plain.rows for token in row}  # no end is needed
    with pytest.raises(ConfigError, match="begin with others"):
        candidates.of(["joy", "joyful"], by_letter)


def test_labels_of_several_tokens_are_whole_strings() -> None:
    split = tiny_language.tokenizer()
    found = candidates.of(EMOTIONS, lambda t: split(t)["input_ids"], before="Emotion: ")
    assert max(map(len, found.rows)) > 1
    whole = [split.decode([*found.stem, *row]) for row in found.rows]
    assert whole == [f"Emotion: {label}" for label in EMOTIONS]


def test_one_label_is_enough() -> None:
    found = candidates.of(["joy"], by_letter)
    assert (*found.stem, *found.rows[0]) == tuple(by_letter("joy"))
    assert len(found.rows[0]) == 1


@pytest.mark.parametrize(
    ("answers", "message"),
    [([], "no labels"), (["joy", " "], "no labels"), (["joy", "joy"], "twice")],
)
def test_labels_that_make_no_choice_are_refused(answers: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        candidates.of(answers, by_letter)


def test_labels_that_a_tokenizer_does_not_tell_apart_are_refused() -> None:
    with pytest.raises(ConfigError, match="does not tell 'Joy'"):
        candidates.of(["joy", "Joy"], lambda text: by_letter(text.lower()))


def test_numbers_have_one_width_and_the_values_they_name() -> None:
    found = candidates.numbers({"least": -3.0, "most": 3.0, "step": 0.25})
    assert len(found) == 25
    assert {len(written) for written in found} == {5}
    assert all(float(written) == value for written, value in found.items())
    assert "-0.00" not in found
    assert list(candidates.numbers({"least": 0, "most": 100, "step": 50})) == ["000", "050", "100"]


def test_the_expectation_is_the_mean_under_the_probabilities() -> None:
    shares = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    with np.errstate(divide="ignore"):
        logs = np.log(shares) + 7.0  # no matter what they sum to
    means = candidates.expectation(logs, [1.0, 2.0, 4.0])
    np.testing.assert_allclose(means, [0.2 + 0.6 + 2.0, 1.0], rtol=1e-12)
