"""Train the text half of the default predictor on four kinds of text, chosen on what was left out.

    EMOCLI_DATA=... python examples/train_default_text.py OUT [BUNDLE]

reads $EMOCLI_DATA/goemotions, meld, isear and emocontext, and the pulled model all-minilm-l6-v2;
writes OUT/adapter.safetensors, OUT/head.safetensors (names as in `models.late_fusion.Head`) and
OUT/text.json. Seeded, but last digits differ between processors. Steps that OUT has are not done
again.

First the adapter learns GoEmotions, or is that of BUNDLE's text. Then, for each corpus, an adapter
goes on from there with the three others (without GoEmotions it begins with the encoder), and is
asked about the corpus that it never saw. What these say chooses the strength of the adapter, the
prior and the temperature (see default_text_travel.py). At last an adapter learns all four. What
would bring GoEmotions dev below .60 is not chosen. The shipped head went on from the one shipped
before it, which had learned GoEmotions alone; without BUNDLE that step is made again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

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
FIRST, LEFT_OUT, ALONE, ALL = 156_000, 16_000, 24_000, 32_000  # examples, drawn with repetition
LARGEST = 20_000  # examples of a corpus that are drawn from, where one is left out
FIRST_RATE, RATE = 1e-3, 3e-4
FIRST_SHARE = 0.85  # of the first adapter is kept, as was chosen on GoEmotions
LEAST_INSIDE = 0.60  # macro-F1 on GoEmotions dev
PARTS_OF_PRIOR = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the log shares of GoEmotions, to choose from
HEAD_TENSORS = ("mean", "scale", "temperature", "log_prior", "output.weight", "output.bias")
CHOICE, TEST = 1000, 6000  # examples of a part of a corpus, at most


class Way(NamedTuple):
    """The share of the way from the first step to the last, and what is kept of the adapter."""

    share: float
    kept: float


class Tried(NamedTuple):
    """A way and a part of the prior, and what they give on left-out train parts."""

    way: Way
    of_prior: float
    means: dict[str, float]
    macro_f1: dict[str, float]


WAYS = [Way(share, kept) for share in (0.0, 0.5, 1.0) for kept in (0.6, 0.8, 1.0)]  # to choose from


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
            most = None if name in ("first", "all") else LARGEST
            parts = {n: self.data[n].train[:most] for n in names}
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


def left_out(work: Work, start: Weights, way: Way, part: str) -> dict[str, Answered]:
    """Return what weights say of the corpus that they never saw, for each corpus.

    They went a way from `start` to what the others teach. Without GoEmotions, which `start` knows,
    they began with the encoder.
    """
    found = {}
    for name in corpora.NAMES:
        others = [other for other in corpora.NAMES if other != name]
        label = f"without_{name}"
        if name == BIG:
            then = work.trained(label, others, ALONE, rate=FIRST_RATE, start=None)
            learned, told = then, f"{label}.{way.kept}"
        else:
            learned, told = start, f"{label}.{way.share}.{way.kept}"
            if way.share:
                then = work.trained(label, others, LEFT_OUT, rate=RATE, start=start)
                learned = network.mixed(start, then, way.share)
        found[name] = work.answers(told, network.shrunk(learned, way.kept), name, part)
    return found


def tried(work: Work, start: Weights, shares: Any) -> list[Tried]:
    """Return figures on train parts of left-out corpora, the best macro-F1 first."""
    found = []
    for way in WAYS:
        choice = left_out(work, start, way, "choice")
        for part in PARTS_OF_PRIOR:
            rows = travel.left_out(choice, choice, travel.part_of(shares, part))
            means = {name: travel.mean(rows, name) for name in ("macro_f1", "ece", "log_loss")}
            found.append(Tried(way, part, means, {n: rows[n]["macro_f1"][0] for n in rows}))
    return sorted(found, key=lambda row: -row.means["macro_f1"])


def told(row: Tried) -> dict[str, Any]:
    """Return what was tried as JSON has it."""
    return {**row._asdict(), "way": row.way._asdict()}


def learned_all(work: Work, start: Weights, way: Way) -> Weights:
    """Return the weights that went a way from `start` to what all corpora teach."""
    then = work.trained("all", list(corpora.NAMES), ALL, rate=RATE, start=start)
    return network.shrunk(network.mixed(start, then, way.share), way.kept)


def keeps(work: Work, start: Weights, row: Tried, shares: Any) -> bool:
    """Say whether GoEmotions dev keeps its macro-F1, as it has to."""
    way, prior = row.way, travel.part_of(shares, row.of_prior)
    name = f"all.{way.share}.{way.kept}"
    some = work.answers(name, learned_all(work, start, way), BIG, "test")
    value = travel.figures(some, 1.0, prior)["macro_f1"][0]
    sys.stderr.write(f"{way}, {row.of_prior} of the prior: {row.means}, {BIG} dev {value:.4f}\n")
    return bool(value >= LEAST_INSIDE)


def today(work: Work, start: Weights) -> dict[str, Any]:
    """Return figures of the recipe before: one corpus, its own shares, as they are.

    That is GoEmotions, and for GoEmotions MELD: the largest of the others with all labels.
    """
    test = left_out(work, start, Way(0.0, 1.0), "test")
    learned = work.trained("only_meld", ["meld"], ALONE, rate=FIRST_RATE, start=None)
    test[BIG] = work.answers("only_meld", network.shrunk(learned, FIRST_SHARE), BIG, "test")
    shares = {n: travel.log_shares(work.data["meld" if n == BIG else BIG].train) for n in test}
    return {n: travel.figures(some, 1.0, shares[n].numpy()) for n, some in test.items()}


def inside(work: Work, learned: Weights, kelvin: float, priors: Mapping[str, Any]) -> Any:
    """Return figures on test parts of corpora whose train parts were learned."""
    rows: dict[str, Any] = {}
    for name in corpora.NAMES:
        records = work.data[name].test
        found = travel.answered(name, records, work.evidence(learned, records, "float32"))
        rows[name] = {k: travel.figures(found, kelvin, v) for k, v in priors.items()}
    return rows


def finish(work: Work, start: Weights) -> None:
    """Choose, train on all, measure, write everything."""
    shares = travel.log_shares(work.data[BIG].train).numpy()
    rows = tried(work, start, shares)
    best = next(row for row in rows if keeps(work, start, row, shares))
    way, prior = best.way, travel.part_of(shares, best.of_prior)
    choice, test = (left_out(work, start, way, some) for some in ("choice", "test"))
    kelvin = travel.temperature(choice.values(), prior)
    learned = learned_all(work, start, way)
    priors = {"chosen": prior, "uniform": 0.0, "goemotions": shares}
    known = inside(work, learned, kelvin, priors)
    unknown = {name: travel.left_out(choice, test, some) for name, some in priors.items()}
    about = {
        **{"encoder": ENCODER, "layer": -1, "pooling": network.POOLING, "dim": network.DIM},
        **{"labels": EMOTIONS, "temperature": kelvin, "log_prior": prior.tolist()},
        "chosen": told(best),
        "tried": [told(row) for row in rows],
        "today_left_out": today(work, start),
        "left_out": unknown,
        "inside": known,
        "metrics": {  # what the card's table shows: MELD by a model that never saw it
            "goemotions_dev": known[BIG]["chosen"],
            "meld_dev": unknown["chosen"]["meld"],
        },
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
