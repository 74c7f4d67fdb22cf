"""Make clips for vowelprompt.sh: synthetic voices that say neutral sentences in seven manners.

    python -m examples.voice_clips FOLDER --speakers 8 --takes 2

Rate and pitch of espeak-ng go with the emotion, the words never do (see video_clips.py, whose
voices these are). They show that the way works, and say nothing about people.
"""

from __future__ import annotations

import argparse
import csv
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import soundfile

from examples.video_clips import MANNERS, SENTENCES, voice
from tests import synthetic_speech

SHOWN = (0.6, 1.0)  # how much of an emotion there is in a voice, at least and at most


def clips(folder: Path, takes: int, person: int) -> list[dict[str, str]]:
    """Write what a person says, and return a row for each clip."""
    rows = []
    for emotion in MANNERS:
        for take in range(takes):
            random = np.random.default_rng([person, take, list(MANNERS).index(emotion)])
            text = SENTENCES["neutral"][take % len(SENTENCES["neutral"])]
            samples = voice(person, emotion, float(random.uniform(*SHOWN)), text, random)
            name = f"v{person:02}-{emotion}-{take}.flac"
            soundfile.write(folder / name, samples, synthetic_speech.RATE_HZ)
            about = {"path": name, "speaker": f"v{person:02}", "emotion": emotion, "text": text}
            rows.append(about)
    return rows


def main() -> None:
    """Write clips and the table of what is said in them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--speakers", type=int, default=8)
    parser.add_argument("--takes", type=int, default=2)
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:  # a process for each core
        made = pool.map(partial(clips, chosen.output, chosen.takes), range(chosen.speakers))
        rows = [row for some in made for row in some]
    with open(chosen.output / "labels.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
