"""--output, --resume and --shard: complete files, the same bytes, nothing lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from emocli import pipeline
from emocli.pipeline import journal, journal_lines, parts, resuming, windows
from emocli.pipeline.windows import Window
from emocli.records import failures
from tests.conftest import Emocli

Record = dict[str, Any]


def lines(*records: Record) -> list[Record]:
    return [dict(r) for r in records]


def stage(done: list[str], fail: str = "") -> pipeline.Stage:
    def work(batch: list[Record]) -> list[Record]:
        done.extend(r["id"] for r in batch)
        return [
            failures.mark(r, RuntimeError("no"), stage="w") if r["id"] == fail else {**r, "by": "w"}
            for r in batch
        ]

    return pipeline.batched(work, name="w", size=2)


def go(
    folder: Path, items: list[Record], *, stop: int = 99, resume: bool = False, fail: str = ""
) -> list[str]:
    """Run over the items, stop dead after so many; return the ids that were worked on."""
    done: list[str] = []
    with journal.Journal(folder / "out.jsonl", resume=resume) as book:
        for count, (_, line) in enumerate(
            resuming.through(iter(items), stage(done, fail), book, b"config", Window(4)), 1
        ):
            book.write(line)
            if count == stop:
                return done
        book.finish()
    return done


def items() -> list[Record]:
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
        part.write(journal_lines.entry(b"0" * 32, {"id": "torn"})[:-9])
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
    assert done == ["9"]
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
    before = journal_lines.key(record, b"config")
    assert journal_lines.key(dict(record), b"config") == before
    assert journal_lines.key(record, b"other") != before
    assert journal_lines.key({**record, "id": "b"}, b"config") != before
    times = sound.stat()
    sound.write_bytes(b"two")  # of the same size, and with the same time
    os.utime(sound, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert journal_lines.key(record, b"config") != before


def test_a_pipe_is_not_read_for_its_key(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    assert journal_lines.key({"id": "a", "path": str(pipe)}, b"config")


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


def test_umask_is_honoured(emocli: Emocli, wav: Any, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        assert emocli("prosody", str(wav()), "-o", str(tmp_path / "o.jsonl")).status == 0
    finally:
        os.umask(before)
    assert (tmp_path / "o.jsonl").stat().st_mode & 0o777 == 0o640


def test_texts_that_are_alike_keep_their_own_ids(tmp_path: Path) -> None:
    same = lines(*({"id": f"-#L{i}", "text": "yes"} for i in range(8)))
    go(tmp_path, same, stop=4)
    go(tmp_path, same, resume=True)
    written = [orjson.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]
    assert [record["id"] for record in written] == [record["id"] for record in same]


def test_a_journal_of_another_version_is_done_again_and_that_is_told(
    emocli: Emocli, wav: Callable[..., Path], tmp_path: Path
) -> None:
    part, out = tmp_path / "out.jsonl.part", tmp_path / "out.jsonl"
    part.write_bytes(b'{"ok":1,"key":"' + b"0" * 32 + b'","record":{"id":"a"}}\n')
    outcome = emocli("extract-audio", str(wav()), "-o", str(out), "--resume")
    assert outcome.status == 0
    assert "out.jsonl.part is of another version" in outcome.stderr
    assert len(out.read_bytes().splitlines()) == 1
    assert not part.exists()


@pytest.mark.parametrize("damage", ["torn", "zeros", "glued", "empty"])
def test_what_a_crash_of_the_machine_leaves_is_done_again(tmp_path: Path, damage: str) -> None:
    go(tmp_path, items(), stop=8)
    go(tmp_path, items(), stop=1, resume=True)  # .part.old has 8 lines, .part one
    old = tmp_path / "out.jsonl.part.old"
    data = old.read_bytes()
    at = len(data) // 2
    old.write_bytes(
        {
            "torn": data[:at],
            "zeros": data[:at] + bytes(64) + data[at + 64 :],
            "glued": data[:at] + data[at:].replace(b"\n", b"", 1),
            "empty": b"",
        }[damage]
    )
    go(tmp_path, items(), resume=True)
    (tmp_path / "whole").mkdir()
    go(tmp_path / "whole", items())
    assert (tmp_path / "out.jsonl").read_bytes() == (tmp_path / "whole/out.jsonl").read_bytes()


def halves(record: Record) -> Record:
    if record["id"] == "3":
        return parts.replaced(record, [])
    return parts.replaced(record, [{**record, "id": f"{record['id']}#{i}"} for i in range(2)])


@pytest.mark.parametrize("stop", range(1, 11))
def test_a_record_that_becomes_several_or_none_is_kept_as_one(tmp_path: Path, stop: int) -> None:
    work = pipeline.each(halves, name="halves")
    written = []
    for folder in (tmp_path / "cut", tmp_path / "whole"):
        folder.mkdir()
        for last, resume in ((stop, False), (99, True)) if folder.name == "cut" else ((99, False),):
            with journal.Journal(folder / "out.jsonl", resume=resume) as book:
                outcomes = resuming.through(iter(items()), work, book, b"config", Window())
                for _, outcome in zip(range(last), outcomes, strict=False):
                    book.write(outcome.line)
                if last == 99:
                    book.finish()
        written.append((folder / "out.jsonl").read_bytes())
    assert written[0] == written[1]
    names = [orjson.loads(line)["id"] for line in written[0].splitlines()]
    assert names == [f"{i}#{j}" for i in range(11) if i != 3 for j in range(2)]


def test_statistics_over_all_records_are_done_again_without_one_of_them(tmp_path: Path) -> None:
    def counted(incoming: Iterator[Record]) -> Iterator[Record]:
        held = list(incoming)
        yield from ({**record, "count": len(held)} for record in held)

    def run(chosen: list[Record], resume: bool) -> list[Record]:
        with journal.Journal(tmp_path / "out.jsonl", resume=resume) as book:
            for outcome in resuming.through(iter(chosen), counted, book, b"config", windows.ALL):
                book.write(outcome.line)
            book.failed = True  # so that the journal stays
            book.finish()
        return [orjson.loads(line) for line in (tmp_path / "out.jsonl").read_bytes().splitlines()]

    assert {record["count"] for record in run(items(), resume=False)} == {11}
    assert {record["count"] for record in run(items()[1:], resume=True)} == {10}
