import pytest

from emocli.datasets import nemo
from emocli.errors import MalformedError


def test_rows_become_records_with_the_words_that_were_said(make):
    place = make("nemo")
    fear, surprise = nemo.read(place)
    path = f"{place}/samples/EB0_fear_35.wav"
    assert fear == {
        "id": path,
        "path": path,
        "dataset": "nemo",
        "speaker": "EB0",
        "gender": "female",
        "age": 27,
        "language": "pl",
        "text": '"Aby, upiec',  # a quote is a letter here
        "label": {"emotion": "fear", "original": "fear"},
    }
    assert surprise["label"] == {"emotion": "surprise", "original": "surprised"}


def test_the_table_itself_will_do_and_clips_may_lie_beside_it(make):
    place = make("nemo")
    (place / "samples/EB0_fear_35.wav").rename(place / "EB0_fear_35.wav")
    (place / "samples").rmdir()
    assert next(nemo.read(place / "data.tsv"))["path"] == f"{place}/EB0_fear_35.wav"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("x.wav\tbored\tt\tt\tS\tmale\t1", r"data\.tsv:4: unknown nEMO emotion 'bored'"),
        ("x.wav\tfear\tt\tt\tS\tmale\told", r"data\.tsv:4: age is not a number: 'old'"),
        ("x.wav\tfear\tt", r"data\.tsv:4: not the 7 cells"),
        ("x.wav\tfear\tt\tt\tS\tmale\t1\t2", r"data\.tsv:4: not the 7 cells"),
    ],
)
def test_a_malformed_row_is_named_by_its_line(make, row, message):
    place = make("nemo")
    with open(place / "data.tsv", "a", encoding="utf-8") as stream:
        stream.write(row + "\n")
    with pytest.raises(MalformedError, match=message):
        list(nemo.read(place))


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "data.tsv").write_text("file_id\temotion\nx\tfear\n")
    with pytest.raises(MalformedError, match=r"data\.tsv:1: no column 'raw_text'"):
        list(nemo.read(tmp_path))


def test_text_that_is_not_utf8_is_malformed(make):
    place = make("nemo")
    with open(place / "data.tsv", "ab") as stream:
        stream.write(b"x.wav\tfear\tMusz\xea\tt\tS\tmale\t1\n")
    with pytest.raises(MalformedError, match=r"data\.tsv:4: not UTF-8.*iconv"):
        list(nemo.read(place))
