"""Small copies of audio-visual corpora whose clips are films: drawn faces, and tones for voices."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path

import numpy as np

from tests.datasets.conftest import BLEMORE_HEADER, MELD_HEADER
from tests.encoders import tiny_faces
from tests.signals import films
from tests.signals.media import ffmpeg

RATE_HZ = 4  # frames of a film
SECONDS = 1.0
SOUND_HZ = 16_000
SPLITS = {"train": 4, "dev": 2, "test": 2}  # dialogues of MELD's
CLIPS = {
    "train": "train_splits",
    "dev": "dev_splits_complete",
    "test": "output_repeated_splits_test",
}
EMOTIONS = {"joy": "So glad!", "sadness": "She is gone.", "neutral": "It is at four."}
ACTORS = 5  # of BLEMORE's, one a fold
KINDS = {  # what each of them shows: the rest of a row of the table
    "ang_int1_ver1": "0,ang,1,1.0,,,,",
    "hap_int2_ver1": "0,hap,1,2.0,,,,",
    "mix_ang_hap_70_30_ver1": "1,ang,1,,,hap,70.0,30.0",
}


def clip(path: Path, mood: int) -> None:
    """Write a film of a face and a tone: the mouth is wider and the tone higher with the mood."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_film(path.suffix, mood))


@functools.cache
def _film(suffix: str, mood: int) -> bytes:
    time = np.arange(int(SOUND_HZ * SECONDS)) / SOUND_HZ
    sound = sum(np.sin(2 * np.pi * (120 + 60 * mood) * k * time) / k for k in range(1, 12))
    across = 0.5 + 0.02 * np.arange(int(RATE_HZ * SECONDS))  # the face moves
    faces = [tiny_faces.draw((96, 128), ((x, 0.5, 0.35),), smile=mood / 2) for x in across]
    with tempfile.TemporaryDirectory() as folder:
        plain, film = Path(folder, "a.mkv"), Path(folder, f"b{suffix}")
        films.of_pictures(plain, np.stack(faces), RATE_HZ, sound=sound * 8000)
        ffmpeg("-i", plain, "-c:v", "mpeg4", "-q:v", "2", "-c:a", "aac", film)
        return film.read_bytes()


def meld(folder: Path) -> Path:
    """MELD's tables and clips, of which one is not there and one is cut off."""
    number = 0
    for split, dialogues in SPLITS.items():
        rows = MELD_HEADER
        for dialogue in range(dialogues):
            for turn, (emotion, text) in enumerate(EMOTIONS.items()):
                number += 1
                rows += f"{number},{text},Joey,{emotion},neutral,{dialogue},{turn},1,1,,\n"
                clip(folder / CLIPS[split] / f"dia{dialogue}_utt{turn}.mp4", turn)
        (folder / f"{split}_sent_emo.csv").write_text(rows)
    (folder / CLIPS["train"] / "dia0_utt0.mp4").unlink()
    cut = folder / CLIPS["train"] / "dia1_utt0.mp4"
    cut.write_bytes(cut.read_bytes()[:500])
    return folder


def blemore(folder: Path) -> Path:
    """BLEMORE's table, clips of five actors, and two of the test set."""
    rows = BLEMORE_HEADER
    for actor in range(ACTORS):
        for mood, (kind, row) in enumerate(KINDS.items()):
            name = f"A{actor + 101}_{kind}"
            rows += f"{name},A{actor + 101},female,{row},{actor}\n"
            clip(folder / f"train/{name}.mov", mood)
    (folder / "train_metadata.csv").write_text(rows)
    for number in (1, 2):
        clip(folder / f"test/test_{number:04}.mov", number)
    return folder


def networks(models: Path) -> None:
    """Write networks of faces with random weights where the real ones would be.

    That detector finds dozens of faces in any picture.
    """
    for kind in tiny_faces.NETWORKS:
        folder = models / f"face-{kind}"
        tiny_faces.write(folder, kind)
        manifest = {"name": folder.name, "source": "npm:tiny@0", "files": {}}
        (folder / "manifest.json").write_text(json.dumps(manifest))
