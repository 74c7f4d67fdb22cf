"""config: where each value comes from."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import click
import pytest

from emocli.cli import config, main, registry


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMOCLI_JOBS")


@pytest.fixture
def file() -> Path:
    path = Path(os.environ["XDG_CONFIG_HOME"], "emocli", "config.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def row(done: Any, flag: str) -> tuple[Any, str]:
    found = [r for r in done.records if r["flag"] == flag]
    assert len(found) == 1
    return found[0]["value"], found[0]["source"]


def test_a_variable_may_be_meant_for_one_command(emocli, monkeypatch):
    monkeypatch.setenv("EMOCLI_TRANSCRIBE_MODEL", "base")
    monkeypatch.setenv("EMOCLI_BATCH_SIZE", "4")
    monkeypatch.setenv("EMOCLI_ENCODE_BATCH_SIZE", "2")
    shown = emocli("config", "show", "transcribe")
    assert row(shown, "--model") == ("base", "$EMOCLI_TRANSCRIBE_MODEL")
    assert row(shown, "--batch-size") == ("4", "$EMOCLI_BATCH_SIZE")
    shown = emocli("config", "show", "--all", "predict")
    assert row(shown, "--model") == ("default", "default")
    shown = emocli("config", "show", "encode")
    assert row(shown, "--batch-size") == ("2", "$EMOCLI_ENCODE_BATCH_SIZE")


def test_the_variable_wins_over_the_file_and_the_file_over_the_default(emocli, file, monkeypatch):
    file.write_text('device = "cuda:0"\n[encode]\nbatch-size = "8"\nfeatures = "store"\n')
    monkeypatch.setenv("EMOCLI_BATCH_SIZE", "4")
    done = emocli("config", "show", "--all", "encode")
    assert done.status == 0
    assert row(done, "--batch-size") == ("4", "$EMOCLI_BATCH_SIZE")
    assert row(done, "--features") == ("store", str(file))
    assert row(done, "--device") == ("cuda:0", str(file))
    assert row(done, "--dtype") == ("auto", "default")


def test_what_is_shown_is_what_a_command_gets(emocli, file, monkeypatch):
    file.write_text("[dataset]\nlimit = 2\n")
    folder = file.parent / "clips"
    folder.mkdir()
    for number in range(4):
        (folder / f"{number}.wav").touch()
    assert row(emocli("config", "show", "dataset"), "--limit") == (2, str(file))
    assert len(emocli("dataset", "folder", str(folder)).records) == 2
    monkeypatch.setenv("EMOCLI_LIMIT", "3")
    assert row(emocli("config", "show", "dataset"), "--limit") == (3, "$EMOCLI_LIMIT")
    assert len(emocli("dataset", "folder", str(folder)).records) == 3
    assert len(emocli("dataset", "--limit", "1", "folder", str(folder)).records) == 1


def test_with_all_every_flag_of_every_command_is_shown(emocli):
    done = emocli("config", "show", "--all")
    shown = {record["command"].split()[0] for record in done.records}
    assert shown >= {name for name in registry.names() if name not in ("schema",)}
    assert {record["source"] for record in done.records} <= {"default", "$EMOCLI_STORE"}


def test_what_is_set_is_shown_and_defaults_are_not(emocli, file, monkeypatch):
    monkeypatch.delenv("EMOCLI_STORE")
    assert emocli("config", "show").stdout == b""
    file.write_text('device = "cpu"\n[predict]\nabstain = 0.5\n')
    monkeypatch.setenv("EMOCLI_SCORE_SEED", "7")
    shown = emocli("config", "show").records
    assert {record["source"] for record in shown} == {str(file), "$EMOCLI_SCORE_SEED"}
    set_ = {(record["command"], record["flag"]): record["value"] for record in shown}
    assert set_["predict", "--abstain"] == 0.5
    assert set_["score", "--seed"] == 7
    assert {flag for _, flag in set_} == {"--abstain", "--seed", "--device"}
    assert {r["flag"] for r in emocli("config", "show", "predict").records} == {
        "--abstain",
        "--device",
    }


def test_a_terminal_is_told_that_nothing_is_set(monkeypatch):
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("EMOCLI_STORE")
    for arguments, says in ([], b"nothing is set"), (["--all"], b"--batch-size"):
        stdout = Terminal()
        main.run(["config", "show", *arguments], io.BytesIO(), stdout, io.StringIO())
        assert says in stdout.getvalue()


def test_a_value_that_makes_no_sense_is_named(emocli, file, monkeypatch):
    monkeypatch.setenv("EMOCLI_JOBS", "many")
    done = emocli("config", "show", "extract-audio")
    assert done.status == 3
    assert "extract-audio --jobs" in done.stderr
    assert "'many'" in done.stderr


def test_a_key_that_no_flag_has_is_named_with_the_nearest(emocli, file):
    file.write_text("[encode]\nbatchsize = 8\n")
    done = emocli("config", "show", "encode")
    assert done.status == 3
    assert "batchsize" in done.stderr
    assert "did you mean batch-size?" in done.stderr


def test_a_file_that_is_no_toml_is_named(emocli, file):
    file.write_text("device = ")
    done = emocli("config", "show")
    assert done.status == 3
    assert str(file) in done.stderr


def test_an_unknown_command_is_a_usage_error(emocli):
    done = emocli("config", "show", "predcit")
    assert done.status == 2
    assert "predcit" in done.stderr


def test_the_path_is_printed_whether_or_not_the_file_is_there(emocli, file):
    done = emocli("config", "path")
    assert (done.status, done.stdout.decode()) == (0, f"{file}\n")


def test_underscores_do_for_hyphens(emocli, file):
    file.write_text('batch_size = "8"\n[extract_audio]\nmax_errors = "3"\n')
    assert row(emocli("config", "show", "encode"), "--batch-size") == ("8", str(file))
    shown = emocli("config", "show", "extract-audio")
    assert (shown.status, shown.stderr) == (0, "")
    assert row(shown, "--max-errors") == ("3", str(file))


MISTAKES = {
    "devise = 1": "did you mean device?",
    "bootstrp = 1": "did you mean bootstrap?",  # a flag of score alone
    "nosuch = 1": "unknown flag 'nosuch'",
    "[prosodie]": "did you mean prosody?",
    "[nosuch]": "unknown command 'nosuch'",
    "[prosody]\nbatch_sise = 1": "[prosody]: unknown flag 'batch_sise'",
    "[prosody]\ninputs = 1": "[prosody]: unknown flag 'inputs'",
    "device = ": "nvalid value",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_in_the_file_is_an_error_of_what_runs_and_a_warning_elsewhere(
    line, emocli, file, capsys
):
    file.write_text(f"{line}\n")
    done = emocli("prosody", stdin=b"")
    assert done.status == 3
    assert MISTAKES[line] in done.stderr
    assert str(file) in done.stderr
    for arguments in (["--help"], ["prosody", "--help"], ["--version"]):
        done = emocli(*arguments)
        assert done.status == 0
        assert capsys.readouterr().out
        # Without a command its table is not looked into: that would import the command.
        assert (MISTAKES[line] in done.stderr) == (
            "prosody" in arguments or "[prosody]" not in line
        )
    done = emocli("config", "show", "prosody")
    assert done.status == 3
    assert row(emocli("config", "show", "--all", "prosody"), "--jobs") == (0, "default")
    assert done.stderr.count(MISTAKES[line]) == 1
    assert emocli("config", "path").status == 0


def test_a_flag_of_another_command_is_no_mistake(emocli, file):
    file.write_text("bootstrap = 7\nabstain = 0.5\n[score]\nseed = 3\n")
    assert emocli("prosody", "--allow-empty").status == 0
    assert row(emocli("config", "show", "score"), "--bootstrap") == (7, str(file))


def test_a_mistake_in_another_table_does_not_stop_a_command(emocli, file):
    file.write_text("[score]\nnosuch = 3\n")
    assert emocli("prosody", "--allow-empty").status == 0
    assert "[score]: unknown flag" in emocli("config", "show", "prosody").stderr


def single_commands() -> list[str]:
    """Return the commands whose flags the file may set."""
    return [name for name in registry.names() if not hasattr(registry.load(name), "commands")]


WRONG = ["[[1]]", "nan", "true", "{ a = 1 }", "1979-05-27", "9007199254740993", '["a", 1]', '"x"']


@pytest.mark.parametrize("name", [n for n in single_commands() if n not in config.REPORTERS])
def test_a_value_of_another_type_is_named_with_its_flag(name: str, emocli, file) -> None:
    for option in registry.load(name).params:
        for value in WRONG if isinstance(option, click.Option) and option.name != "help" else ():
            table = f"[{name}]\n" if value.startswith("{") else ""
            file.write_text(f"{table}{option.name} = {value}\n")
            outcome = emocli(name, "--allow-empty", "--version-that-is-not-there")
            assert outcome.status in (2, 3)
            assert "unexpected" not in outcome.stderr
            if outcome.status == 3:
                assert str(file) in outcome.stderr


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("debug = [[1]]", "--debug of predict takes true or false"),
        ("output = 1", "the name of a file, in quotes"),
        ("output = false", "the name of a file, in quotes"),
        ("abstain = true", "a number"),
        ("batch-size = []", "a text or a number"),
        ("model = true", "a text or a number"),
    ],
)
def test_a_value_of_another_type_is_refused(line: str, right: str, emocli, file) -> None:
    file.write_text(line + "\n")
    outcome = emocli("predict", stdin=b"")
    assert (outcome.status, outcome.stdout) == (3, b"")
    assert right in outcome.stderr
    assert line.split(" = ")[0] in emocli("config", "show").stderr


WORDS = {  # of a file, and what is said of it: the line, the key, what is right
    '\nbatch-size = "eight"\n': (":2", "--batch-size eight", "a number from 1"),
    '[predict]\n# so\nbatch_size = "eight"\n': (":3", "--batch-size eight", "a number from 1"),
    "[predict]\nabstain = 7\n": (":2", "--abstain 7", "between 0 and 1"),
    '[predict]\n"abstain" = "much"\n': (":2", "abstain = 'much'", "takes a number"),
    'batch-size = 1\n\n[predict]\nbatch-size = "x"\n': (":4", "--batch-size x", "a number from 1"),
    'max-errors = "lots"\n': (":1", "--max-errors lots", "such as 5%"),
    'shard = "half"\n': (":1", "--shard half", "I/N"),
    "\njobz = 2\n": (":2", "unknown flag 'jobz'", "did you mean jobs?"),
    "\n\n[predcit]\n": (":3", "[predcit]", "did you mean predict?"),
    "[predict]\n\nabstin = 1\n": (":3", "unknown flag 'abstin'", "did you mean abstain?"),
    "jobs = \n": ("line 1", "nvalid value", ""),
}


@pytest.mark.parametrize("text", WORDS)
def test_a_wrong_word_in_the_file_is_named_with_its_line(text: str, emocli, file) -> None:
    file.write_text(text)
    line, wrong, right = WORDS[text]
    done = emocli("predict", "--allow-empty")
    assert done.status in (2, 3)
    assert f"{file}{line}" in done.stderr or (str(file) in done.stderr and line in done.stderr)
    assert wrong in done.stderr
    assert right in done.stderr


def test_a_wrong_word_in_a_variable_is_named_and_one_of_the_command_line_is_not(
    emocli, file, monkeypatch
):
    file.write_text('batch-size = "eight"\n')
    monkeypatch.setenv("EMOCLI_BATCH_SIZE", "seven")
    assert "(from $EMOCLI_BATCH_SIZE)" in emocli("predict", "--text", "x").stderr
    for flags in (["--batch-size", "six"], ["--batch-size=six"]):
        done = emocli("predict", "--text", "x", *flags)
        assert "--batch-size six" in done.stderr
        assert "from" not in done.stderr.partition("999999")[2]
    monkeypatch.setenv("EMOCLI_JOBS", "many")
    assert "(from $EMOCLI_JOBS)" in emocli("prosody").stderr
    assert "from" not in emocli("prosody", "-jmany").stderr


def test_a_number_outside_of_its_range_is_told_the_range(emocli, file):
    file.write_text("[transcribe]\nbeam-size = 0\n")
    assert "takes a whole number in the range x>=1" in emocli("transcribe", "a.wav").stderr
