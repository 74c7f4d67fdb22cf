"""Kind "files": what readers of text read: corpora, tables, lists, alignments, norms."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import values
from tests.fuzz.base import Base
from tests.fuzz.bundles import setting
from tests.fuzz.examples import MARK, Example, Target
from tests.fuzz.records import lines, without_text

KIND = "files"
BEGINNING_BYTES = 64  # of a recording: its signature and its header
ENCODINGS = ("utf-16", "utf-16-le", "utf-8-sig", "latin-1", "cp1252", "utf-32")
ODD_NAMES = ("-dash.wav", "a b.wav", "\x1b[31m.wav", "é.wav", "e\u0301.wav", "x", ".hidden.wav",
             "03-01-02-01-01-01-99.wav", "A" * 200 + ".wav", "a\nb.wav", "\u202ex.wav")  # fmt: skip


def targets(base: Base) -> Iterator[Target]:
    """Yield a target for every corpus, and for every other text file that a command reads."""
    from emocli import datasets

    for name in datasets.names():
        yield _corpus(base, name)
    full, media = lines(base.records["full"]), lines(base.records["media"])
    marks = tuple(r[MARK] for r in base.records["full"])
    for command, folder in (("align --textgrid", "grids"), ("align lablaut", "lablaut")):
        argv = ["align", "--textgrid", f"in/{folder}"]
        yield _read(base, command, argv, folder, full, marks)
    said = ["align", "--aligner", "nuclei", "--transcripts", "in/said"]
    silent = lines([without_text(r) for r in base.records["media"]])
    yield _read(base, "align --transcripts", said, "said", silent, marks)
    for name, argv in TABLES.items():
        yield _one(base, name, argv, f"tables/{argv[-1]}", argv[-1])
    for name, argv in LISTS.items():
        yield _one(base, name, argv, "tables/t.txt", "t.txt")
    yield _one(base, "prosody --norms", ["prosody", "--norms", "in/n.json"], "norms.json",
               "in/n.json", media, tuple(r[MARK] for r in base.records["media"]))  # fmt: skip
    yield _zipped(base)
    yield _piped(base)
    yield _folder(base)
    for suffix in TURNS:
        yield _turns(base, suffix)


TABLES = {
    "prosody table": ["prosody", "t.csv"],
    "extract-audio table": ["extract-audio", "t.csv"],
    "dataset folder table": ["dataset", "folder", "t.csv"],
    "prosody tsv": ["prosody", "t.tsv"],
    "prosody semicolons": ["prosody", "semicolons.csv"],
    "prosody workbook": ["prosody", "t.xlsx"],
    "dataset folder workbook": ["dataset", "folder", "t.xlsx"],
}
TURNS = {  # of --segments, by their suffix; ID is that of the recording
    "rttm": "SPEAKER ID 1 0.10 0.30 <NA> <NA> ann <NA> <NA>\n;; SPKR-INFO\n"
    "SPEAKER ID 1 0.20 0.25 <NA> <NA> bob <NA> <NA>\n",
    "srt": "1\n00:00:00,100 --> 00:00:00,400\n<i>Well</i>\n\n2\n0:0:0,3 --> 00:00:00,5\nno\n",
    "vtt": "WEBVTT\n\nNOTE x\n\n00:00.100 --> 00:00.400 align:start\n<v Ann>Well &amp; no\n",
    "csv": "path,start,end,speaker,text\nID,0.1,0.4,ann,well\nID,0.3,0.5,,\n",
    "TextGrid": 'File type = "ooTextFile"\nObject class = "TextGrid"\n0\n1\n<exists>\n1\n'
    '"IntervalTier"\n"said"\n0\n1\n2\n0\n0.4\n"well"\n0.4\n1\n""\n',
}
LISTS = {
    "extract-audio --files-from": ["extract-audio", "--files-from", "t.txt"],
    "align sentences": ["align", "t.txt", "--aligner", "nuclei", "--input-format", "text"],
}


def _corpus(base: Base, name: str) -> Target:
    files = base.files(f"corpora/{name}")
    whole = Example(["dataset", name, "in/corpus"], b"",
                    {f"in/corpus/{file}": data for file, data in files.items()})  # fmt: skip
    return Target(f"{KIND}/dataset {name}", whole, _mutated(whole, rename=True))


def _read(
    base: Base, name: str, argv: list[str], folder: str, stdin: bytes, marks: tuple[int, ...]
) -> Target:
    files = {f"in/{folder}/{file}": data for file, data in base.files(folder).items()}
    whole = Example(argv, stdin, files, marks=marks)
    return Target(f"{KIND}/{name}", whole, _mutated(whole))


def _one(
    base: Base, name: str, argv: list[str], source: str, file: str,
    stdin: bytes = b"", marks: tuple[int, ...] | None = None,
) -> Target:  # fmt: skip
    data = (base.folder / source).read_bytes()
    whole = Example(argv, stdin, {file: data}, marks=marks)
    return Target(f"{KIND}/{name}", whole, _mutated(whole))


def _zipped(base: Base) -> Target:
    data = gzip.compress(lines(base.records["media"]), mtime=0)
    whole = Example(["extract-audio", "in/r.jsonl.gz"], b"", {"in/r.jsonl.gz": data})
    return Target(f"{KIND}/extract-audio gzip", whole, _mutated(whole))


def _piped(base: Base) -> Target:
    """A recording on stdin whose beginning, which says that it is one, is changed."""
    whole = Example(["prosody"], (base.folder / "clip.wav").read_bytes())
    return Target(f"{KIND}/prosody piped", whole, _beginning(whole))


def _folder(base: Base) -> Target:
    names = ("a.wav", "b/c.wav", "b/d.txt", "e.csv")
    data = (base.folder / "clip.wav").read_bytes()
    files = {f"in/clips/{name}": data if name.endswith(".wav") else b"x" for name in names}
    whole = Example(["prosody", "in/clips"], b"", files)
    return Target(f"{KIND}/prosody folder", whole, _renamed(whole))


@st.composite
def _beginning(draw: values.Draw, whole: Example) -> Example:
    start, what = draw(values.edited(whole.stdin[:BEGINNING_BYTES]))
    return replace(whole, stdin=start + whole.stdin[BEGINNING_BYTES:], changes=(what,))


@st.composite
def _renamed(draw: values.Draw, whole: Example) -> Example:
    files = dict(whole.files)
    what = _moved(draw, files, list(files), values.pick(draw, ["rename", "gone"]))
    return replace(whole, files=files, changes=(what,))


def _turns(base: Base, suffix: str) -> Target:
    record = without_text(base.records["media"][0])
    turns = TURNS[suffix].replace("ID", str(record["path"] if suffix == "csv" else record["id"]))
    argv = ["extract-audio", "--segments", f"in/t.{suffix}"]
    whole = Example(argv, lines([record]), {f"in/t.{suffix}": turns.encode()})
    return Target(f"{KIND}/extract-audio --segments {suffix}", whole, _mutated(whole))


@st.composite
def _mutated(draw: values.Draw, whole: Example, rename: bool = False) -> Example:
    files = dict(whole.files)
    changes = []
    for _ in range(values.pick(draw, [1, 1, 1, 2])):
        full = [name for name, data in files.items() if data] or list(files)
        if not full:
            break
        name = values.pick(draw, full)
        what = draw(_changed(files, name, rename))
        changes.append(f"{name.removeprefix('in/')}: {what}")
    return replace(whole, files=files, changes=tuple(changes))


@st.composite
def _changed(draw: values.Draw, files: dict[str, bytes | None], name: str, rename: bool) -> str:
    """Change a file, or the names of the files; return what was done."""
    data = files[name] or b""
    ways = ["text"] * 6 + ["bytes"] * 2 + ["encoding", "empty"] + ["rename", "gone"] * rename
    if name.endswith(".json"):
        ways += ["json"] * 8
    way = values.pick(draw, ways)
    if way == "json" and (contents := _parsed(data)) is not None:
        what = draw(setting(contents))
        files[name] = values.dumps(contents.get("file")).encode()
        return what
    if way in ("rename", "gone"):
        return _moved(draw, files, list(files), way)
    if way == "encoding":
        encoding = values.pick(draw, ENCODINGS)
        files[name] = data.decode("utf-8", "replace").encode(encoding, "replace")
        return encoding
    if way == "empty":
        files[name] = b""
        return way
    change = values.reworded(data) if way == "text" else values.edited(data)
    files[name], what = draw(change)
    return what


def _parsed(data: bytes) -> dict[str, Any] | None:
    try:
        return {"file": json.loads(data)}
    except (ValueError, RecursionError):
        return None


def _moved(
    draw: values.Draw, files: dict[str, bytes | None], names: Sequence[str], way: str
) -> str:
    old = values.pick(draw, names)
    data = files.pop(old)
    if way == "gone":
        return f"{old} is gone"
    new = f"{old.rpartition('/')[0]}/{values.pick(draw, ODD_NAMES)}"
    files[new] = data
    return f"{old} is {new!r}"
