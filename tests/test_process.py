"""What a parent process, a limit or a locale may do to a command: never a traceback or a hang."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from emocli.errors import ExitStatus
from tests.leaves import arguments, leaves

NAME = "ü €.jsonl"
FAILED = {"stage": "x", "code": "y", "message": "z", "hint": ""}
RECORD = {"id": "é", "text": "Ja", "path": "ü €.wav", "error": FAILED}  # it flows past
CLOSED = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-"}
NOT_UTF8 = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
TIMEOUT_S = 60

every_command = pytest.mark.parametrize("name", leaves())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / NAME).write_bytes(orjson.dumps(RECORD) + b"\n")
    return tmp_path


def run(
    folder: Path, *argv: str, redirect: str = "", limits: str = "", **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command line in a shell that sets limits and closes streams."""
    script = f'{limits} exec "$@" {redirect}'
    words = ["bash", "-c", script, "bash", sys.executable, "-m", "emocli", *argv]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=folder,
        env={**os.environ, **environment},
        timeout=TIMEOUT_S,
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert done.returncode in set(ExitStatus)
    return done


def without_times(stderr: bytes) -> list[bytes]:
    """Return the lines of messages, but for summaries, which have seconds in them."""
    return [line for line in stderr.splitlines() if not line.endswith(b" s")]


@every_command
def test_closed_streams_and_odd_locales_are_no_obstacle(name: str, folder: Path) -> None:
    words = arguments(name, NAME)
    normal = run(folder, *words)
    other = run(folder, *words, redirect=CLOSED["stdin"], **NOT_UTF8)
    assert other.returncode == normal.returncode
    assert other.stdout == normal.stdout
    assert without_times(other.stderr) == without_times(normal.stderr)
    unwritten = run(folder, *words, redirect=CLOSED["stdout"])
    alone = run(folder, *words, redirect=" ".join(CLOSED.values()))
    expected = ExitStatus.FAILED if normal.stdout else normal.returncode
    assert (unwritten.returncode, alone.returncode) == (expected, expected)
    assert (b"stdout is closed" in unwritten.stderr) == bool(normal.stdout)


def test_no_combination_of_closed_streams_writes_into_another_file(folder: Path) -> None:
    for number in range(8):
        redirect = " ".join(r for i, r in enumerate(CLOSED.values()) if number >> i & 1)
        outcome = run(folder, "merge", NAME, "-o", "out.jsonl", redirect=redirect)
        assert outcome.returncode == 0
        assert outcome.stdout == b""
        assert (outcome.stderr == b"") == ("2>" in redirect)
        assert (folder / "out.jsonl").read_bytes() == (folder / NAME).read_bytes()
        (folder / "out.jsonl").unlink()


def test_a_terminal_of_another_encoding_gets_something(folder: Path) -> None:
    for words in (["--help"], ["score", "--help"], ["merge", "ü.jsonl"]):
        outcome = run(folder, *words, PYTHONIOENCODING="ascii:strict")
        assert outcome.stdout + outcome.stderr, words


def test_a_sound_is_opened_by_its_name_in_every_locale(
    folder: Path, wav: Callable[..., Path]
) -> None:
    wav("ü €.wav", seconds=0.3)
    record = orjson.dumps({key: RECORD[key] for key in ("id", "path")})
    (folder / "r.jsonl").write_bytes(record + b"\n")
    for given in ("ü €.wav", "r.jsonl"):
        outcome = run(folder, "extract-audio", "-q", given, **NOT_UTF8)
        assert orjson.loads(outcome.stdout)["audio"]["duration"] == pytest.approx(0.3)


def test_a_deleted_working_folder_is_said(folder: Path) -> None:
    (folder / "gone").mkdir()
    lost = 'cd gone; rmdir "$PWD";'
    outcome = run(folder, "prosody", str(folder / NAME), limits=lost)
    assert outcome.returncode == ExitStatus.USAGE
    assert b"the working folder cannot be read" in outcome.stderr


# KiB of the address space, from where Python just begins to where most commands run
@pytest.mark.parametrize("most", [25_000, 60_000, 110_000, 150_000, 200_000])
def test_little_memory_is_said(most: int, folder: Path, wav: Callable[..., Path]) -> None:
    wav("a.wav", seconds=0.3)
    for words in (["score", NAME], ["prosody", "-j", "2", "a.wav", "a.wav"]):
        outcome = run(folder, *words, limits=f"ulimit -v {most};", OMP_NUM_THREADS="")
        message = outcome.stderr.decode()
        assert outcome.returncode in (0, 5, 7), message
        assert ("out of memory" in message) == (outcome.returncode == 7), message


@pytest.mark.parametrize("most", [8, 12, 16, 24])
def test_few_handles_are_said(most: int, folder: Path, wav: Callable[..., Path]) -> None:
    wav("a.wav", seconds=0.3)
    for words in (["merge", NAME], ["prosody", "-j", "2", "a.wav", "a.wav"]):
        outcome = run(folder, *words, limits=f"ulimit -n {most};")
        assert outcome.returncode in (0, 1)
        assert (b"oo many open files" in outcome.stderr) == (outcome.returncode == 1)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_does_not_fit_is_no_success(unbuffered: str, folder: Path) -> None:
    (folder / "many.jsonl").write_bytes(b"{}\n" * 500)
    for words in (["schema"], ["merge", "many.jsonl"], ["config", "show"], ["models", "list"]):
        how = {"redirect": "> out", "limits": "ulimit -f 1;"}  # KiB
        outcome = run(folder, *words, **how, PYTHONUNBUFFERED=unbuffered)
        assert outcome.returncode == ExitStatus.FAILED, words
        assert b"ile too large" in outcome.stderr


def test_a_temporary_file_that_does_not_fit_is_named(folder: Path) -> None:
    ids = range(5000)
    (folder / "many.jsonl").write_bytes(b"".join(b'{"id":"%d"}\n' % i for i in ids))
    words = ["merge", "many.jsonl", "--like", "many.jsonl"]
    outcome = run(folder, *words, limits="ulimit -f 8;", TMPDIR=str(folder))
    assert outcome.returncode == ExitStatus.FAILED
    assert f"no temporary file in {folder}: File too large".encode() in outcome.stderr


NO_HOME = """
import os, pwd
def unknown(uid): raise KeyError(uid)
pwd.getpwuid = unknown
for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "EMOCLI_CACHE_DIR"):
    os.environ.pop(name, None)
from emocli.__main__ import main
main()
"""


def test_a_user_without_a_home_is_no_traceback(folder: Path) -> None:
    (folder / "no_home.py").write_text(NO_HOME)
    for words in (["merge", NAME], ["config", "path"], ["models", "list"], ["prosody", NAME]):
        done = subprocess.run(
            [sys.executable, "no_home.py", *words],
            cwd=folder,
            capture_output=True,
            env={**os.environ},
        )
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
