"""CREMA-D: 91 actors say twelve sentences in six emotions, and 2,443 people's votes; audio, video.

Cao, Cooper, Keutmann, Gur, Nenkova and Verma, "CREMA-D: Crowd-sourced Emotional Multimodal Actors
Dataset", IEEE Transactions on Affective Computing 5(4), 2014,
https://doi.org/10.1109/TAFFC.2014.2336244
Files: https://github.com/CheyneyComputerScience/CREMA-D, Open Database License 1.0 (research or
not, with attribution, and databases made from it under the same licence).

Expects files with names such as `AudioWAV/1001_IEO_NEU_XX.wav` (actor, sentence, emotion, level),
in any folders, and with them, above them or in `processedResults/`, `tabulatedVotes.csv`, and
`VideoDemographics.csv` if you have them; one file works too. Without a media file there is a record
per clip of `tabulatedVotes.csv`, 7,442 in all. The repository holds each clip three times
(`AudioWAV`, `AudioMP3`, `VideoFlash`): where the films are there, they are read, or the sounds with
--media audio; of the two kinds of sound name the folder you want.

`label.emotion` is the emotion that the actor was asked to show. Listeners and viewers chose among
six emotions, without surprise: `label.votes` and `label.distribution` are the votes for the
modalities of the file, audio (voice) or audio and video; without a file, for audio and video.
`label.votes_by_modality` keeps all three: audio, video (the face without sound), audio-video.

Cautions: most listeners to the voice chose the acted emotion for 42 % of the clips only (face 66 %,
both 72 %), so say which of the two a figure is about; the same sentences in every emotion, so
words say nothing about it; split by speaker.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

from emocli import datasets, records
from emocli.errors import MalformedError
from emocli.io import tables
from emocli.records import labels

EXPECTED = "CREMA-D's clips (names like 1001_IEO_NEU_XX.wav) or its tabulatedVotes.csv"
VOTES, PEOPLE = "tabulatedVotes.csv", "VideoDemographics.csv"
# One published file has a single X.
NAME = re.compile(r"(1\d\d\d)_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(XX?|LO|MD|HI)")

EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
LEVELS = {"LO": "low", "MD": "medium", "HI": "high"}
MODALITIES = {"1": "audio", "2": "video", "3": "audio-video"}  # the first digit of a row's name
SENTENCES = {
    "DFA": "Don't forget a jacket",
    "IEO": "It's eleven o'clock",
    "IOM": "I'm on my way to the meeting",
    "ITH": "I think I have a doctor's appointment",
    "ITS": "I think I've seen this before",
    "IWL": "I would like a new alarm clock",
    "IWW": "I wonder what this is about",
    "MTI": "Maybe tomorrow it will be cold",
    "TAI": "The airplane is almost full",
    "TIE": "That is exactly what happened",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
LETTERS = {"N": "neutral", "H": "joy", "S": "sadness", "A": "anger", "F": "fear", "D": "disgust"}

Votes = dict[str, dict[str, dict[str, int]]]  # by clip and modality: emotion, count
People = dict[str, dict[str, Any]]  # by actor: gender, age


def read(path: Path, media: str = "video") -> Generator[dict[str, Any], None, list[str]]:
    """Yield a record per film, or sound; without media files, per clip that people voted on."""
    place = datasets.exists(path, EXPECTED)
    table = _beside(place, VOTES)
    votes = _votes(table) if table else {}
    people = _people(_beside(place, PEOPLE))
    if table and _is_all(place, table):
        for clip in votes:
            record = {"id": f"crema-d/{clip}"}
            yield record | _about(clip, "audio-video", votes, people)
        return []
    found, copies = datasets.takes(datasets.media(place, EXPECTED))
    files, others = datasets.one_each(found, key=_name, rank=datasets.one_kind(media))
    for file in files:
        modality = "audio-video" if datasets.is_film(file) else "audio"
        yield records.of_path(str(file)) | _about(str(file), modality, votes, people)
    names = {_name(file) for file in files}
    return copies + others + datasets.same_takes(len(files), names, "formats")


def _name(file: Path) -> str:
    """Return the name of a clip: one file has a single X where others have two."""
    return re.sub("_X$", "_XX", file.stem)


def _is_all(place: Path, table: Path) -> bool:
    """Return whether there is only the table of votes: no media file with it."""
    if place.is_file():
        return place.name == VOTES
    inside = table.absolute().is_relative_to(place.absolute())
    return inside and not any(f.suffix.lower() in datasets.MEDIA for f in place.rglob("*"))


def _beside(place: Path, name: str) -> Path | None:
    """Return a table in a folder or its processedResults, or in those of the two above it."""
    folder = place if place.is_dir() else place.parent
    for above in (folder, *list(folder.absolute().parents)[:2]):
        for file in (above / name, above / "processedResults" / name):
            if file.is_file():
                return file
    return None


def _votes(table: Path) -> Votes:
    votes: Votes = {}
    for where, row in tables.cells(table, ("", *LETTERS, "fileName")):
        modality = MODALITIES.get(row[""][:1])
        if modality is None or not all(row[letter].isdecimal() for letter in LETTERS):
            raise MalformedError(
                f"{where}: not counts of votes for voice (1), face (2) or both (3)"
            )
        counts = {emotion: int(row[letter]) for letter, emotion in LETTERS.items()}
        if not any(counts.values()):
            raise MalformedError(f"{where}: nobody voted on {row['fileName']}")
        if votes.setdefault(row["fileName"], {}).setdefault(modality, counts) is not counts:
            raise MalformedError(f"{where}: a second row of {modality} for {row['fileName']}")
    return votes


def _people(table: Path | None) -> People:
    people: People = {}
    for where, row in tables.cells(table, ("ActorID", "Age", "Sex")) if table else ():
        if not row["Age"].isdecimal():
            raise MalformedError(f"{where}: age is not a number: '{row['Age']}'")
        people[row["ActorID"]] = {"gender": row["Sex"].lower(), "age": int(row["Age"])}
    return people


def _about(name: str, modality: str, votes: Votes, people: People) -> dict[str, Any]:
    match = NAME.fullmatch(Path(name).stem)
    if not match or match[2] not in SENTENCES:
        raise MalformedError(f"{name}: not a CREMA-D name", hint=f"expected {EXPECTED}")
    actor, sentence, code, level = match.groups()
    word = EMOTIONS[code]
    clip = _name(Path(name))
    return {
        "dataset": "crema-d",
        "speaker": f"crema-d-{actor}",
        **people.get(actor, {}),
        "language": "en",
        "modality": modality,
        **({"intensity": LEVELS[level]} if level in LEVELS else {}),
        "sentence": sentence,
        "statement": SENTENCES[sentence],
        "label": {
            "emotion": labels.canonical(word),
            "original": word,
            **_opinions(votes.get(clip, {}), modality),
        },
    }


def _opinions(by: dict[str, dict[str, int]], modality: str) -> dict[str, Any]:
    opinions: dict[str, Any] = {}
    if counts := by.get(modality):
        total = sum(counts.values())
        opinions = {"votes": counts, "distribution": {e: n / total for e, n in counts.items()}}
    return opinions | ({"votes_by_modality": by} if by else {})
