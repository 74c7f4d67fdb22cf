"""What a run tells people on stderr."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from emocli.cli import main
from emocli.cli.prediction import show_prediction
from emocli.pipeline import live
from tests.conftest import Emocli

BAD = "red\x1b[31m\nand\x9b0m"
SPELT = "red\\x1b[31m\\nand\\x9b0m"


class Stderr(io.StringIO):
    """A terminal that is also the one stdout writes to."""

    def isatty(self) -> bool:
        return True


class Stdout(io.BytesIO):
    """A terminal's bytes, in the order in which they come to it."""

    def __init__(self, stderr: Stderr) -> None:
        super().__init__()
        self.stderr = stderr

    def isatty(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.stderr.write(bytes(data).decode())
        return len(data)


def test_the_bar_is_wiped_before_a_record_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BAR_SECONDS", 1e-4)
    monkeypatch.setenv("TERM", "xterm")
    stderr = Stderr()
    broken = {"stage": "", "code": "", "message": "", "hint": ""}
    lines = b"".join(orjson.dumps({"id": n, "error": broken}) + b"\n" for n in "ab")
    assert main.run(["prosody"], io.BytesIO(lines), Stdout(stderr), stderr) == 0
    shown = stderr.getvalue()
    assert "prosody" in shown
    for before in shown.split('{"id"')[:-1]:
        assert before.endswith("\r\x1b[K")
    assert re.search(r"\n[-/|\\] prosody", shown.replace("\r\x1b[K", ""))  # below the record
    assert shown.rpartition("\n")[2] == ""  # the summary is the last line


def test_names_move_no_cursor_and_colour_no_terminal(emocli: Emocli, tmp_path: Path) -> None:
    record = {"id": BAD, "path": str(tmp_path / "gone.wav")}
    for name in ("prosody", "extract-audio"):
        assert f"emocli {name}: {SPELT}: no such file" in emocli(name, stdin=[record]).stderr
    like = tmp_path / "like.jsonl"
    like.write_bytes(orjson.dumps(record) + b"\n")
    for records in ([], [record, record]):
        text = emocli("merge", "--like", str(like), stdin=records).stderr
        assert SPELT in text
        assert "\x1b" not in text
    text = emocli("prosody", f"--shard={BAD}", stdin=[record]).stderr
    assert "\x1b" not in text
    assert "\x9b" not in text


def test_the_table_shows_no_control_characters() -> None:
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=False)
    prediction = {
        "emotion": "joy",
        "probabilities": {"joy": 1.0},
        "confidence": 1.0,
        "modalities": {"text": 1.0},
        "model": BAD,
    }
    unimodal = {BAD: prediction, "text": prediction}
    prediction |= {"modalities": {BAD: 0.5, "text": 0.5}, "disagreement": {BAD: 0.1, "text": 0.2}}
    record = {"id": BAD, "text": BAD, "prediction": prediction, "unimodal": unimodal}
    record["missing"] = {"audio": {"message": BAD}}
    assert show_prediction(record, ["joy"], console)
    assert show_prediction({"id": BAD, "error": {"message": BAD}}, ["joy"], console)
    shown = file.getvalue()
    assert "\x1b" not in shown
    assert "\x9b" not in shown
    assert shown.count(SPELT) == 8
    assert shown.count(SPELT.replace("\\n", " ")) == 1  # a line break in a text is a space


def test_what_the_error_says_already_is_not_said_twice(emocli: Emocli, tmp_path: Path) -> None:
    video = tmp_path / "silent.mp4"
    video.write_bytes((Path(__file__).parents[2] / "examples/clips/silent.mp4").read_bytes())
    outcome = emocli("predict", str(video))
    assert outcome.status == 1
    assert outcome.stderr.count("a video without audio") == 1
