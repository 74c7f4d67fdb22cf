"""Labels of published classifiers in our words: what maps, what adds, what is left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emocli.bundles import checkpoint_labels
from emocli.errors import ConfigError

Record = dict[str, Any]


def contents(names: list[str], how: str = "mapped", problem: str = "classes") -> Record:
    found: Record = {"names": names, "labels_as": how, "problem": problem}
    return found | {"heads": checkpoint_labels.heads_of(found, "x")}


@pytest.mark.parametrize(
    ("names", "mapped"),
    [
        (["ang", "hap", "neu", "sad"], ["neutral", "joy", "sadness", "anger"]),  # SUPERB
        (["ANGER", "Happy", "calm"], ["neutral", "joy", "anger"]),
        (["freude", "wut"], ["freude", "wut"]),
        (["optimism", "joy", "anger", "sadness"], ["joy", "sadness", "anger", "optimism"]),
    ],
)
def test_names_map_through_the_aliases_alone(names: list[str], mapped: list[str]) -> None:
    assert contents(names)["heads"][0]["labels"] == mapped


def test_common_probabilities_are_those_of_the_seven_made_whole() -> None:
    shares = np.array([[0.1, 0.2, 0.3, 0.4]])  # by hand: joy .1 + .3 of .6, anger .2 of .6
    given = contents(["happy", "anger", "joy", "love"], "common")
    (said,) = checkpoint_labels.predictions(np.log(shares), given)
    assert said["probabilities"] == pytest.approx({"joy": 2 / 3, "anger": 1 / 3}, abs=1e-6)
    assert said["left_out"] == {"love": 0.4}
    (mapped,) = checkpoint_labels.predictions(np.log(shares), given | {"calibration": None})
    assert mapped == said


def test_a_temperature_divides_what_has_been_added() -> None:
    shares = np.array([[0.1, 0.2, 0.3, 0.4]])
    given = contents(["happy", "anger", "joy", "fear"]) | {"calibration": {"temperature": 2.0}}
    (said,) = checkpoint_labels.predictions(np.log(shares), given)
    roots = np.sqrt([0.4, 0.2, 0.4])
    expected = dict(zip(("joy", "anger", "fear"), roots / roots.sum(), strict=True))
    assert said["probabilities"] == pytest.approx(expected, abs=1e-6)


def test_either_of_two_labels_is_enough_where_several_may_be_true() -> None:
    given = contents(["joy", "happiness", "fear"], problem="several")
    values = np.array([[0.5, 0.2, 0.9]])
    odds = np.log(values / (1 - values))
    (said,) = checkpoint_labels.predictions(odds, given)
    assert said["probabilities"] == pytest.approx({"joy": 0.6, "fear": 0.9}, abs=1e-6)
    assert said["multi"] == ["joy", "fear"]
    (sure,) = checkpoint_labels.predictions(np.array([[90.0, 90.0, -90.0]]), given)
    assert sure["probabilities"] == pytest.approx({"joy": 1.0, "fear": 0.0})


def test_numbers_have_names_that_are_known() -> None:
    given = contents(["Arousal", "valence"], problem="numbers")
    (said,) = checkpoint_labels.predictions(np.array([[0.25, 0.5]]), given)
    assert said == {"emotion": None, "arousal": 0.25, "valence": 0.5}
    for names in (["score"], ["valence", "Valence"]):
        with pytest.raises(ConfigError):
            contents(names, problem="numbers")
