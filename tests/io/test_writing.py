"""--output: files that appear complete or never, pipes and devices that stay what they are."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from emocli.errors import UsageError
from emocli.io import writing
from tests.conftest import Emocli

BROKEN = (
    b'"error":{"stage":"x","code":"y","message":"z","hint":""}}\n'  # it flows past every filter
)
RECORDS = b'{"id":"a",' + BROKEN + b'{"id":"b",' + BROKEN


@pytest.fixture
def reader(tmp_path: Path) -> Any:
    """Make a named pipe: reader() -> (its path, a function that returns what was written)."""

    def make() -> tuple[Path, Any]:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        contents: list[bytes] = []
        thread = threading.Thread(target=lambda: contents.append(pipe.read_bytes()), daemon=True)
        thread.start()

        def read() -> bytes:
            thread.join(20)
            return contents[0]

        return pipe, read

    return make


def test_a_pipe_is_written_into_and_stays_a_pipe(
    emocli: Emocli, reader: Any, tmp_path: Path
) -> None:
    pipe, read = reader()
    link = tmp_path / "link"
    link.symlink_to(pipe)
    outcome = emocli("prosody", "-o", str(link), stdin=RECORDS)
    assert outcome.status == 0, outcome.stderr
    assert read() == RECORDS
    assert link.is_symlink()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "pipe"]


def test_commands_that_make_records_write_into_a_pipe_too(
    emocli: Emocli, reader: Any, tmp_path: Path
) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.wav").touch()
    pipe, read = reader()
    assert emocli("dataset", "folder", str(tmp_path / "clips"), "-o", str(pipe)).status == 0
    assert read() == emocli("dataset", "folder", str(tmp_path / "clips")).stdout
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_pipe_cannot_be_resumed(emocli: Emocli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (str(tmp_path / "pipe"), "-"):
        outcome = emocli("prosody", "--resume", "-o", name, stdin=RECORDS)
        assert outcome.status == 2
        assert "--resume" in outcome.stderr


def test_a_dash_is_stdout(emocli: Emocli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("prosody", "merge"):
        assert emocli(name, "-o", "-", stdin=RECORDS).stdout == RECORDS
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["prosody", "merge"])
def test_a_link_keeps_pointing_at_the_file_that_is_written(
    name: str, emocli: Emocli, tmp_path: Path
) -> None:
    (tmp_path / "target").mkdir()
    target = tmp_path / "target" / "out.jsonl"
    link = tmp_path / "link.jsonl"
    link.symlink_to(target)
    for before in (None, b"old"):  # a link that leads nowhere yet, and one to a file
        if before:
            target.write_bytes(before)
        assert emocli(name, "-o", str(link), stdin=RECORDS).status == 0
        assert link.is_symlink()
        assert target.read_bytes() == RECORDS
        target.unlink()
    assert not list((tmp_path / "target").iterdir())


def test_an_open_file_is_written_through_its_descriptor(tmp_path: Path) -> None:
    """`-o /dev/stdout` of a process of its own: never tried on the real links as root."""
    out = tmp_path / "out.jsonl"
    out.write_bytes(b"before\n")
    with out.open("ab") as file:
        names = [f"/proc/self/fd/{file.fileno()}", f"/dev/fd/{file.fileno()}"]
        for name in names:
            assert writing.place(Path(name)) == Path(name)
            with writing.whole_file(Path(name), io.BytesIO()) as stream:
                stream.write(name.encode())
    assert out.read_bytes() == b"before\n" + "".join(names).encode()


@pytest.mark.parametrize("name", ["prosody", "merge", "score", "dataset", "align"])
def test_a_folder_is_refused_before_any_work(
    name: str, emocli: Emocli, tmp_path: Path, wav: Any
) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    arguments = ["folder", str(wav().parent)] if name == "dataset" else [str(wav())]
    outcome = emocli(name, *arguments, "-o", str(target))
    assert outcome.status == 2
    assert f"{target}: it is a folder" in outcome.stderr
    assert "record" not in outcome.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "tone.wav"]


def test_links_that_go_round_are_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(UsageError, match="cannot write"):
        writing.place(tmp_path / "a")


LIMITED = """
import resource, sys
from emocli.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
main.main()
"""


def limited(*argv: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command line whose files can be no longer than 4 KiB, like those on a full disk."""
    command = [sys.executable, "-c", LIMITED, *argv]
    return subprocess.run(command, input=stdin, capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ["prosody", "merge", "dataset"])
def test_a_full_disk_exits_1_and_names_the_file(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    arguments = ["folder", str(tmp_path / "clips")] if name == "dataset" else []
    (tmp_path / "clips").mkdir()
    for number in range(100):
        (tmp_path / "clips" / f"{number}.wav").touch()
    lines = b"".join(b'{"id":"%d",' % n + BROKEN for n in range(100))
    done = limited(name, *arguments, "-o", str(target), stdin=lines)
    assert done.returncode == 1, done.stderr
    assert f"cannot write {target}".encode() in done.stderr
    assert b"--output" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not target.exists()


def test_a_full_store_exits_1_and_names_the_folder(tmp_path: Path, wav: Any) -> None:
    done = limited("extract-audio", "-j1", "--store", str(tmp_path / "store"), str(wav()))
    assert done.returncode == 1, done.stderr
    assert f"cannot write to the store {tmp_path / 'store'}".encode() in done.stderr
    assert b"EMOCLI_STORE" in done.stderr
    assert b"Traceback" not in done.stderr
