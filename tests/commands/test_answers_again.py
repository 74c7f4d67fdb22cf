"""What predict writes as a table or as subtitles loses nothing silently."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.conftest import Emocli

pytestmark = pytest.mark.usefixtures("default_models")
CLIPS = Path(__file__).parents[2] / "examples" / "clips"
LINES = ["I am so happy", "this is disgusting", "hm"]


def test_answers_and_abstentions_are_the_same_in_a_table(emocli: Emocli, tmp_path: Path) -> None:
    text = tmp_path / "lines.txt"
    text.write_text("\n".join(LINES))
    found: dict[str, dict[str, Any]] = {}
    for suffix in ("jsonl", "csv"):
        answers = tmp_path / f"answers.{suffix}"
        assert emocli("predict", str(text), "--abstain", "0.9", "-o", str(answers)).status == 0
        summary = emocli("summarize", str(answers), "--format", "json")
        assert summary.status == 0, summary.stderr
        (found[suffix],) = summary.records
    assert found["jsonl"]["skipped"]["abstained"] > 0
    for key in ("counts", "shares", "skipped", "failed"):
        assert found["csv"][key] == found["jsonl"][key]


def test_a_whole_clip_has_its_duration_in_a_table(emocli: Emocli, tmp_path: Path) -> None:
    answers = tmp_path / "answers.csv"
    assert emocli("predict", str(CLIPS / "joy.wav"), "-o", str(answers)).status == 0
    (row,) = csv.DictReader(io.StringIO(answers.read_text()))
    assert (float(row["start"]), float(row["end"])) == (0.0, pytest.approx(3.156, abs=0.01))
    summary = emocli("summarize", str(answers), "--weight", "duration", "--format", "json")
    assert summary.status == 0, summary.stderr


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_subtitles_say_what_they_have_no_place_for(
    form: str, emocli: Emocli, tmp_path: Path
) -> None:
    untimed = emocli("predict", "--text", LINES[0], "--format", form)
    assert f"1 record without words at a known time: left out, {form} has" in untimed.stderr
    spoken = {"text": "yes", "start": 0.0, "end": 1.0}
    talks = [{"id": name, "path": name, **spoken} for name in ("a.wav", "b.wav", "a.wav#2")]
    talks[2]["path"] = "a.wav"
    lines = tmp_path / "talks.jsonl"
    lines.write_bytes(b"".join(orjson.dumps(talk) + b"\n" for talk in talks))
    two = emocli("transcribe", str(lines), "--format", form)
    assert two.stdout.count(b"-->") == 2
    assert "b.wav: left out: a second recording" in two.stderr


@pytest.mark.parametrize("suffix", [".xlsx", ".XLS", ".ods"])
def test_a_workbook_is_not_written_as_something_else(
    suffix: str, emocli: Emocli, tmp_path: Path
) -> None:
    file = tmp_path / f"answers{suffix}"
    done = emocli("predict", "--text", LINES[0], "-o", str(file))
    assert done.status == 2
    assert "workbooks are not written" in done.stderr
    assert not file.exists()


def test_a_survey_is_not_taken_for_answers(emocli: Emocli, tmp_path: Path) -> None:
    survey = tmp_path / "survey.csv"
    survey.write_text(f"participant,emotion,confidence,text,error\n1,joy,5,{LINES[0]},0\n")
    done = emocli("predict", str(survey))
    assert done.status == 0, done.stderr
    assert done.records[0]["label"]["emotion"] == "joy"
    assert done.records[0]["prediction"]["emotion"] == "joy"
    assert "error" not in done.records[0]
