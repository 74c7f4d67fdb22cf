from __future__ import annotations

import numpy as np
import pytest

from emocli.datasets import deap
from emocli.errors import MalformedError
from tests.datasets import eeg_copies


def test_both_versions_have_the_ratings_the_videos_and_no_baseline(make):
    place = make("deap")
    first, second, third, fourth = deap.read(place)
    assert first["path"] == f"{place}/data_preprocessed_python/s01.dat"
    assert third["path"] == f"{place}/data_preprocessed_matlab/s02.mat"
    assert first["label"] == {"valence": 7.71, "arousal": 7.6, "dominance": 6.9}
    assert first["liking"] == 7.83
    assert (first["start"], first["end"]) == (3.0, 4.0)
    assert third["label"] == first["label"]
    assert [r["speaker"] for r in (second, fourth)] == ["deap-01", "deap-02"]
    assert [r["stimulus"] for r in (second, fourth)] == ["deap-02", "deap-02"]
    assert [r["trial"] for r in (second, fourth)] == ["deap-01-2", "deap-02-2"]
    assert fourth["eeg"]["index"] == [1]


def test_the_channels_are_32_of_eeg_and_eight_others():
    from emocli.signals.eeg_arrays import kind_of

    kinds = [kind_of(name) for name in deap.CHANNELS]
    assert (len(kinds), kinds.count("eeg")) == (40, 32)
    assert set(kinds[:32]) == {"eeg"}


def test_the_same_subject_in_both_versions_is_read_once(make, emocli):
    place = make("deap")
    data = {"data": eeg_copies.eeg(1, 40, 512), "labels": np.full((1, 4), 5.0)}
    eeg_copies.mat(place / "data_preprocessed_matlab/s01.mat", **data)
    outcome = emocli("dataset", "deap", str(place))
    assert len(outcome.records) == 3
    assert "1 file is left out as second files of takes that are there" in outcome.stderr


@pytest.mark.parametrize(
    ("data", "ratings", "message"),
    [
        ((2, 32, 512), np.ones((2, 4)), r"data \(2, 32, 512\), labels \(2, 4\)"),
        ((2, 40, 512), np.ones((3, 4)), r"labels \(3, 4\)"),
        ((1, 40, 384), np.ones((1, 4)), "384 samples are no trial"),
        ((1, 40, 512), np.array([[5, 5, 0.5, 5]]), "a rating of video 1 is not from 1 to 9"),
        ((1, 40, 512), np.array([[5, np.nan, 5, 5]]), "a rating of video 1 is not from 1 to 9"),
    ],
)
def test_what_is_no_subject_of_deap_is_malformed(data, ratings, message, tmp_path):
    eeg_copies.mat(tmp_path / "s03.mat", data=eeg_copies.eeg(*data), labels=ratings)
    with pytest.raises(MalformedError, match=message):
        list(deap.read(tmp_path))
