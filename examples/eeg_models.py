"""Models of EEG on the simulation of eeg_simulation.py, subjects held out.

    python examples/eeg_models.py [--seeds 3] [--jobs 2] [--rows stage1] [--output runs.jsonl]

Writes a Markdown table: accuracy on subjects that no model has seen (chance is 14.3 %), mean and SD
over seeds, five folds of subjects each; and what a linear and an MLP probe read of the subject from
the vector in front of the last layer, on other trials of the training subjects. A seed makes the
recordings, the models and the order of training. Features are differential entropy of windows of
4 s, with or without z-scores by subject (without labels). EEGNet reads the samples, and its answer
for a trial is the mean log-probability of its windows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from eeg_simulation import CHANNELS, EMOTIONS, RATE_HZ, WINDOW_S, WINDOWS, Simulation

from emocli import models
from emocli.signals import eeg_bands
from emocli.training import loop
from emocli.training.data import Data, Filed, Frames

Array = npt.NDArray[np.float32]

FOLDS = 5
DEV = 3  # subjects of the training part that stop the training early
SETTINGS: dict[str, Any] = {"batch_size": 64, "balanced": False, "modality_dropout": 0.0}
STAGE1: dict[str, Any] = {"epochs": 60, "patience": 12, "learning_rate": 5e-4}
EEGNET: dict[str, Any] = {"epochs": 15, "patience": 5, "learning_rate": 3e-3}
PLAIN = {"contrast": 0.0, "adversary": 0.0}
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)  # C of the logistic regression, chosen on the dev part

# row -> how it is made, whether features are relative to the subject, settings of the model
ROWS: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "as recorded: logistic regression mean": ("mean", False, {}),
    "relative: logistic regression mean": ("mean", True, {}),
    "as recorded: logistic regression mean+SD+max": ("statistics", False, {}),
    "relative: logistic regression mean+SD+max": ("statistics", True, {}),
    "relative: eegnet": ("eegnet", True, {}),
    "as recorded: stage1": ("stage1", False, PLAIN),
    "as recorded: stage1 + contrast + adversary": ("stage1", False, {}),
    "relative: stage1": ("stage1", True, PLAIN),
    "relative: stage1 + contrast": ("stage1", True, {"adversary": 0.0}),
    "relative: stage1 + contrast + adversary": ("stage1", True, {}),
}


@dataclass(frozen=True)
class Trials:
    """All trials of a seed: entropy (trials, windows, dim), the file with their samples."""

    entropy: Array
    samples: Path
    emotions: npt.NDArray[np.int64]
    subjects: npt.NDArray[np.int64]


def made(seed: int, folder: Path) -> Trials:
    """Return the trials of a seed, from the folder if they are there."""
    path, samples = folder / f"{seed}.npz", folder / f"{seed}.npy"
    if not path.exists():
        _make(seed, path, samples)
    stored = np.load(path)
    return Trials(stored["entropy"], samples, stored["emotions"], stored["subjects"])


def _make(seed: int, path: Path, samples: Path) -> None:
    simulation = Simulation(seed)
    emotions = np.concatenate([simulation.emotions(n) for n in range(simulation.subjects)])
    each = len(emotions) // simulation.subjects
    shape = (len(emotions), WINDOWS, WINDOW_S * RATE_HZ, len(CHANNELS))
    kept = np.lib.format.open_memmap(samples, "w+", np.float16, shape)
    entropy = np.empty((*shape[:2], len(CHANNELS) * len(eeg_bands.BANDS)), np.float32)
    for place in range(len(emotions)):
        trial = simulation.trial(place // each, place % each)
        windows = trial.reshape(len(CHANNELS), WINDOWS, -1).transpose(1, 0, 2)
        power = eeg_bands.band_power(windows, RATE_HZ)
        entropy[place] = eeg_bands.flattened(eeg_bands.differential_entropy(power))
        kept[place] = windows.transpose(0, 2, 1)
    subjects = np.repeat(np.arange(simulation.subjects), each)
    np.savez(path, entropy=entropy, emotions=emotions, subjects=subjects)


def relative(values: Array, subjects: npt.NDArray[np.int64]) -> Array:
    """Return frames (trials, windows, dim) as z-scores by subject."""
    found = np.empty_like(values)
    for subject in np.unique(subjects):
        own = values[subjects == subject]
        frames = own.reshape(-1, own.shape[2])
        found[subjects == subject] = (own - frames.mean(axis=0)) / frames.std(axis=0)
    return found


@dataclass(frozen=True)
class Parts:
    """Places of the trials to train on, to stop early, to test, for one fold of subjects."""

    train: npt.NDArray[np.int64]
    dev: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def parts(subjects: npt.NDArray[np.int64], fold: int) -> Parts:
    """Return the parts of a fold: every fifth subject is tested, three others stop early."""
    others = [s for s in np.unique(subjects) if s % FOLDS != fold]
    held = [others[(fold + 5 * n) % len(others)] for n in range(DEV)]
    test, dev = subjects % FOLDS == fold, np.isin(subjects, held)
    return Parts(*(np.flatnonzero(part) for part in (~test & ~dev, dev, test)))


Vectors = Callable[[npt.NDArray[np.int64]], npt.NDArray[Any]]  # of the places of trials
Result = tuple[npt.NDArray[Any], Vectors]  # log-probabilities of the test trials, and vectors


def by_regression(trials: Trials, values: Array, how: str, part: Parts, seed: int) -> Result:
    """Fit a logistic regression on statistics over the windows of a trial."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kinds = [values.mean(axis=1)]
    if how == "statistics":
        kinds += [values.std(axis=1), values.max(axis=1)]
    features = np.concatenate(kinds, axis=1)
    fitted = [
        make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=200)).fit(
            features[part.train], trials.emotions[part.train]
        )
        for c in STRENGTHS
    ]
    best = max(fitted, key=lambda m: m.score(features[part.dev], trials.emotions[part.dev]))
    return best.predict_log_proba(features[part.test]), lambda places: features[places]


def by_stage1(
    trials: Trials, values: Array, config: dict[str, Any], part: Parts, seed: int
) -> Result:
    """Train E2-LLM's stage 1 on the windows of a trial."""

    def data(places: npt.NDArray[np.int64]) -> Data:
        frames = torch.from_numpy(values[places])
        targets, people = (torch.from_numpy(v[places]) for v in (trials.emotions, trials.subjects))
        return Data({"eeg": frames}, {"eeg": torch.ones(frames.shape[:2]).bool()}, targets, people)

    torch.manual_seed(seed)
    sizes = {"dims": {"eeg": values.shape[2]}, "classes": len(EMOTIONS)}
    speakers = {"speakers": int(trials.subjects.max()) + 1}
    model = models.build("e2-stage1", sizes | speakers | config)
    settings = loop.Settings(**SETTINGS, **STAGE1, seed=seed)
    loop.fit(model, data(part.train), data(part.dev), settings, lambda _: None)

    def vectors(places: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        with torch.inference_mode():
            found = data(places)
            return model.fuse(found.streams, found.masks).numpy()

    return loop.logits(model, data(part.test)).log_softmax(dim=1).numpy(), vectors


def by_eegnet(trials: Trials, part: Parts, seed: int) -> Result:
    """Train EEGNet on windows whose channels have SD 1 for each subject."""
    samples = np.load(trials.samples, mmap_mode="r")
    scales = np.stack([_sd(samples[trials.subjects == s]) for s in np.unique(trials.subjects)])

    def window(address: str) -> Array:
        trial, place = divmod(int(address), WINDOWS)
        found: Array = samples[trial, place] / scales[trials.subjects[trial]]
        return found

    frames = Frames(len(CHANNELS), window)
    for place in range(len(trials.emotions) * WINDOWS):
        frames.add(str(place))
    targets = torch.from_numpy(trials.emotions).repeat_interleave(WINDOWS)
    whole = Filed({"eeg": frames}, targets, torch.arange(len(targets)))

    def data(places: npt.NDArray[np.int64]) -> Filed:
        windows = (places[:, None] * WINDOWS + np.arange(WINDOWS)).ravel()
        return whole.part(torch.from_numpy(windows))

    torch.manual_seed(seed)
    model = models.build("eegnet", {"dims": {"eeg": len(CHANNELS)}, "classes": len(EMOTIONS)})
    settings = loop.Settings(**SETTINGS, **EEGNET, seed=seed)
    loop.fit(model, data(part.train), data(part.dev), settings, lambda _: None)
    logs = loop.logits(model, data(part.test)).log_softmax(dim=1)

    def vectors(places: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        batch = data(places)
        with torch.inference_mode():
            rows = torch.split(torch.arange(len(batch)), loop.READ)
            found = [model.fuse(b.streams, b.masks) for b in map(batch.rows, rows)]
        return torch.cat(found).reshape(len(places), WINDOWS, -1).mean(dim=1).numpy()

    return logs.reshape(-1, WINDOWS, len(EMOTIONS)).mean(dim=1).numpy(), vectors


def _sd(values: npt.NDArray[Any]) -> Array:
    found: Array = values.astype(np.float32).std(axis=(0, 1, 2))
    return found


def probes(vectors: npt.NDArray[Any], subjects: npt.NDArray[np.int64]) -> dict[str, float]:
    """Return how often probes tell the subject of every second trial, taught by the others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    ways = {
        "linear": LogisticRegression(C=0.1, max_iter=200),
        "mlp": MLPClassifier((64,), alpha=0.1, max_iter=60, random_state=0),
    }
    known, asked = slice(0, None, 2), slice(1, None, 2)
    found = {}
    for name, way in ways.items():
        probe = make_pipeline(StandardScaler(), way).fit(vectors[known], subjects[known])
        found[name] = float(probe.score(vectors[asked], subjects[asked]))
    return found


def run(cell: tuple[str, int, int, Path]) -> dict[str, Any]:
    """Return one line: row, seed, fold, accuracy, probes, CPU seconds."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # of fits that end at their last iteration
    row, seed, fold, folder = cell
    how, is_relative, config = ROWS[row]
    before, trials = time.process_time(), made(seed, folder)
    part = parts(trials.subjects, fold)
    values = relative(trials.entropy, trials.subjects) if is_relative else trials.entropy
    if how == "eegnet":
        logs, vectors = by_eegnet(trials, part, seed)
    elif how == "stage1":
        logs, vectors = by_stage1(trials, values, config, part, seed)
    else:
        logs, vectors = by_regression(trials, values, how, part, seed)
    accuracy = float((logs.argmax(axis=1) == trials.emotions[part.test]).mean())
    told = probes(vectors(part.train), trials.subjects[part.train])
    seconds = time.process_time() - before
    about = {"row": row, "seed": seed, "fold": fold, "cpu_s": round(seconds, 1)}
    return about | {"accuracy": round(accuracy, 4)} | {k: round(v, 4) for k, v in told.items()}


def table(lines: list[dict[str, Any]]) -> str:
    """Return the table, in percent: accuracy with its SD over seeds, and the two probes."""
    cells: defaultdict[tuple[str, str], defaultdict[int, list[float]]]
    cells = defaultdict(lambda: defaultdict(list))
    columns = ("accuracy", "linear", "mlp")
    for line in lines:
        for column in columns:
            cells[line["row"], column][line["seed"]].append(100 * line[column])
    head = ["", "accuracy", "subject, linear probe", "subject, MLP probe", "fits"]
    rows = [head, ["---", *["--:"] * 4]]
    for row in dict.fromkeys(line["row"] for line in lines):
        fits = sum(line["row"] == row for line in lines)
        rows.append([row, *(_cell(cells[row, column]) for column in columns), str(fits)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _cell(by_seed: dict[int, list[float]]) -> str:
    means = [statistics.mean(values) for values in by_seed.values()]
    spread = f" ± {statistics.stdev(means):.1f}" if len(means) > 1 else ""
    return f"{statistics.mean(means):.1f}{spread}"


def main() -> None:
    """Run all cells and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folds", type=int, default=FOLDS, help="how many of the five")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", default="", help="which have one of these in it, commas between")
    parser.add_argument("--data", type=Path, help="keeps the recordings: 220 MB a seed")
    parser.add_argument("--output", type=Path, help="JSON Lines: a line per fit")
    chosen = parser.parse_args()
    rows = [row for row in ROWS if any(part in row for part in chosen.rows.split(","))]
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(chosen.jobs) as pool:
        place = chosen.data or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        list(pool.map(made, range(chosen.seeds), [place] * chosen.seeds))
        cells = [
            (row, seed, fold, place)
            for fold in range(chosen.folds)
            for seed in range(chosen.seeds)
            for row in rows
        ]
        lines = []
        for line in pool.map(run, cells):
            lines.append(line)
            if chosen.output:
                with open(chosen.output, "a", encoding="utf-8") as log:
                    log.write(json.dumps(line) + "\n")
            sys.stderr.write(f"\r{len(lines)} of {len(cells)} ")
    sys.stderr.write("\n")
    print(table(lines))


if __name__ == "__main__":
    main()
