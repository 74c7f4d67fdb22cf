import pytest

from emocli.datasets import goemotions
from emocli.errors import MalformedError, UsageError
from emocli.records.labels import EMOTIONS


def test_all_labels_are_kept_and_the_first_listed_is_the_label(make):
    place = make("goemotions")
    first, _, third = goemotions.read(place)
    assert first == {
        "id": "goemotions/train/ee84bjg",
        "dataset": "goemotions",
        "split": "train",
        "language": "en",
        "text": 'He said "hey\r',
        "label": {
            "emotion": "joy",
            "original": "joy",
            "multi": ["joy", "neutral"],
            "multi_original": ["joy", "neutral"],
        },
    }
    assert (third["split"], third["label"]["emotion"]) == ("dev", "anger")


def test_the_28_labels_are_grouped_as_the_authors_do(tmp_path):
    (tmp_path / "emotions.txt").write_text("admiration\nlove\ncuriosity\n")
    (tmp_path / "test.tsv").write_text("wow\t0,1,2\tid1\n")
    (record,) = goemotions.read(tmp_path)
    assert record["label"] == {
        "emotion": "joy",
        "original": "admiration",
        "multi": ["joy", "surprise"],
        "multi_original": ["admiration", "love", "curiosity"],
    }
    assert len(goemotions.EKMAN) == 28
    assert set(goemotions.EKMAN.values()) == set(EMOTIONS)


def test_one_table_will_do(make):
    records = list(goemotions.read(make("goemotions") / "ekman/dev.tsv"))
    assert [record["id"] for record in records] == ["goemotions/dev/eeeeeee"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("two cells\t1", "2 cells"),
        ("text\t7\tid", "not numbers from 0 to 6: 7"),
        ("text\t-1\tid", "not numbers from 0 to 6: -1"),
        ("text\t3,-1\tid", "not numbers from 0 to 6: 3,-1"),
        ("text\tjoy\tid", "not numbers from 0 to 6: joy"),
        ("text\t\tid", "not numbers from 0 to 6"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(make, line, message):
    table = make("goemotions") / "ekman/dev.tsv"
    table.write_text(f"fine\t0\tid0\n{line}\n")
    with pytest.raises(MalformedError, match=rf"dev\.tsv:2: .*{message}"):
        list(goemotions.read(table))


def test_names_of_labels_must_be_there_and_known(make):
    place = make("goemotions") / "ekman"
    (place / "labels.txt").write_text("anger\nboredom\n")
    with pytest.raises(MalformedError, match="unknown GoEmotions label 'boredom'"):
        list(goemotions.read(place))
    (place / "labels.txt").unlink()
    with pytest.raises(UsageError, match="neither labels"):
        list(goemotions.read(place))
