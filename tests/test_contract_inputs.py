"""What every filter reads besides files and records: folders, sound through a pipe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from emocli.records.jsonl import SPOOLED
from tests.conftest import Emocli
from tests.test_contract import filters, same, without_words

pytestmark = pytest.mark.usefixtures("default_models")
PLACES = ("id", "path")
DRAWN = {"annotations", "label"}  # by a random generator that begins with the id


@filters
@without_words
def test_a_folder_is_the_files_in_it(name: str, emocli: Emocli, wav: Callable[..., Path]) -> None:
    files = [wav(file, seconds=0.4) for file in ("b.wav", "a.wav")]
    folder = files[0].parent
    (folder / "deep").mkdir()
    files.append(files[0].rename(folder / "deep" / "c.wav"))
    (folder / "notes.md").touch()
    named = sorted(str(file) for file in files[1:])
    walked, given = emocli(name, str(folder)), emocli(name, *named)
    # Nobody speaks here: what judges a voice fails these records, wherever they come from.
    assert walked.status == given.status
    assert walked.stdout == given.stdout
    assert [r["path"] for r in walked.records] == named
    assert "1 other file (1 .md) left out" in walked.stderr
    (folder / "deep" / "c.wav").unlink()
    bare = emocli(name, str(folder / "deep"))
    assert bare.status == 1
    assert bare.records[0]["error"]["code"] == "no_media"


@filters
@without_words
def test_sound_on_stdin_is_a_recording(
    name: str, emocli: Emocli, wav: Callable[..., Path], tmp_path: Path
) -> None:
    path = wav(seconds=0.4)
    named = emocli(name, str(path))
    for arguments in ([], ["-"], ["-o", str(tmp_path / "out.jsonl")]):
        piped = emocli(name, *arguments, stdin=path.read_bytes())
        assert piped.status == named.status, piped.stderr
        out = piped.stdout or (tmp_path / "out.jsonl").read_bytes()
        assert b"/proc/" not in out
        assert SPOOLED.encode() not in out.replace(b"\\u0000", b"\0")
        (record,) = map(orjson.loads, out.splitlines())
        assert [record[place] for place in PLACES] == ["<stdin>", "<stdin>"]
        expected = named.records[0]
        assert list(record) == list(expected)
        kept = [key for key in record if key not in {*PLACES, *DRAWN}]
        assert same({k: record[k] for k in kept}, {k: expected[k] for k in kept})
