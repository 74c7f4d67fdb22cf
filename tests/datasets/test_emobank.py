import pytest

from emocli.datasets import emobank
from emocli.errors import MalformedError


def test_rows_become_records_with_what_each_reader_said(make):
    first, second = emobank.read(make("emobank"))
    assert first == {
        "id": "emobank/110CYL068_1036_1079",
        "dataset": "emobank",
        "split": "train",
        "document": "110CYL068",
        "language": "en",
        "text": 'Remember what she said in my last letter? "',
        "label": {
            "valence": 3.0,
            "arousal": 3.25,
            "dominance": 3.2,
            "ratings": {"valence": [3, 2], "arousal": [3, 4], "dominance": [4, 3]},
        },
    }
    assert second["document"] == "SemEval"
    assert "ratings" not in second["label"]


def test_the_table_will_do_without_the_readers(make):
    table = make("emobank") / "corpus/emobank.csv"
    (table.parent / "individual_reader_ratings.csv").unlink()
    assert [sorted(r["label"]) for r in emobank.read(table)] == [
        ["arousal", "dominance", "valence"]
    ] * 2


@pytest.mark.parametrize("cell", ["high", "", "nan", "0.9", "5.1", "inf"])
def test_a_rating_outside_the_scale_is_named_by_its_line(make, cell):
    place = make("emobank")
    with open(place / "corpus/individual_reader_ratings.csv", "a") as stream:
        stream.write(f"SemEval_1319,3,{cell},3\n")
    with pytest.raises(
        MalformedError, match=rf"ratings\.csv:4: A is not a number from 1 to 5: '{cell}'"
    ):
        list(emobank.read(place))
    (place / "corpus/emobank.csv").write_text(f"id,split,V,A,D,text\nx,train,{cell},3,3,Hm\n")
    (place / "corpus/individual_reader_ratings.csv").unlink()
    with pytest.raises(MalformedError, match=r"emobank\.csv:2: V is not a number"):
        list(emobank.read(place))
