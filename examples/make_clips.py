"""Make examples/clips: synthetic speech, one clip per emotion, in the formats people have.

Needs espeak-ng (apt install espeak-ng); ffmpeg comes from the imageio-ffmpeg wheel. Every clip
says what it feels, and rate, pitch and loudness go with it. The voices are espeak-ng's, so this is
a demonstration that the pipe works, not a measure of how well it recognises people.

    python examples/make_clips.py
"""

from __future__ import annotations

import csv
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

import imageio_ffmpeg

CLIPS = Path(__file__).parent / "clips"
PLAIN = ["-bitexact", "-map_metadata", "-1", "-ar", "16000", "-ac", "1"]  # same bytes every time
PICTURE = ["-f", "lavfi", "-i", "testsrc=size=160x120:rate=10"]


class Clip(NamedTuple):
    """What is said, by which voice, and how (espeak-ng: words per minute, 0-99, 0-200)."""

    name: str
    voice: str
    rate: int
    pitch: int
    amplitude: int
    text: str


SPOKEN = [
    Clip("joy.wav", "en-us+f3", 185, 75, 150, "I got the job! I am so happy, this is wonderful!"),
    Clip("sadness.flac", "en-gb+m3", 120, 25, 60, "She is gone. I miss her, and I feel so sad."),
    Clip("anger.mp3", "en-us+m7", 205, 60, 200, "How dare you! I hate this, I am so furious!"),
    Clip("fear.opus", "en-gb+f2", 200, 85, 90, "I am scared. Please, I am terrified, do not go."),
    Clip("disgust.m4a", "en-us+m1", 140, 30, 110, "That is disgusting. It is gross and revolting."),
    Clip(
        "surprise.mp4",
        "en-gb+f4",
        190,
        90,
        140,
        "Oh my god, what a surprise! I did not expect that!",
    ),
    Clip("neutral.wav", "en-us+m3", 160, 45, 100, "The meeting is on Monday, in room two."),
]
NOTES = """\
I can't believe it, this is the best news I have had all year!
Leave me alone. I never want to see you again.
The train leaves at ten from platform four.
"""


def main() -> None:
    """Write the clips, what each says, two silent ones, a text and the labels."""
    CLIPS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for clip in SPOKEN:
            speech = Path(folder, "speech.wav")
            speak(clip, speech)
            encode(["-i", speech], CLIPS / clip.name)
            text = (CLIPS / clip.name).with_suffix(".txt")
            text.write_text(f"{clip.text}\n", encoding="utf-8")
    encode(["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "1"], CLIPS / "silence.wav")
    encode([*PICTURE, "-t", "2", "-pix_fmt", "yuv420p"], CLIPS / "silent.mp4")
    (CLIPS / "notes.txt").write_text(NOTES, encoding="utf-8")
    write_labels(CLIPS / "labels.csv")


def speak(clip: Clip, target: Path) -> None:
    """Let espeak-ng say the text of a clip."""
    voice = ["-v", clip.voice, "-s", clip.rate, "-p", clip.pitch, "-a", clip.amplitude]
    subprocess.run(["espeak-ng", *map(str, voice), "-w", target, clip.text], check=True)


def encode(source: list[str | Path], target: Path) -> None:
    """Write a file in the format of its suffix; a clip called .mp4 gets a moving picture."""
    has_speech = source[0] == "-i"
    picture = [*PICTURE, "-shortest", "-pix_fmt", "yuv420p"] if target.suffix == ".mp4" else []
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", *source]
    subprocess.run([*command, *(picture if has_speech else []), *PLAIN, target], check=True)


def write_labels(target: Path) -> None:
    """Write what each clip is meant to show; paths are from the table, ids from the checkout."""
    with target.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["id", "path", "speaker", "emotion"])
        for clip in SPOKEN:
            row = [f"examples/clips/{clip.name}", clip.name, clip.voice]
            rows.writerow([*row, clip.name.partition(".")[0]])


if __name__ == "__main__":
    main()
