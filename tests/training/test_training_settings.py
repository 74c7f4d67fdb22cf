"""A wrong setting of training ends the command before it reads a record, by the setting's name."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest

from emocli import models
from emocli.training.plan import FILLED
from emocli.training.state import Settings
from tests.conftest import Emocli

HUGE = 10**12
WRONG: list[Any] = [
    *("nan", "inf", "-inf", "-1", "-0.5", "1e30", str(HUGE), str(10**18), "9" * 400, "0.5"),
    *(
        "true",
        "''",
        "'x'",
        "[]",
        "[1]",
        "['x', 'x']",
        "{}",
        "{x = 1}",
        "1979-05-27",
        "{audio = -3}",
    ),
]
UNREADABLE = "{"  # of stdin: a command that gets this far says that it is no record


def table(settings: str) -> list[tuple[str, str]]:
    if settings == "training":
        return [("mlp", name) for name in vars(Settings())]
    return [(model, name) for model in models.names() for name in sorted(models.fields(model))]


@pytest.mark.parametrize("name", ["training", "model"])
def test_every_setting_is_checked_before_a_record_is_read(
    name: str, emocli: Emocli, tmp_path: Path
) -> None:
    file = tmp_path / "how.toml"
    refused: dict[tuple[str, str], int] = {}
    for model, key in table(name):
        for value in WRONG[:: 1 if name == "training" else 2]:
            file.write_text(f"[{name}]\n{key} = {value}\n")
            flags = ("--model", model, "--config", str(file), "-o", str(tmp_path / "m"))
            done = emocli("train", *flags, stdin=UNREADABLE.encode())
            assert done.status in (2, 3)
            assert "Traceback" not in done.stderr
            if "<stdin>:1" not in done.stderr:  # it did not get as far as the records
                assert key in done.stderr or "integer" in done.stderr, (value, done.stderr)
                refused[model, key] = refused.get((model, key), 0) + 1
    few = {place for place in table(name) if refused.get(place, 0) < 4}
    assert not few


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        *(("--learning-rate", value) for value in ("nan", "inf", "1e9")),
        *(("--modality-dropout", "nan"), ("--epochs", str(HUGE)), ("--patience", str(HUGE))),
        *(("--hidden", str(HUGE)), ("--seed", str(10**30)), ("--batch-size", str(HUGE))),
    ],
)
def test_a_flag_is_no_way_around_it(flag: str, value: str, emocli: Emocli, tmp_path: Path) -> None:
    done = emocli("train", flag, value, "-o", str(tmp_path / "m"), stdin=UNREADABLE.encode())
    assert done.status in (2, 3)
    assert flag.strip("-").replace("-", "_") in done.stderr.replace("-", "_")
    assert "<stdin>:1" not in done.stderr


@pytest.mark.parametrize(
    "content",
    [b"model = 3", b"training = [1]", b"[[model]]", b"\xff\xfa", b"a = " + b"[" * 5000, b"= 3"],
)
def test_a_file_that_is_no_table_is_refused(content: bytes, emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "how.toml").write_bytes(content)
    flags = ("--config", str(tmp_path / "how.toml"), "-o", str(tmp_path / "m"))
    done = emocli("train", *flags, stdin=UNREADABLE.encode())
    assert (done.status, "how.toml" in done.stderr) == (2, True), done.stderr


def test_what_is_no_plain_file_does_not_hold_it_up(emocli: Emocli, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        done = emocli("train", "--config", str(path), "-o", str(tmp_path / "m"))
        assert (done.status, str(path) in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("key", FILLED)
def test_what_follows_from_the_records_cannot_be_set(
    key: str, emocli: Emocli, tmp_path: Path
) -> None:
    (tmp_path / "how.toml").write_text(f"[model]\n{key} = 3\n")
    flags = ("--config", str(tmp_path / "how.toml"), "-o", str(tmp_path / "m"))
    done = emocli("train", "--model", "stars", *flags)
    assert (done.status, f"[model] {key} follows" in done.stderr) == (2, True)


def test_defaults_are_right() -> None:
    from emocli.training import state

    assert state.settings(vars(Settings())) == Settings()
    assert all(math.isfinite(v) for v in vars(Settings()).values() if isinstance(v, float))
