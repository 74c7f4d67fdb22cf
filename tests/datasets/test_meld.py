import pytest

from emocli.datasets import meld
from emocli.errors import MalformedError

from .conftest import MELD_HEADER


def test_rows_become_records(make):
    place = make("meld")
    first, second, third = meld.read(place)
    assert first == {
        "id": "meld/train/dia0_utt0",
        "dataset": "meld",
        "split": "train",
        "speaker": "Phoebe",
        "dialogue": "meld/train/dia0",
        "turn": 0,
        "language": "en",
        "text": 'Oh, my "God", he’s lost it.',
        "episode": {"season": 4, "number": 7, "start": 1257.256, "end": 1260.049},
        "label": {"emotion": "sadness", "original": "sadness", "polarity": "negative"},
    }
    assert second["path"] == f"{place}/train_splits/dia0_utt3.mp4"
    assert (third["id"], third["split"]) == ("meld/dev/dia0_utt0", "dev")


def test_times_of_the_episode_are_never_those_of_the_clip(make):
    for record in meld.read(make("meld")):
        assert "start" not in record
        assert "end" not in record


def test_published_times_may_lack_digits(make):
    episode = list(meld.read(make("meld")))[1]["episode"]
    assert (episode["start"], episode["end"]) == (1261.927, 4863.028)


def test_a_clip_beside_two_tables_is_nobodys_and_beside_one_it_is_found(make):
    place = make("meld")
    assert "path" not in next(meld.read(place))
    (place / "dev_sent_emo.csv").unlink()
    assert next(meld.read(place))["path"] == f"{place}/dia0_utt0.mp4"


def test_a_table_with_another_name_has_no_split(make):
    place = make("meld")
    (place / "train_sent_emo.csv").rename(place / "mine.csv")
    record = next(meld.read(place / "mine.csv"))
    assert record["id"] == "meld/mine/dia0_utt0"
    assert "split" not in record


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,x,y,bored,neutral,0,0,1,1,,", "unknown MELD emotion 'bored'"),
        ("1,x,y,joy,neutral,zero,0,1,1,,", "not numbers"),
        ("1,x,y,joy,neutral,0,0,1,1,soon,later", "not a time such as .*'soon'"),
        ("1,x,y,joy", "not the 11 cells"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(tmp_path, row, message):
    table = tmp_path / "test_sent_emo.csv"
    table.write_text(MELD_HEADER + row + "\n")
    with pytest.raises(MalformedError, match=rf"test_sent_emo\.csv:2: .*{message}"):
        list(meld.read(table))
