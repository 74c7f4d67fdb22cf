"""How many records there will be: for people who wait, from files alone."""

from __future__ import annotations

import gzip
import io
from pathlib import Path
from typing import Any

import pytest

from emocli.io import foretelling
from emocli.io.inputs import Source


def foretold(*names: Any, **how: Any) -> int | None:
    stdin = how.pop("stdin", io.BytesIO())
    return foretelling.records_of(Source([str(n) for n in names], stdin, **how))()


def test_files_are_counted_and_added_up(tmp_path: Path) -> None:
    lines, table, names = (tmp_path / n for n in ("a.jsonl", "t.csv", "list"))
    lines.write_bytes(b'{"id": 1}\n{"id": 2}\n{"id": 3}')
    table.write_bytes(b'id,text\n1,"two\nlines ""and\n"" three"\n2,b\n')
    names.write_bytes(b"a.wav\0b.wav\0")
    assert foretold(lines) == 3
    assert foretold(table) == 2
    assert foretold(lines, table, "c.wav", "gone.jsonl") == 7
    assert foretold(files_from=str(names), null=True) == 2
    assert foretold(lines, shard=(1, 2)) == 2
    assert foretold(text="a sentence") == 1
    with lines.open("rb") as stdin:
        assert foretold("-", stdin=stdin) == 3
        assert foretold("-", lines, stdin=stdin) == 6
        assert stdin.read(3) == b'{"i'  # nothing was taken


def test_what_cannot_be_known_is_not(tmp_path: Path) -> None:
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress(b"{}\n{}\n"))
    for names in ([packed], ["-"], [tmp_path, "-"], [packed, "a.wav"], []):
        assert foretold(*names) is None


def test_a_long_file_is_taken_to_go_on_as_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foretelling, "LOOK_BYTES", 1000)
    monkeypatch.setattr(foretelling, "BLOCK_BYTES", 100)
    file = tmp_path / "a.jsonl"
    file.write_bytes(b'{"id": 1}\n' * 5000)
    assert foretold(file) == 5000


@pytest.mark.parametrize("block", [1, 3, 7, 100])
def test_quotes_may_stand_on_any_border_of_a_block(
    block: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foretelling, "BLOCK_BYTES", block)
    table = tmp_path / "t.csv"
    table.write_bytes(b'text\n"a\n""b""\n"\nc\n"d\n\n"')
    assert foretold(table) == 3
