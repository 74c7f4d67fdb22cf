"""MOSI, MOSEI and SIMS: the tables of labels that MMSA publishes."""

from __future__ import annotations

from typing import Any

import pytest

from emocli import datasets
from emocli.datasets import mosi, sims
from emocli.errors import EmptyInputError, MalformedError, UsageError
from tests.conftest import Emocli
from tests.datasets.conftest import MMSA_HEADER

every = pytest.mark.parametrize("name", ["mosi", "mosei", "sims"])


def test_a_row_becomes_a_record_with_its_sentiment(make: Any) -> None:
    place = make("mosi")
    first, second = mosi.read(place)
    assert first == {
        "id": "mosi/03bSnISJMiM/1",
        "path": f"{place}/Raw/03bSnISJMiM/1.mp4",
        "dataset": "mosi",
        "split": "train",
        "dialogue": "mosi/03bSnISJMiM",
        "turn": 1,
        "language": "en",
        "text": "ANYHOW, IT WAS GOOD",
        "label": {"sentiment": 2.4, "polarity": "positive"},
    }
    assert "path" not in second
    assert [*mosi.read(place / "label.csv")] == [first, second]


def test_sims_keeps_what_each_modality_says(make: Any) -> None:
    first, second = sims.read(make("sims"))
    assert first["label"] == {
        "sentiment": -0.6,
        "polarity": "negative",
        "sentiment_by_modality": {"text": -0.8, "audio": 0.2, "video": 0.0},
    }
    assert second["path"].endswith("Raw/video_0001/0002.mp4")  # clip 2


def test_sims_v2_has_another_table_and_clips_that_nobody_rated(make: Any) -> None:
    place = make("sims")
    (place / "label.csv").rename(place / "meta.csv")
    with open(place / "meta.csv", "a") as stream:
        stream.write("aqgy4_0004,00023,好,,,,,,unlabelled\n")
        stream.write("aqgy4_0004,00024,好,0.2,,,,Weakly Positive,train\n")
    *_, without, weakly = sims.read(place)
    assert "label" not in without
    assert weakly["label"] == {"sentiment": 0.2, "polarity": "positive"}


@every
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("v,1,x,3.5,,,,Positive,train", "label is not a number from -[13] to [13]: '3.5'"),
        ("v,1,x,high,,,,Positive,train", "label is not a number"),
        ("v,1,x,0.5,,,,Mixed,train", "unknown annotation 'Mixed'"),
        (",1,x,0.5,,,,Positive,train", "no video_id or no clip_id"),
        ("v,1,x,0.5", "not the 9 cells"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(name: str, row: str, message: str, make: Any) -> None:
    place = make(name)
    (place / "label.csv").write_text(f"{MMSA_HEADER}{row}\n")
    with pytest.raises(MalformedError, match=rf"label\.csv:2: .*{message}"):
        list(datasets.load(name).read(place))


@every
def test_pickles_are_refused_and_the_table_is_named(name: str, make: Any) -> None:
    place = make(name)
    (place / "label.csv").unlink()
    (place / "Processed").mkdir()
    pickle = place / "Processed/aligned_50.pkl"
    pickle.write_bytes(b"cos\nsystem\n")
    with pytest.raises(EmptyInputError, match=r"aligned_50\.pkl \(pickles.*label\.csv"):
        list(datasets.load(name).read(place))
    with pytest.raises(UsageError, match=r"a pickle \(pickles can run anything"):
        list(datasets.load(name).read(pickle))


def test_sentiment_can_be_trained_and_scored_as_it_was_read(make: Any, emocli: Emocli) -> None:
    read = emocli("dataset", "mosi", str(make("mosi"))).records
    predicted = [r | {"prediction": {"sentiment": r["label"]["sentiment"]}} for r in read]
    outcome = emocli("score", "--bootstrap", "0", stdin=predicted)
    assert outcome.records[0]["task"] == "mosi"
    assert outcome.records[0]["mae"] == 0


def test_a_clip_in_two_rows_is_one_record_and_lost_clips_are_told(
    make: Any, emocli: Emocli
) -> None:
    place = make("mosi")
    with open(place / "label.csv", "a") as stream:
        stream.write("03bSnISJMiM,2,AGAIN,-0.6,,,,Negative,test\n")
    outcome = emocli("dataset", "mosi", str(place))
    assert len(outcome.records) == 2
    assert "1 rows are left out" in outcome.stderr
    assert "1 clips of the table are not in Raw" in outcome.stderr
