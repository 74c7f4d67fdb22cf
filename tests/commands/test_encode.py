"""What is special to `emocli encode`: pooling what an earlier run has stored."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

from emocli.encoders import whisper
from tests.encoders import tiny_speech

pytestmark = pytest.mark.usefixtures("default_models")

AUDIO = ("encode", "--modality", "audio", "--layer", "1,3")


@pytest.mark.parametrize("pooling", ["statistics", "mean+std"])
def test_pooling_stored_frames_is_encoding_with_that_pooling(emocli, wav, pooling):
    sounds = [str(wav("a.wav", seconds=0.9)), str(wav("b.wav", seconds=1.7, f0_hz=220.0))]
    frames = emocli(*AUDIO, "--pooling", "frames", "--as", "voice", *sounds)
    assert frames.status == 0, frames.stderr
    pool = ("encode", "--from", "voice", "--as", "pooled", "--pooling", pooling)
    later = emocli(*pool, stdin=frames.stdout)
    assert later.status == 0, later.stderr
    directly = emocli(*AUDIO, "--pooling", pooling, "--as", "pooled", *sounds)
    for ours, theirs in zip(later.records, directly.records, strict=True):
        assert list(ours["features"]) == ["voice", "pooled"]
        ours, theirs = ours["features"]["pooled"], theirs["features"]["pooled"]
        assert ours["dim"] == (7 if pooling == "statistics" else 2) * 2 * 384
        np.testing.assert_allclose(ours.pop("vector"), theirs.pop("vector"), atol=1e-4)
        assert ours == theirs


def test_pooling_again_changes_nothing_and_store_keeps_it_out_of_the_record(emocli, wav):
    frames = emocli(*AUDIO, "--pooling", "frames", str(wav(seconds=0.5)))
    pool = ("encode", "--from", "audio", "--as", "seven", "--features", "store")
    once = emocli(*pool, stdin=frames.stdout)
    assert once.records[0]["features"]["seven"]["pooling"] == "statistics"
    assert once.records[0]["features"]["seven"]["array"]["shape"] == [7 * 2 * 384]
    assert emocli(*pool, stdin=once.stdout).stdout == once.stdout


def test_what_has_no_frames_is_an_error_that_says_so(emocli):
    vector = {"modality": "audio", "pooling": "mean", "dim": 1, "vector": [0.5]}
    given_up = {"missing": {"audio": {"stage": "encode", "code": "silence"}}}
    lines = [{"id": "a"}, {"id": "b", "features": {"audio": vector}}, {"id": "c", **given_up}]
    done = emocli("encode", "--from", "audio", "--as", "pooled", stdin=lines)
    assert done.status == 1
    assert [r.get("error", {}).get("code") for r in done.records] == [
        "no_stream",
        "no_frames",
        None,
    ]
    assert "--pooling frames" in done.records[1]["error"]["hint"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "--from needs --as"),
        (("--as", "audio"), "--from needs --as"),
        (("--as", "b", "--layer", "3"), "--layer does not apply"),
        (("--as", "b", "--modality", "audio"), "--modality does not apply"),
        (("--as", "b", "--pooling", "frames"), "has its frames already"),
    ],
)
def test_flags_that_say_nothing_beside_from_are_refused(emocli, flags, message):
    done = emocli("encode", "--from", "audio", *flags, stdin=[{"id": "a"}])
    assert done.status == 2
    assert message in done.stderr


def test_a_pooling_that_is_not_there_is_named(emocli, wav):
    done = emocli("encode", "--modality", "audio", "--pooling", "median", str(wav()))
    assert done.status == 3
    assert "unknown pooling 'median'" in done.stderr


def test_a_record_that_fails_does_not_keep_the_encoder_in_memory(emocli, wav, monkeypatch):
    """The run is over, and nothing waits until Python looks for garbage."""
    load, loaded = whisper.load, []

    def watched(*args, **how):
        model = load(*args, **how)
        loaded.append(weakref.ref(model))
        return model

    monkeypatch.setattr(whisper, "load", watched)
    gc.disable()
    try:
        done = emocli("encode", "--modality", "audio", str(wav()), "gone.wav")
        assert done.status == 1
        assert [model() for model in loaded] == [None]
    finally:
        gc.enable()


def test_the_middle_layer_of_a_published_encoder_is_the_default(emocli, wav, tmp_path):
    tiny_speech.wav2vec2(tmp_path / "model")
    command = ("encode", "--modality", "audio", "--encoder", str(tmp_path / "model"))
    sound = str(wav(seconds=0.5))
    [middle] = emocli(*command, sound).records
    [stated] = emocli(*command, "--layer", "1", sound).records
    assert middle["features"] == stated["features"]
    assert middle["features"]["audio"]["layer"] == [1]  # of three
    missing = emocli("encode", "--modality", "audio", "--encoder", "org/absent", sound)
    assert missing.status == 4
    assert not missing.stdout
    assert "emocli models pull org/absent" in missing.stderr
