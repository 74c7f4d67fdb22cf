"""How often nobody is heard where somebody speaks, and somebody where nobody does.

Use: EMOCLI_DATA=folder python examples/no_speech.py
Reads the clips below EMOCLI_DATA/{ravdess,emodb,nemo} and the films in EMOCLI_DATA/media, makes the
sounds of unspoken.py, and prints two tables and every wrong clip. The bounds of
emocli.signals.speech_presence were chosen on these clips and on seeds 0 to 2 of these sounds; the
table has seeds 10 to 12.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from unspoken import RATE_HZ, SOUNDS, made

from emocli.signals import audio, speech_presence

CORPORA = ("ravdess", "emodb", "nemo")
FILMS = ("face_noface.mov", "no_face.mp4", "single_face.mp4", "small.mp4")  # in which nobody speaks
SEEDS = range(10, 13)


def markdown(rows: list[list[str]]) -> str:
    """Return a table whose first row is its head."""
    head, *rest = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "| " + " | ".join(["---"] * len(rows[0])) + " |", *rest])


def spoken(samples: np.ndarray) -> bool:
    """Return whether somebody is heard."""
    return speech_presence.enough(speech_presence.seconds(samples), len(samples) / RATE_HZ)


def wrong_clips(folder: Path) -> tuple[int, list[str]]:
    """Return the number of clips in a folder, and those in which nobody is heard."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix in (".flac", ".wav"))
    return len(paths), [p.name for p in paths if not spoken(audio.read(str(p)).samples)]


def rows_of_sounds(media: Path, wrong: list[str]) -> Iterator[list[str]]:
    """Yield a row for each kind of sound; add the sounds in which somebody is heard."""
    heard = [name for name in FILMS if spoken(audio.read(str(media / name)).samples)]
    wrong += heard
    yield ["film without speech", ", ".join(FILMS), str(len(FILMS)), str(len(heard))]
    for kind, makers in SOUNDS.items():
        heard = [(title, spoken(samples)) for title, samples in made(kind, SEEDS)]
        wrong += [title for title, found in heard if found]
        count = sum(found for _, found in heard)
        yield [kind, ", ".join(makers), str(len(heard)), f"{count} ({count / len(heard):.1%})"]


def main() -> None:
    """Print the tables."""
    data = Path(os.environ.get("EMOCLI_DATA") or sys.exit(__doc__))
    rows, wrong = [["clips that speak", "clips", "nobody heard"]], list[str]()
    for corpus in CORPORA:
        count, missed = wrong_clips(data / corpus)
        wrong += missed
        rows.append([corpus, str(count), f"{len(missed)} ({len(missed) / max(1, count):.2%})"])
    print(markdown(rows))
    print()
    head = ["sounds that nobody makes", "which", "sounds", "somebody heard"]
    print(markdown([head, *rows_of_sounds(data / "media", wrong)]))
    print("\nwrong:", *wrong, sep="\n  ")


if __name__ == "__main__":
    main()
