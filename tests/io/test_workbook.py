"""Excel workbooks as records."""

from __future__ import annotations

import datetime
import io
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emocli.datasets import folder
from emocli.errors import MalformedError, UsageError
from emocli.io import inputs, workbook
from tests.conftest import Emocli

openpyxl = pytest.importorskip("openpyxl")

Rows = list[list[Any]]
Book = Callable[..., Path]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Write a workbook: book(rows) or book(rows, sheets=["notes"], merged="A2:A3")."""

    def write(rows: Rows, name: str = "t.xlsx", **how: Any) -> Path:
        made = openpyxl.Workbook()
        sheet = made.active
        sheet.title = "clips"
        for row in rows:
            sheet.append(row)
        for other in how.get("sheets", ()):
            made.create_sheet(other)
        if merged := how.get("merged"):
            sheet.merge_cells(merged)
        made.save(tmp_path / name)
        return tmp_path / name

    return write


def read(file: Path, stdin: bytes | None = None) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the records of a workbook, from its file or from stdin, and what is told."""
    told: list[str] = []
    name, kind = ("-", "csv") if stdin is not None else (str(file), "auto")
    source = inputs.Source([name], io.BytesIO(stdin or b""), input_format=kind, say=told.append)
    found = [*source]
    if source.problem:
        raise source.problem
    return found, told


def test_the_rows_of_a_workbook_are_those_of_a_table(book: Book, tmp_path: Path) -> None:
    file = book([["Filename", "Emotion", "Start", "turn"], ["a.wav", "joy", 0.5, 3]])
    record = {
        "id": f"{tmp_path}/a.wav#0.5-",
        "path": f"{tmp_path}/a.wav",
        "label": {"emotion": "joy"},
        "start": 0.5,
        "turn": 3,
    }
    assert read(file) == ([record], [f"{file}: 'Filename' is read as path"])
    (labelled,) = folder.read(file)
    assert labelled == {
        **record,
        "dataset": "folder",
        "label": {"emotion": "joy", "original": "joy"},
    }
    (piped,), _ = read(file, file.read_bytes())
    assert piped == {**record, "id": "a.wav#0.5-", "path": "a.wav"}


def test_a_pipe_and_a_packed_workbook_are_read(book: Book, tmp_path: Path, emocli: Emocli) -> None:
    import gzip

    file = book([["id", "text"], ["a", "one"]])
    packed = tmp_path / "t.xlsx.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert [r["text"] for r in emocli("dataset", "folder", str(packed)).records] == ["one"]

    class Pipe(io.BufferedReader):
        def seekable(self) -> bool:
            return False

    stdin: Any = Pipe(io.BytesIO(file.read_bytes()))  # type: ignore[arg-type]
    assert [r["id"] for r in inputs.Source(["-"], stdin, input_format="csv")] == ["a"]


def test_cells_of_every_type_become_what_stands_there(book: Book) -> None:
    header = ["text", "a", "b", "c", "d", "e", "f", "start"]
    day = datetime.datetime(2024, 5, 1, 12, 30)
    row = ["yes", True, 7.0, 0.25, day, day.date(), None, datetime.timedelta(seconds=12.5)]
    ((record,), _) = read(book([header, row]))
    del record["id"]
    assert record == {
        "text": "yes",
        "a": "true",
        "b": "7",
        "c": "0.25",
        "d": "2024-05-01T12:30:00",
        "e": "2024-05-01T00:00:00",  # Excel has no dates without a time
        "start": 12.5,
    }


def test_a_time_of_day_is_no_number_of_seconds(book: Book) -> None:
    file = book([["path", "start"], ["a.wav", datetime.time(0, 0, 12)]])
    with pytest.raises(MalformedError, match=r"t.xlsx:2: start is not a number: '00:00:12' \(sec"):
        read(file)


def test_empty_rows_and_cells_behind_the_table_do_not_matter(book: Book) -> None:
    file = book([[], ["id", "text", None], ["a", "one"], [None, ""], ["b", "two", None, None]])
    assert [r["id"] for r in read(file)[0]] == ["a", "b"]
    file = book([["id", "text"], ["a", "one", "more"]])
    with pytest.raises(MalformedError, match=r"t.xlsx:2: not the 2 cells"):
        read(file)


def test_the_first_sheet_is_read_and_told(book: Book) -> None:
    file = book([["text"], ["one"]], sheets=["notes", "more"])
    assert read(file)[1] == [f"{file}: sheet 'clips' is read, the first of 3"]


def test_merged_cells_are_told(book: Book) -> None:
    file = book([["speaker", "text"], ["s1", "one"], [None, "two"]], merged="A2:A3")
    records, told = read(file)
    assert [r.get("speaker") for r in records] == ["s1", None]
    assert told == [f"{file}: merged cells such as A2:A3 have their value in the first cell only"]


def test_a_table_of_no_rows_is_told(book: Book) -> None:
    file = book([["id", "text"]])
    assert read(file) == ([], [f"{file}: no row below the header"])
    assert read(book([]))[0] == []


def changed(file: Path, part: str, old: bytes, new: bytes) -> Path:
    """Replace bytes in a part of a workbook."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return file


SHEET = "xl/worksheets/sheet1.xml"


def test_a_formula_gives_the_value_it_had(book: Book) -> None:
    file = book([["text", "turn"], ["one", "=1+2"]])
    with pytest.raises(MalformedError, match=r"the formula of B2 has no value .*save it"):
        read(file)
    computed = changed(file, SHEET, b"<v />", b"<v>3</v>")
    assert read(computed)[0][0]["turn"] == 3


def test_a_formula_may_give_an_empty_text_or_fail(book: Book) -> None:
    file = book([["text", "speaker"], ["one", '=""']])
    with zipfile.ZipFile(file) as archive:
        old = archive.read(SHEET)
    cell = old[old.index(b'<c r="B2"') : old.index(b"</row>", old.index(b'<c r="B2"'))]
    empty = b'<c r="B2" t="str"><f>""</f><v></v></c>'
    assert "speaker" not in read(changed(file, SHEET, cell, empty))[0][0]
    failed = b'<c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
    with pytest.raises(MalformedError, match=r"t.xlsx:2: speaker has a formula that failed"):
        read(changed(file, SHEET, empty, failed))


def test_a_size_that_is_wrong_in_the_file_costs_no_rows(book: Book) -> None:
    file = book([["id", "text"], ["a", "one"], ["b", "two"]])
    changed(file, SHEET, b'<dimension ref="A1:B3"', b'<dimension ref="A1"')
    assert [r["text"] for r in read(file)[0]] == ["one", "two"]


PAGE = b"<html><body><table><tr><td>text</td></tr></table></body></html>"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (PAGE, "t.xlsx: a web page or XML, no table"),
        (b"<?xml version='1.0'?><Workbook/>", "t.xlsx: a web page or XML, no table"),
        (b"id,text\na,one\n", r"t.xlsx: called a workbook, but it is none \(is it CSV"),
        (OLE, r"t.xlsx: a workbook of Excel before 2007 \(save it as .xlsx or as CSV"),
        (b"PK\x03\x04" + b"\0" * 50, "t.xlsx: a damaged workbook"),
    ],
)
def test_what_is_called_a_workbook_and_is_none_is_refused(
    data: bytes, says: str, tmp_path: Path, emocli: Emocli
) -> None:
    file = tmp_path / "t.xlsx"
    file.write_bytes(data)
    with pytest.raises(MalformedError, match=says):
        read(file)
    outcome = emocli("prosody", str(file))
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert len(outcome.stderr.splitlines()) == 1
    assert emocli("dataset", "folder", str(file)).status == 2


def test_a_text_called_a_workbook_is_read_if_that_is_said(tmp_path: Path, emocli: Emocli) -> None:
    file = tmp_path / "t.xlsx"
    file.write_text("id;text\na;one\n")
    outcome = emocli("extract-audio", str(file), "--input-format", "csv")
    assert [r["text"] for r in outcome.records] == ["one"]


def test_a_workbook_called_csv_is_read(book: Book, tmp_path: Path) -> None:
    file = book([["id", "text"], ["a", "one"]]).rename(tmp_path / "t.csv")
    assert [r["text"] for r in read(file)[0]] == ["one"]


def test_a_damaged_workbook_is_malformed_wherever_it_is_damaged(book: Book) -> None:
    rows: Rows = [["id", "text"], *([f"u{i}", f"one {i} two"] for i in range(300))]
    file = book(rows)
    whole, refused = file.read_bytes(), 0
    for place in range(0, len(whole), len(whole) // 40):
        for data in (whole[:place], whole[:place] + b"\xff" * 20 + whole[place + 20 :]):
            file.write_bytes(data or b"PK\x03\x04")
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    read(file)
            except MalformedError:
                refused += 1
    assert refused > 40


def test_without_openpyxl_the_line_to_install_it_is_given(
    book: Book, monkeypatch: pytest.MonkeyPatch, emocli: Emocli
) -> None:
    file = book([["id", "text"], ["a", "one"]])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    outcome = emocli("prosody", str(file))
    assert outcome.status == 2
    assert "pip install 'emocli[xlsx]'" in outcome.stderr
    with file.open("rb") as stream, pytest.raises(UsageError):
        next(workbook.grid(stream, "t.xlsx", None).rows)


@pytest.mark.parametrize("suffix", [".xls", ".ods", ".numbers", ".XLSB"])
def test_other_workbooks_are_no_sound(suffix: str, tmp_path: Path, emocli: Emocli) -> None:
    file = tmp_path / f"t{suffix}"
    file.write_bytes(OLE)
    outcome = emocli("prosody", str(file))
    assert outcome.status == 1
    assert "save it as .xlsx or as CSV" in outcome.stderr
