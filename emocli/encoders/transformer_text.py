"""Encode text as features with any transformers encoder: BERT, RoBERTa, DeBERTa, MiniLM, ...

Vaswani et al. 2017, Attention Is All You Need, https://arxiv.org/abs/1706.03762; mean pooling over
all tokens, special ones included, as in Reimers and Gurevych 2019, Sentence-BERT,
https://arxiv.org/abs/1908.10084. BERTs run in plain torch (`encoders.bert`), everything else
through transformers' Auto classes. Our choice: a symbol that the vocabulary lacks, such as an
emoji for BERT, is replaced by its Unicode name, since the unknown token carries no information.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from emocli.encoders import (
    Encoded,
    Encoder,
    Settings,
    bert,
    sentence_pooling,
    text_networks,
    weight_files,
)
from emocli.encoders.pooling import layer_of, statistics
from emocli.encoders.text_networks import TextEncoder
from emocli.errors import ConfigError, RecordError

POOLINGS = ("mean", "max", "cls", "mean+max", "statistics", sentence_pooling.NAME, "frames")
MODALITY = "text"
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def load(
    folder: str | Path,
    device: str = "cpu",
    dtype: str = "float32",
    adapter: Mapping[str, Tensor] | None = None,
) -> TextEncoder:
    """Load the encoder and the tokenizer from a transformers `folder`; no network, no remote code.

    `adapter` holds low-rank matrices that are merged into the weights (see `bert.merge`). Raises
    ConfigError if the folder is not a text encoder or the adapter belongs to another encoder.
    """
    folder = Path(folder)
    if not weight_files.is_there(folder / "config.json"):
        raise ConfigError(f"{folder} is not a transformers model: no config.json")
    read = text_networks.plain if bert.supports(folder) else text_networks.auto
    return read(folder, device, getattr(torch, dtype), adapter or {})


def reads(config: Mapping[str, Any]) -> bool:
    """Return whether a config.json may be that of a text encoder; transformers decides."""
    return bool(config)


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the encoder of texts, or of the turns of dialogues, in one batch."""
    model = load(folder, settings.device, settings.dtype, adapter=settings.adapter)
    layer = _only(settings.layer)
    if settings.pooling == sentence_pooling.NAME:
        model = sentence_pooling.of(Path(folder), model)

    def run(inputs: Sequence[str | list[str]]) -> list[Encoded]:
        texts = [text if isinstance(text, str) else joined(model, text) for text in inputs]
        vectors = encode(model, texts, layer=layer, pooling=settings.pooling)
        return [Encoded(v, _warning(model, t)) for v, t in zip(vectors, texts, strict=True)]

    return run


def _only(layer: int | Sequence[int] | None) -> int:
    """Return the chosen layer, by default the last one; ConfigError for several."""
    layers = layer if isinstance(layer, Sequence) else [-1 if layer is None else layer]
    if len(layers) != 1:
        raise ConfigError(f"layers {', '.join(map(str, layers))}: text takes one layer")
    return layers[0]


def _warning(model: TextEncoder, text: str) -> str:
    over = overflow(model, text)
    return f"{over} tokens beyond the limit of {model.limit} left out" if over else ""


def overflow(model: TextEncoder, text: str) -> int:
    """Return how many tokens of `text` lie beyond the limit: `encode` leaves them out."""
    return max(0, len(tokens(model, text, None)) - model.limit)


def joined(model: TextEncoder, turns: Sequence[str]) -> str:
    """Return the turns of a conversation as one text, without the oldest that do not fit."""
    for first in range(len(turns)):
        text = model.separator.join(turns[first:])
        if first == len(turns) - 1 or not overflow(model, text):
            return text
    return ""


@torch.inference_mode()
def encode(
    model: TextEncoder, texts: Sequence[str], *, layer: int = -1, pooling: str = "mean"
) -> list[NDArray[np.float32]]:
    """Encode one batch of `texts`; return one float32 array each.

    Layer 0 is the embeddings, layer n the output of block n; negative ones count from the last.
    Pooled over the tokens of a text: (dim,), for "mean+max" (2 x dim,), mean first, for
    "statistics" (7 x dim,). Pooling "frames" gives (tokens, dim); "sentence", of the last layer of
    a model made by `sentence_pooling.of`, gives what sentence-transformers gives. Tokens beyond
    the model's limit are left out: `overflow` counts them. Raises RecordError `empty_text` and
    `bad_text`, and ConfigError for an unknown layer or pooling.
    """
    if pooling not in POOLINGS:
        raise ConfigError(f"unknown pooling '{pooling}'", hint=f"choose from {', '.join(POOLINGS)}")
    last = layer_of(layer, model.layers)
    if pooling == sentence_pooling.NAME and (last < model.layers or model.sentence is None):
        raise ConfigError(f"pooling {pooling} is of the last layer, {model.layers}, not of {last}")
    rows = [_row(model, text) for text in texts]
    ids, valid = _pad(rows)
    states = model.network(ids.to(model.device), valid.to(model.device), last).float().cpu()
    own = {sentence_pooling.NAME: model.sentence} if model.sentence else {}
    return [_pool(state[: len(row)], pooling, own) for state, row in zip(states, rows, strict=True)]


def _row(model: TextEncoder, text: str) -> list[int]:
    """Return the ids of a text; RecordError `empty_text` if there is nothing to encode."""
    ids = tokens(model, text, model.limit) if text.strip() else []
    if not ids:  # a tokenizer without special tokens may drop all of a text
        raise RecordError("empty_text", f"nothing to encode in {text!r:.60}", hint="expected words")
    return ids


def tokens(model: TextEncoder, text: str, limit: int | None) -> list[int]:
    """Return the ids of at most `limit` tokens, special ones included; None for all of them."""
    if surrogate := LONE_SURROGATE.search(text):  # no tokenizer accepts one
        raise RecordError("bad_text", f"{surrogate[0]!r} is a lone surrogate, not a character")
    ids = model.tokenize(text, limit)
    if model.unknown is None or model.unknown not in ids:
        return ids
    return model.tokenize(_spell(text), limit)


def _spell(text: str) -> str:
    """Replace symbols by their Unicode names.

    >>> _spell("No way 🙄")
    'No way  face with rolling eyes '
    """
    return "".join(
        f" {unicodedata.name(c, '').lower()} " if unicodedata.category(c) == "So" else c
        for c in text
    )


def _pad(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return ids (batch, time), zero after each row's end, and the mask that is true before it."""
    lengths = torch.tensor([len(row) for row in rows])
    ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    return ids, torch.arange(ids.shape[1]) < lengths[:, None]


def _pool(
    state: Tensor, pooling: str, own: Mapping[str, Callable[[Tensor], Tensor]]
) -> NDArray[np.float32]:
    """Pool the hidden state (tokens, dim) of one text; `own` are poolings of the model."""
    if pooling in own:
        return np.array(own[pooling](state).numpy())
    pools: dict[str, Callable[[], Tensor]] = {
        "mean": lambda: state.mean(0),
        "max": lambda: state.amax(0),
        "cls": lambda: state[0],
        "mean+max": lambda: torch.cat([state.mean(0), state.amax(0)]),
        "statistics": lambda: torch.from_numpy(statistics(state.numpy())),
        "frames": lambda: state,
    }
    return np.array(pools[pooling]().numpy())
