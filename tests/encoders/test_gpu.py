"""Encoders of sound in batches: on a GPU, and where memory is not enough for a batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emocli import encoders
from emocli.encoders import Settings, speech_waveform
from emocli.encoders.speech_network import SpeechNetwork
from emocli.errors import lack_of_memory
from tests.encoders import tiny_speech
from tests.encoders.test_zoo import TINY
from tests.encoders.tiny_speech import noise

OF_SOUND = [
    (family, tiny)
    for family in encoders.families("audio")
    if not encoders.is_measured(family, "audio")
    for tiny in TINY[family]
]
every_encoder = pytest.mark.parametrize("name", OF_SOUND, ids="-".join)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
CLIPS = [noise(seconds, seed) for seed, seconds in enumerate((0.1, 5.0, 1.3, 2.2))]


@pytest.fixture
def made(tmp_path: Path) -> Callable[[tuple[str, str]], Path]:
    def make(name: tuple[str, str]) -> Path:
        torch.manual_seed(6)
        TINY[name[0]][name[1]](tmp_path)
        return tmp_path

    return make


def load(folder: Path, device: str, dtype: str = "float32") -> encoders.Encoder:
    settings = Settings([-1], "mean", device, dtype)
    return encoders.of_folder(folder, "audio").encoder(folder, settings)


@pytest.mark.gpu
@needs_gpu
@every_encoder
def test_a_gpu_computes_the_same_alone_and_in_a_batch(
    name: tuple[str, str], made: Callable[[tuple[str, str]], Path]
) -> None:
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    folder = made(name)
    here, there = load(folder, "cpu")(CLIPS), load(folder, "cuda:0")
    for clip, first, second in zip(CLIPS, here, there(CLIPS), strict=True):
        scale = 1 + np.abs(first.values).max()
        assert np.abs(first.values - second.values).max() < 1e-3 * scale
        assert np.abs(there([clip])[0].values - second.values).max() < 1e-4 * scale
    rough = load(folder, "cuda:0", "bfloat16")(CLIPS[1:2])[0].values
    assert np.abs(rough - here[1].values).max() < 0.2 * (1 + np.abs(here[1].values).max())


@pytest.mark.gpu
@needs_gpu
def test_a_lack_of_gpu_memory_is_what_batches_shrink_for(tmp_path: Path) -> None:
    tiny_speech.wav2vec2(tmp_path)
    encode = load(tmp_path, "cuda:0")
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(1e-5)
    try:
        with pytest.raises(RuntimeError) as caught:
            encode([noise(30, 1)] * 8)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert lack_of_memory(caught.value)
    assert np.isfinite(encode([noise(30, 1)])[0].values).all()


def lacking(most: int, run: Callable[..., Any]) -> Callable[..., Any]:
    """Blocks with memory for a few recordings only."""

    def blocks(network: SpeechNetwork, x: torch.Tensor, lengths: Any, *given: Any) -> torch.Tensor:
        if len(lengths) > most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return run(network, x, lengths, *given)

    return blocks


def test_a_batch_that_does_not_fit_is_halved_and_every_record_is_there(
    emocli: Any, wav: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_speech.wav2vec2(tmp_path / "model")
    sounds = [str(wav(f"{n}.wav", seconds=0.3 + 0.2 * n)) for n in range(5)]
    command = ("encode", "--modality", "audio", "--encoder", str(tmp_path / "model"))
    whole = emocli(*command, "--layer", "2", *sounds)
    assert whole.status == 0, whole.stderr
    blocks = SpeechNetwork.blocks
    monkeypatch.setattr(SpeechNetwork, "blocks", lacking(2, blocks))
    halved = emocli(*command, "--layer", "2", *sounds)
    assert halved.status == 0, halved.stderr
    for ours, theirs in zip(halved.records, whole.records, strict=True):
        assert ours["path"] == theirs["path"]
        vectors = [record["features"]["audio"]["vector"] for record in (ours, theirs)]
        np.testing.assert_allclose(*vectors, atol=1e-4)
    monkeypatch.setattr(SpeechNetwork, "blocks", lacking(0, blocks))
    assert emocli(*command, "--layer", "2", *sounds).status == 7


def test_a_pass_of_the_blocks_has_a_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tiny_speech.wav2vec2(tmp_path)
    sizes = []
    blocks = SpeechNetwork.blocks

    def watched(network: SpeechNetwork, x: torch.Tensor, lengths: Any, *given: Any) -> torch.Tensor:
        assert sum(lengths) == len(x)
        sizes.append(lengths)
        return blocks(network, x, lengths, *given)

    monkeypatch.setattr(SpeechNetwork, "blocks", watched)
    monkeypatch.setattr(speech_waveform, "BATCH_FRAMES", 200)
    load(tmp_path, "cpu")([noise(1 + 0.1 * n, n) for n in range(9)])
    assert sum(map(len, sizes)) == 9
    assert all(sum(lengths) <= 200 or len(lengths) == 1 for lengths in sizes)
    assert max(map(len, sizes)) > 1
