"""Tiny random encoders of speech, as transformers writes them: every family, every trap."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from emocli.encoders.transformers_import import imported
from tests.encoders.test_transformer_text import SIZE as OF_TEXT

Builder = Callable[[Path], object]
RATE = 16_000


def noise(seconds: float, seed: int, loudness: float = 0.2) -> np.ndarray:
    """Noise whose loudness swells; read-only, as samples are that several stages share."""
    random = np.random.default_rng(seed)
    count = round(seconds * RATE)
    swell = np.linspace(0.05 * loudness, loudness, count)
    samples = (random.standard_normal(count) * swell).astype(np.float32)
    samples.flags.writeable = False
    return samples


SIZE: dict[str, Any] = {
    **{key: value for key, value in OF_TEXT.items() if key != "vocab_size"},
    "conv_dim": (8, 12, 8),
    "conv_kernel": (10, 6, 8),
    "conv_stride": (8, 5, 8),
    "num_conv_pos_embeddings": 6,
    "num_conv_pos_embedding_groups": 2,
    "initializer_range": 0.3,
}
LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
OLD = (
    ("parametrizations.weight.original0", "weight_g"),
    ("parametrizations.weight.original1", "weight_v"),
)


def write(
    folder: Path, kind: str, head: str = "Model", *, normalises: bool = True, **of: Any
) -> Any:
    """Write a model and its feature extractor."""
    hugging = imported()
    config = getattr(hugging, f"{kind}Config")(**{**SIZE, **of})
    model = moved(getattr(hugging, f"{kind}{head}")(config))
    model.save_pretrained(folder)
    masks = of.get("feat_extract_norm") == "layer"
    hugging.Wav2Vec2FeatureExtractor(
        do_normalize=normalises, return_attention_mask=masks
    ).save_pretrained(folder)
    return model


def moved(model: Any) -> Any:
    """Move every number of a model: biases and norms begin at 0 and 1."""
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return model.eval()


def wav2vec2(folder: Path) -> Any:
    return write(folder, "Wav2Vec2")


def wav2vec2_layer(folder: Path) -> Any:
    """As XLS-R: layer norms, biases, norms before the parts of a block."""
    return write(folder, "Wav2Vec2", **LAYER)


def wav2vec2_named(folder: Path) -> Any:
    """With a head, as those that name emotions, and the adapters of MMS."""
    return write(folder, "Wav2Vec2", "ForSequenceClassification", **LAYER, adapter_attn_dim=5)


def wav2vec2_old(folder: Path) -> Any:
    """With the names that weight norms had before torch 2."""
    model = write(folder, "Wav2Vec2", normalises=False)
    rename(folder, OLD)
    return model


def hubert(folder: Path) -> Any:
    return write(folder, "Hubert")


def hubert_layer(folder: Path) -> Any:
    return write(folder, "Hubert", **LAYER)


def hubert_normed(folder: Path) -> Any:
    """With a batch norm before the positions and none before the projection, as some have."""
    model = write(folder, "Hubert", conv_pos_batch_norm=True, feat_proj_layer_norm=False)
    return model


def wavlm(folder: Path) -> Any:
    return write(folder, "WavLM", normalises=False, num_buckets=16, max_bucket_distance=20)


def wavlm_layer(folder: Path) -> Any:
    return write(folder, "WavLM", **LAYER, num_buckets=16, max_bucket_distance=20)


def data2vec(folder: Path) -> Any:
    return write(folder, "Data2VecAudio", num_conv_pos_embeddings=3, conv_pos_kernel_size=5)


def unispeech(folder: Path) -> Any:
    return write(folder, "UniSpeech", **LAYER)


def unispeech_group(folder: Path) -> Any:
    return write(folder, "UniSpeech")


def unispeech_sat(folder: Path) -> Any:
    return write(folder, "UniSpeechSat")


def unispeech_sat_layer(folder: Path) -> Any:
    return write(folder, "UniSpeechSat", **LAYER)


def rename(folder: Path, pairs: Any) -> None:
    """Give tensors other names: parts of names for parts of names."""
    file, renamed = folder / "model.safetensors", {}
    for name, tensor in load_file(file).items():
        for old, new in pairs:
            name = name.replace(old, new)
        renamed[name] = tensor
    save_file(renamed, file, {"format": "pt"})


OF_WAVEFORMS: dict[str, dict[str, Builder]] = {
    "wav2vec2": {
        "group": wav2vec2,
        "layer": wav2vec2_layer,
        "named": wav2vec2_named,
        "old": wav2vec2_old,
    },
    "hubert": {"group": hubert, "layer": hubert_layer, "normed": hubert_normed},
    "wavlm": {"group": wavlm, "layer": wavlm_layer},
    "data2vec-audio": {"data2vec": data2vec},
    "unispeech": {"group": unispeech_group, "layer": unispeech},
    "unispeech-sat": {"group": unispeech_sat, "layer": unispeech_sat_layer},
}


def spectrogram(folder: Path, head: str = "Model") -> Any:
    """Write a tiny AST; its spectrograms are 0.64 s."""
    hugging = imported()
    sizes = {"num_mel_bins": 24, "max_length": 64}
    config = hugging.ASTConfig(**OF_TEXT, **sizes, patch_size=8, frequency_stride=6, time_stride=7)
    model = moved(getattr(hugging, f"AST{head}")(config))
    model.save_pretrained(folder)
    hugging.ASTFeatureExtractor(**sizes).save_pretrained(folder)
    return model


def named_spectrogram(folder: Path) -> Any:
    return spectrogram(folder, "ForAudioClassification")


OF_SPECTROGRAMS: dict[str, Builder] = {"ast": spectrogram, "named": named_spectrogram}
