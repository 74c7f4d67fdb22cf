"""Clips whose blends are known: BLEMORE's where they are, else mixtures of RAVDESS; their features.

A stand-in for acted blends: the sound of two takes of one actor and one sentence, one per emotion,
laid over each other at 50/50, 70/30 or 30/70 of the power. Nobody acted these; a network hears two
voices, and how loud each is. So that two voices alone do not give a blend away, a single emotion is
also a mixture, of two takes of that emotion. As in BLEMORE there are 54 clips per actor or so, six
emotions, ten pairs of the five that are not neutral, and 56 % blends.
"""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path

import numpy as np

from emocli import hub
from emocli.datasets import blemore, ravdess
from emocli.encoders import whisper
from emocli.metrics.blend import SPLITS
from emocli.signals import audio

EMOTIONS = list(blemore.EMOTIONS.values())  # neutral is the last
NEUTRAL = EMOTIONS.index("neutral")
ENCODER, LAYER = "whisper-tiny.en", 2
FOLDS = 5
BATCH = 16  # clips
FLOOR = 1e-4  # of the loudest frame's power: what is 40 dB below it at the ends is cut off
FRAME = 160  # samples, 10 ms


@dataclass(frozen=True)
class Clip:
    """What is heard: files and their shares of the power; what is in it, in per cent."""

    actor: str
    saliences: tuple[float, ...]  # per cent, in the order of EMOTIONS
    parts: tuple[tuple[str, float], ...]
    fold: int | None = None


def of_blemore(folder: Path) -> list[Clip]:
    """Return BLEMORE's training clips that are there, with the folds of its table."""
    return [
        Clip(
            record["speaker"],
            tuple(float(record["label"]["blend"].get(name, 0)) for name in EMOTIONS),
            ((record["path"], 1.0),),
            record.get("fold"),
        )
        for record in blemore.read(folder)
        if record["split"] == "train" and "path" in record
    ]


def of_ravdess(folder: Path, actors: int | None = None) -> list[Clip]:
    """Return the mixtures of the first `actors`: 24 of one emotion and 30 of two for each."""
    takes: dict[str, dict[tuple[str, ...], list[str]]] = defaultdict(lambda: defaultdict(list))
    for record in ravdess.read(folder):
        if record["label"]["original"] == "calm" or record["label"]["emotion"] not in EMOTIONS:
            continue
        key = (record["label"]["emotion"], record["statement"], record["intensity"])
        takes[record["speaker"]][key].append(record["path"])
    return [
        clip
        for number, actor in enumerate(sorted(takes)[:actors])
        for clip in _of_actor(actor, takes[actor], np.random.default_rng(number))
    ]


def _of_actor(
    actor: str, takes: dict[tuple[str, ...], list[str]], random: np.random.Generator
) -> list[Clip]:
    """Return one actor's mixtures; which sentence, take and strength it is, is drawn."""
    clips = []
    for key, paths in sorted(takes.items()):  # two takes of an emotion, a sentence, a strength
        copies = 2 if key[0] == "neutral" else 1  # neutral has one strength only
        for split in random.permutation(SPLITS)[:copies].tolist():
            clips.append(_mixture(actor, {key[0]: 100}, list(random.permutation(paths)), split))
    kinds = sorted({key[1:] for key in takes if key[0] != "neutral"})
    for pair in combinations([name for name in EMOTIONS if name != "neutral"], 2):
        for split in SPLITS:
            kind = kinds[random.integers(len(kinds))]
            paths = [str(random.choice(takes[name, *kind])) for name in pair]
            clips.append(_mixture(actor, dict(zip(pair, split, strict=True)), paths, split))
    return clips


def _mixture(actor: str, blend: dict[str, int], paths: list[str], split: Sequence[int]) -> Clip:
    saliences = tuple(float(blend.get(name, 0)) for name in EMOTIONS)
    shares = (share / 100 for share in split)
    return Clip(actor, saliences, tuple(zip(map(str, paths), shares, strict=True)))


def folds(clips: list[Clip]) -> np.ndarray:
    """Return each clip's fold: BLEMORE's own where all have one, else actors dealt out in turn."""
    given = [clip.fold for clip in clips]
    if None not in given:
        return np.array(given)
    place = {actor: n % FOLDS for n, actor in enumerate(sorted({clip.actor for clip in clips}))}
    return np.array([place[clip.actor] for clip in clips])


def trimmed(samples: np.ndarray) -> np.ndarray:
    """Cut what is quiet at the ends, to 10 ms."""
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    power = np.square(frames).mean(1)
    loud = np.flatnonzero(power > power.max() * FLOOR)
    return samples[loud[0] * FRAME : (loud[-1] + 1) * FRAME] if len(loud) else samples


def heard(clip: Clip, read: Callable[[str], np.ndarray]) -> np.ndarray:
    """Return the samples (time,) of a clip: its parts from their onsets on, at their shares."""
    if len(clip.parts) == 1:
        return whisper.normalise_level(read(clip.parts[0][0]))
    waves = [
        np.float32(share**0.5) * whisper.normalise_level(trimmed(read(path)))
        for path, share in clip.parts
    ]
    mixture = np.zeros(max(map(len, waves)), np.float32)
    for wave in waves:
        mixture[: len(wave)] += wave
    return whisper.normalise_level(mixture)


def features(clips: list[Clip], folder: Path) -> list[np.ndarray]:
    """Return the frames of each clip, [(time, dim)], 50 a second; kept in `folder`."""
    digest = hashlib.blake2b(repr((clips, ENCODER, LAYER)).encode(), digest_size=8).hexdigest()
    file = folder / f"{digest}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _save(file, _encoded(clips))
    stored = np.load(file)
    return np.split(stored["frames"].astype(np.float32), np.cumsum(stored["lengths"])[:-1])


def _encoded(clips: list[Clip]) -> list[np.ndarray]:
    model, frames = whisper.load(hub.resolve(ENCODER)), []
    read = lru_cache(maxsize=200)(lambda path: audio.read(path).samples)
    for start in range(0, len(clips), BATCH):
        waves = [heard(clip, read) for clip in clips[start : start + BATCH]]
        frames += whisper.encode(model, waves, layers=[LAYER], pooling="frames")
        sys.stderr.write(f"\rencoded {len(frames)} of {len(clips)} clips ")
    sys.stderr.write("\n")
    return frames


def _save(file: Path, frames: list[np.ndarray]) -> None:
    """Write frames in half precision, whole or not at all."""
    part = file.with_suffix(".part.npz")
    lengths = np.array([len(clip) for clip in frames])
    np.savez(part, frames=np.concatenate(frames).astype(np.float16), lengths=lengths)
    part.replace(file)
