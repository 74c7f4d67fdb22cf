"""Tiny checkpoints of transformers with heads that classify, as `save_pretrained` writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from emocli.encoders.transformers_import import imported
from tests.encoders import tiny_vision
from tests.encoders.test_transformer_text import LIMIT, SIZE, write_tokenizer

Builder = Callable[..., Any]

EMOTIONS = ("anger", "happy", "boredom", "sad")  # as checkpoints write them, one of them not ours
DIMENSIONS = ("arousal", "dominance", "valence")
FRAMES = tiny_vision.FRAMES
SPEECH: dict[str, Any] = {
    **{key: value for key, value in SIZE.items() if key != "vocab_size"},
    "conv_dim": (8, 12, 8),
    "conv_kernel": (10, 3, 2),
    "conv_stride": (8, 5, 4),
    "num_conv_pos_embeddings": 6,
    "num_conv_pos_embedding_groups": 2,
    "initializer_range": 0.3,
    "classifier_proj_size": 10,
    "mask_time_prob": 0.0,
}
LAYER = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}


def named(names: Sequence[str] | None, problem: str | None = None) -> dict[str, Any]:
    """Settings of a config: the labels, and what the head answers."""
    found: dict[str, Any] = {"problem_type": problem}
    if names is not None:
        found["id2label"] = dict(enumerate(names))
        found["label2id"] = {name: number for number, name in enumerate(names)}
    return found


def saved(folder: Path, name: str, config: Any) -> Any:
    """Write a network whose every number is moved from where it begins."""
    torch.manual_seed(5)
    model = getattr(imported(), name)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return model


def bert(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    settings = {"max_position_embeddings": LIMIT, "initializer_range": 0.3}
    config = imported().BertConfig(**SIZE, **settings, **named(names, problem))
    write_tokenizer(folder)
    return saved(folder, "BertForSequenceClassification", config)


def roberta(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    settings = {"max_position_embeddings": LIMIT + 2, "pad_token_id": 0, "initializer_range": 0.3}
    config = imported().RobertaConfig(**SIZE, **settings, **named(names, problem))
    write_tokenizer(folder)
    return saved(folder, "RobertaForSequenceClassification", config)


def distilbert(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    config = imported().DistilBertConfig(
        vocab_size=SIZE["vocab_size"], dim=24, n_heads=3, n_layers=2, hidden_dim=40,
        max_position_embeddings=LIMIT, initializer_range=0.3, **named(names, problem),
    )  # fmt: skip
    write_tokenizer(folder)
    return saved(folder, "DistilBertForSequenceClassification", config)


def gpt2(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    """It looks for the last token that is no padding, and sees what is left of a token alone."""
    config = imported().GPT2Config(
        vocab_size=SIZE["vocab_size"], n_embd=24, n_head=3, n_layer=2, n_positions=LIMIT,
        pad_token_id=0, **named(names, problem),
    )  # fmt: skip
    write_tokenizer(folder)
    return saved(folder, "GPT2ForSequenceClassification", config)


def speech(folder: Path, kind: str, names: Any, problem: str | None, **of: Any) -> Any:
    hugging = imported()
    config = getattr(hugging, f"{kind}Config")(**{**SPEECH, **of}, **named(names, problem))
    masks = of.get("feat_extract_norm") == "layer"
    extractor = hugging.Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=masks)
    extractor.save_pretrained(folder)
    return saved(folder, f"{kind}ForSequenceClassification", config)


def hubert(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    return speech(folder, "Hubert", names, problem)


def wav2vec2(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    return speech(folder, "Wav2Vec2", names, problem, **LAYER)


def wavlm(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    of = {**LAYER, "num_buckets": 16, "max_bucket_distance": 20}
    return speech(folder, "WavLM", names, problem, **of)


def whisper(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    hugging = imported()
    ids = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), 0)
    config = hugging.WhisperConfig(
        d_model=24, encoder_layers=1, decoder_layers=1, encoder_attention_heads=3,
        decoder_attention_heads=3, encoder_ffn_dim=40, decoder_ffn_dim=40, vocab_size=30,
        decoder_start_token_id=0, init_std=0.3, **ids, **named(names, problem),
    )  # fmt: skip
    hugging.WhisperFeatureExtractor().save_pretrained(folder)
    return saved(folder, "WhisperForAudioClassification", config)


def ast(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    hugging = imported()
    sizes = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 3}
    config = hugging.ASTConfig(
        **sizes, intermediate_size=40, max_length=64, num_mel_bins=32, patch_size=16,
        frequency_stride=16, time_stride=16, **named(names, problem),
    )  # fmt: skip
    hugging.ASTFeatureExtractor(max_length=64, num_mel_bins=32).save_pretrained(folder)
    return saved(folder, "ASTForAudioClassification", config)


def dimensional(folder: Path, names: Any = DIMENSIONS, problem: str | None = "regression") -> Any:
    """The head that Wagner et al. published: dense, tanh, out_proj over the mean of wav2vec 2.0."""
    model = speech(folder, "Wav2Vec2", names, problem, **LAYER)
    dim = SPEECH["hidden_size"]
    head = {
        "dense.weight": torch.randn(dim, dim) / 3,
        "dense.bias": torch.randn(dim) / 3,
        "out_proj.weight": torch.randn(len(names), dim) / 3,
        "out_proj.bias": torch.randn(len(names)) / 3,
    }
    retensored(
        folder,
        lambda old: (
            {n: t for n, t in old.items() if n.startswith("wav2vec2.")}
            | {f"classifier.{n}": t for n, t in head.items()}
        ),
    )
    changed(folder, architectures=["Wav2Vec2ForSpeechClassification"])
    return model.wav2vec2, head


def vit(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    config = imported().ViTConfig(**tiny_vision.SIZE, **named(names, problem))
    name = "ViTForImageClassification"
    return tiny_vision.write(folder, name, config, tiny_vision.SQUARE)


def videomae(folder: Path, names: Any = EMOTIONS, problem: str | None = None) -> Any:
    size = {**tiny_vision.SIZE, "num_frames": FRAMES}
    config = imported().VideoMAEConfig(**size, **named(names, problem))
    name = "VideoMAEForVideoClassification"
    return tiny_vision.write(folder, name, config, tiny_vision.SHORTEST)


def changed(folder: Path, **values: Any) -> None:
    """Change values of config.json; None takes one out."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | values
    path.write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


def retensored(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Change the tensors of a checkpoint."""
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, {"format": "pt"})


OF_TEXT: dict[str, Builder] = {
    "bert": bert, "roberta": roberta, "distilbert": distilbert, "gpt2": gpt2
}  # fmt: skip
OF_SOUND: dict[str, Builder] = {
    "hubert": hubert, "wav2vec2": wav2vec2, "wavlm": wavlm, "whisper": whisper, "ast": ast,
    "dimensional": dimensional,
}  # fmt: skip
OF_PICTURES: dict[str, Builder] = {"vit": vit}
OF_CLIPS: dict[str, Builder] = {"videomae": videomae}
ALL = {**OF_TEXT, **OF_SOUND, **OF_PICTURES, **OF_CLIPS}
