"""Read blends from probabilities in three ways and compare: examples/blends.sh.

Writes two Markdown tables to stdout, figures in per cent with 95 % intervals, and a JSON line per
row to --output. First how far the published tuning of BLEMORE flatters, on simulated networks. Then
real sound, where $EMOCLI_DATA has some: BLEMORE's clips (blemore/), else mixtures of RAVDESS's
takes (ravdess/), which are a stand-in and no acting, see blend_clips.py.

On the sound: frames of Whisper tiny.en; BLEMORE's baseline (seven statistics, 512 units, KL) and
the windows of 16 frames; five folds of actors. A fold's network is trained on three folds, a
fourth is the inner part. Adam and weight decay as published; the rate is four times the published
one and the epochs a fourth of them (`--rate 5e-6 --epochs 200` is as published, `mlp` alone).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import blend_clips as clips
import blend_simulation as simulation
import numpy as np
import torch
from blend_ways import WAYS, cross_validated, measured
from torch import Tensor

from emocli import models
from emocli.encoders import pooling
from emocli.metrics import blend

BASELINE = {"hidden": 512, "activation": "relu", "dropout": 0.0}
MODELS: dict[str, tuple[dict[str, Any], float, int]] = {  # model -> config, rate, epochs
    "mlp": (BASELINE, 2e-5, 50),
    "windows": ({"hidden": 512}, 5e-4, 12),
}
WEIGHT_DECAY, BATCH, SEED = 1e-3, 32, 42  # as published
STREAM = "audio"
LOSS = torch.nn.KLDivLoss(reduction="batchmean")

Batch = tuple[dict[str, Tensor], dict[str, Tensor]]


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return KL(targets || softmax(logits)), the mean of a batch."""
    return LOSS(logits.log_softmax(1), targets)


def batch(inputs: list[Tensor], rows: np.ndarray) -> Batch:
    """Return streams and masks of some records: vectors (dim,), or frames (time, dim)."""
    values = [inputs[row] for row in rows]
    if values[0].ndim == 1:
        return {STREAM: torch.stack(values)}, {STREAM: torch.ones(len(rows), dtype=torch.bool)}
    lengths = torch.tensor([len(value) for value in values])
    padded = torch.nn.utils.rnn.pad_sequence(values, batch_first=True)
    return {STREAM: padded}, {STREAM: torch.arange(padded.shape[1]) < lengths[:, None]}


def trained(
    name: str, inputs: list[Tensor], targets: Tensor, rows: np.ndarray, how: argparse.Namespace
) -> Iterator[Any]:
    """Yield the model after each epoch of training on some records."""
    config, rate, epochs = MODELS[name]
    torch.manual_seed(SEED)
    model = models.build(name, {"dims": {STREAM: inputs[0].shape[-1]}, "classes": 6, **config})
    seen = torch.cat([inputs[row].reshape(-1, inputs[row].shape[-1]) for row in rows])
    standard = getattr(model, "inputs", model)
    standard.mean.copy_(seen.mean(0))
    standard.scale.copy_(seen.std(0).clamp_min(1e-6))
    optimiser = torch.optim.Adam(model.parameters(), lr=how.rate or rate, weight_decay=WEIGHT_DECAY)
    for _ in range(how.epochs or epochs):
        model.train()
        for order in torch.randperm(len(rows)).split(BATCH):
            streams, masks = batch(inputs, rows[order.numpy()])
            truth = targets[rows[order.numpy()]]
            optimiser.zero_grad()
            if hasattr(model, "objective"):
                error = model.objective(streams, masks, truth, loss)["task"]
            else:
                error = loss(model(streams, masks), truth)
            error.backward()
            optimiser.step()
        yield model.eval()


@torch.inference_mode()
def probabilities(model: Any, inputs: list[Tensor], rows: np.ndarray) -> np.ndarray:
    """Return what a model says of some records (records, 6), rows of like length together."""
    order = rows[np.argsort([len(inputs[row]) for row in rows], kind="stable")]
    parts = np.array_split(order, -(-len(order) // BATCH))
    logits = torch.cat([model(*batch(inputs, part)) for part in parts]).double()
    found = np.empty((len(inputs), 6))
    found[order] = logits.softmax(1).numpy()
    return found[rows]


def runs(
    name: str, inputs: list[Tensor], truth: np.ndarray, fold: np.ndarray, how: argparse.Namespace
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return each fold's probabilities (epochs, records, 6), and which its inner part is.

    Records that a network was trained on have none: NaN.
    """
    found, inner = [], []
    for number in range(clips.FOLDS):
        inner.append(fold == (number + 1) % clips.FOLDS)
        unseen = np.flatnonzero((fold == number) | inner[-1])
        rows = np.setdiff1d(np.arange(len(fold)), unseen)
        epochs = []
        for model in trained(name, inputs, torch.from_numpy(truth / 100).float(), rows, how):
            epochs.append(np.full((len(fold), 6), np.nan))
            epochs[-1][unseen] = probabilities(model, inputs, unseen)
            sys.stderr.write(f"\r{name}: fold {number + 1}, epoch {len(epochs)} ")
        found.append(np.stack(epochs))
    sys.stderr.write("\n")
    return found, inner


def floors(truth: np.ndarray, fold: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the answers that are always the same: the commonest of the other folds."""
    valid = blend.answers(6, clips.NEUTRAL)
    for name, emotions in (("always one emotion", 1), ("always one blend", 2)):
        among = valid[(valid > 0).sum(1) == emotions]
        same = (truth[:, None] == among).all(2)  # (records, answers)
        answer = np.zeros_like(truth)
        for held in np.unique(fold):
            answer[fold == held] = among[same[fold != held].sum(0).argmax()]
        yield name, answer


def sound_rows(found: list[clips.Clip], how: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield the rows of the second table: figures of each network and each way."""
    frames = clips.features(found, how.cache)
    truth = np.array([clip.saliences for clip in found])
    actors, fold = np.array([clip.actor for clip in found]), clips.folds(found)
    for name, answer in floors(truth, fold):
        yield {"row": name, **measured(truth, answer, actors)}
    inputs = {
        "mlp": [torch.from_numpy(pooling.statistics(part)) for part in frames],
        "windows": [torch.from_numpy(part) for part in frames],
    }
    for name in how.models.split(","):
        run, inner = runs(name, inputs[name], truth, fold, how)
        answers = {w: cross_validated(way, truth, fold, run, inner)[0] for w, way in WAYS.items()}
        honest = next(answers[w] for w, way in WAYS.items() if not way.own)
        for way, answer in answers.items():
            row = {"row": f"{name}, {way}", **measured(truth, answer, actors)}
            if answer is not honest:
                row["over_nested"] = measured(truth, answer, actors, honest)["blend_score"]
            yield row


def simulated_rows(sets: int) -> Iterator[dict[str, Any]]:
    """Yield the rows of the first table: one set with intervals over actors, then many sets."""
    one = simulation.one_set(0, simulation.EPOCHS)
    choices = {"thresholds": 1, "thresholds_and_epoch": simulation.EPOCHS}
    many = {what: simulation.flattery(sets, epochs) for what, epochs in choices.items()}
    for name, (truth, answer, actors, new, held, others) in one.items():
        row = {"row": name, **measured(truth, answer, actors)}
        row["test_score"] = measured(new, held, others)["blend_score"]
        for what, found in many.items():
            row[f"flattery_of_{what}"] = found[name][2:]
        yield row


def table(rows: list[dict[str, Any]]) -> str:
    """Return a Markdown table of per cents and their intervals."""
    columns = list(dict.fromkeys(key for row in rows for key in row if key != "row"))
    lines = [["", *(name.replace("_", " ") for name in columns)], ["---", *["--:"] * len(columns)]]
    for row in rows:
        lines.append([row["row"], *(_cell(row.get(name)) for name in columns)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(values: list[float] | None) -> str:
    if values is None:
        return ""
    middle, low, high = (100 * value for value in values)
    return f"{middle:.1f} [{low:.1f}, {high:.1f}]"


def sound(how: argparse.Namespace) -> tuple[str, list[clips.Clip]]:
    """Return what the second table is about, and its clips; none where there is no data."""
    data = Path(os.environ.get("EMOCLI_DATA", "/nowhere"))
    if (data / "blemore").is_dir():
        return "BLEMORE, voices alone", clips.of_blemore(data / "blemore")
    if (data / "ravdess").is_dir():
        name = "RAVDESS takes laid over each other (a stand-in: nobody acted these blends)"
        return name, clips.of_ravdess(data / "ravdess", how.actors)
    return "", []


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="seconds, to see that it runs")
    parser.add_argument("--sets", type=int, default=60, help="simulated sets")
    parser.add_argument("--actors", type=int, help="of the mixtures (default: all)")
    parser.add_argument("--models", default=",".join(MODELS), help="which, with commas between")
    parser.add_argument("--epochs", type=int, help="of every network")
    parser.add_argument("--rate", type=float, help="learning rate of every network")
    parser.add_argument("--cache", type=Path, default=Path("examples/out/blends"), metavar="DIR")
    parser.add_argument("--output", type=Path, help="JSON Lines: a line per row")
    how = parser.parse_args()
    if how.quick:
        how.sets, how.actors, how.epochs = 2, how.actors or 5, how.epochs or 2
    torch.set_num_threads(1)
    about = f"one simulated set of BLEMORE's size; flattery over {how.sets} sets"
    parts: list[tuple[str, Callable[[], Iterator[dict[str, Any]]]]] = [
        (about, lambda: simulated_rows(how.sets))
    ]
    name, found = sound(how)
    if found:
        actors = len({clip.actor for clip in found})
        about = f"{name}: {len(found)} clips of {actors} actors"
        parts.append((about, lambda: sound_rows(found, how)))
    else:
        sys.stderr.write("no sound: EMOCLI_DATA names no folder with blemore/ or ravdess/\n")
    lines = []
    for about, rows in parts:
        lines += (part := [{"table": about, **row} for row in rows()])
        print(f"{about}; per cent, 95 % over actors\n")
        print(table([{k: v for k, v in row.items() if k != "table"} for row in part]) + "\n")
    if how.output:
        how.output.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
