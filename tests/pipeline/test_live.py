"""The line that moves: at once, on one line, never in the way of a message or of an answer."""

from __future__ import annotations

import io
import re
import threading
import time
from pathlib import Path

import pytest

from emocli.cli import main
from emocli.io import fitting, messages
from emocli.pipeline import live
from emocli.pipeline.progress import Progress
from tests.leaves import arguments, leaves

WIPE = messages.WIPE
FILTERS = [name for name, leaf in leaves().items() if any(p.name == "debug" for p in leaf.params)]


class Stderr(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        """Return what a person sees in the end."""
        return [
            line.rpartition(WIPE)[2].rpartition("\r")[2] for line in self.getvalue().split("\n")
        ]


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(live, "BAR_SECONDS", 0.01)


def until(stderr: Stderr, words: str) -> bool:
    """Wait until something has been drawn."""
    end = time.monotonic() + 10
    while words not in stderr.getvalue() and time.monotonic() < end:
        time.sleep(0.005)
    return words in stderr.getvalue()


@pytest.mark.parametrize("name", FILTERS)
def test_every_filter_begins_with_a_sign_of_life_and_leaves_none(name: str, tmp_path: Path) -> None:
    records = tmp_path / "r.jsonl"
    failed = '"error": {"stage": "", "code": "", "message": "z", "hint": ""}'
    records.write_text("".join(f'{{"id": "{n}", {failed}}}\n' for n in "abc"))
    words = arguments(name, str(records))
    stderr, quiet = Stderr(), Stderr()
    main.run(words, io.BytesIO(), io.BytesIO(), stderr)
    shown = stderr.getvalue()
    assert re.match(rf"\r\x1b\[K[-/|\\] {name}  starting\r", shown)
    for line in stderr.lines():  # whole messages, and nothing of the line that moves
        assert line == "" or line.startswith("emocli")
    main.run([*words, "--quiet"], io.BytesIO(), io.BytesIO(), quiet)
    assert "\r" not in quiet.getvalue()


def test_it_moves_while_the_main_thread_is_busy() -> None:
    stderr = Stderr()
    with live.shown(stderr, "encode"):
        live.note("loading some-model")
        assert until(stderr, "loading some-model")
        for sign in live.ASCII_SPINNER:
            assert until(stderr, f"{sign} encode")
        with live.during("loading another"):
            assert until(stderr, "loading another")
        record = {"id": "x", "path": "rec/interview.mkv", "start": 151.2, "end": 160.0}
        live.note("transcribe", record, 3)
        assert until(stderr, "transcribing interview.mkv 2:31 and 3 more")
        live.reading("rec/interview.mkv", 151.2, 600)
        assert until(stderr, "reading interview.mkv 2:31 of 10:00")
        live.note("transcribe", record)
        assert until(stderr, "transcribing interview.mkv 2:31 of 10:00")
    end = stderr.getvalue()
    time.sleep(0.05)
    assert stderr.getvalue() == end
    assert end.endswith(WIPE)


def test_messages_of_any_thread_are_whole_lines() -> None:
    stderr = Stderr()

    def complain(name: str) -> None:
        for number in range(200):
            messages.say(stderr, name, f"message {number}")

    with live.shown(stderr, "predict"):
        threads = [threading.Thread(target=complain, args=[name]) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = [line for line in stderr.lines() if line]
    assert sorted(lines) == sorted(f"emocli {t}: message {n}" for t in "abc" for n in range(200))


def test_it_takes_one_line_of_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Stderr()
    width = 40
    monkeypatch.setattr(fitting, "columns", lambda _: width)
    with live.shown(stderr, "predict"):
        live.note("transcribe", {"path": "とても長い名前のファイル" * 9 + "\x1b[31m.wav"})
        live.draw()
        width = 20  # a person makes the window smaller
        live.draw()
    for drawn in stderr.getvalue().split(WIPE):
        assert fitting.width(drawn.rstrip("\r")) < 40
        assert "\x1b" not in drawn
    assert fitting.width(stderr.getvalue().split(WIPE)[-2].rstrip("\r")) < 20


def test_it_stands_still_while_the_input_has_nothing() -> None:
    stderr = Stderr()
    with live.shown(stderr, "predict"):
        live.note(live.WAITING)
        assert until(stderr, live.WAITING)
        time.sleep(0.05)
        still = stderr.getvalue()
        time.sleep(0.1)
        assert stderr.getvalue() == still
        live.note("predict", {"id": "a"})
        assert until(stderr, "predicting a")


def test_a_log_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LINE_SECONDS", 0.05)
    monkeypatch.setenv("TERM", "dumb")
    for stderr in (io.StringIO(), Stderr()):
        with live.shown(stderr, "encode"):
            progress = Progress(stderr, "encode", lambda: 40, quiet=False)
            progress.started -= 10
            progress.done = progress.items = 10
            progress.part = 1.0
            live.note("loading m")
            time.sleep(0.3)
        lines = stderr.getvalue().splitlines()
        assert 1 <= len(lines) <= 6
        assert re.fullmatch(r"emocli encode 10/40  1.0/s  0:(29|30) left  loading m", lines[0])


def test_the_rest_takes_as_long_as_it_did_so_far() -> None:
    progress = Progress(Stderr(), "predict", lambda: 2000, quiet=False)
    assert progress.text(24) == f"predict [{' ' * 24}] 0/2,000"
    for number in range(500):
        progress.step(failed=number < 2)
    progress.started -= 100
    progress.stepped = progress.started + 90
    rest = r"500/2,000  5\.0/s  4:(19|20) left  2 failed"
    assert re.fullmatch(rf"predict \[{'#' * 6}{' ' * 18}\] {rest}", progress.text(24))
    assert re.fullmatch(rf"predict {rest}", progress.text(0))
    assert Progress(Stderr(), "predict", lambda: 1, quiet=False).text(24) == "predict"
    live.counting(None)


def test_a_recording_is_as_far_as_its_last_utterance() -> None:
    with live.shown(Stderr(), "predict"):
        progress = Progress(Stderr(), "predict", lambda: 2, quiet=False)
        for path, end in (("a.mkv", 100.0), ("b.mkv", 30.0), ("b.mkv", 60.0)):
            live.reading(path, 120.0, 120.0)
            times = {"start": end - 5, "end": end}
            name = f"{path}#{end - 5:.2f}-{end:.2f}"
            progress.step(failed=False, record={"id": name, "path": path, **times})
        progress.started -= 300
        text = rf"predict \[{'#' * 18}{' ' * 6}\] 3  0\.0/s  1:(39|40) left"
        assert re.fullmatch(text, progress.text(24))
