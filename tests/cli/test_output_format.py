"""--format, and the suffix of --output: what a command writes, wherever it writes it."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from emocli.cli import main, registry
from emocli.io import formats
from tests.commands import bundles
from tests.conftest import Emocli

Record = dict[str, Any]
FORMATS = ("csv", "tsv", "srt", "vtt")
ROOT = Path(__file__).parents[2]


def offering() -> list[str]:
    """Return the commands that have --format."""
    found = []
    for name in registry.names():
        command = registry.load(name)
        for word, one in getattr(command, "commands", {"": command}).items():
            if any("--format" in option.opts for option in one.params):
                found.append(f"{name} {word}".strip())
    return found


@pytest.mark.parametrize("name", offering())
def test_an_unknown_format_is_refused_with_the_list(name: str, emocli: Emocli) -> None:
    outcome = emocli(*name.split(), "--format", "xml", stdin=[{"id": "a"}])
    assert outcome.status == 2
    assert "--format xml: not one of " in outcome.stderr


@pytest.fixture
def predict(emocli: Emocli, tmp_path: Path) -> Callable[..., Any]:
    """Predict records of vectors: predict("--format", "csv")."""
    bundles.save(tmp_path / "bundle", "gated")
    # The text stream would be computed for records with a text that lack it.
    records = [{**r, "text": "Yes."} for r in bundles.records(bundles.VECTORS, count=21)[6::7]]
    records = [{**r, "start": i, "end": i + 1} for i, r in enumerate(records)]

    def call(*flags: str, stdin: list[Record] = records) -> Any:
        return emocli("predict", "-m", str(tmp_path / "bundle"), *flags, stdin=stdin)

    return call


@pytest.mark.parametrize("form", FORMATS)
def test_a_file_and_a_pipe_get_the_same_bytes(
    predict: Callable[..., Any], form: str, tmp_path: Path
) -> None:
    shown = predict("--format", form).stdout
    for number, flags in enumerate((["--format", form, "-o", "x"], ["-o", f"y.{form.upper()}"])):
        place = tmp_path / flags[-1]
        assert predict(*flags[:-1], str(place)).status == 0
        assert (number, place.read_bytes()) == (number, shown)
    assert shown.count(b"joy") >= 1


def test_the_flag_is_stronger_than_the_suffix(predict: Callable[..., Any], tmp_path: Path) -> None:
    place = tmp_path / "x.csv"
    for flags in (["--format", "jsonl"], ["--json"]):
        assert predict(*flags, "-o", str(place)).status == 0
        assert len([orjson.loads(line) for line in place.read_bytes().splitlines()]) == 3
    assert predict("--json", "--format", "csv").status == 2


def test_a_suffix_of_a_format_that_the_command_has_not_is_refused(
    predict: Callable[..., Any], tmp_path: Path
) -> None:
    outcome = predict("-o", str(tmp_path / "x.TextGrid"))
    assert outcome.status == 2
    assert "x.TextGrid: not one of jsonl, csv" in outcome.stderr
    assert not (tmp_path / "x.TextGrid").exists()
    assert predict("--format", "jsonl", "-o", str(tmp_path / "x.TextGrid")).status == 0


@pytest.mark.parametrize("form", ["srt", "vtt"])
@pytest.mark.parametrize("name", ["predict", "transcribe"])
def test_several_recordings_are_no_subtitles(emocli: Emocli, form: str, name: str) -> None:
    outcome = emocli(name, "--format", form, "a.wav", "b.wav")
    assert outcome.status == 2
    assert "one recording, not 2" in outcome.stderr


def test_a_second_recording_that_comes_later_is_told_once(predict: Callable[..., Any]) -> None:
    records = bundles.records(bundles.VECTORS, count=28)[6::7]
    paths = ["a.wav", "a.wav", "b.wav", "c.wav"]
    several = [{**r, "path": path} for r, path in zip(records, paths, strict=True)]
    outcome = predict("--format", "srt", stdin=several)
    assert outcome.status == 0
    assert outcome.stderr.count("a second recording") == 1
    assert "a second recording" not in predict("--format", "srt", stdin=several[:2]).stderr
    assert "a second recording" not in predict("--format", "csv", stdin=several).stderr


class Terminal(io.BytesIO):
    """A stdout that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_the_format_that_was_asked_for(
    predict: Callable[..., Any], tmp_path: Path
) -> None:
    terminal, piped = Terminal(), predict("--format", "csv").stdout
    records = bundles.records(bundles.VECTORS, count=21)[6::7]
    (tmp_path / "in.jsonl").write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in records))
    flags = ["predict", "-m", str(tmp_path / "bundle"), str(tmp_path / "in.jsonl"), "--format"]
    assert main.run([*flags, "csv"], io.BytesIO(), terminal, io.StringIO()) == 0
    assert terminal.getvalue().splitlines()[0] == piped.splitlines()[0]
    assert len(terminal.getvalue().splitlines()) == 4


@pytest.mark.parametrize("form", FORMATS)
def test_without_records_there_is_a_header_if_that_is_allowed(
    predict: Callable[..., Any], form: str
) -> None:
    outcome = predict("--format", form, stdin=[])
    assert (outcome.status, outcome.stdout) == (5, b"")
    outcome = predict("--format", form, "--allow-empty", stdin=[])
    header = {"csv": b"id,path", "tsv": b"id\tpath", "srt": b"", "vtt": b"WEBVTT\n\n"}[form]
    assert (outcome.status, outcome.stdout[: len(header)]) == (0, header)


def test_a_record_that_failed_is_a_row_with_its_error(predict: Callable[..., Any]) -> None:
    good = bundles.records(bundles.VECTORS, count=7)[6]
    outcome = predict("--format", "csv", stdin=[good, {"id": "bad", "features": 7}, good])
    assert outcome.status == 1
    rows = list(csv.DictReader(io.StringIO(outcome.stdout.decode())))
    assert [bool(row["error"]) for row in rows] == [False, True, False]
    assert [bool(row["emotion"]) for row in rows] == [True, False, True]


def test_each_row_is_written_at_once(tmp_path: Path) -> None:
    bundles.save(tmp_path / "bundle", "gated")
    flags = ["-m", str(tmp_path / "bundle"), "--format", "csv", "--batch-size", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "emocli", "predict", *flags],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdin and process.stdout  # noqa: PT018
        for record in bundles.records(bundles.VECTORS, count=14)[6::7]:
            process.stdin.write(orjson.dumps(record) + b"\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if line.startswith(b"id,"):
                line = process.stdout.readline()
            assert line.startswith(record["id"].encode() + b",")
        process.stdin.close()
    assert process.returncode == 0


def test_columns_are_those_of_the_model(emocli: Emocli, tmp_path: Path) -> None:
    heads = [
        {"target": "emotion", "kind": "classes", "labels": bundles.LABELS},
        {"target": "valence", "kind": "number", "mean": 3.0, "scale": 0.5},
    ]
    bundles.save(tmp_path / "bundle", "gated", columns=4, heads=heads)
    records = bundles.records(bundles.VECTORS, count=7)[6:]
    flags = ["predict", "-m", str(tmp_path / "bundle"), "--format", "csv"]
    (row,) = csv.DictReader(io.StringIO(emocli(*flags, stdin=records).stdout.decode()))
    shares = [f"{formats.SHARE}{label}" for label in bundles.LABELS]
    assert [*row][6:] == ["emotion", "confidence", *shares, "valence", "error"]
    assert sum(float(row[share]) for share in shares) == pytest.approx(1.0, abs=1e-5)
    assert float(row["valence"])


def test_a_table_of_predictions_is_scored_as_predictions(
    predict: Callable[..., Any], emocli: Emocli, tmp_path: Path
) -> None:
    """Its `emotion` is what the model said, so there is no label to score it by."""
    place = tmp_path / "answers.csv"
    predict("-o", str(place))
    assert "no_label" in emocli("score", str(place)).stderr
    lines = place.read_text().splitlines()
    labelled = [lines[0] + ",label", *(f"{line},joy" for line in lines[1:])]
    place.write_text("\n".join(labelled) + "\n")
    outcome = emocli("score", str(place), "--bootstrap", "0")
    assert outcome.status == 0, outcome.stderr
    said = [line.split(",")[6] for line in lines[1:]]
    assert outcome.records[0]["accuracy"] == pytest.approx(said.count("joy") / 3)
