"""Whole records, with every field of the schema, as they come out of the stages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.commands import bundles as made_bundles
from tests.fuzz.base import Record, emocli, parsed
from tests.fuzz.examples import MARK
from tests.fuzz.values import copied, put
from tests.signals import edf_files

LABELS = ["neutral", "joy", "anger"]  # as of tests.commands.bundles


TEXTS = ("I am so happy", "leave me alone", "no way", "you are here")


def spoken() -> list[Record]:
    """Return records of four sounds by two speakers, with a text and people's labels."""
    names = ("clip", "second", "third", "fourth")
    return [
        {
            "id": f"r{i}",
            MARK: i,
            "path": f"base/{name}.wav",
            "start": 0.0,
            "end": 0.34,
            "speaker": f"s{i % 2}",
            "dialogue": "d1",
            "turn": i,
            "stimulus": f"film {i % 2}",
            "trial": f"t{i}",
            "context": [{"speaker": "s0", "text": "so"}],
            "dataset": "tiny",
            "split": "train",
            "language": "en",
            "text": TEXTS[i],
            "label": labels(i),
        }
        for i, name in enumerate(names)
    ]


def labels(i: int) -> Record:
    """Return a label with every field of one."""
    emotion, other = LABELS[i % 3], LABELS[(i + 1) % 3]
    votes = {emotion: 3, other: 1}
    return {
        "emotion": emotion,
        "original": emotion,
        "multi": [emotion, other],
        "causes": [{"turn": 0, "text": TEXTS[0]}, {"turn": i, "start": 0, "end": 1}],
        "votes": votes,
        "votes_by_modality": {"audio": votes},
        "distribution": {emotion: 0.75, other: 0.25},
        "blend": {emotion: 70.0, other: 30.0},
        "ratings": {"valence": [0.5, 0.25, i / 10], "arousal": [0.1, 0.2]},
        "valence": 0.5 - i / 5,
        "arousal": 0.1 * i,
        "dominance": 0.3,
        "sentiment": 1.0 - i,
        "polarity": "positive",
        "intent": "x",
    }


FUSED = "late-fusion"  # the model of the records; it takes vectors and sequences


def features() -> tuple[list[Record], list[Record]]:
    """Return the vectors and the sequences of four records, each with all streams."""
    random = np.random.default_rng(3)
    vectors, frames = made_bundles.VECTORS, made_bundles.FRAMES
    found: dict[str, list[Record]] = {vectors: [], frames: []}
    for pooling, records in found.items():
        for i in range(4):
            streams = {}
            for name, dim in made_bundles.DIMS.items():
                time = (int(random.integers(2, 9)),) if pooling == frames else ()
                streams[name] = made_bundles.feature(name, random.normal(size=(*time, dim)))
            records.append({"id": f"r{i}", "features": streams})
    return found[vectors], found[frames]


def full() -> dict[str, list[Record]]:
    """Return records as they come out of the stages, by what they are for."""
    media = [{k: r[k] for k in ("id", MARK, "path", "text")} for r in spoken()]
    vectors, frames = features()
    made = parsed(emocli("align", "--aligner", "nuclei", stdin=spoken()))
    made = parsed(emocli("prosody", stdin=parsed(emocli("extract-audio", stdin=made))))
    for record, vector, frame in zip(made, vectors, frames, strict=True):
        record["features"] = vector["features"]
        record["features"]["frames"] = frame["features"]["audio"]
        phone = {
            "phone": "aɪ",
            "start": 0.0,
            "end": 0.2,
            "word": "I",
            "is_vowel": True,
            "stress": 1,
        }
        record["phones"] = [
            phone,
            {**phone, "phone": "t", "start": 0.2, "end": 0.3, "original": "T"},
        ]
        record["words"] = [{"text": "I", "start": 0.0, "end": 0.3, "probability": 0.9}]
    made = parsed(emocli("fuse", "-m", "base/bundles/late-fusion", stdin=made))
    made = parsed(emocli("predict", "-m", "base/bundles/late-fusion", stdin=made))
    made = parsed(emocli("annotate", "-n", "2", stdin=made))
    for i, record in enumerate(made):
        emotion = record["prediction"]["emotion"]
        rest = {"multi": [emotion], "causes": [{"turn": 0, "text": "I"}], "valence": 0.1 * i}
        rest |= {"arousal": 0.2, "dominance": 0.1, "sentiment": 0.5, "blend": {emotion: 100.0}}
        record["prediction"] |= rest
        complete(record)
    for record, frame in zip(frames, spoken(), strict=True):
        record |= {MARK: frame[MARK], "speaker": frame["speaker"], "label": frame["label"]}
    recordings = {"eeg": recorded(), "films": filmed(), "video": seen()}
    return {"full": made, "media": media, "frames": frames, **recordings}


def recorded() -> list[Record]:
    """Return records of four trials of one recording of EEG, with band powers."""
    path = edf_files.noise(Path("base/eeg.edf"), 16)
    trials: list[Record] = [
        {
            **{"id": f"r{i}", MARK: i, "path": str(path), "start": 4.0 * i, "end": 4.0 * i + 4.0},
            **{"speaker": f"s{i % 2}", "stimulus": "film", "trial": f"t{i}", "label": labels(i)},
        }
        for i in range(4)
    ]
    measure = ("--modality", "eeg", "--encoder", "band-power", "--pooling", "mean")
    return parsed(emocli("encode", *measure, stdin=trials))


def filmed() -> list[Record]:
    """Return records of three parts of a film and of a picture."""
    parts = [("avi", 0.0, 0.3), ("avi", 0.2, 0.6), ("mkv", 0.1, 0.5), ("png", None, None)]
    return [
        {
            **{"id": f"r{i}", MARK: i, "path": f"base/film.{suffix}", "speaker": f"s{i % 2}"},
            **({"start": start, "end": end} if end else {}),
            "label": labels(i),
        }
        for i, (suffix, start, end) in enumerate(parts)
    ]


def seen() -> list[Record]:
    """Return the same records with their faces, and with what a network saw in them."""
    faces = parsed(emocli("extract-video", "--rate", "10", stdin=filmed()))
    encode = ("encode", "--modality", "video", "--encoder", "face-expression")
    return parsed(emocli(*encode, stdin=faces))


# Fields that say what was left out, and word numbers beside the words themselves.
LEFT_OUT = ("condition", "augmented", "warning", "normalized", "start", "end")


def complete(record: Record) -> None:
    """Add every field of the schema that no stage has written."""
    for path, sample in samples():
        if path[0] not in ("error", "missing", "features", "unimodal"):
            try:
                inside = record
                for key in path[:-1]:
                    inside = inside[key]
                absent = isinstance(inside, dict) and path[-1] not in inside
            except (KeyError, IndexError, TypeError):
                continue
            if absent and path[-1] not in LEFT_OUT:
                put(record, path, copied(sample))
    faces = record["video"]["faces"]  # what depends on each other
    seen = {"id": 1, "times": [0.1], "boxes": [[2.0, 3.0, 9.0, 9.0]], "scores": [0.9]}
    faces |= {"count": 1, "judged": [1], "tracks": [seen], "sizes": [[9, 9]]}


def samples() -> list[tuple[tuple[Any, ...], Any]]:
    """Return the path of every field of the schema, and a value of its type."""
    from emocli.records.schema import schema

    document = schema()
    return _fields(document, document["$defs"], (), 0)


DEEPEST = 6  # a prediction holds predictions


def _fields(
    kind: Record, kinds: Record, path: tuple[Any, ...], depth: int
) -> list[tuple[tuple[Any, ...], Any]]:
    found: list[tuple[tuple[Any, ...], Any]] = []
    for name, inner in kind.get("properties", {}).items():
        emotion = name in ("emotion", "label") and "$ref" not in inner
        found.append(((*path, name), LABELS[1] if emotion else sample(inner, kinds)))
        below = inner
        where: tuple[Any, ...] = (*path, name)
        while "$ref" not in below and {"items", "additionalProperties", "anyOf"} & set(below):
            if "items" in below:
                below, where = below["items"], (*where, 0)
            elif isinstance(below.get("additionalProperties"), dict):
                below, where = below["additionalProperties"], (*where, "audio")
            else:
                below = below["anyOf"][0]
        if "$ref" in below and depth < DEEPEST:
            found += _fields(kinds[below["$ref"].rpartition("/")[2]], kinds, where, depth + 1)
    return found


def sample(kind: Record, kinds: Record) -> Any:
    """Return a value that a type allows."""
    if "$ref" in kind:
        inner = kinds[kind["$ref"].rpartition("/")[2]]
        return {k: sample(v, kinds) for k, v in inner.get("properties", {}).items()}
    if "anyOf" in kind:
        return sample(kind["anyOf"][0], kinds)
    name = kind.get("type")
    name = name[0] if isinstance(name, list) else name
    if name == "array":
        return [sample(kind.get("items", {}), kinds)]
    if name == "object":
        return {"audio": sample(kind.get("additionalProperties") or {}, kinds)}
    return {"string": "x", "boolean": True, "integer": 1, "number": 0.5}.get(str(name))


def learnable(records: list[Record]) -> list[Record]:
    """Return records to train on: the four, three times, with vectors alone."""
    found = []
    for i in range(12):
        record = copied({k: v for k, v in records[i % 4].items() if k != "fused"})
        record["features"] = {k: record["features"][k] for k in ("audio", "text")}
        record |= {"id": f"t{i}", MARK: i, "speaker": f"s{i % 6}"}
        keep = ("id", MARK, "speaker", "dialogue", "features", "label", "split", "text")
        found.append({k: record[k] for k in keep})
    return found
