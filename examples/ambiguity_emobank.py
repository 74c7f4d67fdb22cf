"""EmoBank: how five readers spread over the five steps of valence, told from the sentence.

The sentence goes through MiniLM (all-minilm-l6-v2, mean over tokens), whose vectors are kept in
OUT/emobank.npz. Votes are the readers' ratings, 1 to 5. A tenth of the training sentences stops the
training; the corpus' dev split tests, and nothing was chosen on it. Nearly all its documents are in
train too: figures are for new sentences of known documents, and intervals are over documents.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.datasets import emobank
from examples import ambiguity_tables as tables
from examples.ambiguity_models import ARMS, Arm, fitted, predicted

ENCODER = "all-minilm-l6-v2"
STEPS = 5  # of valence, 1 to 5
STOPS = 10  # every how many-th training sentence stops the training
BATCH = 64  # sentences

Floats = NDArray[np.float64]
Record = dict[str, Any]


def read(data: Path) -> list[Record]:
    """Return the sentences that readers rated, of train and dev."""
    records = emobank.read(data / "emobank")
    return [r for r in records if "ratings" in r["label"] and r.get("split") in ("train", "dev")]


def votes(records: list[Record]) -> Floats:
    """Return how many readers gave each step of valence, (sentences, steps)."""
    counts = np.zeros((len(records), STEPS))
    for row, record in enumerate(records):
        for rating in record["label"]["ratings"]["valence"]:
            counts[row, round(rating) - 1] += 1
    return counts


def vectors(records: list[Record], kept: Path) -> Floats:
    """Return a vector of each sentence, from the file `kept` if it has them."""
    ids = np.array([record["id"] for record in records])
    if kept.exists():
        with np.load(kept) as found:
            if np.array_equal(found["ids"], ids):
                return found["vectors"]
    from emocli import hub
    from emocli.encoders import transformer_text

    model = transformer_text.load(hub.resolve(ENCODER))
    order = sorted(range(len(records)), key=lambda row: len(records[row]["text"]))
    found = np.zeros((len(records), model.dim), np.float32)
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        found[rows] = transformer_text.encode(model, [records[row]["text"] for row in rows])
        print(f"\rsentences encoded: {start + len(rows)} ", end="", file=sys.stderr)
    print(file=sys.stderr)
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez(kept, ids=ids, vectors=found)
    return found


def main(data: Path, out: Path, quick: bool) -> None:
    """Print how far people agree, and how well the text tells their ratings."""
    records = read(data)
    text, counts = vectors(records, out / "emobank.npz"), votes(records)
    documents = [record["document"] for record in records]
    kappa, entropy = tables.agreed(counts, documents)
    print(f"## EmoBank: {len(records)} sentences of {len(set(documents))} documents, readers\n")
    row = ["valence, 5 steps", tables.shown(kappa), tables.shown(entropy)]
    print(tables.markdown(["", "Fleiss kappa", "entropy, bits"], [row]))

    test = np.array([record["split"] == "dev" for record in records])
    stops = ~test & (np.cumsum(~test) % STOPS == 0)
    train = ~test & ~stops
    at = [({"text": text[rows]}, counts[rows]) for rows in (train, stops)]
    truth = counts[test] / counts[test].sum(axis=1, keepdims=True)
    floor = (counts[train] / counts[train].sum(axis=1, keepdims=True)).mean(axis=0)
    answers = {"mean of training": np.broadcast_to(floor, truth.shape)}
    linear = {
        "majority label, CE, linear": Arm({}, "linear", majority=True),
        "votes, CE, linear": Arm({}, "linear"),
        "votes, JS, linear": Arm({}, "linear", loss="js"),
    }
    for name, arm in {**linear, **ARMS}.items():
        changes = {"epochs": 1} if quick else {}
        answers[name] = predicted(fitted(arm, *at, **changes), {"text": text[test]})
    where = [name for name, there in zip(documents, test, strict=True) if there]
    print(f"## EmoBank: {len(where)} dev sentences, intervals over {len(set(where))} documents\n")
    print(tables.compared(truth, answers, where, "votes, AmbER2"))
