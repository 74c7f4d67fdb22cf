"""CSV tables as records."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
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


def source(file: Path, **how: Any) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the records of a table, and what is told."""
    told: list[str] = []
    found = inputs.Source([str(file)], io.BytesIO(), say=told.append, **how)
    records = [*found]
    if found.problem:
        raise found.problem
    return records, told


def written(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


CHAT = "time;author;message\n12:01;Ann;Hi, how are you?\n12:02;Bob;fine, thanks\n"


def test_an_export_of_a_chat_is_read_and_what_is_read_is_told(tmp_path: Path) -> None:
    file = written(tmp_path, CHAT)
    records, told = source(file)
    assert records[0] == {
        "id": f"{file}#R1",
        "time": "12:01",
        "speaker": "Ann",
        "text": "Hi, how are you?",
    }
    read = "'author' is read as speaker; 'message' is read as text"
    assert told == [f"{file}: separated by semicolons; {read}"]


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.TSV", "t.tab", "t.tsv.gz"])
def test_a_table_is_one_by_its_suffix(name: str, tmp_path: Path, emocli: Emocli) -> None:
    data = b"id\ttext\tlabel\na\tone\thappy\n"
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    for command in (["extract-audio", "-q"], ["dataset", "folder"]):
        (record,) = emocli(*command, str(tmp_path / name)).records
        assert (record["id"], record["text"]) == ("a", "one")


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_a_decimal_comma_is_one_where_commas_do_not_separate(
    separator: str, tmp_path: Path
) -> None:
    rows = [
        ["path", "start", "end", "label.valence", "turn"],
        ["a.wav", "0,5", "12,25", "-,5", "3,0"],
    ]
    file = written(tmp_path, "".join(separator.join(row) + "\n" for row in rows))
    (record,) = source(file)[0]
    assert (record["start"], record["end"], record["turn"]) == (0.5, 12.25, 3)
    assert record["label"] == {"valence": -0.5}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path;start;end\na;1,5;2\nb;2.5;3\n", "csv:3: start has another decimal mark than '1,5'"),
        ("path;start;end\na;1.5;2,5\n", "csv:2: end has another decimal mark than '1.5'.*'2,5'"),
        ("path;start\na;1.234,5\n", "csv:2: start is not a number: '1.234,5'"),
        ("path;start\na;1,234,567\n", "csv:2: start is not a number"),
        ('path,start\na,"1,5"\n', "csv:2: start is not a number: '1,5'"),
        ("path,begin\na,12:30\n", r"csv:2: begin is not a number: '12:30' \(seconds"),
        ("text;turn\na;1,5\n", "csv:2: turn is not a whole number: '1,5'"),
        ("text,speaker\na,#N/A\n", "csv:2: speaker has a formula that failed: '#N/A'"),
        ("a,b\n1,2\n", r"csv:1: no column with a text, .* in 'a', 'b' \(--column text=COLUMN"),
        ("text;x,y\na;b,c\nd\n", r"csv:3: not the 2 cells .* \(semicolons separate cells"),
        ("text\nI came, I saw\n", r"csv:2: not the 1 cells .* \(commas separate cells"),
        ("id,text\na,b\0c\n", "csv:2: contains NUL bytes"),
        ("text,path.x,path\na,1,b.wav\n", "csv:2: the column 'path' contradicts another one"),
        ("<html><table><tr><td>text</td></tr></table>", "a web page"),
    ],
)
def test_what_cannot_be_read_for_certain_is_refused(text: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(MalformedError, match=says):
        source(written(tmp_path, text))


def test_an_object_called_path_is_no_path(table: Any) -> None:
    (record,) = table("text,path.bytes\none,YS53YXY=\n")
    assert record["path"] == {"bytes": "YS53YXY="}


def test_a_table_of_no_rows_is_told(tmp_path: Path, emocli: Emocli) -> None:
    file = written(tmp_path, "id,text\n")
    assert source(file) == ([], [f"{file}: no row below the header"])
    outcome = emocli("extract-audio", str(file))
    assert outcome.status == 5
    assert "no row below the header" in outcome.stderr
    assert source(written(tmp_path, "")) == ([], [])


def test_rows_of_the_same_table_given_twice_have_ids_of_their_own(tmp_path: Path) -> None:
    file = str(written(tmp_path, "text\none\ntwo\n"))
    ids = [r["id"] for r in inputs.Source([file, file], io.BytesIO())]
    assert ids == [f"{file}#R1", f"{file}#R2", f"{file}#2#R1", f"{file}#2#R2"]


def test_what_predict_wrote_is_read_as_predictions(tmp_path: Path, emocli: Emocli) -> None:
    header = "id,path,start,end,speaker,text,emotion,confidence,p_joy,p_anger,error,label"
    rows = ["a,,,,,good,joy,0.9,0.9,0.1,,joy", "b,,,,,bad,joy,0.6,0.6,0.4,,anger"]
    failed = "c,,,,,,,,,,no_speech: nobody speaks,joy"
    file = written(tmp_path, "\n".join([header, *rows, failed, ""]))
    first, _, last = source(file)[0]
    assert first["label"] == {"emotion": "joy"}
    assert first["prediction"] == {
        "emotion": "joy",
        "confidence": 0.9,
        "probabilities": {"joy": 0.9, "anger": 0.1},
    }
    problem = {"stage": "input", "code": "no_speech", "message": "nobody speaks", "hint": ""}
    assert last["error"] == problem
    (scored,) = emocli("score", "--bootstrap", "0", str(file)).records
    assert (scored["scored"], scored["accuracy"]) == (2, 0.5)


def test_cells_of_blanks_are_empty_and_blanks_around_words_do_not_count(table: Any) -> None:
    (record,) = table('text,speaker,start,label\n" so ", s1 ,  , joy\n')
    assert record["text"] == " so "
    assert (record["speaker"], record["label"]) == ("s1", {"emotion": "joy"})
    assert "start" not in record


@pytest.mark.parametrize(("name", "how"), [("-", {"input_format": "auto"}), ("chat.dat", {})])
def test_what_looks_like_a_table_and_is_not_read_as_one_is_told_once(
    name: str, how: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, CHAT, "chat.dat")
    told: list[str] = []
    stdin = io.BytesIO(CHAT.encode())
    assert all("text" not in r for r in inputs.Source([name], stdin, say=told.append, **how))
    assert [words.partition(": ")[2] for words in told] == [inputs.LIKE_A_TABLE]
    stdin = io.BytesIO(CHAT.encode())
    read = [*inputs.Source([name], stdin, input_format="csv")]
    assert [r["speaker"] for r in read] == ["Ann", "Bob"]


@pytest.mark.parametrize("line", ["a.wav", "clips/a, b.wav", "path", "text", "x;y"])
def test_a_list_of_paths_is_no_table(line: str) -> None:
    told: list[str] = []
    assert [*inputs.Source(["-"], io.BytesIO(f"{line}\n".encode()), say=told.append)]
    assert told == []


def test_tabs_may_be_said_to_separate(tmp_path: Path) -> None:
    stdin = io.BytesIO(b"text\tlabel, or none\nwell, yes\tjoy\n")
    (record,) = inputs.Source(["-"], stdin, input_format="tsv")
    assert record["text"] == "well, yes"


ROWS_READER = """
import sys
from emocli.io import inputs
source = inputs.Source(["-"], sys.stdin.buffer, input_format="csv")
count = sum(1 for _ in source)
with open("/proc/self/status") as status:
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
print(count, source.problem, peak)
"""


def peak_kib(rows: int) -> int:
    """Return the peak memory of a process that reads a table of so many rows from a pipe."""
    argv = [sys.executable, "-c", ROWS_READER]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b"time;author;message\n")
        block = b"".join(b"12:01;s%d;Hi, how are you today?\n" % (i % 50) for i in range(1000))
        for _ in range(rows // 1000):
            process.stdin.write(block)
        process.stdin.close()
        count, problem, peak = process.stdout.read().split()
    assert (int(count), problem) == (rows, b"None")
    return int(peak)


def test_memory_does_not_grow_with_the_rows() -> None:
    assert peak_kib(300_000) < 1.1 * peak_kib(1000)


@pytest.mark.slow
def test_ten_million_rows_take_the_memory_of_a_thousand() -> None:
    assert peak_kib(10_000_000) < 1.1 * peak_kib(1000)
