"""--output, --resume and --shard: complete files, the same bytes, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from emocli import pipeline
from emocli.io import inputs
from emocli.pipeline import journal
from emocli.pipeline.windows import Window
from emocli.records import failures
from tests.conftest import Emocli

Record = dict[str, Any]


def lines(*records: Record) -> list[inputs.Item]:
    return [(orjson.dumps(r), dict(r)) for r in records]


def stage(done: list[str], fail: str = "") -> pipeline.Stage:
    def work(batch: list[Record]) -> list[Record]:
        done.extend(r["id"] for r in batch)
        return [
            failures.mark(r, RuntimeError("no"), stage="w") if r["id"] == fail else {**r, "by": "w"}
            for r in batch
        ]

    return pipeline.batched(work, name="w", size=2)


def go(
    folder: Path, items: list[inputs.Item], *, stop: int = 99, resume: bool = False, fail: str = ""
) -> list[str]:
    """Run over the items, stop dead after so many; return the ids that were worked on."""
    done: list[str] = []
    book = journal.Journal(folder / "out.jsonl", resume=resume)
    for count, (_, line) in enumerate(
        journal.through(iter(items), stage(done, fail), book, b"config", Window(4)), 1
    ):
        book.write(line)
        if count == stop:
            book.file.close()
            return done
    book.finish()
    return done


def items() -> list[inputs.Item]:
    return lines(*({"id": str(i), "text": "ü\n"} for i in range(11)))


@pytest.mark.parametrize("stop", range(1, 11))
@pytest.mark.parametrize("again", [99, 3, 6])
def test_stopped_anywhere_and_resumed_gives_the_same_bytes(
    tmp_path: Path, stop: int, again: int
) -> None:
    uninterrupted, cut = tmp_path / "uninterrupted", tmp_path / "cut"
    uninterrupted.mkdir()
    cut.mkdir()
    go(uninterrupted, items())
    go(cut, items(), stop=stop)
    assert not (cut / "out.jsonl").exists()
    with (cut / "out.jsonl.part").open("ab") as part:
        part.write(b'{"ok":1,"key":"torn')
    if again != 99:
        go(cut, items(), stop=again, resume=True)
    done = go(cut, items(), resume=True)
    assert (cut / "out.jsonl").read_bytes() == (uninterrupted / "out.jsonl").read_bytes()
    assert len(done) <= 11 - 4 * (stop // 4)
    assert sorted(p.name for p in cut.iterdir()) == ["out.jsonl"]


def test_failures_are_redone_and_the_rest_is_kept(tmp_path: Path) -> None:
    go(tmp_path, items(), fail="9")
    assert (tmp_path / "out.jsonl").exists()
    assert (tmp_path / "out.jsonl.part").exists()
    done = go(tmp_path, items(), resume=True)
    assert done == ["8", "9", "10"]
    assert b"error" not in (tmp_path / "out.jsonl").read_bytes()
    assert not (tmp_path / "out.jsonl.part").exists()


def test_a_changed_line_is_done_anew(tmp_path: Path) -> None:
    go(tmp_path, items(), stop=8)
    changed = [*items()[:5], *lines({"id": "5", "text": "other"}), *items()[6:]]
    done = go(tmp_path, changed, resume=True)
    assert done == ["4", "5", "6", "7", "8", "9", "10"]


def test_a_changed_file_is_done_anew(tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    sound.write_bytes(b"one")
    record = {"id": "a", "path": str(sound)}
    before = journal.key(b"raw", record, b"config")
    assert journal.key(b"raw", record, b"config") == before
    assert journal.key(b"raw", record, b"other") != before
    sound.write_bytes(b"four")
    assert journal.key(b"raw", record, b"config") != before


SLOW = """
import sys, time
from emocli.cli import main
from emocli.stages import prosody

work = prosody.stage
def slow(*args, **kwargs):
    inner = work(*args, **kwargs)
    def stage(records):
        for record in inner(records):
            time.sleep(0.03)
            yield record
    return stage
prosody.stage = slow
main.main()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_for_real_and_resumed(
    wav: Any, tmp_path: Path, number: signal.Signals, emocli: Emocli
) -> None:
    sounds = [str(wav(f"{i}.wav", seconds=0.3 + i / 20)) for i in range(12)]
    out, uninterrupted = tmp_path / "out.jsonl", tmp_path / "uninterrupted.jsonl"
    flags = ["prosody", *sounds, "--jobs", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *flags, "-o", str(out)], stderr=subprocess.PIPE
    )
    part = tmp_path / "out.jsonl.part"
    for _ in range(1000):
        if part.exists() and part.read_bytes().count(b"\n") >= 3:
            break
        time.sleep(0.02)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert (
        process.returncode
        in {signal.SIGKILL: (-9,), signal.SIGTERM: (143,), signal.SIGINT: (130,)}[number]
    )
    assert b"Traceback" not in stderr
    assert not out.exists()
    assert emocli(*flags, "-o", str(out), "--resume").status == 0
    assert emocli(*flags, "-o", str(uninterrupted)).status == 0
    assert out.read_bytes() == uninterrupted.read_bytes()


def test_resume_needs_an_output(emocli: Emocli) -> None:
    outcome = emocli("prosody", "--resume", "a.wav")
    assert outcome.status == 2
    assert "--output" in outcome.stderr


def test_shards_are_a_partition_that_keeps_dialogues_together() -> None:
    records = [{"id": str(i), **({"dialogue": str(i // 5)} if i % 2 else {})} for i in range(300)]
    parts = [[r["id"] for r in records if inputs.in_shard(r, i, 7)] for i in range(1, 8)]
    assert sorted(name for part in parts for name in part) == sorted(r["id"] for r in records)
    for dialogue in {r.get("dialogue") for r in records} - {None}:
        members = {r["id"] for r in records if r.get("dialogue") == dialogue}
        assert sum(bool(members & set(part)) for part in parts) == 1


def test_shards_stay_where_they_are() -> None:
    # A hash of the id only: these numbers must never change, or arrays half done lose records.
    shards = [next(i for i in range(1, 5) if inputs.in_shard({"id": n}, i, 4)) for n in "abcdef"]
    assert shards == [2, 3, 3, 1, 4, 2]


@pytest.mark.parametrize("spec", ["0/3", "4/3", "x", "1", "1/2/3", "-1/2"])
def test_a_shard_that_is_none_is_a_usage_error(spec: str, emocli: Emocli) -> None:
    assert emocli("prosody", f"--shard={spec}", "a.wav").status == 2


def test_slurm_arrays_name_the_shard(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ID": "12", "MIN": "8", "COUNT": "3", "STEP": "2"}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    assert inputs.shard("slurm") == (3, 3)
    monkeypatch.delenv("SLURM_ARRAY_TASK_ID")
    with pytest.raises(Exception, match="SLURM_ARRAY_TASK_ID"):
        inputs.shard("slurm")


def test_umask_is_honoured(emocli: Emocli, wav: Any, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert emocli("prosody", str(wav()), "-o", str(tmp_path / "o.jsonl")).status == 0
    finally:
        os.umask(before)
    assert (tmp_path / "o.jsonl").stat().st_mode & 0o777 == 0o640
