"""A shared flag works in every command that offers it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from emocli.cli import registry
from tests.conftest import Emocli
from tests.pipeline import kills
from tests.pipeline.kills import Work
from tests.test_contract import COLLECTORS

pytestmark = pytest.mark.usefixtures("default_models", "nobody_speaks")

Record = dict[str, Any]


def _judged(folder: Path) -> list[Record]:
    said = {"emotion": "joy", "probabilities": {"joy": 0.9, "anger": 0.1}}
    return [{**record, "prediction": said} for record in kills._labelled(folder)]


def _table(folder: Path) -> str:
    (folder / "table.csv").write_text("id,text,label\n" + "a,yes,joy\nb,no,anger\nc,well,fear\n")
    return str(folder / "table.csv")


# Commands that kills.py has not, since they do not resume.
OTHERS = {
    "augment dime": lambda f: Work(
        ["augment", "dime", "--mix", "features", "--rho", "0.1", "--assume-train"],
        kills._labelled(f),
    ),
    "calibrate": lambda f: Work(["calibrate", "-m", kills._bundle(f)], kills._labelled(f)),
    "dataset": lambda f: Work(["dataset", "folder", _table(f)], []),
    "merge": lambda f: Work(["merge"], kills._full(f)),
    "score": lambda f: Work(["score", "--bootstrap", "0", "--table"], _judged(f)),
    "summarize": lambda f: Work(["summarize", "--bootstrap", "0", "--format=csv"], _judged(f)),
}
MADE = {**kills.MADE, **OTHERS}
SOUNDING = [name for name, make in kills.MADE.items() if "_spoken" in make.__code__.co_names]


def offering(flag: str) -> list[str]:
    """Return the commands that offer a flag, as far as they read or write records."""
    found = []
    for name in registry.names():
        command = registry.load(name)
        for word, one in getattr(command, "commands", {"": command}).items():
            flags = {option.name for option in one.params if isinstance(option, click.Option)}
            if flag in flags and {"output", "debug"} <= flags:
                found.append(f"{name} {word}".strip())
    return found


def made(name: str, folder: Path) -> Work:
    """Return a command and its records; of sounds a few are enough."""
    work = MADE[name](folder)
    return Work(work.arguments, work.records[: 2 if name in SOUNDING else None])


def run(emocli: Emocli, work: Work, *flags: str, folder: Path) -> Any:
    """Run a command in a folder of its own; a bundle that it writes goes there."""
    out = ["-o", str(folder / f"bundle-{len([*folder.iterdir()])}")]
    flags = (*flags, *(out if work.arguments[0] in ("train", "calibrate") else []))
    return emocli(*work.arguments, *flags, stdin=work.records)


def test_every_command_with_shared_flags_is_here() -> None:
    assert {name.split(" --")[0] for name in MADE} == set(offering("quiet"))


TAKES_SOUND = [name for name in offering("files_from") if name in SOUNDING]


@pytest.mark.parametrize("name", TAKES_SOUND)
@pytest.mark.parametrize("end", ["\n", "\0"])
def test_a_list_of_sounds_is_read(
    name: str, end: str, emocli: Emocli, wav: Callable[..., Path], tmp_path: Path
) -> None:
    sounds = [str(wav(f"{i}.wav", seconds=0.4)) for i in range(2)]
    (tmp_path / "list").write_text(end.join(sounds) + end)
    flags = ["--files-from", str(tmp_path / "list"), *(["-0"] if end == "\0" else [])]
    outcome = emocli(*made(name, tmp_path).arguments, *flags)
    assert [record["path"] for record in outcome.records] == sounds


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_a_list_of_files_is_merged(end: str, emocli: Emocli, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b'{"id":"%s"}\n' % name.encode())
    (tmp_path / "list").write_text(f"{tmp_path}/b{end}{tmp_path}/a{end}")
    flags = ["--files-from", str(tmp_path / "list"), *(["-0"] if end == "\0" else [])]
    assert [record["id"] for record in emocli("merge", *flags).records] == ["b", "a"]


@pytest.mark.parametrize("name", [n for n in offering("shard") if n not in COLLECTORS])
def test_shards_are_a_partition_of_the_output(name: str, emocli: Emocli, tmp_path: Path) -> None:
    work = made(name, tmp_path)
    if work.arguments[0] in ("train", "calibrate"):
        return  # they write no records; they read a shard as every command does
    whole = run(emocli, work, folder=tmp_path)
    assert whole.status == 0, whole.stderr
    parts = [run(emocli, work, "--shard", f"{i}/2", folder=tmp_path) for i in (1, 2)]
    found = sorted(record["id"] for part in parts for record in part.records)
    assert found == sorted(record["id"] for record in whole.records)


def broken(records: list[Record]) -> list[Record]:
    """Return the records with three in front that every command fails on."""
    suffixes = {Path(str(record.get("path"))).suffix for record in records}
    path = f"missing{next(iter(suffixes & {'.edf', '.avi'}), '.wav')}"
    worst = {"path": path, "features": 7, "label": 7, "prediction": 7, "split": "train"}
    return [*({"id": f"bad{i}", **worst} for i in range(3)), *records]


@pytest.mark.parametrize("name", [n for n in offering("max_errors") if n != "dataset"])
def test_too_many_failures_end_the_run(name: str, emocli: Emocli, tmp_path: Path) -> None:
    work = made(name, tmp_path)
    failing = Work(work.arguments, broken(work.records))
    all_of_them = run(
        emocli, failing, "--batch-size=1" if _batches(name) else "-q", folder=tmp_path
    )
    assert all_of_them.status == 1
    bad = [record for record in all_of_them.records if record["id"].startswith("bad")]
    assert len(bad) == 3
    for flags in (["--max-errors", "0"], ["--fail-fast"]):
        outcome = run(emocli, failing, *flags, folder=tmp_path)
        assert outcome.status == 1
        if name not in (
            "augment dime",
            "normalize",
        ):  # they write nothing before they have read all
            assert [record["id"] for record in outcome.records] == ["bad0"]
        assert "stopped after 1 failure" in outcome.stderr


def _batches(name: str) -> bool:
    return name in offering("batch_size")


@pytest.mark.parametrize(
    "name", [n for n in offering("exit_zero") if n not in ("dataset", "merge")]
)
def test_failures_may_be_forgiven(name: str, emocli: Emocli, tmp_path: Path) -> None:
    work = made(name, tmp_path)
    failing = Work(work.arguments, broken(work.records))
    assert run(emocli, failing, folder=tmp_path).status == 1
    assert run(emocli, failing, "--exit-zero", folder=tmp_path).status == 0


def test_gaps_may_be_forgiven(emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "like.jsonl").write_bytes(b'{"id":"a"}\n{"id":"b"}\n')
    flags = ["merge", "--like", str(tmp_path / "like.jsonl")]
    assert emocli(*flags, stdin=b'{"id":"a"}\n').status == 1
    assert emocli(*flags, "--exit-zero", stdin=b'{"id":"a"}\n').status == 0


@pytest.mark.parametrize("name", [n for n in offering("allow_empty") if n != "dataset"])
def test_an_empty_input_may_be_allowed(name: str, emocli: Emocli, tmp_path: Path) -> None:
    work = Work(made(name, tmp_path).arguments, [])
    assert run(emocli, work, folder=tmp_path).status == 5
    assert run(emocli, work, "--allow-empty", folder=tmp_path).status == 0


WRITES_RECORDS = [
    name for name in offering("input_format") if name not in (*COLLECTORS, "train", "calibrate")
]


SUFFIXES = {"extract-eeg": ".edf", "extract-video": ".mp4"}  # of what a command reads


@pytest.mark.parametrize("name", [name for name in WRITES_RECORDS if name != "merge"])
@pytest.mark.parametrize("line", ["nothing-there.wav", "a sentence, not a path"])
def test_a_path_that_is_not_there_fails(
    name: str, line: str, emocli: Emocli, tmp_path: Path
) -> None:
    line = line.replace(".wav", SUFFIXES.get(name, ".wav"))
    outcome = emocli(*made(name, tmp_path).arguments, stdin=f"{line}\n".encode())
    assert outcome.status == 1
    assert [bool(record["error"]["code"]) for record in outcome.records] == [True]
    assert line in outcome.stderr
