"""Where records come from."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from emocli.errors import MalformedError, UsageError
from emocli.io import inputs
from tests.conftest import Emocli


def read(stdin: bytes = b"", *arguments: str, **options: Any) -> list[dict[str, Any]]:
    source = inputs.Source(list(arguments) or ["-"], io.BytesIO(stdin), **options)
    records = [*source]
    if source.problem:
        raise source.problem
    return records


def test_the_first_character_tells_records_from_paths() -> None:
    assert read(b'\n  {"id": "a"}\n{"id": "b"}') == [{"id": "a"}, {"id": "b"}]
    assert read(b"\n{dir}/a.wav"[1:], input_format="paths") == [
        {"id": "{dir}/a.wav", "path": "{dir}/a.wav"}
    ]
    assert [r["path"] for r in read(b"a.wav\r\n\nb c.wav")] == ["a.wav", "b c.wav"]
    with pytest.raises(MalformedError, match="not an object"):
        read(b'[{"id": "a"}]')


def test_a_stream_is_read_once_and_as_it_comes() -> None:
    first, second = os.pipe()
    code = (
        "import sys; from emocli.io import inputs\n"
        "for r in inputs.Source(['-'], sys.stdin.buffer): print(r['id'], flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=first, stdout=subprocess.PIPE, text=True
    )
    os.close(first)
    assert process.stdout
    for name in ("one", "two", "three"):
        os.write(second, f'{{"id": "{name}"}}\n'.encode())
        assert process.stdout.readline() == f"{name}\n"
    os.close(second)
    process.stdout.close()
    assert process.wait(timeout=20) == 0


def test_nul_separates_names_with_newlines(tmp_path: Path) -> None:
    listed = b"a\nb.wav\0{c}.wav\0"
    assert [r["path"] for r in read(listed, null=True)] == ["a\nb.wav", "{c}.wav"]
    (tmp_path / "list").write_bytes(listed)
    source = inputs.Source([], io.BytesIO(), files_from=str(tmp_path / "list"), null=True)
    assert [r["path"] for r in source] == ["a\nb.wav", "{c}.wav"]


def test_text_gives_a_record_for_every_line(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("first\n\n  third  \n", encoding="utf-8")
    expected = [("L1", "first"), ("L3", "third")]
    assert read(b"", str(file)) == [{"id": f"{file}#{n}", "text": t} for n, t in expected]
    source = inputs.Source([], io.BytesIO(b"first\n\nthird\n"), text="-")
    assert [r for r in source] == [{"id": f"-#{n}", "text": t} for n, t in expected]
    assert [r for r in inputs.Source([], io.BytesIO(), text="hello")] == [
        {"id": "text#L1", "text": "hello"}
    ]


def test_records_may_be_compressed_and_files_mixed(tmp_path: Path) -> None:
    packed = tmp_path / "r.jsonl.gz"
    packed.write_bytes(gzip.compress(b'{"id": "packed"}\n'))
    assert [r["id"] for r in read(b'{"id": "in"}\n', "a.wav", str(packed), "-", "b.mp4")] == [
        "a.wav",
        "packed",
        "in",
        "b.mp4",
    ]


def test_a_list_that_is_not_there_is_usage_where_no_record_can_say_so(emocli: Emocli) -> None:
    with pytest.raises(UsageError, match="cannot open"):
        read(b"", "nothing.jsonl")
    for name in ("score", "merge"):
        outcome = emocli(name, "nothing.jsonl")
        assert outcome.status == 2
        assert "nothing.jsonl" in outcome.stderr
    assert emocli("prosody", "--files-from", "nothing").status == 2


@pytest.mark.parametrize("suffix", [".txt", ".csv", ".jsonl", ".jsonl.gz"])
def test_an_argument_that_is_not_there_costs_its_neighbours_nothing(
    suffix: str, emocli: Emocli, wav: Any, tmp_path: Path
) -> None:
    good, gone = str(wav()), str(tmp_path / f"gone{suffix}")
    outcome = emocli("prosody", good, gone, gone, good)
    assert outcome.status == 1
    assert [r["id"] for r in outcome.records] == [good, gone, f"{gone}#2", f"{good}#2"]
    assert [r.get("error", {}).get("code") for r in outcome.records] == [
        None,
        "not_found",
        "not_found",
        None,
    ]
    assert outcome.records[1]["path"] == gone
    assert outcome.records[1]["error"]["message"] == f"no such file: {gone}"
    assert f"prosody: {gone}: no such file (is" in outcome.stderr
    assert emocli("prosody", "--exit-zero", gone).status == 0
    assert len(emocli("prosody", "--fail-fast", gone, good).records) == 1


@pytest.mark.parametrize("suffix", [".txt", ".wav", ""])
def test_a_name_that_is_not_utf8_can_be_missing_too(suffix: str, emocli: Emocli) -> None:
    name = os.fsdecode(b"caf\xe9") + suffix
    for outcome in (emocli("prosody", name), emocli("prosody", stdin=os.fsencode(name))):
        assert outcome.status == 1
        assert outcome.records[0]["error"]["message"] == f"no such file: caf\\xe9{suffix}"


def test_a_folder_with_the_name_of_a_list_is_said_to_be_one(emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").mkdir()
    (record,) = emocli("prosody", str(tmp_path / "notes.txt")).records
    assert record["error"]["code"] == "no_media"
    assert "in this folder" in record["error"]["message"]


@pytest.mark.parametrize("sentence", ["hello", "I can't believe it", "word " * 100])
def test_a_sentence_as_an_argument_gets_the_flag_for_sentences(
    sentence: str, emocli: Emocli
) -> None:
    outcome = emocli("predict", sentence)
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == "not_found"
    assert "emocli predict --text" in outcome.stderr
    assert "--text" not in emocli("prosody", "gone.wav").stderr


def test_a_file_as_a_sentence_is_told(tmp_path: Path) -> None:
    file, told = tmp_path / "t.txt", []
    file.write_text("I am happy.")
    for text in (str(file), "no file", "x" * 5000, "a\0b"):
        (record,) = inputs.Source([], io.BytesIO(), text=text, say=told.append)
        assert record["text"] == text
    assert len(told) == 1
    assert str(file) in told[0]


@pytest.mark.parametrize("kind", ["cut", "other", "damaged"])
def test_a_compressed_file_that_is_not_whole_is_malformed(
    kind: str, emocli: Emocli, tmp_path: Path
) -> None:
    line = b'{"id":"%d","error":{"stage":"","code":"x","message":"","hint":""}}\n'
    archive = gzip.compress(b"".join(line % n for n in range(20000)))
    data = {
        "cut": archive[:-100],
        "other": b"no gzip at all",
        "damaged": archive[:90] + archive[100:],
    }
    packed = tmp_path / "r.jsonl.gz"
    packed.write_bytes(data[kind])
    outcome = emocli("prosody", "-q", str(packed))
    assert outcome.status == 2
    assert str(packed) in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert (len(outcome.records) > 1000) == (kind == "cut")  # those before it are written


BOM = b"\xef\xbb\xbf"


def test_a_byte_order_mark_is_no_part_of_what_follows(tmp_path: Path) -> None:
    text, listed = tmp_path / "t.txt", tmp_path / "list"
    text.write_bytes(BOM + b"first\nsecond\n")
    listed.write_bytes(BOM + b"a.wav\nb.wav\n")
    assert [r["text"] for r in read(b"", str(text))] == ["first", "second"]
    assert [r["path"] for r in read(listed.read_bytes())] == ["a.wav", "b.wav"]
    assert read(BOM + b'{"id": "a"}\n') == [{"id": "a"}]
    source = inputs.Source([], io.BytesIO(BOM + b"hello\n"), text="-")
    assert [r["text"] for r in source] == ["hello"]


LINES = [{"text": "-"}, {}, {"input_format": "csv"}]


@pytest.mark.parametrize("options", LINES)
def test_utf_16_with_a_mark_is_read(options: dict[str, str]) -> None:
    arguments = [] if "text" in options else ["-"]
    found = [
        [r for r in inputs.Source(arguments, io.BytesIO("text\nœ\n".encode(code)), **options)]
        for code in ("utf-8", "utf-16")
    ]
    assert found[0] == found[1] != []


def test_records_in_utf_16_are_refused_not_taken_for_paths() -> None:
    source = inputs.Source(["-"], io.BytesIO('{"id": "a"}\n'.encode("utf-16")))
    assert list(source) == []
    assert "iconv -f UTF-16" in str(source.problem)


def test_a_line_of_text_that_is_not_utf_8_is_refused_with_advice() -> None:
    source = inputs.Source([], io.BytesIO(b"one\nit\x92s\n"), text="-")
    assert [r["text"] for r in source] == ["one"]
    assert "-:2: not UTF-8: b'\\x92' in it" in str(source.problem)
    assert "iconv -f WINDOWS-1252" in str(source.problem)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("options", LINES)
def test_utf_16_without_a_mark_is_refused(encoding: str, options: dict[str, str]) -> None:
    data = "text\nhello\n".encode(encoding)
    source = inputs.Source([] if "text" in options else ["-"], io.BytesIO(data), **options)
    assert list(source) == []
    assert "iconv -f UTF-16" in str(source.problem)


def test_lists_that_nul_separates_are_not_taken_for_one_name() -> None:
    with pytest.raises(MalformedError, match="-0 reads"):
        read(b"a.wav\0b.wav\0")


def test_a_sentence_is_not_taken_for_a_path_in_silence(emocli: Emocli, tmp_path: Path) -> None:
    outcome = emocli("prosody", stdin=b"Hello world. So it is\n" + b"word " * 100 + b"\ngone.wav\n")
    assert [r["error"]["code"] for r in outcome.records] == ["not_found"] * 3
    sentence, long, gone = outcome.stderr.splitlines()[:3]
    assert "predict --text -" in sentence
    assert "predict --text -" in long
    assert "--text" not in gone
    (tmp_path / "a clip").write_bytes(b"no sound")
    outcome = emocli("prosody", stdin=str(tmp_path / "a clip").encode())
    assert outcome.records[0]["error"]["code"] == "not_media"


def test_a_json_document_gets_the_command_that_makes_lines_of_it(
    emocli: Emocli, tmp_path: Path
) -> None:
    pretty = tmp_path / "pretty.json"
    pretty.write_text('{\n  "id": "a"\n}\n')
    outcome = emocli("prosody", str(pretty))
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == "not_media"
    assert f"jq -c . {pretty}" in outcome.stderr
    assert emocli("prosody", str(tmp_path / "gone.json")).records[0]["error"]["code"] == "not_found"


def test_flags_come_before_variables_before_the_file_before_defaults(
    emocli: Emocli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    (config / "emocli").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    (config / "emocli" / "config.toml").write_text('shard = "9/8"\n', encoding="utf-8")
    line = b'{"id": "a", "error": {"stage": "", "code": "", "message": "", "hint": ""}}\n'
    assert "9/8" in emocli("prosody", stdin=line).stderr
    monkeypatch.setenv("EMOCLI_SHARD", "7/6")
    assert "7/6" in emocli("prosody", stdin=line).stderr
    assert "5/4" in emocli("prosody", "--shard=5/4", stdin=line).stderr
    assert emocli("prosody", "--shard=1/1", stdin=line).status == 0


def test_an_unknown_key_in_the_config_names_the_likely_one(
    emocli: Emocli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "emocli").mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "emocli" / "config.toml").write_text("[prosody]\njob = 2\n", encoding="utf-8")
    outcome = emocli("prosody", "a.wav")
    assert outcome.status == 3
    assert "did you mean jobs" in outcome.stderr
