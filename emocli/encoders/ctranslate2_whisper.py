"""Convert a Whisper model from CTranslate2's format to that of transformers.

CTranslate2's `encode` returns only the last layer; the middle layers carry emotion, so the features
need the weights themselves. The binary layout is that of `ModelSpec._serialize`, version 6, in
CTranslate2 4 (2024, https://github.com/OpenNMT/CTranslate2); the network is Whisper (Radford et
al. 2022, https://arxiv.org/abs/2212.04356). Names map one to one, weights are copied bit by bit.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from emocli.errors import ModelError

Weights = dict[str, NDArray[Any]]

BINARY_VERSION = 6  # the first field of model.bin
# Positions are the type ids of model.bin; bfloat16 (5) has no numpy type and no Whisper uses it.
TYPES = ("float32", "int8", "int16", "int32", "float16")
FLOATS = ("float32", "float16")
ATTENTION = {"self_attention": "self_attn", "attention": "encoder_attn"}
# What Whisper was trained on (section 2.2 of the paper); the mel bins are read from the weights.
PREPROCESSOR = {
    "feature_extractor_type": "WhisperFeatureExtractor",
    "processor_class": "WhisperProcessor",
    "sampling_rate": 16_000,
    "n_fft": 400,  # 25 ms
    "hop_length": 160,  # 10 ms
    "chunk_length": 30,  # seconds
    "n_samples": 480_000,  # 30 s
    "nb_max_frames": 3_000,  # 30 s
    "padding_side": "right",
    "padding_value": 0.0,
    "return_attention_mask": False,
}
TOKENIZER = {
    "tokenizer_class": "WhisperTokenizer",
    "processor_class": "WhisperProcessor",
    **dict.fromkeys(("bos_token", "eos_token", "unk_token", "pad_token"), "<|endoftext|>"),
}
CARRIED = ("tokenizer.json", "vocab.json", "merges.txt", "normalizer.json")


def convert(source: Path, target: Path) -> None:
    """Write the CTranslate2 model in folder `source` as a transformers model in folder `target`.

    Needs `model.bin`, `config.json` and `tokenizer.json`; writes `model.safetensors` (the type of
    the weights is kept), `config.json`, `generation_config.json`, `preprocessor_config.json` and
    the tokenizer. Raises ModelError if the file is not an unquantised Whisper.
    """
    from safetensors.numpy import save

    weights = read(source / "model.bin")
    hints = json.loads((source / "config.json").read_text())
    tokens = _special_tokens(source / "tokenizer.json")
    target.mkdir(parents=True, exist_ok=True)
    config = whisper_config(weights, tokens)
    _write_json(target / "config.json", config)
    _write_json(target / "generation_config.json", generation_config(config, hints, tokens))
    mels = {"feature_size": config["num_mel_bins"]}
    _write_json(target / "preprocessor_config.json", PREPROCESSOR | mels)
    longest = {"model_max_length": config["max_target_positions"]}
    _write_json(target / "tokenizer_config.json", TOKENIZER | longest)
    for name in CARRIED:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    # `save_file` would make a file that only its owner can read.
    (target / "model.safetensors").write_bytes(save(transformers_names(weights), {"format": "pt"}))


def read(path: Path) -> Weights:
    """Read every variable of a `model.bin`, aliases resolved.

    Raises ModelError if the file is truncated, has another version or is not a Whisper.
    """
    with path.open("rb") as stream:
        try:
            return _read(stream)
        except (struct.error, IndexError, UnicodeDecodeError, ValueError) as problem:
            raise ModelError(f"{path}: not a complete CTranslate2 model: {problem}") from problem


def _read(stream: BinaryIO) -> Weights:
    (version,) = _unpack(stream, "<I")
    if version != BINARY_VERSION:
        raise ValueError(f"binary version {version}, expected {BINARY_VERSION}")
    name = _string(stream)
    if name != "WhisperSpec":
        raise ValueError(f"a {name!r}, expected 'WhisperSpec'")
    _revision, count = _unpack(stream, "<II")
    weights = dict(_variable(stream) for _ in range(count))
    (count,) = _unpack(stream, "<I")
    for _ in range(count):
        alias, original = _string(stream), _string(stream)
        if original not in weights:
            raise ValueError(f"{alias} is an alias of {original}, which is missing")
        weights[alias] = weights[original]
    return weights


def _variable(stream: BinaryIO) -> tuple[str, NDArray[Any]]:
    name = _string(stream)
    (rank,) = _unpack(stream, "<B")
    shape = _unpack(stream, f"<{rank}I")
    type_id, size = _unpack(stream, "<BI")
    data = stream.read(size)
    if len(data) != size:
        raise ValueError(f"{name} ends after {len(data)} of {size} bytes")
    dtype = np.dtype(TYPES[type_id]).newbyteorder("<")
    return name, np.frombuffer(data, dtype).reshape(shape)


def _string(stream: BinaryIO) -> str:
    (length,) = _unpack(stream, "<H")  # counts the closing zero byte
    return stream.read(length)[:-1].decode()


def _unpack(stream: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, stream.read(struct.calcsize(layout)))


def transformers_names(weights: Weights) -> Weights:
    """Return the tensors under the names of `WhisperForConditionalGeneration`.

    `proj_out` is tied to the token embeddings and therefore left out.
    """
    renamed = {
        f"model.{name}": np.ascontiguousarray(value)
        for half in ("encoder", "decoder")
        for name, value in _half(weights, half)
    }
    for name, value in renamed.items():
        if value.dtype not in FLOATS:
            raise ModelError(f"{name} is quantised to {value.dtype}", hint="use a float16 model")
    return renamed


def _half(weights: Weights, half: str) -> Iterator[tuple[str, NDArray[Any]]]:
    for stem in ("conv1", "conv2") if half == "encoder" else ():
        yield from _pair(weights, f"{half}/{stem}", f"{half}.{stem}")
    if half == "decoder":
        yield f"{half}.embed_tokens.weight", weights[f"{half}/embeddings/weight"]
    yield f"{half}.embed_positions.weight", weights[f"{half}/position_encodings/encodings"]
    yield from _norm(weights, f"{half}/layer_norm", f"{half}.layer_norm")
    for index in range(_layers(weights, half)):
        yield from _layer(weights, f"{half}/layer_{index}", f"{half}.layers.{index}")


def _layer(weights: Weights, old: str, new: str) -> Iterator[tuple[str, NDArray[Any]]]:
    for theirs, ours in ATTENTION.items():
        if f"{old}/{theirs}/linear_0/weight" in weights:
            yield from _attention(weights, f"{old}/{theirs}", f"{new}.{ours}")
            yield from _norm(weights, f"{old}/{theirs}/layer_norm", f"{new}.{ours}_layer_norm")
    yield from _pair(weights, f"{old}/ffn/linear_0", f"{new}.fc1")
    yield from _pair(weights, f"{old}/ffn/linear_1", f"{new}.fc2")
    yield from _norm(weights, f"{old}/ffn/layer_norm", f"{new}.final_layer_norm")


def _attention(weights: Weights, old: str, new: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """Split the fused projections: (q k v, out) within, (q, k v, out) across."""
    *fused, out = (f"{old}/linear_{i}" for i in range(3) if f"{old}/linear_{i}/weight" in weights)
    weight = np.concatenate([weights[f"{stem}/weight"] for stem in fused])
    bias = np.concatenate([weights[f"{stem}/bias"] for stem in fused])
    for letter, part, part_bias in zip("qkv", np.split(weight, 3), np.split(bias, 3), strict=True):
        yield f"{new}.{letter}_proj.weight", part
        if letter != "k":
            yield f"{new}.{letter}_proj.bias", part_bias
        elif part_bias.any():
            raise ModelError(f"{old} has a bias for keys, which Whisper does not have")
    yield from _pair(weights, out, f"{new}.out_proj")


def _pair(weights: Weights, old: str, new: str) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{new}.weight", weights[f"{old}/weight"]
    yield f"{new}.bias", weights[f"{old}/bias"]


def _norm(weights: Weights, old: str, new: str) -> Iterator[tuple[str, NDArray[Any]]]:
    yield f"{new}.weight", weights[f"{old}/gamma"]
    yield f"{new}.bias", weights[f"{old}/beta"]


def _layers(weights: Weights, half: str) -> int:
    names = {name.split("/")[1] for name in weights if name.startswith(f"{half}/layer_")}
    return len(names - {"layer_norm"})


def whisper_config(weights: Weights, tokens: dict[str, int]) -> dict[str, Any]:
    """Return the `WhisperConfig` that the shapes of the weights imply."""
    vocabulary, width = weights["decoder/embeddings/weight"].shape
    end = tokens["<|endoftext|>"]
    config: dict[str, Any] = {"architectures": ["WhisperForConditionalGeneration"]}
    for half in ("encoder", "decoder"):
        config[f"{half}_layers"] = _layers(weights, half)
        config[f"{half}_attention_heads"] = int(weights[f"{half}/num_heads"])
        config[f"{half}_ffn_dim"] = len(weights[f"{half}/layer_0/ffn/linear_0/bias"])
    return config | {
        "model_type": "whisper",
        "vocab_size": vocabulary,
        "d_model": width,
        "num_mel_bins": weights["encoder/conv1/weight"].shape[1],
        "max_source_positions": len(weights["encoder/position_encodings/encodings"]),
        "max_target_positions": len(weights["decoder/position_encodings/encodings"]),
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": tokens["<|startoftranscript|>"],
        "dtype": str(weights["encoder/conv1/weight"].dtype),
    }


def generation_config(
    config: dict[str, Any], hints: dict[str, Any], tokens: dict[str, int]
) -> dict[str, Any]:
    """Return the settings of `generate`: special tokens, suppressed tokens, alignment heads."""
    names = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
    multilingual = config["vocab_size"] > 51_864  # what the English models have
    values: dict[str, Any] = {name: config[name] for name in names} | {
        "max_length": config["max_target_positions"],
        "no_timestamps_token_id": tokens.get("<|notimestamps|>"),
        "prev_sot_token_id": tokens.get("<|startofprev|>"),
        "suppress_tokens": hints.get("suppress_ids"),
        "begin_suppress_tokens": hints.get("suppress_ids_begin"),
        "alignment_heads": hints.get("alignment_heads"),
        "is_multilingual": multilingual,
    }
    if multilingual:
        languages = set(hints.get("lang_ids") or ())
        values["lang_to_id"] = {name: i for name, i in tokens.items() if i in languages}
        values["task_to_id"] = {name: tokens[f"<|{name}|>"] for name in ("transcribe", "translate")}
        values["task"] = "transcribe"  # without a task token the model repeats itself
    return {name: value for name, value in values.items() if value is not None}


def _special_tokens(path: Path) -> dict[str, int]:
    added = json.loads(path.read_text(encoding="utf-8"))["added_tokens"]
    return {token["content"]: token["id"] for token in added}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
