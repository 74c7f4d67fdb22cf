"""--resume after a kill, for every command that offers it; and two processes with one output."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules

import orjson
import pytest

from emocli.cli import registry
from emocli.commands import pictures
from emocli.io.lock import Lock
from tests.conftest import Emocli
from tests.pipeline import kills

pytestmark = pytest.mark.usefixtures("default_models")


def test_every_command_that_resumes_is_killed() -> None:
    killed = {" ".join(w for w in name.split(" --")[0].split()) for name in kills.MADE}
    assert killed == set(kills.resumable())


LONG = {"predict --llm", "predict --decode thought", "predict --keep-features"} | {
    f"predict --format {form}" for form in ("csv", "srt")
}  # minutes of CPU together
LONG |= {"align", "annotate", "extract-eeg", "extract-video", "fuse", "train"}  # another minute
ROUNDS = [
    pytest.param(seed, name, marks=[pytest.mark.slow] * (name in LONG))
    for seed, name in enumerate(kills.MADE, 11)
]


@pytest.mark.parametrize(("seed", "name"), ROUNDS)
def test_killed_and_resumed_gives_the_same_files(seed: int, name: str, tmp_path: Path) -> None:
    assert kills.round_of(name, tmp_path, seed) > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_killed_and_resumed_again_and_again(seed: int, tmp_path: Path) -> None:
    assert kills.round_of([*kills.MADE][seed % len(kills.MADE)], tmp_path, seed) > 0


@pytest.mark.parametrize("flags", [["--resume"], []])
def test_of_two_processes_with_one_output_one_is_refused(tmp_path: Path, flags: list[str]) -> None:
    lines = b"".join(orjson.dumps({"id": str(i), "text": "yes"}) + b"\n" for i in range(40))
    (tmp_path / "in").write_bytes(lines)
    command = [sys.executable, "-c", kills.SLOW, "transcribe", *flags, "-o", "out"]
    processes = []
    for _ in range(3):
        with (tmp_path / "in").open("rb") as stdin:
            processes.append(
                subprocess.Popen(command, stdin=stdin, stderr=subprocess.PIPE, cwd=tmp_path)
            )
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 2, 2]
    refused = [text for process, text in zip(processes, said, strict=True) if process.returncode]
    assert all(b"out is being written by process" in text for text in refused)
    assert (tmp_path / "out").read_bytes().count(b"\n") == 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out", "started"]


WRITING = [
    name for name in registry.names() if name not in ("config", "doctor", "models", "schema")
]


@pytest.mark.parametrize("name", WRITING)
def test_an_empty_input_leaves_the_earlier_file(name: str, emocli: Emocli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for line in EMPTY.get(name, [[name]]):
        (tmp_path / "nothing.csv").write_text("id,label\n")
        words = [str(tmp_path / word) if word == "nothing.csv" else word for word in line]
        out.write_bytes(b"earlier\n")
        outcome = emocli(*words, "-o", str(out.with_suffix(".png") if name == "plot" else out))
        assert outcome.status in (2, 3, 5), (words, outcome.stderr)
        assert out.read_bytes() == b"earlier\n"
        assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


# Commands that need more than their name.
EMPTY = {
    "augment": [["augment", "modalities"], ["augment", "dime", "--assume-train"]],
    "align": [["align"], ["align", "--format", "textgrid"]],
    "calibrate": [["calibrate", "-m", "default"]],
    "dataset": [["dataset", "folder", "nothing.csv"]],
    "extract-audio": [["extract-audio"], ["extract-audio", "--segment", "vad"]],
    "merge": [["merge"], ["merge", "--like", "nothing.csv"]],
    "plot": [["plot", picture.name] for picture in iter_modules(pictures.__path__)],
    "summarize": [["summarize"], ["summarize", "--format", "csv"]],
    "score": [["score"], ["score", "--alignment"], ["score", "--table"]],
}


def test_of_two_trainings_with_one_output_one_is_refused(emocli: Emocli, tmp_path: Path) -> None:
    work = kills.MADE["train"](tmp_path)
    first = Lock(tmp_path / "model")
    outcome = emocli(*work.arguments, "-o", str(tmp_path / "model"), stdin=work.records)
    assert (outcome.status, (tmp_path / "model").exists()) == (2, False)
    assert "model is being written by process" in outcome.stderr
    first.release()
    assert emocli(*work.arguments, "-o", str(tmp_path / "model"), stdin=work.records).status == 0
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]
