"""Train the text branch of the conversation baseline on MELD or on ECF, never on both.

    EMOCLI_DATA=... python examples/train_conversations.py meld|ecf OUT

reads $EMOCLI_DATA/meld or /ecf and the pulled model all-minilm-l6-v2; writes the bundle OUT, which
`emocli predict --model OUT` uses, and its figures into the card. About 12 minutes on one free core.

Yeste and Rivas-Arevalo 2026, https://arxiv.org/abs/2602.00914: a transformer text classifier for
each utterance. Ours is MiniLM with low-rank adapters; it reads "speaker: text" after the three
turns before it. MELD is measured on its dev dialogues. Of ECF a tenth of the conversations, by a
hash of their number, is held out, and every training utterance whose text stands there as well is
left out, as target and as context. The two are never mixed: they share utterances. The last of
three epochs is taken, whatever it gives: what is measured on chose nothing but the three, on MELD.
"""

import hashlib
import math
import os
import re
import sys
from pathlib import Path

import numpy as np
import torch
import train_default_text as recipe
from torch import Tensor, nn
from train_default_fusion import adapter_name

from emocli import datasets, hub, models
from emocli.bundles import bundle
from emocli.encoders import transformer_text
from emocli.io import conversation
from emocli.records.labels import EMOTIONS

TURNS = 3  # before an utterance
EPOCHS, RATE = 3, 1e-3
HELD_OUT = 26  # of the 256 values of a byte of the hash
SEPARATOR = " [SEP] "


def key(record: dict) -> str:
    """Return what two utterances have in common that say the same: their words, or their marks."""
    text = record["text"].casefold()
    return " ".join(re.findall(r"[^\W_]+", text)) or " ".join(text.split())


def split(name: str, data: Path) -> tuple[list[dict], list[dict]]:
    """Return the utterances to train on and those held out, each with its context."""
    records = list(datasets.load(name).read(data / name))
    if name == "meld":
        held = [record["split"] == "dev" for record in records]
        kept = [record["split"] == "train" for record in records]
    else:
        held = [hashlib.sha256(r["dialogue"].encode()).digest()[0] < HELD_OUT for r in records]
        told = {key(r) for r, is_held in zip(records, held, strict=True) if is_held}
        kept = [not h and key(r) not in told for r, h in zip(records, held, strict=True)]
    return tuple(
        with_turns([r for r, wanted in zip(records, part, strict=True) if wanted])
        for part in (kept, held)
    )


def with_turns(records: list[dict]) -> list[dict]:
    """Return the records with the text that is encoded: the turns before each, and its own."""
    found = [r for _, r in conversation.with_context(((b"", r) for r in records), TURNS)]
    texts = [SEPARATOR.join(conversation.spoken(record, TURNS)) for record in found]
    return [record | {"text": text} for record, text in zip(found, texts, strict=True)]


def train(folder: Path, records: list[dict]) -> tuple[dict[str, Tensor], nn.Linear]:
    """Return the adapter, in half precision, and the head after EPOCHS over `records`."""
    torch.manual_seed(0)
    random, encoder = np.random.default_rng(0), transformer_text.load(folder)
    ids = [transformer_text.tokens(encoder, record["text"], None) for record in records]
    ids = [row if len(row) <= encoder.limit else row[:1] + row[1 - encoder.limit :] for row in ids]
    truth = torch.tensor([EMOTIONS.index(record["label"]["emotion"]) for record in records])
    wanted = nn.functional.one_hot(truth, len(EMOTIONS)).float()
    model, head = recipe.adapted_encoder(folder), nn.Linear(recipe.DIM, len(EMOTIONS))
    adapter = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW([*adapter.values(), *head.parameters()], RATE, weight_decay=0.01)
    steps = EPOCHS * math.ceil(len(records) / recipe.BATCH)
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=steps, pct_start=recipe.WARM, anneal_strategy="linear"
    )
    for epoch in range(EPOCHS):
        losses = []
        for rows, batch in recipe.batches(ids, ids, random):
            loss = recipe.loss_of(model, head, batch, wanted[rows])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(adapter.values(), 1.0)
            optimiser.step()
            rates.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {np.mean(losses):.4f}", file=sys.stderr)
    return {name: p.detach().half() for name, p in adapter.items()}, head.requires_grad_(False)


def card(name: str, figures: dict, count: int) -> str:
    """Return the card: what was measured, on what."""
    rows = "\n".join(
        "| {} | {:.3f} [{:.3f}, {:.3f}] |".format(metric, *figures[metric])
        for metric in ("weighted_f1", "macro_f1", "uar", "accuracy", "ece")
    )
    return (
        f"# Emotions in conversations, from text: {name}\n\nall-MiniLM-L6-v2 with low-rank"
        f" adapters; each utterance after the {TURNS} before it. Trained on {count} utterances.\n\n"
        f"Held out: {figures['records']} utterances; 95 % intervals over conversations.\n\n"
        f"| metric | value |\n| --- | --- |\n{rows}\n\nTelevision dialogue: research use.\n"
    )


def main(name: str, out: Path, data: Path) -> None:
    """Train, measure, write the bundle."""
    fitting, held = split(name, data)
    folder = hub.resolve(recipe.ENCODER)
    adapter, head = train(folder, fitting)
    logits, truth = recipe.predict(adapter, folder, head, held)
    figures = recipe.figures(held, logits, truth)
    model = models.build("linear", {"dims": {"text": recipe.DIM}, "classes": len(EMOTIONS)})
    model.output.load_state_dict(head.state_dict())
    stream = {"modality": "text", "encoder": recipe.ENCODER, "revision": None, "layer": -1}
    stream |= {"pooling": recipe.POOLING, "dim": recipe.DIM, "context": TURNS}
    contents = {
        "name": f"conversations-{name}",
        "architecture": "linear",
        "config": {"dims": {"text": recipe.DIM}, "classes": len(EMOTIONS)},
        "labels": list(EMOTIONS),
        "streams": {"text": stream | {"adapter": adapter_name(adapter)}},
        "calibration": {"temperature": 1.0},
        "training": {"data": name, "records": len(fitting), "epochs": EPOCHS, "seed": 0},
        "metrics": figures,
    }
    bundle.save(out, model, contents, card(name, figures, len(fitting)), text=adapter)
    sys.stderr.write(card(name, figures, len(fitting)))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(os.environ["EMOCLI_DATA"]))
