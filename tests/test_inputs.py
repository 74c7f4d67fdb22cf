"""Where records come from."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emocli import inputs
from emocli.errors import MalformedError, UsageError
from tests.conftest import Emocli


def read(stdin: bytes = b"", *arguments: str, **how: Any) -> list[dict[str, Any]]:
    source = inputs.Source(list(arguments) or ["-"], io.BytesIO(stdin), **how)
    found = [record for _, record in source]
    if source.problem:
        raise source.problem
    return found


def test_the_first_character_tells_records_from_paths() -> None:
    assert read(b'\n  {"id": "a"}\n{"id": "b"}') == [{"id": "a"}, {"id": "b"}]
    assert read(b"\n{dir}/a.wav"[1:], input_format="paths") == [
        {"id": "{dir}/a.wav", "path": "{dir}/a.wav"}
    ]
    assert [r["path"] for r in read(b"a.wav\r\n\nb c.wav")] == ["a.wav", "b c.wav"]
    with pytest.raises(MalformedError, match="not an object"):
        read(b'[{"id": "a"}]')


def test_a_stream_is_read_once_and_as_it_comes() -> None:
    first, second = os.pipe()
    code = (
        "import sys; from emocli import inputs\n"
        "for _, r in inputs.Source(['-'], sys.stdin.buffer): print(r['id'], flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=first, stdout=subprocess.PIPE, text=True
    )
    os.close(first)
    assert process.stdout
    for name in ("one", "two", "three"):
        os.write(second, f'{{"id": "{name}"}}\n'.encode())
        assert process.stdout.readline() == f"{name}\n"
    os.close(second)
    process.stdout.close()
    assert process.wait(timeout=20) == 0


def test_nul_separates_names_with_newlines(tmp_path: Path) -> None:
    listed = b"a\nb.wav\0{c}.wav\0"
    assert [r["path"] for r in read(listed, null=True)] == ["a\nb.wav", "{c}.wav"]
    (tmp_path / "list").write_bytes(listed)
    source = inputs.Source([], io.BytesIO(), files_from=str(tmp_path / "list"), null=True)
    assert [r["path"] for _, r in source] == ["a\nb.wav", "{c}.wav"]


def test_text_gives_a_record_for_every_line(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("first\n\n  third  \n", encoding="utf-8")
    wanted = [("L1", "first"), ("L3", "third")]
    assert read(b"", str(file)) == [{"id": f"{file}#{n}", "text": t} for n, t in wanted]
    source = inputs.Source([], io.BytesIO(b"first\n\nthird\n"), text="-")
    assert [r for _, r in source] == [{"id": f"-#{n}", "text": t} for n, t in wanted]
    assert [r for _, r in inputs.Source([], io.BytesIO(), text="hello")] == [
        {"id": "text#L1", "text": "hello"}
    ]


def test_a_table_becomes_records(tmp_path: Path) -> None:
    file = tmp_path / "clips.csv"
    file.write_text(
        'path,speaker,emotion,label.valence\n"a, b.wav",s1,joy,3\n', encoding="utf-8-sig"
    )
    assert read(b"", str(file)) == [
        {
            "id": "a, b.wav",
            "path": "a, b.wav",
            "speaker": "s1",
            "label": {"emotion": "joy", "valence": "3"},
        }
    ]
    file.write_text("path,speaker\na.wav,s1,more\n", encoding="utf-8")
    with pytest.raises(MalformedError, match="row 1"):
        read(b"", str(file))


def test_records_may_be_compressed_and_files_mixed(tmp_path: Path) -> None:
    packed = tmp_path / "r.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"id": "packed"}\n'))
    assert [r["id"] for r in read(b'{"id": "in"}\n', "a.wav", str(packed), "-", "b.mp4")] == [
        "a.wav",
        "packed",
        "in",
        "b.mp4",
    ]


def test_a_list_that_is_not_there_is_usage() -> None:
    with pytest.raises(UsageError, match="cannot open"):
        read(b"", "nothing.jsonl")


def test_flags_come_before_variables_before_the_file_before_defaults(
    emocli: Emocli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    (config / "emocli").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    (config / "emocli" / "config.toml").write_text('shard = "9/8"\n', encoding="utf-8")
    line = b'{"id": "a", "error": {"stage": "", "code": "", "message": "", "hint": ""}}\n'
    assert "9/8" in emocli("prosody", stdin=line).stderr
    monkeypatch.setenv("EMOCLI_SHARD", "7/6")
    assert "7/6" in emocli("prosody", stdin=line).stderr
    assert "5/4" in emocli("prosody", "--shard=5/4", stdin=line).stderr
    assert emocli("prosody", "--shard=1/1", stdin=line).status == 0


def test_an_unknown_key_in_the_config_names_the_likely_one(
    emocli: Emocli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "emocli").mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "emocli" / "config.toml").write_text("[prosody]\njob = 2\n", encoding="utf-8")
    outcome = emocli("prosody", "a.wav")
    assert outcome.status == 3
    assert "did you mean jobs" in outcome.stderr
