"""The root command: help in two ways, the version, and completions of what each command takes."""

from __future__ import annotations

import pytest

from emocli import encoders, hub
from emocli.cli import completions, registry
from emocli.cli.completion_items import flat
from emocli.errors import ConfigError
from emocli.records.modality import MODALITIES
from tests.conftest import Emocli

SUBCOMMANDS = [command.name for command in flat(completions.commands()) if " " in command.name]


@pytest.mark.parametrize("name", ["", *registry.names(), *SUBCOMMANDS])
def test_help_name_is_name_help(
    name: str, emocli: Emocli, capsys: pytest.CaptureFixture[str]
) -> None:
    assert emocli(*name.split(), "--help").status == 0
    expected = capsys.readouterr().out
    assert emocli("help", *name.split()).status == 0
    assert capsys.readouterr().out == expected != ""


def test_help_of_what_is_no_command_suggests_the_closest(emocli: Emocli) -> None:
    done = emocli("help", "predcit")
    assert done.status == 2
    assert "did you mean predict?" in done.stderr


def test_the_version_has_a_short_flag(emocli: Emocli, capsys: pytest.CaptureFixture[str]) -> None:
    assert emocli("-V").status == emocli("--version").status == 0
    short, long = capsys.readouterr().out.splitlines()
    assert short == long
    for name, script in completions.scripts():
        assert ("-s V " if name.endswith("fish") else "-V") in script, name


def words(command: str, flag: str) -> set[str]:
    """Return the words that are completed after a flag."""
    (found,) = (c for c in completions.commands() if c.name == command)
    (values,) = (f.values for f in found.flags if flag in f.names)
    return set(values.words) if values else set()


def test_encoders_are_completed_where_encode_takes_them() -> None:
    offered = words("encode", "--encoder")
    measuring = {n for m in MODALITIES for n in encoders.families(m) if encoders.is_measured(n, m)}
    assert measuring <= offered
    assert offered - measuring < set(hub.catalog())
    for name, model in hub.catalog().items():
        assert (name in offered) is ("encode" in model["commands"])
        assert (name in words("transcribe", "--model")) is ("transcribe" in model["commands"])


@pytest.mark.usefixtures("default_models")
def test_what_the_catalog_says_of_encoders_is_what_encoders_read() -> None:
    known = [(name, hub.find(name)) for name in hub.catalog()]
    installed = {name: model.folder for name, model in known if model is not None}
    assert set(hub.expand("default")) <= set(installed)
    for name, folder in installed.items():
        is_speech = hub.catalog()[name]["what"].startswith("speech")
        if is_speech:
            try:
                encoders.of_folder(folder, "audio")
            except ConfigError:
                assert "encode" not in hub.catalog()[name]["commands"]
            else:
                assert "encode" in hub.catalog()[name]["commands"]
