"""CREMA-D: what people see and hear, told from what others heard and others saw.

Voice, face and both were judged by different people. Streams are the shares of six emotions among
those who heard the voice and among those who saw the face; what is predicted are the shares among
those who had both. Split by actor: 30 of 91 to test, 9 to stop on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emocli.datasets import crema_d
from examples import ambiguity_tables as tables
from examples.ambiguity_models import ARMS, Arm, fitted, predicted

EMOTIONS = tuple(crema_d.LETTERS.values())
KINDS = {"voice": "audio", "face": "video", "both": "audio-video"}
TEST, DEV = 30, 9  # actors
SMOOTHED = 0.5  # votes added to each emotion in the product: none is impossible

Floats = NDArray[np.float64]


def read(data: Path) -> tuple[dict[str, Floats], list[str]]:
    """Return counts of votes (clips, emotions) for voice, face and both, and actors."""
    records = list(crema_d.read(data / "crema_d_votes"))
    votes = {kind: np.stack([_counts(r, name) for r in records]) for kind, name in KINDS.items()}
    return votes, [record["speaker"] for record in records]


def _counts(record: dict[str, Any], kind: str) -> Floats:
    counts = record["label"]["votes_by_modality"][kind]
    return np.array([counts[emotion] for emotion in EMOTIONS], float)


def shares(votes: Floats) -> Floats:
    """Return counts as shares."""
    return votes / votes.sum(axis=1, keepdims=True)


def parts(actors: list[str]) -> tuple[Floats, Floats, Floats]:
    """Return which clips train, stop and test; no actor is in two of them."""
    names = np.random.default_rng(0).permutation(np.unique(actors))
    test, dev = max(1, len(names) * TEST // 91), max(1, len(names) * DEV // 91)
    where = {name: (i >= test) + (i >= test + dev) for i, name in enumerate(names)}
    place = np.array([where[actor] for actor in actors])
    return place == 2, place == 1, place == 0


def main(data: Path, quick: bool) -> None:
    """Print how far people agree, and how well the two tell what both would say."""
    votes, actors = read(data)
    print(f"## CREMA-D: {len(actors)} clips of {len(set(actors))} actors, agreement\n")
    rows = [[k, *map(tables.shown, tables.agreed(counts, actors))] for k, counts in votes.items()]
    print(tables.markdown(["", "Fleiss kappa", "entropy, bits"], rows))

    train, dev, test = parts(actors)
    streams = {kind: shares(votes[kind]) for kind in ("voice", "face")}
    at = [({n: v[rows] for n, v in streams.items()}, votes["both"][rows]) for rows in (train, dev)]
    held = {name: values[test] for name, values in streams.items()}
    answers = simple(held, votes, train, test)
    arms = {"votes, CE, linear": Arm({}, "linear"), **ARMS}
    for name, arm in arms.items():
        changes = {"epochs": 1} if quick else {}
        answers[name] = predicted(fitted(arm, *at, **changes), held)
    who = [actor for actor, there in zip(actors, test, strict=True) if there]
    print(f"## CREMA-D: both from voice and face, {len(who)} clips of {len(set(who))} new actors\n")
    print(tables.compared(shares(votes["both"][test]), answers, who, "votes, AmbER2"))


def simple(
    held: dict[str, Floats], votes: dict[str, Floats], train: Floats, test: Floats
) -> dict[str, Floats]:
    """Return answers that need no network."""
    mean = shares(votes["both"][train]).mean(axis=0)
    smooth = [shares(votes[kind][test] + SMOOTHED) for kind in ("voice", "face")]
    return {
        "mean of training": np.broadcast_to(mean, held["voice"].shape),
        "voice as it is": held["voice"],
        "face as it is": held["face"],
        "mean of the two": (held["voice"] + held["face"]) / 2,
        "product of the two, smoothed": shares(smooth[0] * smooth[1]),
    }
