"""CSV tables as records."""

from __future__ import annotations

import io
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from emocli.datasets import folder
from emocli.errors import MalformedError
from emocli.io import inputs
from tests.conftest import Emocli


@pytest.fixture
def table(tmp_path: Path) -> Any:
    """Read a table: table("a,b\\n1,2\\n") -> records; bytes or text, written to clips.csv."""

    def read(text: str | bytes) -> list[dict[str, Any]]:
        file = tmp_path / "clips.csv"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        source = inputs.Source([str(file)], io.BytesIO())
        records = [*source]
        if source.problem:
            raise source.problem
        return records

    return read


def test_a_row_becomes_a_record(table: Any, tmp_path: Path) -> None:
    text = 'path,speaker,emotion,label.valence\r\n"a, b.wav",s1,joy,3\r\n'
    expected = {
        "id": f"{tmp_path}/a, b.wav",
        "path": f"{tmp_path}/a, b.wav",
        "speaker": "s1",
        "label": {"emotion": "joy", "valence": 3.0},
    }
    assert table(text) == [expected]
    assert table(text.encode("utf-8-sig")) == [expected]
    assert list(table(text)[0]) == list(expected)


def test_a_path_is_relative_to_the_table(
    table: Any, emocli: Emocli, wav: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = wav("here.wav")
    text = f"id,path\na,here.wav\nb,{path}\n"
    assert [r["path"] for r in table(text)] == [str(path)] * 2
    monkeypatch.chdir("/")
    listed = str(path.parent / "clips.csv")
    assert emocli("prosody", listed).status == 0
    assert [r["path"] for r in folder.read(Path(listed))] == [str(path)] * 2  # as dataset folder
    source = inputs.Source(["-"], io.BytesIO(text.encode()), input_format="csv")
    assert [r["path"] for r in source] == ["here.wav", str(path)]


def test_a_file_that_is_not_there_is_named(table: Any, emocli: Emocli, tmp_path: Path) -> None:
    table("id,path\nu1,gone.wav\n")
    assert (
        f"u1: no such file: {tmp_path}/gone.wav"
        in emocli("prosody", str(tmp_path / "clips.csv")).stderr
    )


def test_spans_of_a_file_are_told_apart(table: Any, tmp_path: Path) -> None:
    records = table("path,start,end\na.wav,0.5,2.0\na.wav,2,\na.wav,,0.5\na.wav,,\na.wav,,\n")
    path = f"{tmp_path}/a.wav"
    assert records == [
        {"id": f"{path}#0.5-2.0", "path": path, "start": 0.5, "end": 2.0},
        {"id": f"{path}#2-", "path": path, "start": 2.0},
        {"id": f"{path}#0-0.5", "path": path, "end": 0.5},
        {"id": path, "path": path},
        {"id": f"{path}#2", "path": path},
    ]


def test_rows_without_a_path_are_named_by_their_place(table: Any, tmp_path: Path) -> None:
    assert [r["id"] for r in table("text,turn\nhello,1\nyou,2\n")] == [
        f"{tmp_path}/clips.csv#R1",
        f"{tmp_path}/clips.csv#R2",
    ]
    assert table("text,turn,id\nhello,1,u\n") == [{"id": "u", "text": "hello", "turn": 1}]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,speaker\na.wav,s\nb.wav,s,more\n", "csv:3: not the 2 cells"),
        ("path,speaker\na.wav,s\nb.wav\n", "csv:3: not the 2 cells"),
        ("path,start\na.wav,0\nb.wav,soon\n", "csv:3: start is not a number: 'soon' \\(seconds"),
        ("path,end\na.wav,1\nb.wav,nan\n", "csv:3: end is not a number: 'nan'"),
        ("path,end\na.wav,1\nb.wav,1e999\n", "csv:3: end is not finite"),
        ("path,end\na.wav,1\nb.wav,1_5\n", "csv:3: end is not a number: '1_5'"),
        ("path,end\na.wav,1\nb.wav,0 days 00:00:01\n", "csv:3: end is not a number"),
        ("text,turn\na,1\nb,1e30\n", "csv:3: turn is not a whole number"),
        ("text,prediction.calibrated\na,True\nb,1\n", "csv:3: .* neither true nor false"),
        ("id,text,text\na,one,two\n", "csv:1: two columns are called 'text'"),
        ("text,,\na,,\nb,1,2\n", "csv:3: a cell stands in one of several columns without a name"),
        ("text,a.b,a\nx,1,\nx,1,2\n", "csv:3: the column 'a' contradicts"),
        (
            "text,emotion,label\na,joy,joy\n",
            "csv:1: both 'emotion' and 'label' could be label.emotion",
        ),
        ('id,text\na,one\nb,"two\nc,three\n', "csv:3: a quote is opened and never closed"),
        ('id,text\na,one\nb,"two', "csv:3: a quote is opened and never closed"),
        ("text," + "a." * 300 + "b\na,1\n", "csv:1: a column is nested deeper than 200"),
        ("text,turn\na,1\nb,1.5\n", "csv:3: turn is not a whole number"),
        ("text,mine,mine.own\nx,,1\nx,yes,2\n", "csv:3: the columns 'mine' and 'mine.own'"),
        (b"id,text\na,ok\nb,caf\xe9\n", "csv:3: not UTF-8"),
    ],
)
def test_what_is_no_row_is_malformed_and_named(table: Any, text: str | bytes, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        table(text)


def test_rows_before_the_malformed_one_are_written(emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes(b"id,text\na,ok\nb,caf\xe9\n")
    outcome = emocli("extract-audio", str(tmp_path / "l.csv"))
    assert outcome.status == 2
    assert [r["id"] for r in outcome.records] == ["a"]
    assert "iconv" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_old_line_ends_and_quoted_ones_are_read(table: Any) -> None:
    assert [r["text"] for r in table('id,text\ra,"one\ntwo"\rb,three\r')] == ["one\ntwo", "three"]


def test_line_ends_of_any_kind_end_rows(table: Any) -> None:
    rows = ["id,text", 'a,"one\r\ntwo"', "b,three", "c,four"]
    expected = [("a", "one\r\ntwo"), ("b", "three"), ("c", "four")]
    for ends in ("\r", "\n", "\r\n", "\r\r\n", "mixed"):
        joined = (
            f"{rows[0]}\r\n{rows[1]}\r{rows[2]}\n{rows[3]}" if ends == "mixed" else ends.join(rows)
        )
        assert [(r["id"], r["text"]) for r in table(joined)] == expected


def test_a_cell_may_be_as_long_as_a_line(table: Any) -> None:
    text = "word " * 200_000
    assert table(f"id,text\na,{text}\n")[0]["text"] == text
    with pytest.raises(MalformedError, match=r"longer than 16 MiB"):
        table(b"id,text\na," + b"x" * (17 << 20))
    lines = b"\n".join([b"x" * (1 << 20)] * 17)
    with pytest.raises(MalformedError, match=r"csv:2: .*is a quote not closed"):
        table(b'id,text\na,"' + lines + b'"\n')


def test_numbers_of_the_schema_are_numbers_and_others_stay_text(table: Any) -> None:
    header = "turn,label.votes.joy,label.distribution.joy,prediction.probabilities.joy"
    (record,) = table(f"id,{header},prediction.calibrated,mine,speaker\n7,1.0,2,.5,1e-1,true,3,4\n")
    assert record == {
        "id": "7",
        "turn": 1,
        "label": {"votes": {"joy": 2}, "distribution": {"joy": 0.5}},
        "prediction": {"probabilities": {"joy": 0.1}, "calibrated": True},
        "mine": "3",
        "speaker": "4",
    }
    assert isinstance(record["turn"], int)


def test_columns_without_a_name_may_be_several_if_they_are_empty(table: Any) -> None:
    assert table("id,text,,\na,hm,,\n") == [{"id": "a", "text": "hm"}]
    assert table(",text\n0,hm\n")[0][""] == "0"  # pandas' index


@pytest.mark.parametrize(("named", "there"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_file_is_found_however_the_table_spells_it(
    table: Any, emocli: Emocli, wav: Any, named: str, there: str
) -> None:
    file = wav(f"{unicodedata.normalize(there, 'café')}.wav")
    name = f"{unicodedata.normalize(named, 'café')}.wav"
    (record,) = table(f"path\n{name}\n")
    assert record == {"id": str(file.with_name(name)), "path": str(file)}
    assert next(iter(folder.read(file.with_name("clips.csv"))))["path"] == str(file)
    assert emocli("prosody", stdin=[{"id": "a", "path": str(file.with_name(name))}]).status == 0


def test_a_folder_whose_name_is_not_utf_8_can_hold_a_table(tmp_path: Path, emocli: Emocli) -> None:
    place = tmp_path / os.fsdecode(b"caf\xe9")
    place.mkdir()
    (place / "t.csv").write_text("path\na.wav\n")
    for command in (["prosody", "-q"], ["dataset", "folder"]):
        (record,) = emocli(*command, str(place / "t.csv")).records
        assert "bytes" in record["path"]
