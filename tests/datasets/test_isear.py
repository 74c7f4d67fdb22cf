import pytest

from emocli.datasets import isear
from emocli.errors import EmptyInputError, MalformedError


def test_reports_become_records_of_their_subjects(make):
    first, second, third = isear.read(make("isear"))
    assert first == {
        "id": "isear/0",
        "dataset": "isear",
        "speaker": "isear-11001",
        "language": "en",
        "text": 'When we met, "again".',
        "label": {"emotion": "joy", "original": "joy"},
    }
    assert second["speaker"] == first["speaker"]
    assert third["label"] == {"emotion": None, "original": "guilt"}


def test_an_unknown_emotion_is_named_by_its_line(make):
    place = make("isear")
    with open(place / "isear.csv", "a") as stream:
        stream.write("isear-9,1,Hm.,boredom\n")
    with pytest.raises(MalformedError, match=r"isear\.csv:5: unknown ISEAR emotion 'boredom'"):
        list(isear.read(place))


def test_a_folder_without_the_table_says_what_is_expected(tmp_path):
    with pytest.raises(EmptyInputError, match="no table here") as caught:
        list(isear.read(tmp_path))
    assert "isear.csv" in caught.value.hint
