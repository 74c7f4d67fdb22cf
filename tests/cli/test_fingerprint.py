"""The resume key follows the content of everything that a flag may name."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from emocli import hub
from emocli.cli import flags, registry
from emocli.cli.fingerprint import WRITTEN, fingerprint, versions

NAMES = ("FILE", "DIR", "BUNDLE", "NAME", "CMD")  # how a flag that names something is shown
# Flags with such a value that name a field or a stream of the records, not anything outside.
INSIDE = {("augment", "protocol"), ("normalize", "streams")}


def naming() -> Iterator[tuple[str, str]]:
    """Yield (command, flag) of every flag of a resumable command that may name a file or model."""
    for name in registry.names():
        command = registry.load(name)
        for one in getattr(command, "commands", {"": command}).values():
            known = {p.name: p for p in one.params if isinstance(p, click.Option)}
            if "resume" not in known:
                continue
            for flag, option in known.items():
                shown = option.metavar or ""
                if any(word in shown for word in NAMES) and (name, flag) not in INSIDE:
                    yield name, str(flag)


def relevant(flag: str) -> bool:
    return flag not in flags.INDIFFERENT | flags.READING.keys() | WRITTEN


NAMING = [(command, flag) for command, flag in naming() if relevant(flag)]


def test_the_flags_are_found() -> None:
    found = set(NAMING)
    assert {("predict", "model"), ("prosody", "norms"), ("annotate", "command")} <= found
    assert {("align", "textgrid"), ("encode", "encoder"), ("train", "config")} <= found


@pytest.mark.parametrize(("command", "flag"), NAMING)
@pytest.mark.parametrize("kind", ["file", "model", "folder"])
def test_the_key_follows_the_content(command: str, flag: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "named"
    inside = path if kind == "file" else path / f"a{'.safetensors' if kind == 'model' else '.txt'}"
    inside.parent.mkdir(exist_ok=True)
    inside.write_bytes(b"one")
    value = f"python3 '{path}' --fast" if flag == "command" else path
    before = fingerprint(command, {flag: value})
    assert fingerprint(command, {flag: str(value)}) == before
    inside.write_bytes(b"four")
    assert fingerprint(command, {flag: value}) != before


FOUND = SimpleNamespace(source="hub:other", folder=Path(__file__).parent)


def test_a_program_that_the_shell_finds_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "ask-them"
    script.write_text("#!/bin/sh")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for command in ("ask-them --fast", f"sh -c 'exec sh {script} --fast'", "sh -c 'ask-them'"):
        script.write_text("#!/bin/sh")
        before = fingerprint("annotate", {"command": command})
        script.write_text("#!/bin/sh\necho joy")
        assert fingerprint("annotate", {"command": command}) != before, command


@pytest.mark.parametrize("kind", ["file", "model"])
def test_content_counts_and_not_the_time(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"one")
    value = path if kind == "file" else tmp_path
    before = fingerprint("predict", {"model": value})
    os.utime(path, (0, 0))
    assert fingerprint("predict", {"model": value}) == before


def test_the_source_of_a_model_and_the_versions_of_libraries_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = fingerprint("encode", {"encoder": "all-minilm-l6-v2", "pooling": "mean"})
    with monkeypatch.context() as patch:
        patch.setattr(hub, "find", lambda name: FOUND)
        assert fingerprint("encode", {"encoder": "all-minilm-l6-v2", "pooling": "mean"}) != before
    assert {"emocli", "numpy", "torch"} <= {version.split("==")[0] for version in versions()}
    assert not {"pytest", "ruff"} & {version.split("==")[0] for version in versions()}


def test_what_a_run_writes_and_where_does_not_count(tmp_path: Path) -> None:
    before = fingerprint("align", {"write_textgrid": tmp_path, "output": Path("a")})
    (tmp_path / "a.TextGrid").write_text("x")
    assert fingerprint("align", {"write_textgrid": tmp_path, "output": Path("b")}) == before
