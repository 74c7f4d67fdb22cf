"""Merge: bytes as they are, duplicates found, order restored, memory that does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from emocli.errors import MalformedError
from emocli.io import ids
from tests.conftest import Emocli

ODD = b'{"id": "a",  "x": 1.50, "big": 123456789012345678901234567890, "u": "\\u00e9"}\n'


def shards(folder: Path, *contents: bytes) -> list[str]:
    for number, content in enumerate(contents):
        (folder / f"{number}.jsonl").write_bytes(content)
    return [str(folder / f"{number}.jsonl") for number in range(len(contents))]


def test_lines_go_out_byte_for_byte(emocli: Emocli, tmp_path: Path) -> None:
    files = shards(tmp_path, ODD, b'\n{"id":"b"}\n\n{"id":"c"}')
    outcome = emocli("merge", *files)
    assert (outcome.status, outcome.stdout) == (0, ODD + b'{"id":"b"}\n{"id":"c"}\n')
    assert emocli("merge", stdin=ODD).stdout == ODD


def test_an_id_that_comes_twice_is_refused(emocli: Emocli, tmp_path: Path) -> None:
    files = shards(tmp_path, b'{"id":"a"}\n{"id":"b"}\n', b'{"id":"a"}\n')
    outcome = emocli("merge", *files, "-o", str(tmp_path / "all.jsonl"))
    assert outcome.status == 2
    assert "records 1 and 3" in outcome.stderr
    assert not (tmp_path / "all.jsonl").exists()


def test_records_without_id_are_not_duplicates(emocli: Emocli) -> None:
    assert emocli("merge", stdin=b'{"x":1}\n{"x":1}\n').status == 0


def test_the_order_of_another_file_is_restored(emocli: Emocli, tmp_path: Path) -> None:
    files = shards(tmp_path, b'{"id":"c","n":3}\n{"id":"a","n":1}\n', b'{"id":"b","n":2}\n')
    like = tmp_path / "in.jsonl"
    like.write_bytes(b'{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n')
    outcome = emocli("merge", *files, "--like", str(like))
    assert outcome.status == 0
    assert [r["n"] for r in outcome.records] == [1, 2, 3]


def test_gaps_duplicates_and_strangers_are_named(emocli: Emocli, tmp_path: Path) -> None:
    files = shards(tmp_path, b'{"id":"a"}\n{"id":"x"}\n', b'{"id":"a"}\n')
    like = tmp_path / "in.jsonl"
    like.write_bytes(b'{"id":"a"}\n{"id":"b"}\n')
    outcome = emocli("merge", *files, "--like", str(like))
    assert outcome.status == 1
    assert [r["id"] for r in outcome.records] == ["a"]
    for words in ("b: is missing", "x: is not in", "a: occurs twice"):
        assert words in outcome.stderr


@pytest.mark.parametrize("twice", [None, 3, 70_000, 299_999])
def test_a_duplicate_is_found_among_any_number(twice: int | None) -> None:
    found = ids.Ids()
    for number in range(300_000):
        found.add(f"clip{number}")
    if twice is None:
        found.check()
        return
    found.add(f"clip{twice}")
    with pytest.raises(MalformedError, match=f"records {twice + 1} and 300001 occurs twice"):
        found.check()


PEAK = """
import resource, sys
from emocli.cli import main
status = main.run(["merge", "-q", "-"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


def test_memory_does_not_grow(tmp_path: Path) -> None:
    peaks = []
    for count in (1000, 300_000):
        file = tmp_path / f"{count}.jsonl"
        with file.open("wb") as out:
            out.writelines(b'{"id":"clip%d","text":"%s"}\n' % (n, b"x" * 100) for n in range(count))
        with file.open("rb") as stream:
            done = subprocess.run(
                [sys.executable, "-c", PEAK], stdin=stream, capture_output=True, check=True
            )
        peaks.append(int(done.stderr))
    assert peaks[1] < 1.25 * peaks[0], peaks  # KiB; four MiB of buckets are all there is


def test_ids_differ_by_type_and_value(emocli: Emocli, tmp_path: Path) -> None:
    """Python says that 1 is true, and hashes -1 and -2 alike."""
    ids = [-1, -2, -1.5, 1, True, "1", "-1", 0, False, "0", 2**64, 2**64 + 1, float(2**64)]
    lines = b"".join(b'{"id":%s}\n' % json.dumps(name).encode() for name in ids)
    assert emocli("merge", stdin=lines).stdout == lines
    for name in ids:
        twice = lines + b'{"id":%s}\n' % json.dumps(name).encode()
        outcome = emocli("merge", stdin=twice)
        assert outcome.status == 2, name
        assert "occurs twice" in outcome.stderr
    # pandas writes 1 as 1.0 where another record has no id.
    assert emocli("merge", stdin=b'{"id":1}\n{"id":1.0}\n').status == 2
    order = tmp_path / "order.jsonl"
    order.write_bytes(b"".join(reversed(lines.splitlines(keepends=True))))
    assert emocli("merge", "--like", str(order), stdin=lines).stdout == order.read_bytes()


def test_an_id_that_is_no_name_is_passed_on_and_told(emocli: Emocli, tmp_path: Path) -> None:
    lines = b'{"id":["a"]}\n{"id":"b"}\n{"id":{"c":1}}\n'
    order = tmp_path / "order.jsonl"
    order.write_bytes(lines)
    for flags in ([], ["--like", str(order)]):
        outcome = emocli("merge", *flags, stdin=lines)
        assert (outcome.status, outcome.stdout) == (1, lines)
        assert "id is not a string or a number: ['a']" in outcome.stderr
        assert "{'c': 1}" in outcome.stderr
        assert emocli("merge", *flags, "--exit-zero", stdin=lines).status == 0
