"""The records of every stage through pandas, DuckDB and jq: nothing fails that did not before."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pandas as pd
import pytest

from tests.commands import bundles
from tests.conftest import Emocli
from tests.test_contract import FILTERS
from tests.test_wrong_types import healthy

Record = dict[str, Any]

BROKEN: Record = {
    "id": "broken",
    "path": "nowhere.wav",
    "error": {"stage": "x", "code": "y", "message": "m", "hint": ""},
    "missing": {"text": {"stage": "x", "code": "y", "message": "m", "hint": ""}},
}


def pandas(source: Path, target: Path) -> None:
    pd.read_json(source, lines=True).to_json(target, orient="records", lines=True)


def pandas_without_types(source: Path, target: Path) -> None:
    frame = pd.DataFrame([orjson.loads(line) for line in source.read_bytes().splitlines()])
    frame.to_json(target, orient="records", lines=True)


def duck(source: Path, target: Path) -> None:
    connection = duckdb.connect()
    connection.execute(
        f"COPY (SELECT * FROM read_json('{source}', format = 'newline_delimited'))"
        f" TO '{target}' (FORMAT JSON)"
    )


def jq(source: Path, target: Path) -> None:
    with target.open("wb") as file:
        subprocess.run(["jq", "-c", "--sort-keys", ".", str(source)], stdout=file, check=True)


def jq_with_nulls(source: Path, target: Path) -> None:
    """Write what R and spreadsheets write: every field of any record in all records."""
    rows = [orjson.loads(line) for line in source.read_bytes().splitlines()]
    target.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in united(rows)))


def united(rows: list[Any]) -> list[Any]:
    """Return objects that all have the fields of all, inside as well, null where they had none."""
    names = dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row)
    columns = {}
    for name in names:
        values = [row.get(name) if isinstance(row, dict) else None for row in rows]
        nested = any(isinstance(value, dict) for value in values)
        columns[name] = united(values) if nested else values
    return [
        {name: column[i] for name, column in columns.items()} if row is not None else None
        for i, row in enumerate(rows)
    ]


PROGRAMS = [pandas, pandas_without_types, duck, jq, jq_with_nulls]
programs = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)


@pytest.fixture
def through(tmp_path: Path) -> Callable[[Callable[[Path, Path], None], bytes], bytes]:
    def convert(program: Callable[[Path, Path], None], lines: bytes) -> bytes:
        source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
        source.write_bytes(lines)
        program(source, target)
        return target.read_bytes()

    return convert


def failed(lines: bytes) -> list[tuple[Any, str]]:
    """Return the records that have an error, with its code, null and {} being none."""
    records = [orjson.loads(line) for line in lines.splitlines()]
    errors = [(r.get("id"), (r.get("error") or {}).get("code")) for r in records]
    return [(name, code) for name, code in errors if code]


needs = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


@needs
@pytest.mark.usefixtures("default_models", "nobody_speaks")
@pytest.mark.parametrize("name", FILTERS)
def test_what_a_filter_wrote_is_read_again(
    name: str,
    emocli: Emocli,
    through: Callable[..., bytes],
    wav: Callable[..., Path],
) -> None:
    clips: list[Record] = [
        {"id": "a", "path": str(wav("a.wav", seconds=0.5)), "label": {"emotion": "joy"}},
        {"id": "b", "path": str(wav("b.wav", seconds=0.7)), "speaker": "s", "turn": 3},
        BROKEN,
    ]
    wrote = emocli(name, stdin=clips)
    again = emocli(name, stdin=wrote.stdout)
    for program in PROGRAMS:
        back = emocli(name, stdin=through(program, wrote.stdout))
        assert back.status == again.status, (program, back.stderr)
        assert failed(back.stdout) == failed(again.stdout), program
        ours, theirs = again.records, back.records
        for before, after in zip(ours, theirs, strict=True):
            for field in ("missing", "features", "unimodal"):
                assert before.get(field, {}).keys() == after.get(field, {}).keys()


@needs
@programs
def test_records_count_as_they_did(
    program: Callable[[Path, Path], None],
    emocli: Emocli,
    through: Callable[..., bytes],
    tmp_path: Path,
) -> None:
    """Of records of several kinds, of which a table has the fields of all."""
    bundles.save(tmp_path / "m", "mlp")
    records = [healthy(number) for number in range(8)]
    for record in records:
        record["split"] = "train"
        for name in ("annotations", "condition", "augmented"):
            record.pop(name, None)
    del records[0]["features"]["voice"], records[1]["unimodal"], records[2]["prosody"]["vowels"]
    records[3]["label"] = {"emotion": "joy", "valence": 0.25}
    records[4]["prediction"] = {"emotion": None, "probabilities": {"joy": 0.4, "anger": 0.6}}
    records[5]["label"] |= {"votes": {"joy": 3}, "distribution": {"joy": 1.0, "anger": 0.0}}
    records[6]["missing"] = BROKEN["missing"]
    lines = b"".join(orjson.dumps(record) + b"\n" for record in [*records, BROKEN])
    back = through(program, lines)
    score = ["score", "--bootstrap", "0", "--task"]
    for argv in (
        [*score, "classification", "--by", "speaker"],
        [*score, "distribution"],
        [*score, "regression"],
        [*score, "explanation"],
        ["instruct", "--context", "1", "--task", "emotion,valence"],
        ["instruct", "--rationale", "template", "--prosody", "summary", "--to", "trl"],
        ["augment", "modalities"],
        ["augment", "dime", "--mix", "features"],
        ["annotate", "-n", "0", "--merge", "count"],
        ["fuse", "--model", str(tmp_path / "m")],
        ["predict", "--model", str(tmp_path / "m")],
        ["normalize", "--least", "2"],
        ["train", "--model", "linear", "--epochs", "1", "-o", str(tmp_path / "OUT")],
        ["calibrate", "--model", str(tmp_path / "m"), "-o", str(tmp_path / "OUT")],
        ["prosody", "--fit", str(tmp_path / "norms.json")],
    ):
        outcomes = []
        for given in (lines, back):
            shutil.rmtree(tmp_path / "OUT", ignore_errors=True)
            outcomes.append(emocli(*argv, "--quiet", stdin=given))
        before, after = outcomes
        assert after.status == before.status, (argv, before.stderr, after.stderr)
        assert told(after.stderr) == told(before.stderr), argv
        if argv[0] == "score":
            counted = ("records", "scored", "skipped", "failed")
            for ours, theirs in zip(before.records, after.records, strict=True):
                assert [ours[c] for c in counted] == [theirs[c] for c in counted], argv
        elif before.stdout:
            assert failed(after.stdout) == failed(before.stdout), argv


def told(stderr: str) -> list[str]:
    """Return how many records were left out, and which failed, of what was said."""
    return sorted(line for line in stderr.splitlines() if "skipped" in line or "left out" in line)
