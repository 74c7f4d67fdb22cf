"""The examples run as they are, and the long way gives what the short way gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from emocli.records.labels import EMOTIONS
from tests.encoders import tiny_vision
from tests.signals import films

ROOT = Path(__file__).parents[2]
LABELS = ROOT / "examples" / "clips" / "labels.csv"
TOLERANCE = 1e-4  # between the short and the long way, other batch sizes and shards

Records = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def world(default_models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of a user who has emocli on the PATH and the models in the cache."""
    home = tmp_path_factory.mktemp("home")
    kept = {n: v for n, v in os.environ.items() if not n.startswith("EMOCLI_")}
    return {
        **kept,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "XDG_CONFIG_HOME": str(home / "config"),
        "EMOCLI_STORE": str(home / "store"),
        "EMOCLI_CACHE_DIR": str(default_models),
        "EMOCLI_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }


def run(command: list[str], world: dict[str, str]) -> str:
    done = subprocess.run(command, env=world, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def read(path: Path) -> Records:
    records = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    return {record["id"]: record for record in records}


@pytest.fixture(scope="module")
def short(world: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Records:
    """Return what `emocli predict` says of the clips directly, by id."""
    out = tmp_path_factory.mktemp("short") / "predictions.jsonl"
    clips = [line.split(",")[0] for line in LABELS.read_text().splitlines()[1:]]
    run(["emocli", "predict", *clips, "--output", str(out)], world)
    return read(out)


def assert_same(long: Records, short: Records) -> None:
    assert list(long) == list(short)
    for name, record in long.items():
        ours, theirs = record["prediction"], short[name]["prediction"]
        assert ours["emotion"] == theirs["emotion"]
        assert ours["probabilities"] == pytest.approx(theirs["probabilities"], abs=TOLERANCE)
        assert ours["model"] == theirs["model"]


def test_a_clip_in_any_container_is_judged_by_voice_and_words(short):
    names = ["joy.wav", "sadness.flac", "anger.mp3", "fear.opus", "disgust.m4a", "surprise.mp4"]
    for name in names:
        record = short[f"examples/clips/{name}"]
        prediction = record["prediction"]
        assert list(prediction["probabilities"]) == list(EMOTIONS)
        assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert set(prediction["modalities"]) == {"audio", "text"} == set(record["unimodal"])
        assert record["unimodal"]["text"]["emotion"] == Path(name).stem


def test_the_pipe_agrees_with_predict_and_ends_in_a_table_and_a_score(world, short, tmp_path):
    shown = run(["bash", "examples/pipeline.sh", str(LABELS), str(tmp_path)], world)
    long = read(tmp_path / "predictions.jsonl")
    assert_same(long, short)
    assert all(name in shown for name in short)
    assert "uar" in shown
    score = orjson.loads((tmp_path / "score.json").read_bytes())
    assert score["scored"] == len(short)
    for record in long.values():
        assert {"audio", "text", "prosody", "features", "unimodal", "prediction"} <= set(record)


@pytest.mark.slow
def test_the_files_of_make_agree_with_predict_whatever_the_shards(world, short, tmp_path):
    make = ["make", "-C", "examples", "-j2", f"OUT={tmp_path}", "SHARDS=2"]
    run(make, world)
    assert_same(read(tmp_path / "predictions.jsonl"), short)
    assert orjson.loads((tmp_path / "score.json").read_bytes())["scored"] == len(short)
    again = [*make, "--question", str(tmp_path / "score.json")]
    assert subprocess.run(again, env=world, cwd=ROOT).returncode == 0, "it is up to date"


def test_make_writes_a_textgrid_for_each_sound_that_has_a_text(world, tmp_path):
    make = ["make", "-C", "examples", "textgrids", "-j2", f"OUT={tmp_path}"]
    run(make, world)
    grids = sorted(path.name for path in (tmp_path / "textgrids").iterdir())
    assert grids == ["joy.TextGrid", "neutral.TextGrid"]
    read_back = ["emocli", "align", "--textgrid", str(tmp_path / "textgrids"), "-q"]
    record = orjson.loads(run([*read_back, "examples/clips/neutral.wav"], world))
    assert [word["text"] for word in record["words"]][:2] == ["The", "meeting"]
    assert {"ð", "iː"} & {phone["phone"] for phone in record["phones"]}
    assert subprocess.run([*make, "--question"], env=world, cwd=ROOT).returncode == 0


def test_make_measures_a_bids_folder_of_eeg_in_shards(world, tmp_path):
    made = ["--subjects", "2", "--trials", "1", "--format", "bids"]
    run([sys.executable, "examples/eeg_simulation.py", str(tmp_path / "bids"), *made], world)
    make = ["make", "-C", "examples", "eeg", "-j2", f"BIDS={tmp_path}/bids", f"OUT={tmp_path}/out"]
    run(make, world)
    records = list(read(tmp_path / "out" / "eeg.jsonl").values())
    assert len(records) == 2 * 7
    assert {record["speaker"] for record in records} == {"simulated-eeg-00", "simulated-eeg-01"}
    assert {record["features"]["eeg"]["normalized"] for record in records} == {"speaker"}
    assert subprocess.run([*make, "--question"], env=world, cwd=ROOT).returncode == 0


def test_make_looks_at_films_in_shards(world, tmp_path):
    (tmp_path / "films").mkdir()
    for name in ("a.avi", "b.avi", "c.avi"):
        films.cheap(tmp_path / "films" / name)
    tiny_vision.mobilenet(tmp_path / "net")
    make = ["make", "-C", "examples", "video", "-j2", f"FILMS={tmp_path}/films"]
    make += [f"OUT={tmp_path}/out", "SAMPLED=--no-faces --frames 3"]
    make += [f"VISION=--encoder {tmp_path}/net --pooling mean"]
    run(make, world)
    records = list(read(tmp_path / "out" / "video.jsonl").values())
    assert [Path(record["path"]).name for record in records] == ["a.avi", "b.avi", "c.avi"]
    assert {len(record["video"]["times"]) for record in records} == {3}
    assert {record["features"]["video"]["pooling"] for record in records} == {"mean"}
    assert subprocess.run([*make, "--question"], env=world, cwd=ROOT).returncode == 0


def test_a_step_that_fails_makes_the_pipe_fail(world, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("path,emotion\nnot-there.wav,joy\n")
    command = ["bash", "examples/pipeline.sh", str(table), str(tmp_path)]
    done = subprocess.run(command, env=world, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert "not-there.wav" in done.stderr
