"""The lock of an output file: one process writes it, another is refused, a dead one is followed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from emocli.errors import EmocliError, UsageError
from emocli.io import lock as locks
from emocli.io.lock import Lock
from emocli.io.writing import opened_new, whole_file

HOLDER = """
import sys, time
from pathlib import Path
from emocli.io.lock import Lock
Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def held(path: Path, **changes: Any) -> Path:
    """Leave the lock of a process that is not this one beside a file."""
    beside = path.with_name(f"{path.name}.part.lock")
    process = locks._process()
    beside.write_text(json.dumps({**process, "token": "theirs", **changes}))
    return beside


def test_one_holder_at_a_time_and_the_next_one_after_it(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    first = Lock(path)
    with pytest.raises(UsageError, match=f"is being written by process {os.getpid()}"):
        Lock(path)
    first.release()
    Lock(path).release()
    assert not [*tmp_path.iterdir()]


def test_a_killed_holder_is_followed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    with pytest.raises(UsageError, match=f"process {process.pid}"):
        Lock(path)
    process.kill()
    for _ in range(100):  # it need not have been waited for: a zombie does not write
        if locks._started(process.pid) is None:
            break
        time.sleep(0.01)
    Lock(path).release()
    process.wait()
    process.stdout.close()
    assert not [*tmp_path.iterdir()]


def test_a_number_that_another_process_has_now_is_not_the_holder(tmp_path: Path) -> None:
    held(tmp_path / "out.jsonl", started="1")
    lock = Lock(tmp_path / "out.jsonl")
    assert lock.is_mine()
    lock.release()
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("other", [{"host": "elsewhere"}, {"boot": "an earlier one"}])
def test_a_holder_elsewhere_is_at_work_until_it_is_silent(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    path = tmp_path / "out.jsonl"
    beside = held(path, pid=1, **other)
    with pytest.raises(UsageError, match="process 1 on"):
        Lock(path)
    silent = time.time() - locks.STALE_S - 5
    os.utime(beside, (silent, silent))
    Lock(path).release()
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b'{"pid": "x"}'])
def test_a_lock_that_names_nobody_is_waited_for(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "WRITING_S", 0.02)
    path = tmp_path / "out.jsonl"
    beside = tmp_path / "out.jsonl.part.lock"
    beside.write_bytes(content)
    with pytest.raises(UsageError, match="is being written"):
        Lock(path)
    os.utime(beside, (0, 0))
    Lock(path).release()


def test_a_lock_taken_in_the_meantime_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.jsonl"
    beside = held(path, started="1")  # dead

    def slow(_holder: dict[str, Any]) -> bool:
        beside.unlink()  # another process takes it first
        held(path, token="quicker")
        monkeypatch.undo()
        return False

    monkeypatch.setattr(locks, "_alive", slow)
    with pytest.raises(UsageError, match="is being written"):
        Lock(path)
    assert json.loads(beside.read_bytes())["token"] == "quicker"
    assert [*tmp_path.iterdir()] == [beside]


def test_a_holder_whose_lock_was_taken_does_not_replace_the_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_bytes(b"before\n")

    def write() -> None:
        with whole_file(path, sys.stdout.buffer) as file:
            file.write(b"mine\n")
            held(path)
            opened_new(tmp_path / "out.jsonl.part").close()
            (tmp_path / "out.jsonl.part").write_bytes(b"theirs\n")

    with pytest.raises(EmocliError, match="another process has taken it over"):
        write()
    assert path.read_bytes() == b"before\n"
    assert (tmp_path / "out.jsonl.part").read_bytes() == b"theirs\n"


def test_a_lock_is_touched_while_it_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "BEAT_S", 0.01)
    monkeypatch.setattr(locks._Held, "touching", 0)
    lock = Lock(tmp_path / "out.jsonl")
    os.utime(lock.path, (0, 0))
    for _ in range(200):
        if lock.path.stat().st_mtime > 0:
            break
        time.sleep(0.01)
    assert lock.path.stat().st_mtime > 0
    lock.release()
