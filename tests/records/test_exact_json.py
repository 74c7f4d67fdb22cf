"""Integers beyond 64 bits, and halves of surrogate pairs."""

from __future__ import annotations

import io
import json
import random
from typing import Any

import pytest

from emocli import records
from emocli.errors import MalformedError
from emocli.records.exact_json import has_long_integer
from emocli.records.problems import Failure

EDGES = [
    sign * (2**power + off)
    for power in (53, 63, 64, 65, 200)
    for off in (-1, 0, 1)
    for sign in (1, -1)
]


def read(line: bytes) -> dict[str, Any]:
    [(_, record)] = records.read(io.BytesIO(line + b"\n"), "f")
    return record


@pytest.mark.parametrize("number", [*EDGES, 10**18, 10**19, 10**20, -(10**18), -(10**19), 0])
def test_an_integer_is_written_as_it_was_read(number: int) -> None:
    for line in (b'{"n":%d}', b'{"n":[1.5,%d,null]}', b'{"a":{"b":[{"c":%d}]},"d":"x"}'):
        line = line % number
        assert records.dumps(read(line)) == line + b"\n"
        assert records.parse(line, "f:1") == json.loads(line)


def test_numbers_of_vectors_are_no_long_integers() -> None:
    random_ = random.Random(3)
    values = [random_.gauss(0, 10**power) for power in range(-8, 8) for _ in range(500)]
    for text in (json.dumps(values), str(values), '{"id": "20230101123456789012"}'):
        assert not has_long_integer(text.encode())


def test_what_is_no_json_stays_malformed() -> None:
    deep = b'{"n":123456789012345678901234567890,"a":' + b"[" * 300 + b"]" * 300 + b"}"
    for line in (
        b'{"a":"\\ud800","x":NaN}',
        b'{"a":"\\ud800"',
        b'{"a":1e999}',
        b'{"n":' + b"9" * 400 + b',"x":Infinity}',
        b'{"n":' + b"9" * 5000 + b"}",
        deep,
    ):
        with pytest.raises(MalformedError, match="f:1"):
            read(line)


@pytest.mark.parametrize(
    "line",
    [
        rb'{"id":"b","text":"cut \ud83d"}',
        rb'{"id":"b","text":"\udc00 cut"}',
        rb'{"id":"b","words":[{"text":"\ud83dx"}]}',
        rb'{"id":"b","\ud83d":1}',
        b'{"id":"b","text":"\xed\xa0\xbd"}',
        rb'{"id":"b","text":"\ud83d","error":null}',
    ],
)
def test_half_of_a_character_costs_its_record_only(line: bytes) -> None:
    lines = b'{"id":"a"}\n' + line + b'\n{"id":"c"}\n'
    first, broken, last = [record for _, record in records.read(io.BytesIO(lines), "f")]
    assert (first, last) == ({"id": "a"}, {"id": "c"})
    assert isinstance(broken["error"], Failure)
    assert broken["error"]["code"] == "lone_surrogate"
    assert "jq" in broken["error"]["hint"]
    assert "\ufffd" in records.dumps(broken).decode()  # valid UTF-8, for every other program
    whole = rb'{"id":"b","text":"\ud83d\ude00"}'
    assert read(whole) == {"id": "b", "text": "\U0001f600"}


def test_an_error_that_was_there_stays() -> None:
    record = read(rb'{"id":"b","text":"\ud83d","error":{"code":"old"}}')
    assert record["error"] == {"code": "old"}
    assert not isinstance(record["error"], Failure)


def test_a_path_as_python_writes_it_is_a_path() -> None:
    record = read(rb'{"id":"clip\udcff.wav","path":"clip\udcff.wav"}')
    assert record == records.of_path("clip\udcff.wav")
    assert records.path_of(record) == "clip\udcff.wav"
