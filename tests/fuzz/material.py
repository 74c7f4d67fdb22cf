"""The whole records, models, corpora and files that are mutated: `-m tests.fuzz.material WORLD`.

Most of it is the output of the real stages, over sounds of a third of a second.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import warnings
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import openpyxl
import soundfile

from emocli import datasets, models
from emocli.hub import cache
from emocli.signals import textgrid
from emocli.training import checkpoints
from tests.commands import bundles as made_bundles
from tests.datasets.conftest import MAKE
from tests.encoders import tiny_faces
from tests.fuzz.base import Record, emocli, parsed
from tests.fuzz.whole_records import FUSED, LABELS, full, learnable, spoken
from tests.signals import films, test_lablaut, test_textgrid

RATE_HZ = 16_000


SUFFIXES = ("wav", "flac", "ogg", "aiff", "mp3")  # which soundfile writes


OTHERS = ("m4a", "mkv")  # which ffmpeg does


def sounds(base: Path) -> None:
    """Write sounds of every kind, and what is none."""
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


FILMS = ("avi", "mkv", "mp4", "ts", "gif", "png", "jpg", "webp")


def pictures(base: Path) -> None:
    """Write films and pictures of many kinds, and networks of faces as if they were pulled."""
    film = films.cheap(base / "film.avi", frames=15)
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error"]
    for suffix in FILMS[1:]:
        one = ("-frames:v", "1") if suffix in ("png", "jpg", "webp") else ()
        subprocess.run([*program, "-i", film, *one, base / f"film.{suffix}"], check=True)
    tiny_faces.installed(base / "models", tiny_faces.seeing)
    (base / "cache").mkdir()
    (base / "cache" / "models").symlink_to(base.resolve() / "models")


def bundles(base: Path) -> None:
    """Write a bundle of every model, of several heads, and calibrated ones."""
    for model in models.names():
        timed = models.takes_time(model) and model != FUSED
        made_bundles.save(
            base / "bundles" / model, model, made_bundles.FRAMES if timed else made_bundles.VECTORS
        )
    heads = [
        {"target": "emotion", "kind": "classes", "labels": LABELS},
        {"target": "valence", "kind": "number", "mean": 0.1, "scale": 0.5},
    ]
    made_bundles.save(base / "bundles" / "two-heads", "mlp", heads=heads, columns=4)
    blend = [{"target": "blend", "kind": "blend", "labels": LABELS}]
    made_bundles.save(base / "bundles" / "blend", "gated", heads=blend)
    number = [{"target": "valence", "kind": "number", "mean": 0.1, "scale": 0.5}]
    made_bundles.save(base / "bundles" / "number", "linear", heads=number, columns=1)


def corpora(base: Path) -> None:
    """Write a small copy of every dataset that exists."""
    if set(MAKE) != set(datasets.names()):
        raise RuntimeError(f"no corpus for {set(datasets.names()) ^ set(MAKE)}")
    for name, make in MAKE.items():
        folder = base / "corpora" / name
        folder.mkdir(parents=True)
        make(folder)


def texts(base: Path, records: list[Record]) -> None:
    """Write alignments, transcripts, tables, norms and configurations."""
    for folder in ("grids", "lablaut", "said", "tables"):
        (base / folder).mkdir()
    short = test_textgrid.SHORT.encode()
    for i in range(4):
        data = short if i == 1 else _grid()
        (base / "grids" / f"r{i}.TextGrid").write_bytes(data)
    lablaut = (test_lablaut.HEAD + test_lablaut.MARKS).encode("latin-1")
    for name in ("clip", "second", "third", "fourth"):
        (base / "lablaut" / f"{name}.lablaut").write_bytes(lablaut)
        (base / "said" / f"{name}.txt").write_text("I am so happy\n")
    tables(base / "tables")
    (base / "tables" / "t.txt").write_text("base/clip.wav\nbase/second.wav\n")
    emocli("prosody", "--fit", "base/norms.json", stdin=records)
    (base / "train.toml").write_text("[model]\nhidden = 8\n[training]\nepochs = 2\nseed = 1\n")


def tables(folder: Path) -> None:
    """Write the same table in every way that is read."""
    header = ["path", "start", "end", "speaker", "emotion", "text"]
    clips = ("clip", "second", "third")
    rows = [[f"base/{n}.wav", "0.0", "0.3", "s1", "joy", "so, no"] for n in clips]
    for name, mark in (("t.csv", ","), ("semicolons.csv", ";"), ("t.tsv", "\t")):
        with (folder / name).open("w", newline="") as file:
            csv.writer(file, delimiter=mark, lineterminator="\n").writerows([header, *rows])
    book = openpyxl.Workbook()
    for row in [header, *([path, 0.0, 0.3, *words] for path, _, _, *words in rows)]:
        book.active.append(row)
    book.save(folder / "t.xlsx")


def _grid() -> bytes:
    """Return a TextGrid with a tier that no command asks for."""
    spans = [textgrid.Interval(0.0, 0.1, ""), textgrid.Interval(0.1, 0.3, "aɪ")]
    words = [textgrid.Interval(0.1, 0.3, "I")]
    tiers = [textgrid.Tier("words", words), textgrid.Tier("phones", spans)]
    return textgrid.dumps([*tiers, textgrid.Tier("notes", words)], 0.0, 0.35).encode()


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


def states(base: Path, made: dict[str, list[Record]]) -> None:
    """Write what interrupted runs leave behind, and an archive of a model."""
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
    files = {"config.json": b'{"model_type": "tiny"}', "model.safetensors": bytes(64)}
    facts = {n: {"sha256": hashlib.sha256(d).hexdigest()} for n, d in files.items()}
    manifest = {"name": "org/tiny", "source": "hub", "files": facts}
    members = {"manifest.json": json.dumps(manifest).encode(), **files}
    members = {cache.MANIFEST: members.pop("manifest.json"), **members}
    folder = cache.folder_of("org/tiny").name
    with tarfile.open(base / "model.tar", "w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def make(world: Path) -> None:
    """Make everything below WORLD/base."""
    warnings.simplefilter("ignore")
    os.chdir(world)
    base = Path("base")
    base.mkdir()
    os.environ |= {
        "EMOCLI_STORE": "base/store",
        "EMOCLI_CACHE_DIR": "base/cache",
        "HOME": str(world),
    }
    sounds(base)
    pictures(base)
    bundles(base)
    made = full()
    texts(base, made["full"])
    made |= scored(base, made["full"])
    corpora(base)
    states(base, made)
    (base / "records.json").write_text(json.dumps(made))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
