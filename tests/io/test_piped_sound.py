"""Sound that comes through stdin or another pipe."""

from __future__ import annotations

import gzip
import io
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from emocli import records
from emocli.io import inputs, sound_bytes
from emocli.pipeline import journal_lines, parts
from emocli.records.jsonl import SPOOLED
from tests.conftest import Emocli

CLIPS = Path(__file__).parents[2] / "examples" / "clips"
SUFFIXES = (".mp3", ".m4a", ".opus", ".wav", ".flac", ".mp4")
RECORDINGS = sorted(path for path in CLIPS.iterdir() if path.suffix in SUFFIXES)


def read(data: bytes, **options: Any) -> list[dict[str, Any]]:
    return [*inputs.Source(["-"], io.BytesIO(data), marks=True, **options)]


def test_every_kind_of_example_is_recognised() -> None:
    assert {path.suffix for path in RECORDINGS} == set(SUFFIXES)
    for path in RECORDINGS:
        assert sound_bytes.is_sound(path.read_bytes()[:32]), path


@pytest.mark.parametrize("signature", sound_bytes.SIGNATURES)
def test_a_signature_is_found_with_whatever_stands_for_any_byte(signature: bytes) -> None:
    for byte in (b"\0", b"\n", b"a", b"\xff"):
        data = signature.replace(b"?", byte) + b"rest"
        head = sound_bytes.start(stream := io.BytesIO(data))
        assert sound_bytes.is_sound(head)
        assert head + stream.read() == data
        assert not sound_bytes.is_sound(data[: len(signature) - 1]) or signature[:1] == b"\xff"


TEXTS = [
    b'{"id": "a", "text": "RIFF"}\n',
    b'[{"id": "a"}]\n',
    "text\nhello\n".encode("utf-16"),
    "text\nhello\n".encode("utf-16-le"),
    "text\nhello\n".encode("utf-16-be"),
    b"\xef\xbb\xbfa.wav\n",
    b"OggStuff/a.ogg\n",
    b"ID3-lesson.wav\n",
    b"RIFF/a.wav\nRIFF/b.wav\n",
    b"FORM.wav\n",
    b"fLaCs/a.flac\n",
    b"G@.wav\n",
    b"FLV.flv\n",
    b".snd\n.snd/a.au\n",
    b"caff.caf\n",
    b"MPCK\n",
    b"R\n",
    b"\n\nid,path\n",
    b"a.wav\0b.wav\0",
    gzip.compress(b"a.wav\n", mtime=0),
    "Götz.wav\nüber.wav\n".encode(),
    "Götz.wav\n".encode("latin-1"),
    b"#!AMR.amr\n",
    b"0&.wav\n",
    b"",
]


@pytest.mark.parametrize("data", TEXTS)
def test_text_is_not_taken_for_sound_and_nothing_of_it_is_lost(data: bytes) -> None:
    head = sound_bytes.start(stream := io.BytesIO(data))
    assert not sound_bytes.is_sound(head)
    assert head + stream.read() == data


def test_names_that_begin_like_a_format_stay_a_list() -> None:
    names = [b"RIFF.wav", b"OggS.ogg", b"", b"ID3", b"R", b"fLaC a b"]
    found = [r["path"].encode() for r in read(b"\n".join(names))]
    assert found == [name for name in names if name]


def test_a_list_is_answered_line_by_line_whatever_it_begins_with() -> None:
    code = (
        "import sys; from emocli.io import inputs\n"
        "for r in inputs.Source(['-'], sys.stdin.buffer): print(r['id'], flush=True)"
    )
    for name in ("f", "Gr", "OggX"):
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdin
        assert process.stdout
        process.stdin.write(f"{name}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline() == f"{name}\n".encode()
        process.stdin.close()
        process.stdout.close()
        assert process.wait(timeout=20) == 0


def test_the_copy_is_what_was_piped_and_gone_with_the_run(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = b"fLaC\0\0" + os.urandom(3 << 20)
    source = inputs.Source(["-"], io.BytesIO(data))
    (record,) = source
    assert (record["id"], record["path"]) == ("<stdin>", "<stdin>")
    copy = records.path_of(record)
    assert Path(copy).read_bytes() == data
    assert list(tmp_path.iterdir()) == []  # it has no name
    del source, record
    assert not Path(copy).exists()


def test_where_the_copy_is_is_never_written() -> None:
    source = inputs.Source(["-"], io.BytesIO(b"fLaC\0\0"))
    (record,) = source
    assert SPOOLED in record
    assert orjson.loads(records.dumps(parts.public(record))) == {"id": "<stdin>", "path": "<stdin>"}
    assert SPOOLED in record


def test_the_resume_key_is_the_content() -> None:
    def key(data: bytes) -> bytes:
        source = inputs.Source(["-"], io.BytesIO(data))
        (record,) = source
        return journal_lines.key(record, b"config")

    long = b"fLaC\0\0" + b"x" * (1 << 20)
    assert key(long) == key(long)
    assert key(long) != key(long[: 1 << 19] + b"y" + long[(1 << 19) + 1 :])


def test_a_pipe_of_steps_goes_on_from_the_store(emocli: Emocli, wav: Callable[..., Path]) -> None:
    path = wav()
    first = emocli("extract-audio", stdin=path.read_bytes())
    (record,) = first.records
    assert (first.status, record["id"], record["path"]) == (0, "<stdin>", "<stdin>")
    assert record["audio"]["path"].endswith(".flac")
    second = emocli("prosody", stdin=first.stdout)
    assert second.status == 0
    assert second.records[0]["prosody"] == emocli("prosody", str(path)).records[0]["prosody"]


def test_a_later_process_that_needs_the_sound_says_how_to_keep_it(
    emocli: Emocli, wav: Callable[..., Path]
) -> None:
    first = emocli("prosody", stdin=wav().read_bytes())
    assert first.status == 0
    (record,) = first.records
    assert "audio" not in record
    again = emocli("extract-audio", stdin=first.stdout)
    assert again.status == 1
    assert "emocli extract-audio, as the first step" in again.stderr
    assert "/proc" not in again.stderr


def test_an_annotator_can_read_the_copy(emocli: Emocli, wav: Callable[..., Path]) -> None:
    data = wav().read_bytes()
    code = (
        "import json, sys\nfor line in sys.stdin:\n"
        "    print('joy' if open(json.loads(line)['path'], 'rb').read(4) == b'RIFF' else 'no')"
    )
    program = f'{sys.executable} -u -c "{code}"'
    done = emocli("annotate", "--command", program, "--n=1", stdin=data)
    assert done.status == 0, done.stderr
    assert done.records[0]["annotations"][0]["label"] == "joy"
    assert done.records[0]["path"] == "<stdin>"


def test_a_copy_is_read_by_worker_processes_too(emocli: Emocli, wav: Callable[..., Path]) -> None:
    data = wav().read_bytes()
    one, two = (emocli("extract-audio", f"--jobs={n}", stdin=data) for n in (1, 2))
    assert (one.status, one.stdout) == (two.status, two.stdout) == (0, one.stdout)


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_stream_of_wav_that_does_not_know_its_length_is_read_whole(
    length: int, emocli: Emocli, wav: Callable[..., Path]
) -> None:
    data = bytearray(wav(seconds=0.5).read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = struct.pack("<I", length)
    (record,) = emocli("extract-audio", stdin=bytes(data)).records
    assert record["audio"]["duration"] == 0.5
    assert "warning" not in record["audio"]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_a_stream_that_is_cut_says_what_a_file_that_is_cut_says(
    path: Path, emocli: Emocli, tmp_path: Path
) -> None:
    data = path.read_bytes()
    cut = tmp_path / f"cut{path.suffix}"
    cut.write_bytes(data[: len(data) // 2])
    piped, named = (
        emocli("extract-audio", *a, stdin=i) for a, i in (([], cut.read_bytes()), ([str(cut)], b""))
    )
    assert piped.status == named.status
    (a,), (b,) = piped.records, named.records
    for field in ("audio", "error", "missing"):
        assert a.get(field) == b.get(field)
    assert "warning" in (a.get("audio") or {}) or "missing" in a or "error" in a


def test_sound_that_is_packed_is_unpacked(emocli: Emocli, wav: Callable[..., Path]) -> None:
    data = gzip.compress(wav(seconds=0.5).read_bytes())
    assert emocli("extract-audio", stdin=data).records[0]["audio"]["duration"] == 0.5
    cut = emocli("extract-audio", stdin=data[:-100])
    assert (cut.status, cut.stdout) == (2, b"")
    assert "cut off before its end" in cut.stderr


def test_a_recording_may_stand_between_files(emocli: Emocli, wav: Callable[..., Path]) -> None:
    path = str(wav())
    done = emocli("prosody", path, "-", path, stdin=Path(path).read_bytes())
    assert [r["id"] for r in done.records] == [path, "<stdin>", f"{path}#2"]


def test_other_formats_of_input_are_not_sniffed() -> None:
    assert read(b"fLaC\0\0", input_format="paths") == []  # NUL bytes: refused


def test_samples_without_a_header_are_refused_with_advice(emocli: Emocli) -> None:
    done = emocli("prosody", stdin=b"\0\0\1\0" * 100)
    assert done.status == 2
    assert "sound needs a header" in done.stderr


def fed(pipe: Path, data: bytes) -> threading.Thread:
    """Write into a pipe as soon as somebody reads."""
    thread = threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True)
    thread.start()
    return thread


def test_a_pipe_with_a_name_is_read_once_like_stdin(
    emocli: Emocli, wav: Callable[..., Path], tmp_path: Path
) -> None:
    pipe, data = tmp_path / "pipe", wav().read_bytes()
    os.mkfifo(pipe)
    for given, field in ((data, "prosody"), (b'{"id":"a","text":"b"}\n', "missing")):
        writer = fed(pipe, given)
        done = emocli("prosody", str(pipe))
        writer.join()
        assert done.status == 0, done.stderr
        (record,) = done.records
        assert field in record
        assert record["id"] in (str(pipe), "a")


def test_nothing_waits_for_a_pipe_before_it_is_its_turn(
    emocli: Emocli, wav: Callable[..., Path], tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    source = inputs.Source([str(wav()), str(tmp_path / "pipe")], io.BytesIO(), marks=True)
    assert source.total() is None
    assert next(iter(source))["id"].endswith("tone.wav")
    assert emocli("prosody", "--fail-fast", "gone.wav", str(tmp_path / "pipe")).status == 1
