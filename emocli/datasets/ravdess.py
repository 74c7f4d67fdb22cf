"""RAVDESS: 24 actors say or sing two English sentences in eight emotions; audio and video.

Livingstone and Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS)",
PLoS ONE 13(5), 2018, https://doi.org/10.1371/journal.pone.0196391
Files: https://zenodo.org/record/1188976, CC BY-NC-SA 4.0 (non-commercial).

Expects files named by seven two-digit fields, in any folders, such as
`Actor_12/03-01-06-01-02-01-12.wav`: modality, vocal channel, emotion, intensity, statement,
repetition, actor. One file works too. A take comes in up to three files: `01-...` (audio and
video), `02-...` (video without sound) and `03-...` (audio). It is one record, of the first of these
that is there; --media audio takes `03-...` first, then `01-...`.

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
FIRST = {"video": ("01", "02", "03"), "audio": ("03", "01", "02")}  # of the files of a take
STATEMENTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}


def read(path: Path, media: str = "video") -> Generator[dict[str, Any], None, list[str]]:
    """Yield a record per take; a media file with another name raises MalformedError."""
    found, copies = datasets.takes(datasets.media(path, EXPECTED))
    codes = FIRST[media]
    files, others = datasets.one_each(
        found,
        key=lambda file: file.stem[len("03") :],
        rank=lambda file: codes.index(file.stem[:2]) if file.stem[:2] in codes else 0,
    )
    told = copies + others
    sung = 0
    for file in files:
        record = _record(file)
        sung += record["vocal_channel"] == "song"
        yield record
    if 0 < sung < len(files):
        told.append(f"{sung} of {len(files)} records are sung: vocal_channel is song there")
    return told


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
