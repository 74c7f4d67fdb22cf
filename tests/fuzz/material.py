"""The whole records, models, corpora and files that are mutated: `-m tests.fuzz.material WORLD`.

Most of it is the output of the real stages, over sounds of a third of a second.
"""

from __future__ import annotations

import io
import json
import os
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.fuzz.examples import MARK
from tests.fuzz.values import copied, put

Record = dict[str, Any]
RATE_HZ = 16_000
LABELS = ["neutral", "joy", "anger"]  # as of tests.commands.bundles
SUFFIXES = ("wav", "flac", "ogg", "aiff", "mp3")  # which soundfile writes
OTHERS = ("m4a", "mkv")  # which ffmpeg does


class Base:
    """The folder `base` of a world, once it is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def records(self) -> dict[str, list[Record]]:
        """Whole records by what they are for."""
        return json.loads((self.folder / "records.json").read_bytes())

    def files(self, name: str) -> dict[str, bytes]:
        """Return the files below a folder, named from there."""
        root = self.folder / name
        paths = sorted(p for p in root.rglob("*") if p.is_file())
        return {str(p.relative_to(root)): p.read_bytes() for p in paths}


def emocli(*argv: str, stdin: list[Record] | bytes = b"", status: int = 0) -> bytes:
    """Run a command of emocli; return its stdout."""
    from emocli.cli import main

    if not isinstance(stdin, bytes):
        stdin = b"".join(json.dumps(record).encode() + b"\n" for record in stdin)
    stdout, stderr = io.BytesIO(), io.StringIO()
    got = main.run(list(argv), io.BytesIO(stdin), stdout, stderr)
    if got != status:
        raise RuntimeError(f"{argv}: status {got}\n{stderr.getvalue()}{stdout.getvalue()[:2000]!r}")
    return stdout.getvalue()


def parsed(lines: bytes) -> list[Record]:
    """Return records."""
    return [json.loads(line) for line in lines.splitlines()]


def sounds(base: Path) -> None:
    """Write sounds of every kind, and what is none."""
    import subprocess

    import imageio_ffmpeg
    import numpy as np
    import soundfile

    time = np.arange(int(0.35 * RATE_HZ)) / RATE_HZ
    for i, name in enumerate(("clip", "second", "third", "fourth")):
        wave = sum(np.sin(2 * np.pi * (120 + 25 * i) * k * time) / k for k in range(1, 16))
        soundfile.write(base / f"{name}.wav", (0.1 * wave).astype("f4"), RATE_HZ)
        for suffix in SUFFIXES[1:] if name == "clip" else ():
            soundfile.write(base / f"clip.{suffix}", (0.1 * wave).astype("f4"), RATE_HZ)
    for suffix in OTHERS:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", base / "clip.wav"]
        subprocess.run([*command, base / f"clip.{suffix}"], check=True)
    whole = (base / "clip.wav").read_bytes()
    (base / "cut.wav").write_bytes(whole[:1000])
    (base / "empty.wav").write_bytes(b"")
    os.mkfifo(base / "fifo")


TEXTS = ("I am so happy", "leave me alone", "no way", "you are here")


def spoken(base: str = "base") -> list[Record]:
    """Return records of four sounds by two speakers, with a text and people's labels."""
    names = ("clip", "second", "third", "fourth")
    return [
        {
            "id": f"r{i}",
            MARK: i,
            "path": f"{base}/{name}.wav",
            "start": 0.0,
            "end": 0.34,
            "speaker": f"s{i % 2}",
            "dialogue": "d1",
            "turn": i,
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


def bundles(base: Path) -> None:
    """Write a bundle of every model, of several heads, and calibrated ones."""
    from emocli import models
    from tests.commands import bundles as made

    for model in models.names():
        timed = models.takes_time(model) and model != FUSED
        made.save(base / "bundles" / model, model, made.FRAMES if timed else made.VECTORS)
    heads = [
        {"target": "emotion", "kind": "classes", "labels": LABELS},
        {"target": "valence", "kind": "number", "mean": 0.1, "scale": 0.5},
    ]
    made.save(base / "bundles" / "two-heads", "mlp", heads=heads, columns=4)
    blend = [{"target": "blend", "kind": "blend", "labels": LABELS}]
    made.save(base / "bundles" / "blend", "gated", heads=blend)
    number = [{"target": "valence", "kind": "number", "mean": 0.1, "scale": 0.5}]
    made.save(base / "bundles" / "number", "linear", heads=number, columns=1)


FUSED = "late-fusion"  # the model of the records; it takes vectors and sequences


def features(base: Path) -> tuple[list[Record], list[Record]]:
    """Return the vectors and the sequences of four records."""
    from tests.commands import bundles as made

    vectors, frames = made.records(made.VECTORS, 7, 5), made.records(made.FRAMES, 7, 6)
    full = [i for i in range(7)]
    for found, pooling in ((vectors, made.VECTORS), (frames, made.FRAMES)):
        import numpy as np

        random = np.random.default_rng(3)
        for record in found:
            for name, dim in made.DIMS.items():
                shape = (int(random.integers(2, 9)), dim) if pooling == made.FRAMES else (dim,)
                values = random.normal(size=shape)
                record["features"][name] = made.feature(name, values)
    return [vectors[i] for i in full[:4]], [frames[i] for i in full[:4]]


def full(base: Path) -> dict[str, list[Record]]:
    """Return records as they come out of the stages, by what they are for."""
    media = [{k: r[k] for k in ("id", MARK, "path", "text")} for r in spoken()]
    vectors, frames = features(base)
    made = parsed(emocli("align", "--aligner", "nuclei", stdin=spoken()))
    made = parsed(emocli("prosody", stdin=parsed(emocli("extract-audio", stdin=made))))
    for record, vector, frame in zip(made, vectors, frames, strict=True):
        record["features"] = vector["features"]
        record["features"]["frames"] = frame["features"]["audio"]
        phone = {"phone": "aɪ", "start": 0.0, "end": 0.2, "word": "I", "is_vowel": True, "stress": 1}
        record["phones"] = [phone, {**phone, "phone": "t", "start": 0.2, "end": 0.3, "original": "T"}]
        record["words"] = [{"text": "I", "start": 0.0, "end": 0.3, "probability": 0.9}]
    made = parsed(emocli("fuse", "-m", "base/bundles/late-fusion", stdin=made))
    made = parsed(emocli("predict", "-m", "base/bundles/late-fusion", stdin=made))
    made = parsed(emocli("annotate", "-n", "2", stdin=made))
    for i, record in enumerate(made):
        emotion = record["prediction"]["emotion"]
        rest = {"multi": [emotion], "causes": [{"turn": 0, "text": "I"}], "valence": 0.1 * i}
        rest |= {"arousal": 0.2, "dominance": 0.1, "sentiment": 0.5, "blend": {emotion: 100.0}}
        record["prediction"] |= rest
        complete(record, i)
    for record, frame in zip(frames, spoken(), strict=True):
        record |= {MARK: frame[MARK], "speaker": frame["speaker"], "label": frame["label"]}
    return {"full": made, "media": media, "frames": frames}


# Fields that say what was left out, and word numbers beside the words themselves.
LEFT_OUT = ("condition", "augmented", "warning", "normalized", "start", "end")


def complete(record: Record, number: int) -> None:
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


def corpora(base: Path) -> None:
    """Write a small copy of every dataset that exists."""
    from emocli import datasets
    from tests.datasets.conftest import MAKE

    if set(MAKE) != set(datasets.names()):
        raise RuntimeError(f"no corpus for {set(datasets.names()) ^ set(MAKE)}")
    for name, make in MAKE.items():
        folder = base / "corpora" / name
        folder.mkdir(parents=True)
        make(folder)


def texts(base: Path, records: list[Record]) -> None:
    """Write alignments, transcripts, tables, norms and configurations."""
    from tests.signals import test_lablaut, test_textgrid

    for folder in ("grids", "lablaut", "said", "tables"):
        (base / folder).mkdir()
    short = test_textgrid.SHORT.encode()
    grid = emocli("align", "--aligner", "nuclei", "--format", "textgrid", stdin=spoken()[:1])
    for i in range(4):
        data = short if i == 1 else _two_tiers(grid.decode()).encode()
        (base / "grids" / f"r{i}.TextGrid").write_bytes(data)
    lablaut = (test_lablaut.HEAD + test_lablaut.MARKS).encode("latin-1")
    for name in ("clip", "second", "third", "fourth"):
        (base / "lablaut" / f"{name}.lablaut").write_bytes(lablaut)
        (base / "said" / f"{name}.txt").write_text("I am so happy\n")
    rows = [f"base/{n}.wav,0.0,0.3,s1,joy,\"so, no\"" for n in ("clip", "second", "third")]
    (base / "tables" / "t.csv").write_text("path,start,end,speaker,emotion,text\n" + "\n".join(rows))
    (base / "tables" / "t.txt").write_text("base/clip.wav\nbase/second.wav\n")
    emocli("prosody", "--fit", "base/norms.json", stdin=records)
    (base / "train.toml").write_text("[model]\nhidden = 8\n[training]\nepochs = 2\nseed = 1\n")


def _two_tiers(grid: str) -> str:
    """Return a TextGrid as other programs name its tiers."""
    from emocli.signals import textgrid

    tiers = textgrid.parse(grid.encode())
    spans = [textgrid.Interval(0.0, 0.1, ""), textgrid.Interval(0.1, 0.3, "aɪ")]
    words = [textgrid.Interval(0.1, 0.3, "I")]
    made = [textgrid.Tier("words", words), textgrid.Tier("phones", spans), *tiers]
    return textgrid.dumps(made, 0.0, 0.35)


def scored(base: Path, records: list[Record]) -> dict[str, list[Record]]:
    """Return metrics records of score, and the log of a training run."""
    flags = ("--bootstrap", "10", "--task", "classification")
    metrics = parsed(emocli("score", *flags, "--by", "speaker", stdin=records))
    vectors = learnable(records)
    train = ("train", "-o", "base/trained", "--epochs", "2", "--hidden", "4", "--streams", "audio")
    emocli(*train, "--log", "base/log.jsonl", stdin=vectors)
    return {
        "metrics": metrics,
        "log": parsed((base / "log.jsonl").read_bytes()),
        "learn": vectors,
    }


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


def states(base: Path, made: dict[str, list[Record]]) -> None:
    """Write what interrupted runs leave behind, and an archive of a model."""
    import shutil

    (base / "part").mkdir()
    bad = [*spoken()[:3], {**spoken()[3], "path": "base/none.wav"}]
    emocli("prosody", "-o", "base/part/out.jsonl", stdin=bad, status=1)
    (base / "part" / "out.jsonl").unlink()
    part = (base / "part" / "out.jsonl.part").read_bytes().splitlines(keepends=True)
    (base / "part" / "out.jsonl.part").write_bytes(b"".join(part[:2]))
    _checkpoint(base, made["learn"])
    shutil.rmtree("base/trained")
    _archive(base)


def _checkpoint(base: Path, records: list[Record]) -> None:
    from emocli.training import checkpoints

    kept: list[Path] = []
    load = checkpoints.save

    def note(file: Path, *arguments: Any) -> None:
        load(file, *arguments)
        target = base / "state" / file.relative_to(base.resolve() if file.is_absolute() else "base")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
        kept.append(target)

    checkpoints.save = note
    flags = ("--epochs", "3", "--hidden", "4", "--streams", "audio")
    emocli("train", "-o", "base/resumed", *flags, stdin=records)
    checkpoints.save = load
    if not kept:
        raise RuntimeError("training wrote no checkpoint")


def _archive(base: Path) -> None:
    import hashlib
    import tarfile

    files = {"config.json": b'{"model_type": "tiny"}', "model.safetensors": bytes(64)}
    facts = {n: {"sha256": hashlib.sha256(d).hexdigest()} for n, d in files.items()}
    manifest = {"name": "org/tiny", "source": "hub", "files": facts}
    members = {"manifest.json": json.dumps(manifest).encode(), **files}
    from emocli.hub import cache

    members = {cache.MANIFEST: members.pop("manifest.json"), **members}
    folder = cache.folder_of("org/tiny").name
    with tarfile.open(base / "model.tar", "w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def make(world: Path) -> None:
    """Make everything below WORLD/base."""
    import warnings

    warnings.simplefilter("ignore")
    os.chdir(world)
    base = Path("base")
    base.mkdir()
    os.environ |= {"EMOCLI_STORE": "base/store", "EMOCLI_CACHE_DIR": "cache", "HOME": str(world)}
    sounds(base)
    bundles(base)
    made = full(base)
    texts(base, made["full"])
    made |= scored(base, made["full"])
    corpora(base)
    states(base, made)
    (base / "records.json").write_text(json.dumps(made))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
