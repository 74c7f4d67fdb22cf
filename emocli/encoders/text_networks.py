"""Load the network and the tokenizer of a text encoder: a BERT in plain torch, or transformers'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emocli.encoders import bert, pretrained, weight_files
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError

LIMIT = 512  # tokens, if neither the config nor the tokenizer has a limit: BERT's
UNLIMITED = 10**6  # tokenizers without a limit report 1e30

Network = Callable[[Tensor, Tensor, int], Tensor]
Tokenize = Callable[[str, int | None], list[int]]


@dataclass(frozen=True)
class TextEncoder:
    """A frozen encoder: its network, its tokenizer and their properties."""

    network: Network  # ids (batch, time), valid (batch, time), layer -> state (batch, time, dim)
    tokenize: Tokenize  # text, limit in tokens or None -> ids, special tokens included
    unknown: int | None  # the id of the unknown token
    limit: int  # tokens, special ones included
    layers: int
    dim: int
    device: str
    separator: str = " "  # between the turns of a conversation
    sentence: Callable[[Tensor], Tensor] | None = None  # the model's own pooling, if it is wanted


def plain(
    folder: Path, device: str, dtype: torch.dtype, adapter: Mapping[str, Tensor]
) -> TextEncoder:
    """Load a BERT without transformers."""
    from tokenizers import Tokenizer

    network = bert.load(folder, adapter, device, dtype)
    weight_files.json_object(folder / "tokenizer.json")
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises nothing narrower
        raise ConfigError(f"{folder}/tokenizer.json: {error}", hint=weight_files.AGAIN) from None
    tokenizer.no_padding()
    words = network.weights["embeddings.word_embeddings.weight"]
    require_rows(folder, tokenizer.get_vocab_size(), len(words))

    def tokenize(text: str, limit: int | None) -> list[int]:
        tokenizer.no_truncation() if limit is None else tokenizer.enable_truncation(limit)
        return tokenizer.encode(text).ids

    position = network.weights["embeddings.position_embeddings.weight"]
    unknown = tokenizer.token_to_id("[UNK]")
    limit, dim = position.shape
    separator = " [SEP] "
    return TextEncoder(network, tokenize, unknown, limit, network.layers, dim, device, separator)


def auto(
    folder: Path, device: str, dtype: torch.dtype, adapter: Mapping[str, Tensor]
) -> TextEncoder:
    """Load any other encoder through transformers, silently and from this folder only."""
    transformers = imported()
    what, options = "a text encoder of transformers", {"trust_remote_code": False}
    network = pretrained.network(transformers.AutoModel.from_pretrained, folder, what, **options)
    network = network.get_encoder() if network.config.is_encoder_decoder else network
    if network.main_input_name != "input_ids":
        raise ConfigError(f"{folder} is not a text encoder: it takes {network.main_input_name}")
    if hasattr(network.config, "vision_config"):  # CLIP: what it gives needs both
        raise ConfigError(f"{folder} is not a text encoder: it takes pictures besides")
    tokenizer = pretrained.tokenizer(transformers.AutoTokenizer.from_pretrained, folder, **options)
    require_rows(folder, tokenizer.vocab_size, rows_of(network))
    weights = dict(network.state_dict())
    bert.merge(weights, adapter)
    network.load_state_dict(weights)
    network = network.to(device, dtype).eval()

    def run(ids: Tensor, valid: Tensor, layer: int) -> Tensor:
        output = network(input_ids=ids, attention_mask=valid.long(), output_hidden_states=True)
        return output.hidden_states[layer]

    def tokenize(text: str, limit: int | None) -> list[int]:
        return tokenizer(text, truncation=limit is not None, max_length=limit, verbose=False)[
            "input_ids"
        ]

    config = network.config
    limit = limit_of(network, tokenizer.model_max_length)
    layers, dim = config.num_hidden_layers, config.hidden_size
    between = f" {tokenizer.sep_token or tokenizer.eos_token or ''} "
    return TextEncoder(run, tokenize, tokenizer.unk_token_id, limit, layers, dim, device, between)


def rows_of(network: Any) -> int:
    """Return how many tokens have an embedding; 0 if the network has none of its own."""
    try:
        return int(getattr(network.get_input_embeddings(), "num_embeddings", 0))
    except NotImplementedError:
        return 0


def require_rows(folder: Path, tokens: int, rows: int) -> None:
    """Raise ConfigError for a tokenizer of another model: with tokens that have no embedding."""
    if rows and tokens > rows:
        message = f"{folder}: the tokenizer has {tokens} tokens, the network {rows}"
        raise ConfigError(message, hint=weight_files.AGAIN)


def limit_of(network: Any, tokenizer_limit: int) -> int:
    """Return the number of tokens that the positions cover; RoBERTa's start after padding."""
    longest = getattr(network.config, "max_position_embeddings", None) or LIMIT
    table = getattr(getattr(network, "embeddings", None), "position_embeddings", None)
    padding = getattr(table, "padding_idx", None)
    longest -= 0 if padding is None else padding + 1
    return min(longest, tokenizer_limit) if tokenizer_limit < UNLIMITED else longest
