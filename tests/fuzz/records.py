"""Kind "records": every field of the schema, on whole records, through every command.

The names of the targets are those of the command line; `test_fuzz` compares the commands with those
that exist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import values
from tests.fuzz.base import Base
from tests.fuzz.examples import MARK, Example, Record, Target
from tests.fuzz.whole_records import samples

KIND = "records"
# Commands that read no records, each with the reason and the kind that mutates what they do read.
OTHERS = {
    "config": "shows settings: configs",
    "dataset": "reads corpora: files",
    "doctor": "reads the config file: configs",
    "models": "reads archives: stored",
    "schema": "reads nothing: configs",
}
BUNDLE = ("-m", "base/bundles/late-fusion")
TRAIN = ("-o", "out/m", "--epochs", "1", "--hidden", "4", "--seeds", "1")
ONE_TO_ONE: dict[str, tuple[str, tuple[str, ...]]] = {
    # name: the records, and the flags
    "align": ("full", ("--aligner", "nuclei")),
    "align --textgrid": ("full", ("--textgrid", "base/grids")),
    "align --write-textgrid": ("full", ("--aligner", "nuclei", "--write-textgrid", "out/grids")),
    "annotate": ("full", ("-n", "3")),
    "annotate --merge": ("full", ("-n", "0", "--merge", "shrinkage")),
    "annotate --model": ("full", (*BUNDLE, "-n", "1")),
    "describe": ("full", ()),
    "encode --encoder": ("full", ("--modality", "audio", "--encoder", "prosody")),
    "encode --from": ("full", ("--from", "frames", "--as", "pooled", "--pooling", "statistics")),
    "encode --model": ("full", ("--model", "base/bundles/gated", "--features", "store")),
    "encode eeg": ("eeg", ("--modality", "eeg", "--encoder", "asymmetry", "--as", "sides")),
    "extract-audio": ("full", ()),
    "encode video": (
        "video",
        ("--modality", "video", "--encoder", "face-expression", "--pooling", "mean"),
    ),
    "extract-video": ("films", ("--rate", "10")),
    "extract-video --no-faces": ("films", ("--no-faces", "--frames", "3")),
    "extract-video again": ("video", ("--face", "each")),
    "extract-eeg": ("eeg", ("--jobs", "1")),
    "fuse": ("full", BUNDLE),
    "fuse sequences": ("frames", ("-m", "base/bundles/stars")),
    "instruct": ("full", ("--task", "emotion,sentiment,valence,open", "--context", "2")),
    "instruct --rationale": ("full", ("--task", "explanation", "--labels", "neutral,joy,anger")),
    "normalize": ("full", ("--least", "2")),
    "predict": ("full", BUNDLE),
    "predict blend": ("full", ("-m", "base/bundles/blend")),
    "predict heads": ("full", ("-m", "base/bundles/two-heads", "--abstain", "0.4")),
    "predict sequences": ("frames", ("-m", "base/bundles/windows")),
    "prosody": ("full", ("--norms", "base/norms.json")),
    "prosody --fit": ("full", ("--fit", "out/norms.json")),
    "transcribe": ("full", ("--overwrite",)),
    "merge": ("full", ()),
}
# Commands that write other records than they read.
SCORE = ("--bootstrap", "5")
CLASSES = (*SCORE, "--task", "classification")
NOT_ONE_TO_ONE: dict[str, tuple[str, tuple[str, ...]]] = {
    "augment modalities": ("full", ("--protocol", "subsets,dropout,frames", "--rates", "0,0.5")),
    "augment dime": ("full", ("--assume-train", "--rho", "1")),
    "augment dime features": ("learn", ("--assume-train", "--rho", "1", "--mix", "features")),
    "calibrate": ("full", (*BUNDLE, "-o", "out/m")),
    "calibrate vector": ("full", (*BUNDLE, "-o", "out/m", "--method", "vector")),
    "calibrate blend": ("full", ("-m", "base/bundles/blend", "-o", "out/m")),
    "instruct --to": ("full", ("--to", "sharegpt", "--streams", "text")),
    "extract-audio --segment": ("sound1", ("--segment", "vad")),
    "score": ("full", SCORE),
    "score --by": (
        "full",
        (*SCORE, "--by", "speaker,ambiguity,modalities", "--task", "classification"),
    ),
    "score --alignment": ("full", (*SCORE, "--alignment")),
    "score --stream": ("full", (*CLASSES, "--stream", "audio")),
    "summarize": ("full", ("--bootstrap", "5")),
    "summarize --by": (
        "full",
        ("--bootstrap", "5", "--by", "speaker,minute,bin:0.5,recording,modalities,speaker+minute"),
    ),
    "summarize --of": ("full", ("--bootstrap", "5", "--of", "label", "--over", "speaker")),
    "summarize --weight": ("full", ("--bootstrap", "5", "--weight", "duration")),
    "train": ("learn", TRAIN),
    "train --cv": ("learn", ("--cv", "speaker", "--folds", "2", "--epochs", "1", "--hidden", "4")),
    "train --target": ("learn", (*TRAIN, "--target", "distribution,valence,arousal")),
    "train blend": ("learn", (*TRAIN, "--target", "blend", "--model", "gated")),
    "train sequences": ("frames", (*TRAIN, "--model", "stars")),
}
TASKS = (
    "classification",
    "distribution",
    "blend",
    "regression",
    "multilabel",
    "mosi",
    "sims",
    "ecf",
    "explanation",
)
PICTURES = {
    "plot prosody": ("full", ("--width", "400")),
    "plot confusion": ("metrics", ("--width", "400")),
    "plot reliability": ("metrics", ("--width", "400")),
    "plot training": ("log", ("--width", "400")),
    "plot eeg": ("eeg", ("--width", "400")),
    "plot faces": ("video", ("--width", "400", "--id", "r1")),
    "plot groups": ("metrics", ("--width", "400")),
    "plot timeline": ("full", ("--width", "400", "--format", "pdf")),
}
TEXTS = {
    "align --format": ("full1", ("--aligner", "nuclei", "--format", "textgrid")),
    "score --format": ("full", (*CLASSES, "--table", "--by", "speaker")),
    "summarize --format": ("full", ("--bootstrap", "5", "--by", "speaker", "--format", "table")),
    "summarize csv": ("full", ("--bootstrap", "5", "--by", "speaker", "--format", "csv")),
    "score --latex": ("full", (*CLASSES, "--latex", "--by", "speaker")),
}
SECOND = {
    # records in a second file
    "merge --like": ("full", ("--like", "in/second.jsonl")),
    "merge files": ("full", ("in/second.jsonl",)),
    "score --compare": ("full", (*CLASSES, "--compare", "in/second.jsonl")),
    "score --train": ("full", (*CLASSES, "--train", "in/second.jsonl")),
    "train --dev": ("learn", (*TRAIN, "--dev", "in/second.jsonl")),
}  # fmt: skip


def targets(base: Base) -> Iterator[Target]:
    """Yield a target for every command that reads records."""
    for name, (kind, flags) in ONE_TO_ONE.items():
        yield _target(base, name, kind, flags, marks=True)
    for name, (kind, flags) in NOT_ONE_TO_ONE.items():
        yield _target(base, name, kind, flags)
    for task in TASKS:
        yield _target(base, f"score {task}", "full", (*SCORE, "--task", task))
    for name, (kind, flags) in PICTURES.items():
        yield _target(base, name, kind, (*flags, "-o", "out/p.png"), json_out=False)
    for name, (kind, flags) in TEXTS.items():
        yield _target(base, name, kind, flags, json_out=False)
    for name, (kind, flags) in SECOND.items():
        yield _target(base, name, kind, flags, second=True)


def command_of(name: str) -> list[str]:
    """Return the words of a target's name that are the command: `plot training`."""
    words = name.split()
    return words[: 2 if words[0] in ("augment", "plot") else 1]


def _target(
    base: Base, name: str, kind: str, flags: Sequence[str], *, second: bool = False,
    marks: bool = False, json_out: bool = True,
) -> Target:  # fmt: skip
    if kind == "sound1":
        records = [without_text(base.records["media"][0])]
    else:
        records = base.records["full"][:1] if kind == "full1" else base.records[kind]
    argv = [*command_of(name), *flags]
    plain = lines(records)
    files = {"in/second.jsonl": plain} if second else {}
    numbers = tuple(r.get(MARK, -1) for r in records) if marks else None
    whole = Example(argv, plain, files, marks=numbers, json_out=json_out)
    return Target(f"{KIND}/{name}", whole, _mutated(whole, records, second))


def without_text(record: Record) -> Record:
    """Return a record that is a sound only."""
    return {name: value for name, value in record.items() if name != "text"}


def lines(records: Sequence[Any]) -> bytes:
    """Return JSON Lines."""
    return b"".join(values.dumps(r).encode("utf-8", "surrogatepass") + b"\n" for r in records)


def altered(before: bytes, records: Sequence[Any], indices: Sequence[int]) -> bytes:
    """Return JSON Lines of which some are written anew."""
    found = before.splitlines(keepends=True)
    for index in indices:
        found[index] = lines([records[index]])
    return b"".join(found)


@st.composite
def _mutated(draw: values.Draw, whole: Example, records: list[Record], second: bool) -> Example:
    """Draw an example of which one or two records, or a line, are changed."""
    found: list[Any] = list(records)
    count = values.pick(draw, [1, 1, 1, 2])
    chosen = draw(st.lists(st.integers(0, len(found) - 1), min_size=count, max_size=count))
    changes = []
    for index in dict.fromkeys(chosen):
        found[index] = values.copied(found[index])
        for _ in range(values.pick(draw, [1, 1, 1, 2, 4])):
            changes.append(f"{index}: {draw(change(found[index], records))}")
    before = whole.files["in/second.jsonl"] if second else whole.stdin
    data = altered(before or b"", found, chosen)
    marks = whole.marks
    if draw(st.integers(0, 19)) == 0:
        data, what = draw(values.edited(data))
        marks, chosen = None, range(len(records))
        changes.append(what)
    whole_ones = () if marks is None else tuple(set(marks) - {marks[i] for i in chosen})
    stdin, files = (whole.stdin, {"in/second.jsonl": data}) if second else (data, {})
    alone = whole.argv[0] not in ALTOGETHER and "--merge" not in whole.argv
    return replace(
        whole,
        stdin=stdin,
        files=files,
        changes=tuple(changes),
        marks=marks,
        whole=whole_ones if alone else (),
    )


ALTOGETHER = ("normalize",)  # what becomes of a record depends on the others


@st.composite
def change(draw: values.Draw, record: Record, others: Sequence[Record]) -> str:
    """Change one place of a record; return what was done. The mark stays."""
    path = draw(place(record))
    way = values.pick(draw, ["odd", "odd", "near", "near", "near", "remove", "other", "beside"])
    if way == "remove":
        values.remove(record, path)
        return f"without {shown(path)}"
    if way == "beside":
        path, way = (*path[:-1], values.pick(draw, ["x", "", "id", "error", "missing"])), "odd"
    if way == "near":
        new = draw(values.changed(values.at(record, path)))
    elif way == "other":
        other = values.pick(draw, others)
        new = values.copied(values.at(other, values.pick(draw, [path, path[:1], ("id",)])))
    else:
        new = values.odd(draw)
    if path[:1] == (MARK,):
        path = ("id",)
    values.put(record, path, new)
    return f"{shown(path)} = {values.dumps(new)[:200]}"


@st.composite
def place(draw: values.Draw, record: Record) -> values.Path:
    """Draw where to change a record: a field of the schema, or whatever it has."""
    if "id" not in record:  # of score, or of the log of training
        return values.pick(draw, [path for path in values.paths(record) if path != (MARK,)])
    schema = values.pick(draw, SAMPLES)[0]
    if draw(st.booleans()):
        return schema
    present = values.paths(record.get(schema[0]))
    if draw(st.booleans()) or not present:
        key = values.pick(draw, [k for k in record if k != MARK] or ["id"])
        present = [(), *values.paths(record.get(key))]
        return (key, *values.pick(draw, present))
    return (schema[0], *values.pick(draw, present))


def shown(path: values.Path) -> str:
    """Return a path as jq writes it."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


def _samples() -> list[tuple[values.Path, Any]]:
    """Return every field of the schema; those near the top, which commands read, more often."""
    found = samples()
    top = [entry for entry in found if len(entry[0]) == 1]
    return [*found, *top * 9, *(e for e in found if e[0][0] in ("label", "prediction"))]


SAMPLES = _samples()
