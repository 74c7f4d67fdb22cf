"""Folders as input: media files in order, the others counted, loops and refusals survived."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from emocli.io import inputs, walk
from tests.conftest import Emocli

FILES = ["b.WAV", "a.mp3", "deep/er/c.mkv", "a-b/d.flac", "a/e.opus", "notes.txt", "a/t.csv", "raw"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of empty files, some hidden."""
    root = tmp_path / "clips"
    for name in [*FILES, ".hidden.wav", ".git/x.wav", "a/._e.opus"]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def paths(*arguments: str, **options: Any) -> list[str]:
    source = inputs.Source(list(arguments), io.BytesIO(), marks=True, **options)
    return [record["path"] for record in source]


def test_media_files_come_in_the_order_of_their_paths_and_hidden_ones_do_not(folder: Path) -> None:
    media = [name for name in FILES if Path(name).suffix.lower() in walk.MEDIA]
    assert paths(str(folder)) == sorted(str(folder / name) for name in media)
    assert paths(f"{folder}/")[0] == f"{folder}/a-b/d.flac"  # as given, as find writes it


def test_a_relative_folder_gives_relative_paths(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert paths("a") == ["a/e.opus"]
    assert "./a/e.opus" in paths(".")


def test_files_that_are_no_media_are_counted_on_stderr(folder: Path, emocli: Emocli) -> None:
    done = emocli("prosody", str(folder))
    assert f"{folder}: 3 other files (1 .csv, 1 .txt) left out: not media" in done.stderr
    assert "left out" not in emocli("prosody", "-q", str(folder)).stderr
    assert "left out" not in emocli("prosody", str(folder / "deep")).stderr


def test_links_are_followed_and_a_loop_of_them_ends(folder: Path, tmp_path: Path) -> None:
    (folder / "a" / "up").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "f.wav").touch()
    (folder / "z").symlink_to(elsewhere)
    (folder / "gone.wav").symlink_to(tmp_path / "nothing")
    found = paths(str(folder))
    assert len(found) == len(set(found)) == 7
    assert str(folder / "z" / "f.wav") in found
    assert str(folder / "gone.wav") in found  # fails by itself, with its name


def test_a_pipe_in_a_folder_is_left_out_and_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.wav")
    assert str(folder / "pipe.wav") not in paths(str(folder))


@pytest.mark.parametrize("kind", ["empty", "text", "bundle"])
def test_a_folder_without_media_is_a_failed_record_that_says_what_it_is(
    kind: str, tmp_path: Path, emocli: Emocli, wav: Any
) -> None:
    good, bare = str(wav()), tmp_path / "bare"
    bare.mkdir()
    names = {"empty": [], "text": ["t.txt"], "bundle": ["config.json", "model.safetensors"]}
    for name in names[kind]:
        (bare / name).touch()
    done = emocli("prosody", str(bare), good)
    assert done.status == 1
    failed, fine = done.records
    assert (failed["id"], failed["path"]) == (str(bare), str(bare))
    assert failed["error"]["code"] == "no_media"
    says = {"empty": "is empty", "text": "1 other file (1 .txt)", "bundle": f"--model {bare}"}
    assert says[kind] in failed["error"]["hint"]
    assert "prosody" in fine


def test_a_folder_that_cannot_be_read_costs_the_others_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("/deep"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    source = inputs.Source([str(folder)], io.BytesIO(), marks=True)
    problems = {r["path"]: r["error"] for r in source if r.get("error")}
    assert list(problems) == [str(folder / "deep")]
    assert problems[str(folder / "deep")]["code"] == "not_readable"
    assert "Permission denied" in problems[str(folder / "deep")]["message"]


def test_lists_may_name_folders(folder: Path, tmp_path: Path) -> None:
    one = str(folder / "b.WAV")
    listed = f"{one}\n{folder}/a\n".encode()
    expected = [one, f"{folder}/a/e.opus"]
    (tmp_path / "list").write_bytes(listed)
    assert paths(files_from=str(tmp_path / "list")) == expected
    for data, null in ((listed, False), (listed.replace(b"\n", b"\0"), True)):
        source = inputs.Source(["-"], io.BytesIO(data), marks=True, null=null)
        assert [record["path"] for record in source] == expected


def test_the_total_is_known_before_the_first_record(folder: Path) -> None:
    source = inputs.Source([str(folder), str(folder / "a"), "x.wav"], io.BytesIO(), marks=True)
    assert source.total() == len(list(source)) == 7


def test_a_name_that_is_not_utf_8_is_walked_too(folder: Path) -> None:
    (Path(os.fsdecode(b"%s/caf\xe9" % os.fsencode(folder)))).mkdir()
    Path(os.fsdecode(b"%s/caf\xe9/g.wav" % os.fsencode(folder))).touch()
    assert any(isinstance(path, dict) for path in paths(str(folder)))


def test_what_reads_records_says_that_a_folder_is_one(folder: Path, emocli: Emocli) -> None:
    for name in ("score", "merge"):
        done = emocli(name, str(folder))
        assert done.status == 2
        assert str(folder) in done.stderr
        assert "Traceback" not in done.stderr
