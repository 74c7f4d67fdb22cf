"""Every argument and every flag that names records reads them in every packing."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import orjson
import pytest

from emocli.errors import ExitStatus
from tests.conftest import Emocli, Outcome
from tests.leaves import leaves
from tests.pipeline import kills

BOM = codecs.BOM_UTF8
FAILED = {"stage": "x", "code": "y", "message": "z", "hint": ""}
SAID = {"emotion": "joy", "probabilities": {"joy": 0.9, "anger": 0.1}}
LABELS = ("joy", "anger", "joy")
FILES = ("FILE", "[FILE]", "[INPUT]", "[INPUT]...")  # how a file is called in help pages
NO_RECORDS = {
    "archive": "models",
    "config": "TOML",
    "files_from": "names of files; tested below",
    "fit": "is written",
    "log": "is written",
    "norms": "one JSON document",
    "output": "is written",
    "segments": "turns: RTTM, SRT, WebVTT, TextGrid or CSV",
    "template": "TOML",
}
RECORDS = {"inputs", "source", "like", "compare", "train", "dev"}


def _taking() -> list[tuple[str, str]]:
    """Return every command with each of its parameters that names records."""
    found = []
    for name, command in leaves().items():
        for one in command.params:
            if one.metavar in FILES:
                assert (one.name in RECORDS) != (one.name in NO_RECORDS), (name, one.name)
                if one.name in RECORDS:
                    found.append((name, str(one.name)))
    return found


TAKING = _taking()
LINES = [
    orjson.dumps(
        {
            "id": f"r{i}",
            "text": "ü",
            "label": {"emotion": label},
            "prediction": SAID,
            "confusion": {"labels": ["joy"], "matrix": [[3]]},
            "reliability": [{"low": 0, "high": 1, "records": 3, "accuracy": 1, "confidence": 1}],
            "by": {"speaker": "a"},
            "uar": 0.5,
            "intervals": {"uar": [0.4, 0.6]},
            "epoch": i,
            "dev_loss": 0.5,
            "train_loss": 0.5,
        }
    )
    for i, label in enumerate(LABELS)
]
NONE_READ = b""
PLAIN = b"".join(line + b"\n" for line in LINES)
FIRST, REST = LINES[0] + b"\n", b"".join(line + b"\n" for line in LINES[1:])
PACKINGS: dict[str, tuple[str, bytes]] = {
    "gzip": (".jsonl.gz", gzip.compress(PLAIN)),
    "gzip by its content": (".jsonl", gzip.compress(PLAIN)),
    "members": (".jsonl.gz", gzip.compress(FIRST) + gzip.compress(REST)),
    "padded": (".jsonl.gz", gzip.compress(PLAIN) + bytes(512)),
    "mark": (".jsonl", BOM + PLAIN),
    "marks": (".jsonl", BOM + FIRST + BOM + REST),
    "marks in members": (".jsonl.gz", gzip.compress(BOM + FIRST) + gzip.compress(BOM + REST)),
    "crlf": (".jsonl", PLAIN.replace(b"\n", b"\r\n")),
    "cr crlf": (".jsonl", PLAIN.replace(b"\n", b"\r\r\n")),
    "blank lines": (".jsonl", PLAIN.replace(b"\n", b"\r\r\n\n \r\n")),
    "no last newline": (".jsonl", PLAIN[:-1]),
}


def words(name: str, parameter: str, file: Path, folder: Path) -> list[str]:
    """Return a command line in which one parameter names a file."""
    command = leaves()[name]
    plain = folder / "plain.jsonl"
    trainable = b"".join(orjson.dumps(record) + b"\n" for record in kills._labelled(folder))
    plain.write_bytes(trainable if name == "train" else PLAIN)
    more = {
        "calibrate": ["-m", "default", "-o", str(folder / "bundle")],
        "train": ["-o", str(folder / "bundle")],
        "annotate": ["--n", "0"],
        "augment dime": ["--assume-train"],
        "score": ["--bootstrap", "0"],
        "summarize": ["--bootstrap", "0"],
        "prosody": ["-j", "1"],
    }
    line = [*name.split(), *more.get(name, [])]
    option = next(p for p in command.params if p.name == parameter)
    if isinstance(option, click.Option):
        return [*line, str(plain), max(option.opts, key=len), str(file)]
    return [*line, str(file)]


@pytest.fixture
def outcome_of(emocli: Emocli, tmp_path: Path) -> Callable[..., tuple[Any, ...]]:
    """Run a command on the bytes of a file; return what it did, without the name of the file."""

    def call(name: str, parameter: str, suffix: str, data: bytes) -> tuple[Any, ...]:
        file = tmp_path / f"records{suffix}"
        file.write_bytes(data)
        outcome: Outcome = emocli(*words(name, parameter, file, tmp_path))
        said = outcome.stderr.replace(str(file), "FILE").splitlines()
        stdout = outcome.stdout.replace(str(file).encode(), b"FILE").replace(b"\r", b"")
        return outcome.status, stdout, [line for line in said if not line.endswith(" s")]

    return call


@pytest.mark.usefixtures("default_models", "nobody_speaks")
@pytest.mark.parametrize(("name", "parameter"), TAKING)
def test_records_are_the_same_in_every_packing(
    name: str, parameter: str, outcome_of: Callable[..., tuple[Any, ...]]
) -> None:
    expected = outcome_of(name, parameter, ".jsonl", PLAIN)
    assert outcome_of(name, parameter, ".jsonl", NONE_READ) != expected  # the file is read
    for packing, (suffix, data) in PACKINGS.items():
        assert outcome_of(name, parameter, suffix, data) == expected, packing


CUT = {
    "cut": gzip.compress(PLAIN)[:-12],
    "cut in the header": gzip.compress(PLAIN)[:5],
    "empty": b"",
    "no gzip": PLAIN,
    "damaged": gzip.compress(PLAIN)[:-8] + bytes(8),
}


@pytest.mark.usefixtures("default_models", "nobody_speaks")
@pytest.mark.parametrize(("name", "parameter"), TAKING)
def test_what_is_not_whole_is_said_to_be_cut(
    name: str, parameter: str, outcome_of: Callable[..., tuple[Any, ...]]
) -> None:
    first_only = name in ("plot prosody", "plot faces", "plot confusion", "plot reliability")
    for kind, data in CUT.items():
        if first_only and kind in ("cut", "damaged"):
            continue  # the first record is whole, and no other is read
        status, _, said = outcome_of(name, parameter, ".jsonl.gz", data)
        assert status == ExitStatus.USAGE, (kind, said)
        assert "FILE" in said[-1], (kind, said)
        assert "is it complete? gzip -t checks" in said[-1], (kind, said)


def test_stdin_may_be_compressed(emocli: Emocli) -> None:
    for command in ("merge", "score"):
        expected = emocli(command, stdin=PLAIN)
        for packing, (_, data) in PACKINGS.items():
            outcome = emocli(command, stdin=data)
            assert outcome.stdout.replace(b"\r", b"") == expected.stdout, packing


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".list"])
@pytest.mark.parametrize("how", [["{}"], ["--files-from", "{}"]])
def test_lists_texts_and_tables_may_be_compressed(
    suffix: str, how: list[str], emocli: Emocli, tmp_path: Path
) -> None:
    if suffix == ".list" and how == ["{}"]:
        return  # a file of an unknown kind is media
    lines = b"text,path\nyes,a.wav\nno,b.wav\n" if suffix == ".csv" else b"a.wav\nb.wav\n"
    (tmp_path / f"l{suffix}").write_bytes(lines)

    def read(name: str, data: bytes) -> list[Any]:
        (tmp_path / name).write_bytes(data)
        words = [word.format(tmp_path / name) for word in how]
        records = emocli("annotate", "--n", "0", "--exit-zero", *words).records
        return [{**r, "id": r["id"].replace(name, ""), "error": None} for r in records]

    expected = read(f"plain{suffix}", lines)
    assert len(expected) >= 2
    assert read(f"a{suffix}.gz", gzip.compress(lines)) == expected
    assert read(f"b{suffix}", gzip.compress(lines)) == expected
    assert read(f"c{suffix}", lines.replace(b"\n", b"\r\r\n")) == expected


def test_merge_keeps_every_line_on_a_line_of_its_own(emocli: Emocli) -> None:
    blank = b"\r\r\n".join([*LINES, b"", b"\r", *(LINES[0].replace(b"r0", b"r9"),)])
    outcome = emocli("merge", "-q", stdin=blank)
    lines = outcome.stdout.split(b"\n")
    assert [orjson.loads(line)["id"] for line in lines[:-1]] == ["r0", "r1", "r2", "r9"]


def test_a_stream_that_cannot_be_read_is_named(emocli: Emocli, tmp_path: Path) -> None:
    for words in (["merge", str(tmp_path)], ["score", "--compare", str(tmp_path)]):
        outcome = emocli(*words, stdin=PLAIN)
        assert outcome.status == ExitStatus.USAGE
        assert str(tmp_path) in outcome.stderr
