"""BERT's encoder in plain torch, so that the default predictor starts without transformers.

Devlin et al. 2019, BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding, https://arxiv.org/abs/1810.04805; names of weights as in transformers, whose import
takes longer than encoding a sentence. Low-rank adapters: Hu et al. 2022, LoRA,
https://arxiv.org/abs/2106.09685.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from emocli.encoders import weight_files
from emocli.encoders.weight_files import AGAIN
from emocli.errors import ConfigError

# The configuration that this file computes; any other is left to transformers.
COMPUTES = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "position_embedding_type": "absolute",
    "is_decoder": False,
}
DEFAULTS = {"position_embedding_type": "absolute", "is_decoder": False}
SETTINGS: dict[str, Any] = {  # that are read
    **dict.fromkeys(("num_hidden_layers", "num_attention_heads"), int),
    **dict.fromkeys(("hidden_size", "intermediate_size"), int),
    "layer_norm_eps": float,
}
EMBEDDINGS = (
    "embeddings.word_embeddings.weight",
    "embeddings.position_embeddings.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.LayerNorm.weight",
    "embeddings.LayerNorm.bias",
)
MODULES = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
    "intermediate.dense",
    "output.dense",
    "output.LayerNorm",
)


class Bert:
    """The encoder: its frozen configuration and its weights by name."""

    def __init__(self, config: dict[str, Any], weights: dict[str, Tensor]) -> None:
        self.weights = weights
        self.layers: int = config["num_hidden_layers"]
        self.heads: int = config["num_attention_heads"]
        self.epsilon: float = config["layer_norm_eps"]

    def __call__(self, ids: Tensor, valid: Tensor, last: int) -> Tensor:
        """Map token `ids` (batch, time) to the hidden state (batch, time, dim) of layer `last`.

        Layer 0 is the embeddings, layer n the output of block n, as in transformers; later blocks
        do not run. `valid` (batch, time) is true for tokens: padding is not attended to.
        """
        x = self._embed(ids)
        mask = None if bool(valid.all()) else valid[:, None, None, :]
        for block in range(last):
            x = self._block(x, mask, f"encoder.layer.{block}.")
        return x

    def _embed(self, ids: Tensor) -> Tensor:
        tables = ("word", "token_type", "position")
        word, kind, place = (self.weights[f"embeddings.{t}_embeddings.weight"] for t in tables)
        return self._norm(word[ids] + kind[0] + place[: ids.shape[1]], "embeddings.")

    def _block(self, x: Tensor, mask: Tensor | None, name: str) -> Tensor:
        q, k, v = (
            self._linear(x, f"{name}attention.self.{part}")
            .view(*x.shape[:2], self.heads, -1)
            .transpose(1, 2)
            for part in ("query", "key", "value")
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)
        x = self._norm(
            x + self._linear(mixed, f"{name}attention.output.dense"), f"{name}attention.output."
        )
        inner = F.gelu(self._linear(x, f"{name}intermediate.dense"))
        return self._norm(x + self._linear(inner, f"{name}output.dense"), f"{name}output.")

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = (self.weights[f"{name}LayerNorm.{part}"] for part in ("weight", "bias"))
        return F.layer_norm(x, weight.shape, weight, bias, self.epsilon)


def supports(folder: Path) -> bool:
    """Return whether `folder` holds a BERT that this file computes, in one safetensors file."""
    if not all(weight_files.is_there(folder / n) for n in (weight_files.WEIGHTS, "tokenizer.json")):
        return False
    config = DEFAULTS | weight_files.json_object(folder / "config.json")
    return all(config.get(key) == value for key, value in COMPUTES.items())


def load(folder: Path, adapter: Mapping[str, Tensor], device: str, dtype: torch.dtype) -> Bert:
    """Load the encoder and merge `adapter` into it (see `merge`).

    Raises ConfigError if weights are missing or have other shapes than config.json says.
    """
    config = weight_files.json_object(folder / "config.json")
    for key, kind in SETTINGS.items():
        value = config.get(key)
        if not isinstance(value, kind) or isinstance(value, bool) or value <= 0:
            raise ConfigError(f"{folder}/config.json: {key} = {value!r:.60}", hint=AGAIN)
    if config["hidden_size"] % config["num_attention_heads"]:
        message = f"{folder}/config.json: num_attention_heads does not divide hidden_size"
        raise ConfigError(message, hint=AGAIN)
    weights = _read(folder, config)
    merge(weights, adapter)
    return Bert(config, {name: value.to(device, dtype) for name, value in weights.items()})


def merge(weights: dict[str, Tensor], adapter: Mapping[str, Tensor]) -> None:
    """Add `B @ A` to each weight that `adapter` names, in float32, in place of the old tensor.

    `adapter` maps `MODULE.lora_a` (rank, in) and `MODULE.lora_b` (out, rank), scale included, for
    the weight `MODULE.weight` (out, in). Raises ConfigError if a matrix has no counterpart.
    """
    for module in sorted({name.rpartition(".")[0] for name in adapter}):
        a, b = adapter.get(f"{module}.lora_a"), adapter.get(f"{module}.lora_b")
        old = weights.get(f"{module}.weight")
        if a is None or b is None or old is None or old.shape != (b.shape[0], a.shape[1]):
            raise ConfigError(
                f"the adapter does not fit the encoder at '{module}'",
                hint="it was trained on another encoder",
            )
        weights[f"{module}.weight"] = old.float() + b.float() @ a.float()


def _read(folder: Path, config: dict[str, Any]) -> dict[str, Tensor]:
    found = weight_files.tensors(folder)
    weight_files.require_layers(folder, config, len(found))
    stored = {_modern(name): name for name in found}
    names = _names(config["num_hidden_layers"])
    expected = {stored.get(n, n): _shape(n, config) for n in names}
    values = weight_files.read(found, expected)
    return {name: values[stored[name]] for name in names}


def _shape(name: str, config: dict[str, Any]) -> tuple[int | None, ...]:
    """Return the shape of a weight that the config implies; None is any number of rows."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    if name.endswith("embeddings.weight"):
        return None, hidden
    rows = inner if "intermediate" in name else hidden
    if name.endswith(".bias") or "LayerNorm" in name:
        return (rows,)
    return rows, inner if ".output.dense" in name and "attention" not in name else hidden


def _modern(name: str) -> str:
    """Return a weight's name without the task's prefix and the first release's gamma and beta."""
    name = name.removeprefix("bert.")
    return name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
        "LayerNorm.beta", "LayerNorm.bias"
    )


def _names(layers: int) -> list[str]:
    """Return the names of all weights of an encoder with `layers` blocks."""
    blocks = (f"encoder.layer.{block}.{module}" for block in range(layers) for module in MODULES)
    return [*EMBEDDINGS, *(f"{name}.{part}" for name in blocks for part in ("weight", "bias"))]
