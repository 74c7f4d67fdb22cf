from __future__ import annotations

import pickle

import numpy as np
import pytest

from emocli.datasets import faced
from emocli.errors import MalformedError


def test_a_record_per_clip_with_the_emotion_of_the_clip(make):
    place = make("faced")
    records = list(faced.read(place))
    assert len(records) == 28
    assert records[0]["id"] == f"{place}/Processed_data/sub007.pkl#1"
    assert records[0]["label"] == {
        "emotion": "anger",
        "original": "anger",
        "polarity": "negative",
    }
    assert records[27]["label"] == {
        "emotion": None,
        "original": "tenderness",
        "polarity": "positive",
    }
    assert [r["label"]["emotion"] for r in records[12:16]] == ["neutral"] * 4
    assert records[24]["label"]["emotion"] == "joy"
    assert (records[3]["speaker"], records[3]["stimulus"]) == ("faced-007", "faced-04")
    assert records[3]["eeg"]["index"] == [3]


def test_another_array_is_no_subject(tmp_path):
    (tmp_path / "sub000.pkl").write_bytes(pickle.dumps(np.ones((28, 30, 100))))
    with pytest.raises(MalformedError, match=r"\(28, 30, 100\) is no subject of FACED"):
        list(faced.read(tmp_path))
