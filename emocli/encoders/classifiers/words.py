"""Classify texts with any ...ForSequenceClassification of transformers.

Texts are cut into tokens as the checkpoint's own tokenizer does, in one batch of like lengths.
Networks in which padding may change an answer (convolutions, attention from left to right, a
summary at the end) get batches of one length: our choice, as a text alone and in a batch is to
have one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emocli.encoders import Encoded, Encoder, Settings, classifiers, pretrained, text_networks
from emocli.encoders.classifiers import loading
from emocli.encoders.transformer_text import LONE_SURROGATE
from emocli.encoders.transformers_import import imported
from emocli.errors import RecordError

# In which no token sees the padding behind the text.
PADDED = (
    "albert", "bert", "camembert", "deberta", "deberta-v2", "distilbert", "electra", "modernbert",
    "mpnet", "roberta", "xlm-roberta",
)  # fmt: skip
BUDGET = 16_384  # tokens in a forward pass: 32 texts of 512


def encoder(folder: Path, settings: Settings) -> Encoder:
    """Return the classifier of texts; RecordError for one without any token."""
    found = classifiers.about(folder)
    hugging = imported()
    options = {"trust_remote_code": False}
    load = hugging.AutoTokenizer.from_pretrained
    tokenizer = pretrained.tokenizer(load, folder, **options)
    model = loading.network(found, "AutoModelForSequenceClassification", settings)
    text_networks.require_rows(folder, tokenizer.vocab_size, text_networks.rows_of(model))
    limit = text_networks.limit_of(model.base_model, tokenizer.model_max_length)
    pads = _pads(model.config) and tokenizer.pad_token_id is not None

    def answer(rows: list[Any]) -> Tensor:
        batch = tokenizer.pad(rows, return_tensors="pt", padding_side="right")
        logits = model(**batch.to(settings.device)).logits
        return loading.answers(logits, found.problem)

    @torch.inference_mode()
    def run(texts: Sequence[str]) -> list[Encoded]:
        rows, warnings = _rows(tokenizer, texts, limit)
        lengths = [len(row["input_ids"]) for row in rows]
        batches = loading.by_length(lengths, BUDGET, alike=not pads)
        parts = loading.gathered(len(rows), batches, lambda some: answer([rows[i] for i in some]))
        done = (loading.together(part[None], found.problem) for part in parts)
        return [Encoded(e.values, told) for e, told in zip(done, warnings, strict=True)]

    return run


def _pads(config: Any) -> bool:
    """Say whether a network gives a padded text the answer that it gives the text alone."""
    convolves = getattr(config, "conv_kernel_size", 0)  # in some of deberta-v2
    return config.model_type in PADDED and not convolves


def _rows(
    tokenizer: Any, texts: Sequence[str], limit: int
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what the tokenizer makes of each text, and what is left out of long ones."""
    for text in texts:
        if surrogate := LONE_SURROGATE.search(text):
            raise RecordError("bad_text", f"{surrogate[0]!r} is a lone surrogate, not a character")
    whole = tokenizer(list(texts), truncation=False, verbose=False)
    rows, warnings = [], []
    for place, text in enumerate(texts):
        row = {key: values[place] for key, values in whole.items()}
        if not row["input_ids"]:
            raise RecordError("empty_text", f"nothing to encode in {text!r:.60}")
        over = len(row["input_ids"]) - limit
        if over > 0:
            row = dict(tokenizer(text, truncation=True, max_length=limit, verbose=False))
        rows.append(row)
        warnings.append(f"{over} tokens beyond the limit of {limit} left out" if over > 0 else "")
    return rows, warnings
