"""BLEMORE: 58 actors show six emotions alone and ten blends of two; audio and video.

Lachmann, Israelsson, Tornberg, Saghinadze, Balazia, Müller and Laukka, "Not all Blends are Equal:
The BLEMORE Dataset of Blended Emotion Expressions with Relative Salience Annotations", 2026,
https://arxiv.org/abs/2601.13225
Files: https://zenodo.org/records/17787362 (terms there; research use), code:
https://github.com/BlEmoRe/blemore-common

Expects `train_metadata.csv` and clips in any folders with it or below, named
`A102_ang_int1_ver1` (actor, emotion, intensity 1 to 4, version), `A102_neu_sit2_ver1` (situation 1
to 4) or `A411_mix_ang_hap_30_70_ver1` (two emotions and their saliences in per cent). Either
works without the other, and a clip that is there as sound, too, is read as a film (unless --media
is audio); the table adds `gender` and `fold` (0 to 4, no actor in two). A clip
`test_0001.mov` of the test set has `split` test and no label.

`label.blend` is the saliences in per cent, 100 for one emotion; `label.distribution` the same as
shares over all six. `label.emotion` is the emotion of the larger salience, of 50/50 the one listed
first; `label.multi` has both of a blend in that order.

Cautions: clips with neutral are never blends; the voices say no words; a published figure on a
validation fold chose its thresholds, and its epoch, on that fold: choose on other actors.

`submission` turns predictions for the test clips into the file that the challenge expects;
examples/blemore_submission.py writes it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable
from pathlib import Path

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables
from emocli.records import Record

EXPECTED = "BLEMORE's train_metadata.csv, or its clips (names like A102_ang_int1_ver1.mov)"
TABLE = "train_metadata.csv"
COLUMNS = (
    "filename", "gender", "mix", "emotion_1", "emotion_2",
    "emotion_1_salience", "emotion_2_salience", "fold",
)  # fmt: skip

# The published order of every vector: neutral is the last.
EMOTIONS = {
    "ang": "anger",
    "disg": "disgust",
    "fea": "fear",
    "hap": "joy",
    "sad": "sadness",
    "neu": "neutral",
}
_SINGLE = "(?:(?P<single>ang|disg|fea|hap|sad)_int(?P<intensity>[1-4])|neu_sit(?P<situation>[1-4]))"
_BLEND = "mix_(?P<a>ang|disg|fea|hap|sad)_(?P<b>ang|disg|fea|hap|sad)_(?P<split>50_50|70_30|30_70)"
NAME = re.compile(rf"(?P<actor>A\d+)_(?:{_SINGLE}|{_BLEND})_ver(?P<version>\d+)")
TEST = re.compile(r"test_\d+")
TEST_CLIPS = 594


def read(path: Path, media: str = "video") -> Generator[Record, None, list[str]]:
    """Yield a record per row of the table, then one per clip that is not in it."""
    place = datasets.exists(path, EXPECTED)
    if place.is_file() and place.suffix.lower() != ".csv":
        yield _record(place.stem, place, {})
        return []
    table = place if place.is_file() else place / TABLE
    folder = place.parent if place.is_file() else place
    found, others = datasets.one_each(
        _clips(folder), key=lambda file: file.stem, rank=datasets.one_kind(media)
    )
    files, copies = datasets.takes(found, key=lambda file: file.stem)
    clips = {file.stem: file for file in files}
    if not clips and not table.exists():
        raise EmptyInputError(f"{path}: neither a table nor a clip", hint=f"expected {EXPECTED}")
    for where, row in tables.cells(table, COLUMNS) if table.exists() else ():
        name = row["filename"].partition(".")[0]
        yield _record(name, clips.pop(name, None), row, f"{where}: ")
    for name, file in clips.items():
        yield _record(name, file, {})
    return others + copies


def _clips(folder: Path) -> list[Path]:
    try:
        return list(datasets.media(folder, EXPECTED))
    except EmptyInputError:
        return []


def _record(name: str, file: Path | None, row: dict[str, str], where: str = "") -> Record:
    record: Record = {"id": f"blemore/{name}"} if file is None else records.of_path(str(file))
    sound = file is not None and not datasets.is_film(file)
    record |= {"dataset": "blemore", "modality": "audio" if sound else "audio-video"}
    if TEST.fullmatch(name) and not row:
        return record | {"split": "test"}
    match = NAME.fullmatch(name)
    if not match or (match["a"] and match["a"] == match["b"]):
        raise MalformedError(
            f"{where}{file or name}: not a BLEMORE name", hint=f"expected {EXPECTED}"
        )
    blend = _blend(match)
    if row:
        _check(row, blend, where)
    numbers = {key: match[key] for key in ("intensity", "situation", "version")}
    return {
        **record,
        "split": "train",
        "speaker": f"blemore-{match['actor']}",
        **({"gender": row["gender"].lower()} if row.get("gender") else {}),
        **({"fold": _whole(row["fold"], "fold", where)} if row.get("fold") else {}),
        **{key: int(value) for key, value in numbers.items() if value},
        "label": _label(blend),
    }


def _blend(match: re.Match[str]) -> dict[str, int]:
    """Return the saliences in per cent by the words of the source, in its order."""
    if not match["split"]:
        return {match["single"] or "neu": 100}
    first, second = (int(part) for part in match["split"].split("_"))
    return {match["a"]: first, match["b"]: second}


def _label(blend: dict[str, int]) -> Record:
    words = sorted(blend, key=lambda word: -blend[word])  # stable: of equal ones the first listed
    label: Record = {"emotion": EMOTIONS[words[0]], "original": words[0]}
    if len(words) > 1:
        label |= {"multi": [EMOTIONS[word] for word in words], "multi_original": words}
    shares = {emotion: blend.get(word, 0) / 100 for word, emotion in EMOTIONS.items()}
    saliences = {EMOTIONS[word]: salience for word, salience in blend.items()}
    return label | {"distribution": shares, "blend": saliences}


def _check(row: dict[str, str], blend: dict[str, int], where: str) -> None:
    """Raise MalformedError if the table contradicts the name of the clip."""
    listed = {row["emotion_1"]: 100}
    if _whole(row["mix"], "mix", where):
        pairs = ((row[f"emotion_{i}"], f"emotion_{i}_salience") for i in (1, 2))
        listed = {word: _whole(row[column], column, where) for word, column in pairs}
    if listed != blend:
        raise MalformedError(f"{where}the table has {listed}, the name of the clip {blend}")


def _whole(cell: str, column: str, where: str) -> int:
    try:
        return tables.whole(cell)
    except ValueError:
        raise MalformedError(f"{where}{column} is not a whole number: '{cell}'") from None


def submission(predicted: Iterable[Record]) -> Record:
    """Return the challenge's {"predictions": {"test_0001.mov": [{"emotion", "salience"}, ...]}}.

    `predicted` are records of the test clips, in any order, with `prediction.blend` in per cent.
    Raises MalformedError for a record of another clip, for a duplicate clip, for a missing
    prediction, and for an invalid one: more than two emotions, neutral in a blend, saliences that
    are not whole per cents of 100.
    """
    answers: dict[str, list[Record]] = {}
    for record in predicted:
        name = records.name_of(record)
        clip = Path(str(record.get("path") or name).partition("#")[0]).stem
        if not TEST.fullmatch(clip):
            raise MalformedError(f"{name}: not a test clip", hint="they are named test_0001.mov")
        if f"{clip}.mov" in answers:
            raise MalformedError(f"{name}: test clip {clip} occurs twice")
        answers[f"{clip}.mov"] = _answer(record, name)
    return {"predictions": dict(sorted(answers.items()))}


def _answer(record: Record, name: str) -> list[Record]:
    """Return a record's emotions, the larger salience first, by the words of the source."""
    blend = (record.get("prediction") or {}).get("blend")
    if not blend:
        reason = (record.get("error") or {}).get("message", "emocli predict writes it, for a blend")
        raise MalformedError(f"{name}: no prediction.blend ({reason})")
    words = {emotion: word for word, emotion in EMOTIONS.items()}
    saliences = {emotion: salience for emotion, salience in blend.items() if salience != 0}
    if (
        not set(saliences) <= set(words)
        or len(saliences) > 2
        or (len(saliences) == 2 and "neutral" in saliences)
        or not all(salience in range(1, 101) for salience in saliences.values())
        or sum(saliences.values()) != 100
    ):
        hint = "one of the six emotions, or two but neutral, in whole per cents of 100"
        raise MalformedError(f"{name}: not an answer: {blend}", hint=hint)
    ordered = sorted(saliences.items(), key=lambda item: -item[1])
    return [{"emotion": words[emotion], "salience": int(salience)} for emotion, salience in ordered]
