"""Make films of drawn people who speak: what they feel shows at times in face, voice and words.

A clip has a person, an emotion and a take. Its face (drawn_faces.py), its voice (espeak-ng: rate
and pitch) and its words show the emotion, each with a strength of its own, or are neutral: the face
in HIDDEN["face"] of the clips, and so on. So no modality can know it all, and together they know
more. Nothing of it is like people: the clips test that the way works.

    python examples/video_clips.py OUT [--speakers 8] [--takes 2] [--first 0]
    python examples/video_clips.py OUT --talk          one film: a person says several things, and
                                                       leaves the picture between them

writes films and labels.csv: path, speaker, emotion, text; of a talk also start and end. It is run
from the checkout's root, and needs `emocli[align]` for espeak-ng.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from emocli.signals import ffmpeg_process
from examples import drawn_faces
from examples.drawn_faces import Image
from tests import synthetic_speech

FRAME_RATE_HZ = 10
SIDE_PX = 32  # of wall on either side
ONSET_S = 0.4  # until an expression is there
AWAY_S = 1.5
HIDDEN = {"face": 0.3, "voice": 0.3, "words": 0.5}
VOICES = ("en-us", "en-us+m3", "en-us+f2", "en-us+m7", "en-us+f4", "en-us+m1", "en-us+f3")

# Words per minute and pitch (0 to 99) of espeak-ng.
MANNERS = {
    "neutral": (160, 50),
    "joy": (185, 75),
    "sadness": (115, 30),
    "anger": (205, 55),
    "fear": (195, 85),
    "disgust": (135, 20),
    "surprise": (165, 95),
}
SENTENCES = {
    "neutral": (
        "The meeting is on Monday, in room two.",
        "The train leaves at ten from platform four.",
        "There are two chairs beside the window.",
        "He put the letter on the table.",
        "The shop opens again at nine.",
        "We take the second street on the left.",
    ),
    "joy": ("I got the job, this is wonderful!", "What a lovely day, I am so happy!"),
    "sadness": ("She is gone, and I miss her so much.", "I have been crying all night."),
    "anger": ("How dare you, I am furious!", "Get out, I hate what you did!"),
    "fear": ("Please do not go, I am terrified.", "I am so scared of what is out there."),
    "disgust": ("That is revolting, take it away.", "This smells rotten, it makes me sick."),
    "surprise": ("Oh my god, I did not expect that!", "What, really? I cannot believe it!"),
}
TALK = ("joy", "sadness", "anger", "surprise")


class Said(NamedTuple):
    """Frames (frames, height, width, 3), samples (time,) at 16 kHz, and what is said."""

    frames: list[Image]
    samples: npt.NDArray[np.float32]
    text: str

    @property
    def seconds(self) -> float:
        """How long it takes."""
        return len(self.frames) / FRAME_RATE_HZ


def said(person: int, emotion: str, take: int) -> Said:
    """Return a person who says something."""
    random = np.random.default_rng([person, take, list(MANNERS).index(emotion)])
    shown = {name: strength(random, hidden) for name, hidden in HIDDEN.items()}
    bank = SENTENCES[emotion if shown["words"] else "neutral"]
    text = bank[int(random.integers(len(bank)))]
    samples = voice(person, emotion, shown["voice"], text, random)
    count = -(-len(samples) * FRAME_RATE_HZ // synthetic_speech.RATE_HZ)
    samples = np.pad(samples, (0, count * synthetic_speech.RATE_HZ // FRAME_RATE_HZ - len(samples)))
    loud = np.sqrt(np.square(samples.reshape(count, -1)).mean(axis=1))
    talk = np.minimum(loud / max(float(loud.max()), 1e-6), 1.0)
    return Said(list(frames(person, emotion, shown["face"], talk)), samples, text)


def strength(random: np.random.Generator, hidden: float) -> float:
    """Return how much of an emotion is shown: nothing, or half to all of it."""
    return 0.0 if random.random() < hidden else float(random.uniform(0.5, 1.0))


def voice(
    person: int, emotion: str, shown: float, text: str, random: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return a text as espeak-ng says it in the manner of an emotion."""
    rest = np.array(MANNERS["neutral"], float)
    rate, pitch = rest + shown * (MANNERS[emotion] - rest) + random.normal(0, (8, 4))
    name = VOICES[person % len(VOICES)]
    return synthetic_speech.say(text, name, round(rate), int(np.clip(pitch, 0, 99))).samples


def frames(
    person: int, emotion: str, shown: float, talk: npt.NDArray[np.float64]
) -> Iterator[Image]:
    """Yield pictures of a person whose mouth moves as the sound is loud, and who sways."""
    for number, opened in enumerate(talk):
        rise = 0.3 + 0.7 * min(number / FRAME_RATE_HZ / ONSET_S, 1.0)
        image = widened(drawn_faces.face(person, emotion, shown * rise, float(opened)))
        yield np.roll(image, round(5 * np.sin(number / 6 + person)), axis=1)


def widened(image: Image) -> Image:
    """Return a picture with wall on both sides."""
    return np.pad(image, ((0, 0), (SIDE_PX, SIDE_PX), (0, 0)), mode="edge")


def write(path: Path, parts: list[Said]) -> None:
    """Write a film with the ffmpeg that emocli uses."""
    pictures = np.stack([image for part in parts for image in part.frames])
    samples = np.concatenate([part.samples for part in parts])
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder, "sound.pcm")
        (samples.clip(-1, 1) * 32767).astype("<i2").tofile(sound)
        size = f"{pictures.shape[2]}x{pictures.shape[1]}"
        rate = str(synthetic_speech.RATE_HZ)
        command = [ffmpeg_process.binary(), "-nostdin", "-loglevel", "error", "-y"]
        command += ["-f", "s16le", "-ar", rate, "-ac", "1", "-i", str(sound)]
        command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size]
        command += ["-framerate", str(FRAME_RATE_HZ), "-i", "pipe:0"]
        command += ["-pix_fmt", "yuv420p", "-threads", "1", str(path)]
        subprocess.run(command, input=pictures.tobytes(), check=True)


def clips(folder: Path, takes: int, person: int) -> list[dict[str, Any]]:
    """Write a film of each emotion and take of a person, and return their rows."""
    rows = []
    for emotion in MANNERS:
        for take in range(takes):
            one, name = said(person, emotion, take), f"p{person:02}-{emotion}-{take}.mp4"
            write(folder / name, [one])
            row = {"path": name, "speaker": f"p{person:02}", "emotion": emotion, "text": one.text}
            rows.append(row)
    return rows


def talk(folder: Path, person: int) -> list[dict[str, Any]]:
    """Write one film of a person who says several things, and return their rows."""
    count = round(AWAY_S * FRAME_RATE_HZ)
    empty = widened(drawn_faces.wall().astype(np.uint8))
    silence = np.zeros(round(AWAY_S * synthetic_speech.RATE_HZ), np.float32)
    away = Said([empty] * count, silence, "")
    parts: list[Said] = []
    rows = []
    for take, emotion in enumerate(TALK):
        start = sum(part.seconds for part in parts)
        parts += [said(person, emotion, take), away]
        about = {"path": "talk.mp4", "speaker": f"p{person:02}", "emotion": emotion}
        times = {"start": round(start, 3), "end": round(start + parts[-2].seconds, 3)}
        rows.append(about | {"text": parts[-2].text} | times)
    write(folder / "talk.mp4", parts[:-1])
    return rows


def main() -> None:
    """Write films and the table of what is said in them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--speakers", type=int, default=8)
    parser.add_argument("--takes", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="number of the first person")
    parser.add_argument("--talk", action="store_true", help="one film of the first person")
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    if chosen.talk:
        rows = talk(chosen.output, chosen.first)
    else:
        people = range(chosen.first, chosen.first + chosen.speakers)
        with ProcessPoolExecutor() as pool:  # a process for each core
            made = pool.map(partial(clips, chosen.output, chosen.takes), people)
            rows = [row for some in made for row in some]
    with open(chosen.output / "labels.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
