"""predict with a published classifier of text on 2,000 lines against transformers' pipeline.

The classifier is a DistilBERT of half the usual width with random weights; the pipeline has the
best of some batch sizes. Both are loaded before, and their answers are compared.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from emocli.bundles import checkpoint
from emocli.encoders.transformers_import import imported
from emocli.pipeline.context import Context
from emocli.stages import predict

LINES = 2000
BATCHES = (8, 32, 64)
RUNS = 3
BAR = 1.0
WORDS = 4000  # of the vocabulary
LONGEST = 40  # words of a line; most have fewer, as lines of talk do
NAMES = ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")
TOLERANCE = 1e-5


def run() -> list[dict[str, Any]]:
    """Return one row: seconds of 2,000 lines."""
    hugging = imported()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder)
        texts = lines()
        trained = checkpoint.opened(str(folder))
        work = predict.stage(Context(device="cpu"), trained)

        def ours() -> list[Any]:
            return list(work(iter([{"id": str(i), "text": t} for i, t in enumerate(texts)])))

        pipe = hugging.pipeline("text-classification", model=place, device="cpu")

        def theirs(size: int) -> list[Any]:
            return list(pipe(texts, batch_size=size, top_k=len(NAMES)))

        list(work(iter([{"id": "0", "text": texts[0]}])))  # loads
        best = min(BATCHES, key=lambda size: _seconds(lambda: theirs(size)))
        pairs = [(_seconds(ours), _seconds(lambda: theirs(best))) for _ in range(RUNS)]
        value, peer = (statistics.median(column) for column in zip(*pairs, strict=True))
        apart = _apart(ours(), theirs(best))
    ratio = peer / value
    return [
        {
            "name": f"predict -m CHECKPOINT, {LINES} lines",
            "value": value,
            "unit": "s",
            "peer": f"transformers.pipeline, batches of {best} (within {apart:.0e})",
            "peer_value": peer,
            "ratio": ratio,
            "bar": BAR,
            "ok": ratio >= BAR and apart < TOLERANCE,
        }
    ]


def write(folder: Path) -> None:
    """Write the classifier and a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    hugging = imported()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    ids = {word: number for number, word in enumerate([*special, *(f"w{n}" for n in range(WORDS))])}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=ends
    )
    named = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    hugging.PreTrainedTokenizerFast(
        tokenizer_object=made, model_max_length=512, **named
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = hugging.DistilBertConfig(
        vocab_size=len(ids), dim=384, n_heads=6, n_layers=6, hidden_dim=1536,
        id2label=dict(enumerate(NAMES)), label2id={n: i for i, n in enumerate(NAMES)},
    )  # fmt: skip
    hugging.DistilBertForSequenceClassification(config).save_pretrained(folder)


def lines() -> list[str]:
    """Return lines of words, most of them short."""
    draws = random.Random(0)
    lengths = [min(LONGEST, 1 + int(draws.expovariate(1 / 11))) for _ in range(LINES)]
    return [" ".join(f"w{draws.randrange(WORDS)}" for _ in range(n)) for n in lengths]


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _apart(ours: list[Any], theirs: list[Any]) -> float:
    """Return the largest difference between two probabilities."""
    said = [{row["label"]: row["score"] for row in rows} for rows in theirs]
    found = np.array([[r["prediction"]["probabilities"][n] for n in NAMES] for r in ours])
    return float(np.abs(found - np.array([[row[n] for n in NAMES] for row in said])).max())
