"""`encode --layer N:WEIGHT,...`: the weighted mean of the layers of an encoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from emocli import encoders, modalities
from emocli.errors import ConfigError
from emocli.io.store import Store
from emocli.records.modality import MODALITIES
from tests.conftest import Emocli
from tests.encoders import tiny_speech

Wav = Callable[..., Path]

DIM = tiny_speech.SIZE["hidden_size"]
SHARES = (0.125, 0.625, 0.25)


@pytest.fixture
def command(tmp_path: Path) -> tuple[str, ...]:
    """Encode sound with a tiny network of three blocks."""
    tiny_speech.wav2vec2(tmp_path / "model")
    return ("encode", "--modality", "audio", "--encoder", str(tmp_path / "model"))


@pytest.mark.parametrize("pooling", ["mean", "std", "mean+std", "statistics", "frames/3"])
def test_the_mean_of_layers_is_that_of_their_frames_and_then_it_is_pooled(
    emocli: Emocli, wav: Wav, command: tuple[str, ...], pooling: str
) -> None:
    sounds = [str(wav("a.wav", seconds=0.9)), str(wav("b.wav", seconds=1.7, f0_hz=220.0))]
    stored = ("--features", "inline")
    weighted = [*command, "--layer", "0:1,1:5,3:2", *sounds]
    whole = emocli(*command, "--layer", "0,1,3", "--pooling", "frames", *sounds)
    ours = emocli(*weighted, "--pooling", pooling, "--as", "x", *stored)
    frames = emocli(*weighted, "--pooling", "frames", "--as", "frames")
    assert ours.status == frames.status == 0, ours.stderr + frames.stderr
    pool = ("encode", "--from", "frames", "--as", "x", "--pooling", pooling)
    later = emocli(*pool, *stored, stdin=frames.stdout)
    for now, then, layers in zip(ours.records, later.records, whole.records, strict=True):
        now, then = now["features"]["x"], then["features"]["x"]
        assert (now["layer"], now["layer_weights"]) == ([0, 1, 3], list(SHARES))
        expected = values(layers["features"]["audio"]).reshape(-1, 3, DIM)
        expected = np.einsum("l,tld->td", SHARES, expected)
        if pooling == "mean":
            np.testing.assert_allclose(values(now), expected.mean(0), atol=1e-5)
        if pooling == "std":
            np.testing.assert_allclose(values(now), expected.std(0), atol=1e-5)
        np.testing.assert_allclose(values(now), values(then), atol=1e-5)


def values(feature: dict) -> np.ndarray:
    """The numbers of a feature, inline or in the store."""
    if "vector" in feature:
        return np.array(feature["vector"])
    return Store().array(feature["array"])


@pytest.mark.parametrize("text", ["1:1,2", "1,2:1", "1:-1,2:3", "1:0", "1:nan", "1:inf,2:1"])
def test_weights_that_make_no_mean_are_refused(
    emocli: Emocli, wav: Wav, command: tuple[str, ...], text: str
) -> None:
    done = emocli(*command, "--layer", text, str(wav(seconds=0.5)))
    assert (done.status, done.stdout) == (2, b"")
    assert f"--layer {text}" in done.stderr


def test_every_modality_whose_encoders_take_several_layers_takes_weights() -> None:
    for name, row in MODALITIES.items():
        assert ("layer_weights" in row.made) is modalities.load(name).SEVERAL_LAYERS


def test_a_bundle_computes_the_mean_that_it_was_trained_on(
    emocli: Emocli, wav: Wav, command: tuple[str, ...], tmp_path: Path
) -> None:
    lines = [
        {"id": str(n), "path": str(wav(f"{n}.wav", seconds=0.6, f0_hz=90.0 + 20 * n))}
        | {"speaker": str(n), "label": {"emotion": ("joy", "fear")[n % 2]}}
        for n in range(6)
    ]
    encoded = emocli(*command, "--layer", "1:3,2:1", "--pooling", "mean+std", stdin=lines)
    bundle = str(tmp_path / "bundle")
    trained = emocli("train", "--epochs", "2", "-o", bundle, stdin=encoded.stdout)
    assert trained.status == 0, trained.stderr
    spec = json.loads(Path(bundle, "config.json").read_bytes())["streams"]["audio"]
    assert spec["layer_weights"] == [0.75, 0.25]
    short = emocli("predict", "-m", bundle, "--json", stdin=lines)
    long = emocli("predict", "-m", bundle, "--json", stdin=encoded.stdout)
    assert short.status == long.status == 0, short.stderr + long.stderr
    for ours, theirs in zip(short.records, long.records, strict=True):
        ours, theirs = (r["prediction"]["probabilities"] for r in (ours, theirs))
        assert ours == pytest.approx(theirs, abs=1e-5)
    other = emocli(*command, "--layer", "1:1,2:1", "--pooling", "mean+std", stdin=lines)
    refused = emocli("predict", "-m", bundle, "--json", stdin=other.stdout)
    assert refused.status == 3
    assert "layer_weights" in refused.stderr


def test_a_weight_too_many_is_told(command: tuple[str, ...]) -> None:
    family, folder = encoders.load("wav2vec2"), Path(command[-1])
    with pytest.raises(ConfigError, match="3 for 2 layers"):
        encoders.made(family, folder, encoders.Settings([1, 2], "mean"), [0.5, 0.25, 0.25])
