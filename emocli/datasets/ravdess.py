"""RAVDESS: 24 actors say or sing two English sentences in eight emotions; audio and video.

Livingstone and Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS)",
PLoS ONE 13(5), 2018, https://doi.org/10.1371/journal.pone.0196391
Files: https://zenodo.org/record/1188976, CC BY-NC-SA 4.0 (non-commercial).

Expects files named by seven two-digit fields, in any folders, such as
`Actor_12/03-01-06-01-02-01-12.wav`: modality, vocal channel, emotion, intensity, statement,
repetition, actor. One file works too. The archives also hold `01-...` (audio and video) and
`02-...` (video only) versions of the same takes: they come as records of their own.

Cautions: two sentences in every emotion, so words say nothing about the emotion; acting is strong;
loudness carries the label (report a level-normalised run too); split by speaker.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

from emocli import datasets, records
from emocli.errors import MalformedError
from emocli.records import labels

EXPECTED = "a RAVDESS folder or file (names like 03-01-06-01-02-01-12.wav)"
NAME = re.compile(r"(0[123])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")

MODALITIES = {"01": "audio-video", "02": "video", "03": "audio"}
CHANNELS = {"01": "speech", "02": "song"}
EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
INTENSITIES = {"01": "normal", "02": "strong"}
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


def read(path: Path) -> Generator[dict[str, Any], None, list[str]]:
    """Yield a record per clip; a media file with another name raises MalformedError."""
    files, told = datasets.takes(datasets.media(path, EXPECTED))
    sung = 0
    for file in files:
        record = _record(file)
        sung += record["vocal_channel"] == "song"
        yield record
    if 0 < sung < len(files):
        told.append(f"{sung} of {len(files)} records are sung: vocal_channel is song there")
    takes = {file.stem[len("03") :] for file in files}
    return told + datasets.same_takes(len(files), takes, "modalities")


def _record(file: Path) -> dict[str, Any]:
    match = NAME.fullmatch(file.stem)
    if not match:
        raise MalformedError(f"{file}: not a RAVDESS name", hint=f"expected {EXPECTED}")
    modality, channel, emotion, intensity, statement, repetition, actor = match.groups()
    word = EMOTIONS[emotion]
    return {
        **records.of_path(str(file)),
        "dataset": "ravdess",
        "speaker": f"ravdess-{actor}",
        "gender": "male" if int(actor) % 2 else "female",
        "language": "en",
        "modality": MODALITIES[modality],
        "vocal_channel": CHANNELS[channel],
        "intensity": INTENSITIES[intensity],
        "statement": STATEMENTS[statement],
        "repetition": int(repetition),
        "label": {"emotion": labels.canonical(word), "original": word},
    }
