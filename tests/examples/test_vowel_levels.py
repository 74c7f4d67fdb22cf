"""The controls of vowelprompt.sh: parts by speaker, shuffled voices, regressions, their table."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emocli.llm.voice_levels import LEVELS, UTTERANCE, VOWEL
from examples import vowel_levels, vowel_table
from tests.llm import tiny_language

ROOT = Path(__file__).parents[2]
EMOTIONS = ("anger", "joy", "sadness")


def voices(speakers: int, takes: int) -> list[dict[str, Any]]:
    """Return records whose first vowel has the pitch of their emotion, and levels by chance."""
    draw, records = random.Random(0), []
    for speaker in range(speakers):
        for place, emotion in enumerate(EMOTIONS * takes):
            vowels: list[dict[str, Any]] = [
                {"word": word, "levels": {field: draw.choice(LEVELS) for field in VOWEL}}
                for word in ("kids", "door")
            ]
            vowels[0]["levels"]["pitch"] = LEVELS[2 * EMOTIONS.index(emotion)]
            levels = {field: draw.choice(LEVELS) for field in UTTERANCE}
            prosody = {"levels": levels, "vowels": vowels, "summary": "Pitch is low."}
            about = {"id": f"{speaker}-{place}", "speaker": f"s{speaker}", "text": "Kids"}
            records.append({**about, "label": {"emotion": emotion}, "prosody": prosody})
    return records


def test_parts_share_no_speaker_and_the_test_part_is_spread(tmp_path: Path) -> None:
    vowel_levels.split(voices(8, 4), tmp_path, 6)
    parts = {p.stem: vowel_levels.read(str(p)) for p in tmp_path.glob("*.jsonl")}
    speakers = {name: {r["speaker"] for r in part} for name, part in parts.items()}
    assert speakers == {
        "train": {f"s{n}" for n in range(5)},
        "dev": {"s5"},
        "test": {"s6", "s7"},
    }
    assert len(parts["test"]) == 6
    assert len(parts["train"]) == 5 * 12
    with pytest.raises(SystemExit, match="2 speakers"):
        vowel_levels.split(voices(2, 1), tmp_path, 6)


def test_a_spread_has_the_same_clips_of_every_file_and_no_more_than_there_are() -> None:
    records = voices(3, 4)
    some = vowel_levels.spread(records, 7)
    assert len(some) == 7
    assert vowel_levels.spread(vowel_levels.shuffle(records, 0), 7) == [
        other
        for other in vowel_levels.shuffle(records, 0)
        if other["id"] in {record["id"] for record in some}
    ]
    assert vowel_levels.spread(records, 99) == records
    assert vowel_levels.spread([], 9) == []


def test_shuffled_voices_are_of_the_same_speaker_and_never_the_own() -> None:
    records = voices(3, 4)
    made = vowel_levels.shuffle(records, 0)
    own = {id(record["prosody"]): record for record in records}
    for record, other in zip(records, made, strict=True):
        assert other["prosody"] is not record["prosody"]
        assert own[id(other["prosody"])]["speaker"] == record["speaker"]
        assert {**other, "prosody": None} == {**record, "prosody": None}
    assert Counter(id(r["prosody"]) for r in made) == Counter(own.keys())
    assert vowel_levels.shuffle(records, 0) == made


@pytest.mark.parametrize("facts", ["vowels", "terse"])
def test_a_regression_finds_what_only_the_vowels_say(facts: str) -> None:
    records = voices(8, 8)
    train, test = records[: 6 * 24], records[6 * 24 :]

    def right(facts: str, test: list[dict[str, Any]]) -> float:
        judged = vowel_levels.regression(facts, train, test)
        assert all(
            sum(r["prediction"]["probabilities"].values()) == pytest.approx(1, abs=1e-4)
            for r in judged
        )
        return sum(r["prediction"]["emotion"] == r["label"]["emotion"] for r in judged) / len(test)

    assert right(facts, test) > 0.8
    assert right("summary", test) < 0.6
    assert right(facts, vowel_levels.shuffle(test, 0)) < 0.6


def test_the_table_has_a_row_for_what_was_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    records = voices(4, 4)
    for name, thought in (
        ("regression-vowels", None),
        ("rewards", "Pitch is low."),
        ("thoughts", ""),
    ):
        judged = vowel_levels.regression("vowels", records, records)
        for file in ("test", "shuffled"):
            with open(tmp_path / f"{name}.{file}.jsonl", "w") as lines:
                for record in judged:
                    if thought is not None:
                        record["prediction"]["explanation"] = thought
                    lines.write(json.dumps(record) + "\n")
    made = vowel_table.table(tmp_path, ["zero", "regression-vowels", "thoughts", "rewards"])
    rows = made.splitlines()
    assert [row.split("|")[1].strip() for row in rows[2:5]] == [
        "regression on those and on the vowels",
        "trained on the vowels, with thoughts",
        "+ GRPO",
    ]
    assert {row.split("|")[2].strip() for row in rows[2:5]} == {str(len(records))}
    assert rows[4].count("%") == 4
    assert vowel_table._interval([None, 0.5]) == "[-, 0.50]"  # too few clips have an answer
    assert rows[2].split("|")[6:9] == ["  "] * 3
    assert rows[-1].startswith(
        "GRPO over trained on the vowels, with thoughts, the same clips: +0.00 ["
    )


@pytest.mark.slow  # a minute
def test_clips_become_a_table_with_controls(tmp_path: Path) -> None:
    tiny_language.write(tmp_path / "model", limit=4096)
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("EMOCLI_")},
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHON": sys.executable,
        "OMP_NUM_THREADS": "1",
        "SPEAKERS": "4",
        "TAKES": "1",
        "EMOCLI_OFFLINE": "1",
    }
    command = ["bash", "examples/vowelprompt.sh", "--budget", "1", "--backbone"]
    command += [str(tmp_path / "model"), str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1].strip() for line in done.stdout.splitlines() if line[:1] == "|"]
    assert rows[2:] == list(vowel_table.NAMES.values())
    assert "Made clips prove the plumbing only" in done.stdout
