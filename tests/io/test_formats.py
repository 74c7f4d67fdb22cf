"""Tables out: what csv, pandas and emocli itself read again is what the record says."""

from __future__ import annotations

import csv
import io
import math
from typing import Any

import pandas as pd
import pytest

from emocli.io import formats, tables
from emocli.records import jsonl

Record = dict[str, Any]

TEXTS = [
    "plain",
    'she said "hi", twice',
    "two\nlines",
    "a carriage\rreturn",
    "a\ttab",
    "  spaces  ",
    "=1+1",
    "+1",
    "-no",
    "@anna, ciao",
    "'quoted'",
    "żółw 🐢",
    ";",
]
LABELS = ["joy", "anger"]


def answer(text: Any = "x", **more: Any) -> Record:
    prediction = {
        "emotion": "joy",
        "probabilities": {"joy": 0.75, "anger": 0.25},
        "confidence": 0.75,
        "valence": -0.5,
    }
    return {"id": "a", "path": "a.wav", "text": text, "prediction": prediction, **more}


def table(name: str = "csv") -> formats.Format:
    columns = formats.utterances(*formats.predictions(LABELS, ["valence"], blend=False))
    return formats.made(name, columns)


def written(records: list[Record], name: str = "csv") -> bytes:
    form = table(name)
    return form.header() + b"".join(map(form.row, records)) + form.footer()


@pytest.mark.parametrize("name", formats.DELIMITERS)
def test_every_text_is_read_again_as_it_was(name: str) -> None:
    data = written([answer(text) for text in TEXTS], name).decode("utf-8")
    delimiter = formats.DELIMITERS[name]
    rows = list(csv.DictReader(io.StringIO(data, newline=""), delimiter=delimiter))
    assert [row["text"] for row in rows] == TEXTS
    frame = pd.read_csv(io.StringIO(data, newline=""), sep=delimiter, lineterminator="\n")
    assert [*frame["text"]] == TEXTS
    assert [*frame["p_joy"]] == [0.75] * len(TEXTS)
    assert frame["start"].isna().all()


def test_lines_end_in_lf_and_there_is_no_byte_order_mark() -> None:
    lines = written([answer("yes")]).split(b"\n")
    assert lines == [
        b"id,path,start,end,speaker,text,emotion,confidence,p_joy,p_anger,valence,error",
        b"a,a.wav,,,,yes,joy,0.75,0.75,0.25,-0.5,",
        b"",
    ]


def test_what_failed_or_is_not_known_is_an_empty_cell_and_the_reason() -> None:
    error = {"stage": "input", "code": "not_found", "message": "no such file: a.wav", "hint": ""}
    unsure = answer(None, speaker=None)
    unsure["prediction"] |= {"emotion": None, "valence": math.nan}
    data = written([{"id": 7, "path": "a.wav", "error": error}, unsure])
    first, second = csv.DictReader(io.StringIO(data.decode()))
    assert (first["id"], first["emotion"], first["error"]) == (
        "7",
        "",
        "not_found: no such file: a.wav",
    )
    assert (second["text"], second["emotion"], second["valence"]) == ("", "", "")
    assert second["confidence"] == "0.75"


@pytest.mark.parametrize(
    "field",
    [
        {"text": 7},
        {"text": ["a"]},
        {"prediction": 3},
        {"prediction": {"probabilities": [1]}},
        {"error": "said by another program"},
        {"path": 5},
        {"path": {"bytes": "?"}},
        {"path": {}},
        {"id": None},
        {"text": "half of a character: \ud800"},
        {"start": 10**30},
        {"speaker": {"name": "b"}},
    ],
)
@pytest.mark.parametrize("name", ["csv", "tsv", "srt", "vtt"])
def test_a_field_of_another_type_breaks_no_row(field: Record, name: str) -> None:
    form = table(name)
    row = form.row({**answer(), **field}).decode("utf-8")
    if name in formats.DELIMITERS:
        delimiter = formats.DELIMITERS[name]
        (cells,) = csv.reader(io.StringIO(row, newline=""), delimiter=delimiter)
        assert len(cells) == 12


def test_a_path_that_is_not_utf_8_is_written_as_its_id() -> None:
    record = jsonl.of_path("caf\udce9.wav")
    row = next(csv.reader(io.StringIO(table().row(record).decode("utf-8"))))
    assert row[:2] == ["caf\\xe9.wav", "caf\\xe9.wav"]


def test_a_prediction_that_is_read_again_is_no_label() -> None:
    records = [answer(text) for text in TEXTS if "\r" not in text]
    records += [{"id": "b", "error": {"code": "no", "message": "why"}}]
    stream = io.BytesIO(written(records))
    found = [row.record for row in tables.read(stream, "answers.csv", str)]
    assert [record["prediction"] for record in found[:-1]] == [
        record["prediction"] for record in records[:-1]
    ]
    assert [record["text"] for record in found[:-1]] == [r["text"] for r in records[:-1]]
    assert not any("label" in record for record in found)
    assert found[-1]["error"] == {
        "stage": "input",
        "code": "no",
        "message": "why",
        "hint": "",
    }


def test_the_emotion_of_any_other_table_is_still_a_label() -> None:
    stream = io.BytesIO(b"id,text,emotion,error\na,yes,joy,\n")
    (row,) = tables.read(stream, "labels.csv", str)
    assert row.record["label"] == {"emotion": "joy"}


def test_a_blend_is_one_cell_in_words() -> None:
    columns = formats.predictions(LABELS, [], blend=True)
    record = answer()
    record["prediction"]["blend"] = {"joy": 70.0, "anger": 30.0}
    form = formats.Table(columns)
    assert form.header() == b"emotion,confidence,blend,p_joy,p_anger\n"
    assert form.row(record) == b'joy,0.75,"joy 70.0, anger 30.0",0.75,0.25\n'


def test_json_lines_are_the_records_themselves() -> None:
    form = formats.made("jsonl", [])
    assert (form.header(), form.row({"id": "a"}), form.footer()) == (b"", b'{"id":"a"}\n', b"")
