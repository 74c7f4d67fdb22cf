"""--resume with a finished output: what is complete is kept, and only the rest is computed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from emocli import pipeline
from emocli.io import formats
from emocli.io.subtitles import Subtitles
from emocli.pipeline import finished, journal, journal_lines, parts, resuming, windows
from emocli.pipeline.windows import Window
from emocli.records import failures
from tests.conftest import Emocli

Record = dict[str, Any]
WINDOW = Window(4)


def items(*names: str | int) -> list[Record]:
    return [{"id": str(name), "text": f"ü\n{name}", "start": 1, "end": 2} for name in names]


TEN = items(*range(10))


class Run:
    """A run over some records; afterwards `done` is what was computed, `said` what was told."""

    def __init__(
        self,
        out: Path,
        records: Sequence[Record],
        *,
        resume: bool = True,
        form: formats.Format | None = None,
        stop: int = 99,
        fail: str = "",
        window: Window = WINDOW,
    ) -> None:
        self.done: list[str] = []
        copies = (dict(record) for record in records)
        with journal.Journal(out, resume=resume, form=form) as book:
            self.said = book.discarded
            outcomes = resuming.through(copies, self._stage(fail), book, b"config", window)
            for count, (_, line) in enumerate(outcomes, 1):
                book.write(line)
                if count == stop:
                    return
            book.finish()

    def _stage(self, fail: str) -> pipeline.Stage:
        def work(batch: list[Record]) -> list[Record]:
            self.done.extend(record["id"] for record in batch)
            together = [record["id"] for record in batch]  # as the last digits are: of the batch
            return [
                failures.mark(r, RuntimeError("no"), stage="w")
                if r["id"] == fail
                else {**r, "with": together}
                for r in batch
            ]

        return pipeline.windowed(pipeline.batched(work, name="w", size=2), WINDOW)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return the place of an output in a folder of its own."""
    (tmp_path / "place").mkdir()
    return tmp_path / "place" / "out.jsonl"


def ids(out: Path) -> list[str]:
    return [orjson.loads(line)["id"] for line in out.read_bytes().splitlines()]


def test_where_nothing_is_new_nothing_is_computed(out: Path) -> None:
    Run(out, TEN, resume=False)
    before = out.read_bytes()
    run = Run(out, TEN)
    assert (run.done, run.said, out.read_bytes()) == ([], "", before)
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize("place", [0, 3, 10])
def test_a_new_record_costs_one_record_and_the_others_keep_their_bytes(
    out: Path, place: int
) -> None:
    Run(out, TEN, resume=False)
    before = out.read_bytes().splitlines()
    run = Run(out, [*TEN[:place], *items("new"), *TEN[place:]])
    after = out.read_bytes().splitlines()
    assert run.done == ["new"]
    assert orjson.loads(after.pop(place))["id"] == "new"
    assert after == before


def test_the_order_is_that_of_the_input_and_what_vanished_vanishes(out: Path) -> None:
    Run(out, TEN, resume=False)
    chosen = [TEN[7], TEN[2], *items("new"), TEN[5]]
    assert Run(out, chosen).done == ["new"]
    assert ids(out) == ["7", "2", "new", "5"]


def test_failures_are_tried_again_one_by_one(out: Path) -> None:
    Run(out, TEN, resume=False, fail="4")
    assert Run(out, TEN, fail="4").done == ["4"]
    assert Run(out, TEN).done == ["4"]
    assert [path.name for path in out.parent.iterdir()] == ["out.jsonl"]
    assert Run(out, TEN).done == []


@pytest.mark.parametrize("change", ["edited", "moved", "touched", "cache"])
def test_what_is_not_known_any_more_is_done_again_and_told(out: Path, change: str) -> None:
    Run(out, TEN, resume=False)
    before = out.read_bytes()
    if change == "edited":
        out.write_bytes(before.replace(b'"3"', b'"33"', 1))
    elif change == "moved":
        out = out.rename(out.with_name("other.jsonl"))
    elif change == "touched":
        os.utime(out)
    else:
        finished.forget(out)
    run = Run(out, TEN)
    assert len(run.done) == 10
    assert "is not known" in run.said
    assert out.name in run.said
    assert out.read_bytes() == before


def test_a_damaged_line_is_done_again_and_no_other(out: Path) -> None:
    Run(out, TEN, resume=False)
    before, times = out.read_bytes(), out.stat()
    out.write_bytes(before.replace(b'{"id":"3"', b'{"id":"x"'))
    os.utime(out, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert Run(out, TEN).done == ["3"]
    assert ids(out) == [record["id"] for record in TEN]


def test_without_resume_all_is_done_again_also_after_a_kill(out: Path) -> None:
    Run(out, TEN, resume=False)
    Run(out, [*TEN, *items("new")])  # "new" was in a batch of its own
    Run(out, [*TEN, *items("new")], resume=False, stop=3)
    Run(out, [*TEN, *items("new")])
    whole = out.with_name("whole.jsonl")
    Run(whole, [*TEN, *items("new")], resume=False)
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("stop", range(1, 17))
@pytest.mark.parametrize("again", [99, 5])
def test_killed_anywhere_it_gives_the_bytes_of_a_run_that_was_not(
    out: Path, stop: int, again: int
) -> None:
    """The new records stand between the old ones; their batches are the same."""
    mixed = [r for pair in zip(TEN, items(*"abcdefghij"), strict=True) for r in pair]
    whole = out.with_name("whole.jsonl")
    for place in (out, whole):
        Run(place, TEN, resume=False)
    Run(whole, mixed)
    done = Run(out, mixed, stop=stop).done
    if again != 99:
        Run(out, mixed, stop=again)
    assert len(Run(out, mixed).done) <= 10 - len(done) // 4 * 4 + 4
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in out.parent.iterdir()) == ["out.jsonl", "whole.jsonl"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_as_the_output_is_put_in_place(
    out: Path, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Run(out, TEN, resume=False)
    replace = journal.replace

    def killed(part: Path, path: Path) -> None:
        if moment == "after":
            replace(part, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(journal, "replace", killed)
    more = [*TEN, *items("a", "b", "c")]
    with pytest.raises(KeyboardInterrupt):
        Run(out, more)
    monkeypatch.setattr(journal, "replace", replace)
    assert Run(out, more).done == []
    whole = out.with_name("whole.jsonl")
    Run(whole, TEN, resume=False)
    Run(whole, more)
    assert out.read_bytes() == whole.read_bytes()


def test_equal_records_keep_their_own_places(out: Path) -> None:
    same = [{"id": "a", "text": "yes"}] * 5
    Run(out, same, resume=False)
    before = out.read_bytes()
    assert len({*before.splitlines()}) == 2  # batches of two, and the last one alone
    assert Run(out, same).done == []
    assert out.read_bytes() == before


def test_statistics_over_all_records_are_kept_or_done_as_a_whole(out: Path) -> None:
    Run(out, TEN, resume=False, window=windows.ALL)
    assert Run(out, TEN, window=windows.ALL).done == []
    assert len(Run(out, [*TEN, *items("new")], window=windows.ALL).done) == 11


def table(name: str = "csv") -> formats.Table:
    return formats.Table([formats.field("id"), formats.field("text"), formats.field("with")], name)


@pytest.mark.parametrize("make", [table, lambda: Subtitles("srt"), lambda: Subtitles("vtt")])
def test_tables_and_subtitles_are_kept_as_well(
    out: Path, make: Callable[[], formats.Format]
) -> None:
    Run(out, TEN, resume=False, form=make())
    before = out.read_bytes()
    assert Run(out, TEN, form=make()).done == []
    assert out.read_bytes() == before
    assert Run(out, [*items("new"), *TEN], form=make()).done == ["new"]
    form = make()
    rows = form.header() + form.row({**items("new")[0], "with": ["new"]})
    assert out.read_bytes().startswith(rows)
    assert out.read_bytes().count("ü".encode()) == 11


def test_an_output_in_another_format_is_no_source(out: Path) -> None:
    Run(out, TEN, resume=False, form=table())
    run = Run(out, TEN, form=table("tsv"))
    assert (len(run.done), "is not known" in run.said) == (10, True)


def halves(record: Record) -> Record:
    if record["id"] == "3":
        return parts.replaced(record, [])
    return parts.replaced(record, [{**record, "id": f"{record['id']}#{i}"} for i in range(2)])


@pytest.mark.parametrize("make", [formats.JsonLines, table, lambda: Subtitles("srt")])
def test_a_record_that_became_several_or_none_is_kept_as_one(
    out: Path, make: Callable[[], formats.Format]
) -> None:
    counts = []
    for resume in (False, True):
        with journal.Journal(out, resume=resume, form=make()) as book:
            work = pipeline.each(halves, name="halves")
            outcomes = resuming.through(iter(items(*range(5))), work, book, b"", Window())
            lines = [outcome.line for outcome in outcomes]
            counts.append([journal_lines.count(line) for line in lines])
            for line in lines:
                book.write(line)
            book.finish()
        written = out.read_bytes()
        counts.append([written])
    assert counts[0] == counts[2] == [2, 2, 2, 0, 2]
    assert counts[1] == counts[3]


def test_the_cache_forgets_outputs_that_are_gone_and_the_oldest(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [out.with_name(f"{i}.jsonl") for i in range(6)]
    for age, place in enumerate(places):
        Run(place, items(1), resume=False)
        (notes,) = finished.folder(place).iterdir()
        then = time.time() - age * 86_400
        os.utime(notes, (then, then))
    places[1].unlink()
    monkeypatch.setattr(finished, "MOST_RUNS", 4)
    monkeypatch.setattr(finished, "LOOK_S", 0.0)
    monkeypatch.setattr(finished, "OLDEST_S", 3.5 * 86_400)
    finished.tidy(places[0])
    kept = [place.name for place in places if finished.folder(place).exists()]
    assert kept == ["0.jsonl", "2.jsonl", "3.jsonl"]


def test_a_cache_that_cannot_be_written_costs_nothing_but_the_resume(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOCLI_CACHE_DIR", "/proc/nowhere")
    Run(out, TEN, resume=False)
    assert ids(out) == [record["id"] for record in TEN]
    assert len(Run(out, TEN).done) == 10


def test_the_summary_says_how_many_were_kept(
    emocli: Emocli, wav: Callable[..., Path], tmp_path: Path
) -> None:
    sounds = [str(wav(f"{i}.wav", seconds=0.3)) for i in range(4)]
    out = ["-o", str(tmp_path / "out.jsonl")]
    assert "kept" not in emocli("extract-audio", *sounds[:3], *out).stderr
    again = emocli("extract-audio", *sounds[:3], *out, "--resume")
    assert "3 records (3 kept, 0 new), 0 failed" in again.stderr
    more = emocli("extract-audio", *sounds, *out, "--resume")
    assert "4 records (3 kept, 1 new), 0 failed" in more.stderr
    written = (tmp_path / "out.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line)["path"] for line in written] == sounds


def test_where_nothing_is_new_torch_is_not_imported(tmp_path: Path, emocli: Emocli) -> None:
    flags = ["predict", "--text", "I am so happy", "-o", str(tmp_path / "out.jsonl")]
    assert emocli(*flags).status == 0
    code = "import sys; from emocli.cli import main; status = main.run(sys.argv[1:])"
    code += "; print(status, 'torch' in sys.modules)"
    command = [sys.executable, "-c", code, *flags, "--resume"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["0", "False"], done.stderr
    assert "1 kept, 0 new" in done.stderr
