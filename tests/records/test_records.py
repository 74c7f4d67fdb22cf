"""What is a record, and what is not."""

from __future__ import annotations

import io
import math

import numpy as np
import orjson
import pytest

from emocli import records
from emocli.errors import MalformedError, RecordError


def test_a_record_goes_through_unchanged_and_in_order() -> None:
    line = '{"z":1,"a":{"β":null,"x":[1.5,2]},"id":"ü"}\n'.encode()
    assert records.dumps(records.parse(line, "f:1")) == line


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"id": "a"', "not JSON"),
        (b'[{"id": "a"}]', "not an object"),
        (b'"text"', "not an object"),
        (b'{"x": NaN}', "not JSON"),
        (b'{"x": Infinity}', "not JSON"),
        (b'{"x": "\xff"}', "not JSON"),
        (b'{"x":' + b"[" * 300 + b"]" * 300 + b"}", "deeper than 200"),
        (b'{"x":' * 10000 + b"1" + b"}" * 10000, "deeper than 200"),
        ('{"x": 1}'.encode("utf-16"), "iconv -f UTF-16"),
        (b'{"x": "' + b"y" * records.MAX_LINE_BYTES + b'"}', "longer than 16 MiB"),
    ],
)
def test_what_is_not_a_record_is_named_with_its_line(line: bytes, says: str) -> None:
    with pytest.raises(MalformedError, match=says) as caught:
        list(records.read(io.BytesIO(b'{"id":"ok"}\n\n' + line + b"\n"), "in.jsonl"))
    assert "in.jsonl:3" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (b'{"x": NaN}', "null stands for"),
        (b'{"\xc3\xa4": [1, -Infinity]}', "null stands for"),
        (b'{"id": "a", "x"', "was the line cut off"),
        (b"{", "jq -c ."),
        (b"{'id': 'NaN'}", "(one JSON object per line)"),
    ],
)
def test_the_hint_fits_what_is_wrong(line: bytes, hint: str) -> None:
    with pytest.raises(MalformedError) as caught:
        records.parse(line, "f:1")
    assert hint in str(caught.value)


def test_a_byte_order_mark_is_no_part_of_the_first_record() -> None:
    stream = io.BytesIO(b'\xef\xbb\xbf{"id":"a"}\n{"id":"b"}\n')
    assert [r["id"] for _, r in records.read(stream, "f")] == ["a", "b"]


def test_two_hundred_levels_are_deep_enough() -> None:
    line = b'{"x":' * 200 + b"1" + b"}" * 200
    assert records.parse(line, "f:1")
    with pytest.raises(MalformedError, match="deeper"):
        records.parse(b'{"x":' * 201 + b"1" + b"}" * 201, "f:1")


def test_many_shallow_objects_are_not_deep() -> None:
    line = orjson.dumps({"words": [{"text": "a"}] * 5000})
    assert len(records.parse(line, "f:1")["words"]) == 5000


@pytest.mark.large(mb=100)
def test_a_50_mb_line_is_refused_without_being_read_whole() -> None:
    stream = io.BytesIO(b'{"x":"' + b"y" * 50_000_000)
    with pytest.raises(MalformedError, match="16 MiB"):
        list(records.read(stream, "<stdin>"))
    assert stream.tell() <= records.MAX_LINE_BYTES + 2


def test_nan_becomes_null_and_float32_keeps_its_shortest_digits() -> None:
    line = records.dumps({"a": math.nan, "v": np.array([0.1, np.nan], np.float32)})
    assert line == b'{"a":null,"v":[0.1,null]}\n'


def test_a_last_line_without_newline_counts() -> None:
    assert [r for _, r in records.read(io.BytesIO(b'{"id":"a"}'), "f")] == [{"id": "a"}]


def test_a_path_that_is_not_utf8_survives() -> None:
    path = b"caf\xe9/a.wav".decode("utf-8", "surrogateescape")
    record = records.of_path(path)
    again = orjson.loads(records.dumps(record))
    assert again["path"] == {"bytes": "Y2Fm6S9hLndhdg=="}
    assert records.path_of(again) == path
    assert again["id"] == "caf\\xe9/a.wav"


@pytest.mark.parametrize("path", [7, ["a"], {"bytes": 3}, "a\0b"])
def test_a_path_that_is_none_is_an_error_of_the_record(path: object) -> None:
    with pytest.raises(RecordError, match="path"):
        records.path_of({"id": "a", "path": path})


def test_a_missing_field_names_the_command_that_adds_it() -> None:
    with pytest.raises(RecordError, match="emocli transcribe"):
        records.require({"id": "a"}, "words", "transcribe")


@pytest.mark.parametrize("depth", [records.MAX_DEPTH, records.MAX_DEPTH + 1])
@pytest.mark.parametrize(("opens", "closes"), [(b"[", b"]"), (b'{"":', b"}")])
def test_the_shortest_line_that_is_too_deep_is_told(depth: int, opens: bytes, closes: bytes):
    inner = opens * (depth - 2) + b"{}" + closes * (depth - 2)
    line = b'{"":' + inner + b"}\n"
    read = records.read(io.BytesIO(line), "x")
    if depth > records.MAX_DEPTH:
        with pytest.raises(MalformedError, match=r"x:1: nested deeper than 200"):
            next(read)
    else:
        assert next(read)[0] == line
