"""Measured streams of `emocli encode`: --encoder prosody, frames/N, --level."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import orjson
import pytest

from emocli.io.store import Store
from emocli.signals import audio, contour_features, functionals
from tests.conftest import Emocli

PROSODY = ("encode", "--modality", "audio", "--encoder", "prosody", "--as", "prosody")
Wav = Callable[..., Path]


@pytest.fixture
def sounds(wav: Wav) -> list[str]:
    pitches = (110.0, 150.0, 220.0)
    return [str(wav(f"{f}.wav", seconds=0.3 + f / 1000, f0_hz=f)) for f in pitches]


def test_functionals_are_those_of_the_levelled_samples(emocli: Emocli, sounds: list[str]) -> None:
    done = emocli(*PROSODY, *sounds)
    assert done.status == 0, done.stderr
    for record, path in zip(done.records, sounds, strict=True):
        feature = record["features"]["prosody"]
        vector = np.array(feature.pop("vector"))
        revision = feature.pop("revision")
        assert feature == {
            **{"modality": "audio", "encoder": "prosody", "layer": None},
            **{"pooling": "functionals", "dim": 109, "level_dbfs": -26.0},
        }
        assert "praat:" in revision
        samples = audio.read(path).samples
        level_db = 20 * np.log10(np.sqrt(np.mean(np.square(samples, dtype=float))))
        wanted = functionals.vector(samples * np.float32(10 ** ((-26 - level_db) / 20)))
        np.testing.assert_allclose(vector, wanted, atol=1e-3)


def test_batches_change_nothing(emocli: Emocli, sounds: list[str]) -> None:
    together = emocli(*PROSODY, *sounds)
    one_by_one = emocli(*PROSODY, "--batch-size", "1", *sounds)
    assert together.stdout == one_by_one.stdout


def test_frames_of_n_are_means_of_frames(emocli: Emocli, sounds: list[str]) -> None:
    done = emocli(*PROSODY, "--pooling", "frames", sounds[0])
    again = emocli(*PROSODY[:-1], "tens", "--pooling", "frames/10", stdin=done.stdout)
    pooled = ("encode", "--from", "prosody", "--as", "pooled", "--pooling", "frames/10")
    (record,) = emocli(*pooled, stdin=again.stdout).records
    frames, tens, later = (
        Store().array(record["features"][name]["array"]) for name in ("prosody", "tens", "pooled")
    )
    assert frames.shape == (41, len(contour_features.COLUMNS))  # 0.41 s
    assert record["features"]["tens"]["dim"] == len(contour_features.COLUMNS)
    assert tens.shape == (5, len(contour_features.COLUMNS))
    np.testing.assert_allclose(tens[1], frames[10:20].mean(axis=0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(tens[4], frames[40], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(later, tens)


def test_the_level_of_a_recording_counts_when_asked_for(emocli: Emocli, wav: Wav) -> None:
    loud, quiet = str(wav("loud.wav", level=0.2)), str(wav("quiet.wav", level=0.02))
    place = list(functionals.describe(np.zeros(16000))).index("intensity_db_mean")
    levels = {}
    for flags in ((), ("--level", "none"), ("--level", "-20")):
        done = emocli(*PROSODY, *flags, loud, quiet)
        first, second = (r["features"]["prosody"]["vector"][place] for r in done.records)
        levels[flags] = first, first - second
    assert levels[()][1] == pytest.approx(0.0, abs=0.05)
    assert levels["--level", "none"][1] == pytest.approx(20.0, abs=0.05)
    assert levels["--level", "-20"][0] - levels[()][0] == pytest.approx(6.0, abs=0.05)
    raw = emocli(*PROSODY, "--level", "none", loud).records[0]["features"]["prosody"]
    assert "level_dbfs" not in raw


def test_silence_is_noted_and_what_is_too_short_fails(
    emocli: Emocli, wav: Wav, tmp_path: Path
) -> None:
    import soundfile

    soundfile.write(tmp_path / "silence.wav", np.zeros(8000), 16000)
    done = emocli(*PROSODY, str(tmp_path / "silence.wav"), str(wav("short.wav", seconds=0.05)))
    assert done.status == 1
    silence, short = done.records
    assert silence["missing"]["audio"]["code"] == "silence"
    assert (short.get("error") or short["missing"]["audio"])["code"] == "too_short"
    assert not any("prosody" in (record.get("features") or {}) for record in done.records)


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        (("--layer", "2"), 2, "no layers"),
        (("--pooling", "median"), 3, "unknown pooling 'median' of prosody"),
        (("--pooling", "frames/0"), 3, "functionals, frames, frames/N"),
        (("--level", "loud"), 2, "--level loud"),
        (("--level", "3"), 2, "--level 3"),
    ],
)
def test_what_prosody_has_not_is_refused(
    emocli: Emocli, sounds: list[str], flags: tuple[str, ...], status: int, message: str
) -> None:
    done = emocli(*PROSODY, *flags, sounds[0])
    assert done.status == status
    assert message in done.stderr


def test_level_is_about_sound(emocli: Emocli) -> None:
    done = emocli(
        "encode", "--modality", "text", "--level", "-20", stdin=[{"id": "a", "text": "b"}]
    )
    assert done.status == 2
    assert "--level needs --modality audio" in done.stderr


def test_neither_models_nor_torch_are_needed(tmp_path: Path, sounds: list[str]) -> None:
    code = (
        "import sys; from emocli.cli import main; status = main.run(sys.argv[1:]);"
        "print(int(status), 'torch' in sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, *PROSODY, *sounds[:1]]
    nothing = {"EMOCLI_CACHE_DIR": str(tmp_path), "HF_HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **nothing})
    assert done.stderr.splitlines()[-1] == "0 False", done.stderr


def test_a_bundle_of_two_audio_streams_measures_what_a_record_lacks(
    emocli: Emocli, sounds: list[str], wav: Wav, tmp_path: Path
) -> None:
    """One clip, the long pipe and the short way; streams of one modality side by side."""
    paths = [
        *sounds,
        *(str(wav(f"{f}-b.wav", seconds=0.5, f0_hz=f)) for f in (115.0, 155.0, 230.0)),
    ]
    lines = [
        {"id": path, "path": path, "speaker": str(n), "label": {"emotion": ("joy", "fear")[n % 2]}}
        for n, path in enumerate(paths)
    ]
    raw = (
        "encode",
        "--modality",
        "audio",
        "--encoder",
        "prosody",
        "--as",
        "raw",
        "--level",
        "none",
    )
    encoded = emocli(*raw, stdin=emocli(*PROSODY, stdin=lines).stdout)
    assert list(encoded.records[0]["features"]) == ["prosody", "raw"]
    bundle = str(tmp_path / "bundle")
    trained = emocli("train", "--epochs", "2", "-o", bundle, stdin=encoded.stdout)
    assert trained.status == 0, trained.stderr
    short = emocli("predict", "--model", bundle, "--json", sounds[1])
    long = emocli("predict", "--model", bundle, "--json", stdin=[encoded.records[1]])
    assert short.status == long.status == 0, short.stderr + long.stderr
    ours, theirs = (done.records[0]["prediction"] for done in (short, long))
    assert set(ours["modalities"]) == {"prosody", "raw"}
    for name, value in ours["probabilities"].items():
        assert value == pytest.approx(theirs["probabilities"][name], abs=1e-4)
    other = orjson.loads(orjson.dumps(encoded.records[1]))
    other["features"]["prosody"]["revision"] = "columns:0+praat:5"
    assert emocli("predict", "--model", bundle, "--json", stdin=[other]).status == 3
    features = encoded.records[1]["features"]
    swapped = {"prosody": features["prosody"], "raw": features["prosody"]}  # levelled, not raw
    done = emocli("predict", "--model", bundle, "--json", stdin=[{"id": "a", "features": swapped}])
    assert done.status == 3
    assert "level_dbfs is -26.0, not none" in done.stderr
