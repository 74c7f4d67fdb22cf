"""The example of blends: its mixtures are what they say, and its one command runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np
import orjson
import pytest
import soundfile

from emocli import models
from emocli.training import loop
from examples import blend_clips

ROOT = Path(__file__).parents[2]
RATE_HZ = 16_000


def sine(hertz, seconds, level=1.0):
    return (level * np.sin(2 * np.pi * hertz * np.arange(seconds * RATE_HZ) / RATE_HZ)).astype(
        np.float32
    )


def power(samples, hertz):
    """The power of a sine in samples of whole seconds."""
    return np.abs(np.fft.rfft(samples)[round(hertz * len(samples) / RATE_HZ)]) ** 2


@pytest.mark.parametrize("share", [0.5, 0.7, 0.3])
def test_the_parts_of_a_mixture_have_their_shares_of_the_power_whatever_their_levels(share):
    silence = np.zeros(RATE_HZ // 2, np.float32)
    waves = {"a": sine(200, 2, 0.5), "b": np.concatenate([silence, sine(310, 2, 0.01), silence])}
    clip = blend_clips.Clip("x", (), (("a", share), ("b", 1 - share)))
    mixture = blend_clips.heard(clip, waves.__getitem__)
    assert len(mixture) == 2 * RATE_HZ, "the silence around a part is cut off"
    one, two = (power(mixture, hertz) for hertz in (200, 310))
    assert one / (one + two) == pytest.approx(share, abs=1e-3)


@pytest.fixture
def takes(tmp_path):
    """The names of RAVDESS's clips of two actors, calm and surprise among them; no sound."""
    for emotion, strength, sentence, take, actor in product(
        range(1, 9), (1, 2), (1, 2), (1, 2), (3, 8)
    ):
        if (emotion, strength) != (1, 2):
            name = f"03-01-0{emotion}-0{strength}-0{sentence}-0{take}-0{actor}.wav"
            (tmp_path / name).touch()
    return tmp_path


def test_mixtures_are_of_one_actor_and_one_sentence_and_single_emotions_are_two_takes(takes):
    found = blend_clips.of_ravdess(takes)
    assert found == blend_clips.of_ravdess(takes), "the same every time"
    emotions = {"anger": "05", "disgust": "07", "fear": "06", "joy": "03", "sadness": "04"}
    emotions["neutral"] = "01"
    for clip in found:
        fields = [Path(path).stem.split("-") for path, _ in clip.parts]
        assert {f"ravdess-{f[6]}" for f in fields} == {clip.actor}
        assert len({tuple(f[3:5]) for f in fields}) == 1  # one strength, one sentence
        assert len({path for path, _ in clip.parts}) == 2
        named = [
            emotions[n] for n, s in zip(blend_clips.EMOTIONS, clip.saliences, strict=True) if s
        ]
        assert {f[2] for f in fields} == set(named)
        if len(named) == 2:
            shares = {f[2]: 100 * share for f, (_, share) in zip(fields, clip.parts, strict=True)}
            salience = dict(
                zip(map(emotions.get, blend_clips.EMOTIONS), clip.saliences, strict=True)
            )
            assert shares == {code: salience[code] for code in named}
    counts = Counter((clip.actor, sum(s > 0 for s in clip.saliences)) for clip in found)
    assert set(counts.values()) == {24, 30}
    assert len({clip.saliences for clip in found}) == 36
    assert len(set(found)) == len(found)


def test_the_published_settings_are_ones_that_train_takes():
    tables = tomllib.loads((ROOT / "examples" / "blemore.toml").read_text())
    model = models.build("mlp", {"dims": {"audio": 14}, "classes": 6, **tables["model"]})
    assert model.hidden.out_features == 512
    found = loop.Settings(**tables["training"])
    assert (found.loss, found.learning_rate, found.weight_decay) == ("kl", 5e-6, 1e-3)
    assert (found.batch_size, found.epochs, found.seed) == (32, 200, 42)


def run(home, *flags, **world):
    kept = {n: v for n, v in os.environ.items() if not n.startswith("EMOCLI_")}
    command = ["bash", "examples/blends.sh", "--quick", "--output", str(home / "rows"), *flags]
    done = subprocess.run(
        command, cwd=ROOT, env={**kept, "PYTHON": sys.executable, **world},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, [orjson.loads(line) for line in (home / "rows").read_bytes().splitlines()]


def test_without_data_the_simulation_is_printed_and_what_is_missing_said(tmp_path):
    done, rows = run(tmp_path)
    assert "EMOCLI_DATA names no folder" in done.stderr
    assert len(rows) == 3
    for row in rows:
        value, low, high = row["blend_score"]
        assert low < value < high
        assert f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]" in done.stdout
    published, nested, _ = (row["flattery_of_thresholds_and_epoch"][0] for row in rows)
    assert published > nested


def test_the_clips_of_blemore_are_used_where_they_are(tmp_path, default_models):
    folder = tmp_path / "data" / "blemore"
    folder.mkdir(parents=True)
    names = ["ang_int1", "hap_int3", "neu_sit2", "mix_ang_hap_50_50", "mix_ang_hap_70_30"]
    for actor, (place, name) in product(range(101, 106), enumerate(names)):
        sound = sine(100 + 40 * place + actor % 7, 1, 0.1)
        soundfile.write(folder / f"A{actor}_{name}_ver1.wav", sound, RATE_HZ)
    (folder / "test_0001.wav").touch()
    world = {"EMOCLI_DATA": str(tmp_path / "data"), "EMOCLI_CACHE_DIR": str(default_models)}
    done, rows = run(tmp_path, "--cache", str(tmp_path), **world)
    assert "BLEMORE, voices alone: 25 clips of 5 actors" in done.stdout
    found = {row["row"]: row for row in rows}
    assert len(found) == 3 + 2 + 2 * 3
    assert found["always one blend"]["presence"][0] == pytest.approx(0.4)  # of five, two are it
    assert found["always one blend"]["salience"][0] == pytest.approx(0.5)
    assert found["always one emotion"]["presence"][0] == pytest.approx(0.2)
