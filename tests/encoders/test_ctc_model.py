"""CTC networks with random weights: their frames, windows and symbols."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from emocli.encoders import ctc_model
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError, RecordError

Network = Callable[..., Path]
LETTERS = ["<pad>", "<unk>", "|", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ'"]


@pytest.fixture(scope="session")
def ctc_network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Make a tiny wav2vec 2.0 with a CTC head: ctc_network(symbols) -> folder."""
    transformers = imported()

    def make(symbols: list[str]) -> Path:
        torch.manual_seed(0)
        config = transformers.Wav2Vec2Config(
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=37,
            conv_dim=(16,) * 7,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
            vocab_size=len(symbols),
            pad_token_id=0,
        )
        folder = tmp_path_factory.mktemp("ctc")
        transformers.Wav2Vec2ForCTC(config).save_pretrained(folder)
        numbers = {name: number for number, name in enumerate(symbols)}
        (folder / "vocab.json").write_text(json.dumps(numbers), encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def letters(ctc_network: Network) -> Path:
    return ctc_network(LETTERS)


def sound(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.1, int(seconds * 16_000)).astype(np.float32)


def test_frames_are_those_of_transformers_and_probabilities_add_up(letters: Path) -> None:
    model = ctc_model.load(letters)
    samples = sound(1.3)
    ours = ctc_model.log_probs(model, samples)
    extractor = imported().Wav2Vec2FeatureExtractor()
    wave = extractor(samples, sampling_rate=16_000, return_tensors="pt").input_values
    with torch.inference_mode():
        theirs = model.network(wave).logits[0].log_softmax(-1)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(ours.exp().sum(1), torch.ones(len(ours)))
    assert model.frame_s == 0.02
    assert (model.symbols["Z"], model.blank) == (LETTERS.index("Z"), 0)


def test_windows_give_every_frame_once(letters: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ctc_model.load(letters)
    samples = sound(9.0)
    at_once = ctc_model.log_probs(model, samples)
    monkeypatch.setattr(ctc_model, "WINDOW_FRAMES", 100)
    monkeypatch.setattr(ctc_model, "MARGIN_FRAMES", 50)
    parts = ctc_model.log_probs(model, samples)
    assert parts.shape == at_once.shape
    assert float((parts - at_once).abs().mean()) < 0.1  # a frame does not see beyond its window


def test_a_click_is_too_short(letters: Path) -> None:
    with pytest.raises(RecordError) as caught:
        ctc_model.log_probs(ctc_model.load(letters), sound(0.01))
    assert caught.value.code == "too_short"


def test_the_first_language_of_several_is_taken(letters: Path, tmp_path: Path) -> None:
    for file in letters.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    symbols = json.loads((tmp_path / "vocab.json").read_text())
    (tmp_path / "vocab.json").write_text(json.dumps({"eng": symbols, "deu": {"<pad>": 0}}))
    assert ctc_model.load(tmp_path).symbols == symbols


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("vocab.json", "[]", "not a JSON object"),
        ("vocab.json", "{}", "no symbols"),
        ("vocab.json", '{"a": 99}', "do not fit"),
        ("vocab.json", "{", "not a JSON file"),
        ("vocab.json", '{"a": "b"}', "not symbols"),
        ("config.json", "{}", "not a CTC model"),
    ],
)
def test_a_folder_without_a_ctc_model_is_refused(
    letters: Path, tmp_path: Path, name: str, text: str, message: str
) -> None:
    for file in letters.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=message):
        ctc_model.load(tmp_path)
