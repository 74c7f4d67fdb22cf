"""The fits of eeg_models.py: trials of the simulation, parts by subject, models, probes."""

from __future__ import annotations

from collections.abc import Callable
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
Places = npt.NDArray[np.int64]

FOLDS = 5
DEV = 3  # subjects of the training part that stop the training early
SETTINGS: dict[str, Any] = {"batch_size": 64, "balanced": False, "modality_dropout": 0.0}
STAGE1: dict[str, Any] = {"epochs": 60, "patience": 12, "learning_rate": 5e-4}
EEGNET: dict[str, Any] = {"epochs": 15, "patience": 5, "learning_rate": 3e-3}
STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1)  # C of the logistic regression, chosen on the dev part


@dataclass(frozen=True)
class Trials:
    """All trials of a seed: entropy (trials, windows, dim), the file with their samples."""

    entropy: Array
    samples: Path
    emotions: Places
    subjects: Places


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


def relative(values: Array, subjects: Places) -> Array:
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

    train: Places
    dev: Places
    test: Places


def parts(subjects: Places, fold: int) -> Parts:
    """Return the parts of a fold: every fifth subject is tested, three others stop early."""
    others = [s for s in np.unique(subjects) if s % FOLDS != fold]
    held = [others[(fold + 5 * n) % len(others)] for n in range(DEV)]
    test, dev = subjects % FOLDS == fold, np.isin(subjects, held)
    return Parts(*(np.flatnonzero(part) for part in (~test & ~dev, dev, test)))


Vectors = Callable[[Places], npt.NDArray[Any]]  # of the places of trials
Result = tuple[npt.NDArray[Any], Vectors]  # log-probabilities of the test trials, and vectors


def by_regression(trials: Trials, part: Parts, values: Array, how: str) -> Result:
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
    trials: Trials, part: Parts, values: Array, config: dict[str, Any], seed: int
) -> Result:
    """Train E2-LLM's stage 1 on the windows of a trial."""

    def data(places: Places) -> Data:
        frames = torch.from_numpy(values[places])
        targets, people = (torch.from_numpy(v[places]) for v in (trials.emotions, trials.subjects))
        return Data({"eeg": frames}, {"eeg": torch.ones(frames.shape[:2]).bool()}, targets, people)

    torch.manual_seed(seed)
    sizes = {"dims": {"eeg": values.shape[2]}, "classes": len(EMOTIONS)}
    speakers = {"speakers": int(trials.subjects.max()) + 1}
    model = models.build("e2-stage1", sizes | speakers | config)
    settings = loop.Settings(**SETTINGS, **STAGE1, seed=seed)
    loop.fit(model, data(part.train), data(part.dev), settings, lambda _: None)

    def vectors(places: Places) -> npt.NDArray[Any]:
        with torch.inference_mode():
            found = data(places)
            return model.fuse(found.streams, found.masks).numpy()

    return loop.logits(model, data(part.test)).log_softmax(dim=1).numpy(), vectors


def by_eegnet(trials: Trials, part: Parts, is_relative: bool, seed: int) -> Result:
    """Train EEGNet on windows; a trial gets the mean log-probability of its windows."""
    whole = _windows(trials, is_relative)

    def data(places: Places) -> Filed:
        windows = (places[:, None] * WINDOWS + np.arange(WINDOWS)).ravel()
        return whole.part(torch.from_numpy(windows))

    torch.manual_seed(seed)
    model = models.build("eegnet", {"dims": {"eeg": len(CHANNELS)}, "classes": len(EMOTIONS)})
    settings = loop.Settings(**SETTINGS, **EEGNET, seed=seed)
    loop.fit(model, data(part.train), data(part.dev), settings, lambda _: None)

    def vectors(places: Places) -> npt.NDArray[Any]:
        batch = data(places)
        with torch.inference_mode():
            rows = torch.split(torch.arange(len(batch)), loop.READ)
            found = [model.fuse(b.streams, b.masks) for b in map(batch.rows, rows)]
        return torch.cat(found).reshape(len(places), WINDOWS, -1).mean(dim=1).numpy()

    logs = loop.logits(model, data(part.test)).log_softmax(dim=1)
    return logs.reshape(-1, WINDOWS, len(EMOTIONS)).mean(dim=1).numpy(), vectors


def _windows(trials: Trials, is_relative: bool) -> Filed:
    """Return all windows (samples, channels), relative: each subject's channels have SD 1."""
    samples = np.load(trials.samples, mmap_mode="r")
    people = np.unique(trials.subjects)
    scales = np.ones((len(people), len(CHANNELS)), np.float32)
    if is_relative:
        scales = np.stack([_sd(samples[trials.subjects == person]) for person in people])

    def window(address: str) -> Array:
        trial, place = divmod(int(address), WINDOWS)
        found: Array = samples[trial, place] / scales[trials.subjects[trial]]
        return found

    frames = Frames(len(CHANNELS), window)
    for place in range(len(trials.emotions) * WINDOWS):
        frames.add(str(place))
    targets = torch.from_numpy(trials.emotions).repeat_interleave(WINDOWS)
    return Filed({"eeg": frames}, targets, torch.arange(len(targets)))


def _sd(values: npt.NDArray[Any]) -> Array:
    found: Array = values.astype(np.float32).std(axis=(0, 1, 2))
    return found


def probes(vectors: npt.NDArray[Any], subjects: Places) -> dict[str, float]:
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
