"""Train the text half of the default predictor on four kinds of text, chosen on what was left out.

    EMOCLI_DATA=... python examples/train_default_text.py OUT [BUNDLE]

reads $EMOCLI_DATA/goemotions, meld, isear and emocontext, and the pulled model all-minilm-l6-v2;
writes OUT/adapter.safetensors, OUT/head.safetensors (names as in `models.late_fusion.Head`) and
OUT/text.json. Seeded, but last digits differ between processors. Steps that OUT has are not done
again.

First the adapter learns GoEmotions, or is that of BUNDLE's text. Then, for each corpus, an adapter
goes on from there with the three others (without GoEmotions it begins with the encoder), and is
asked about the corpus that it never saw. What these say chooses the strength of the adapter, the
prior and the temperature (see default_text_travel.py). At last an adapter learns all four.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import default_text_corpora as corpora
import default_text_model as network
import default_text_travel as travel
import numpy as np
import torch
from default_text_model import Weights
from default_text_travel import Answered
from safetensors.torch import load_file, save_file

from emocli import hub
from emocli.bundles import bundle
from emocli.records.labels import EMOTIONS

ENCODER = "all-minilm-l6-v2"
BIG = "goemotions"  # whose shares are those of training, and which the adapter learns first
FIRST, LEFT_OUT, ALONE, ALL = 156_000, 6_000, 8_000, 18_000  # examples, drawn with repetition
LARGEST = 20_000  # examples of a corpus that are drawn from, after the first step
FIRST_RATE, RATE = 1e-3, 3e-4
FIRST_SHARE = 0.85  # of the first adapter is kept, as was chosen on GoEmotions
SHARES = (0.0, 0.5, 1.0)  # of the way from the first step to the last, to choose from
SHARE_OF_PRIOR = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the log shares in training, to choose from
HEAD_TENSORS = ("mean", "scale", "temperature", "log_prior", "output.weight", "output.bias")
CHOICE, TEST = 1500, 2500  # examples of a corpus, at most; the final figures are on all of test


class Work:
    """The folder with what is done, the encoder, and the corpora."""

    def __init__(self, out: Path, data: Mapping[str, corpora.Corpus]) -> None:
        self.out, self.data, self.folder = out, data, hub.resolve(ENCODER)
        out.mkdir(parents=True, exist_ok=True)

    def trained(self, name: str, names: list[str], total: int, **more: Any) -> Weights:
        """Return what was learned of some corpora, now or before."""
        place = self.out / f"{name}.safetensors"
        if not place.exists():
            sys.stderr.write(f"{name}: {total} examples of {', '.join(names)}\n")
            parts = {n: self.data[n].train[:LARGEST] for n in names}
            learned = network.train(self.folder, parts, total, **more)
            save_file({n: t.contiguous() for n, t in learned.items()}, place)
        return load_file(place)

    def answers(self, name: str, learned: Weights, corpus: str, part: str) -> Answered:
        """Return what weights say of a part of a corpus; `name` is theirs."""
        whole = self.data[corpus]
        records = whole.train[:CHOICE] if part == "choice" else whole.test[:TEST]
        place = self.out / f"{name}.{corpus}.{part}.npy"
        if not place.exists():
            np.save(place, self.evidence(learned, records, "bfloat16"))
        return travel.answered(corpus, records, np.load(place))

    def evidence(self, learned: Weights, records: list[Any], dtype: str) -> Any:
        """Return the evidence of texts (records, classes)."""
        texts = [record["text"] for record in records]
        vectors = network.vectors(self.folder, network.adapter_of(learned), texts, dtype)
        weight, bias = (learned[name] for name in network.HEAD)
        return (vectors @ weight.T + bias).numpy()


def first(work: Work, given: Path | None) -> Weights:
    """Return the weights that know GoEmotions, or those of a bundle's text."""
    if given is None:
        learned = work.trained("first", [BIG], FIRST, rate=FIRST_RATE, start=None)
        return network.shrunk(learned, FIRST_SHARE)
    known = bundle.read(given)
    head = {n: known.tensors[f"heads.text.{n}"] for n in HEAD_TENSORS}
    kelvin = head["temperature"]
    evidence = (head["output.weight"] / kelvin, head["output.bias"] / kelvin - head["log_prior"])
    return {**(known.adapter("text") or {}), **dict(zip(network.HEAD, evidence, strict=True))}


def left_out(work: Work, start: Weights, share: float, part: str) -> dict[str, Answered]:
    """Return what weights say of the corpus that they never saw, for each corpus.

    They went a share of the way from `start` to what the others teach. Without GoEmotions, which
    `start` knows, they began with the encoder.
    """
    found = {}
    for name in corpora.NAMES:
        others = [other for other in corpora.NAMES if other != name]
        label = f"without_{name}"
        if name == BIG:
            learned = work.trained(label, others, ALONE, rate=FIRST_RATE, start=None)
            found[name] = work.answers(label, learned, name, part)
            continue
        if share:
            then = work.trained(label, others, LEFT_OUT, rate=RATE, start=start)
            learned = network.mixed(start, then, share)
        else:
            learned = start
        found[name] = work.answers(f"{label}.{share}", learned, name, part)
    return found


def choose(work: Work, start: Weights, prior: Any) -> dict[str, Any]:
    """Return the shares of the way and of the prior of best macro-F1 on left-out train parts."""
    tried = []
    for share in SHARES:
        choice = left_out(work, start, share, "choice")
        for part in SHARE_OF_PRIOR:
            rows = travel.left_out(choice, choice, part * prior)
            row = {"share": share, "of_prior": part}
            row |= {name: travel.mean(rows, name) for name in ("macro_f1", "ece")}
            tried.append({**row, **{n: rows[n]["macro_f1"][0] for n in rows}})
            sys.stderr.write(f"{tried[-1]}\n")
    return {**max(tried, key=lambda row: row["macro_f1"]), "tried": tried}


def inside(work: Work, learned: Weights, kelvin: float, prior: Any) -> dict[str, Any]:
    """Return figures on test parts of corpora whose train parts were learned."""
    rows: dict[str, Any] = {}
    for name in corpora.NAMES:
        records = work.data[name].test
        found = travel.answered(name, records, work.evidence(learned, records, "float32"))
        np.save(work.out / f"all.{name}.npy", found.evidence)
        priors = {"uniform": 0.0, "half": prior / 2, "train": prior}
        rows[name] = {k: travel.figures(found, kelvin, v) for k, v in priors.items()}
    return rows


def finish(work: Work, start: Weights) -> None:
    """Choose, train on all, measure, write everything."""
    prior = travel.log_shares(work.data[BIG].train).numpy()
    chosen = choose(work, start, prior)
    share = chosen["share"]
    choice, test = (left_out(work, start, share, part) for part in ("choice", "test"))
    kelvin = travel.temperature(choice.values())
    then = work.trained("all", list(corpora.NAMES), ALL, rate=RATE, start=start)
    learned = network.mixed(start, then, share)
    priors = {"uniform": 0.0, "half": prior / 2, "train": prior}
    about = {
        **{"encoder": ENCODER, "layer": -1, "pooling": network.POOLING, "dim": network.DIM},
        "labels": EMOTIONS,
        "temperature": kelvin,
        "log_prior": prior.tolist(),
        "chosen": chosen,
        "left_out": {name: travel.left_out(choice, test, some) for name, some in priors.items()},
        "inside": inside(work, learned, kelvin, prior),
    }
    save_file(network.adapter_of(learned), work.out / "adapter.safetensors")
    save_file(head_tensors(learned, kelvin, prior), work.out / "head.safetensors")
    (work.out / "text.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def head_tensors(learned: Weights, kelvin: float, prior: Any) -> Weights:
    """Return `late_fusion.Head`'s tensors: evidence and log shares, over the temperature."""
    weight, bias = (learned[name] for name in network.HEAD)
    shares = torch.from_numpy(prior).float()
    values = (
        torch.zeros(network.DIM),
        torch.ones(network.DIM),
        torch.tensor(kelvin),
        shares,
        weight,
        bias + kelvin * shares,
    )
    return dict(zip(HEAD_TENSORS, values, strict=True))


if __name__ == "__main__":
    emocli_data = Path(os.environ["EMOCLI_DATA"])
    made = Work(Path(sys.argv[1]), {n: corpora.read(emocli_data, n) for n in corpora.NAMES})
    finish(made, first(made, Path(sys.argv[2]) if len(sys.argv) > 2 else None))
