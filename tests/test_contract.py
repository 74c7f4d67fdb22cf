"""The contract of filters, tested on every command that exists."""

from __future__ import annotations

import base64
import importlib
import inspect
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from emocli.cli import registry
from tests.conftest import Emocli
from tests.signals import edf_files, films

Record = dict[str, Any]

# Commands that are not one-to-one filters of records, each with the reason.
OTHERS = {
    "calibrate": "many records in, a bundle out; has its own tests",
    "augment": "makes new records from records; has its own tests",
    "config": "shows settings",
    "dataset": "makes records",
    "describe": "needs what was measured, which raw files do not have; has its own tests",
    "doctor": "reports on the installation",
    "instruct": "needs labels, which raw files do not have; has its own tests",
    "merge": "joins files; has its own tests",
    "models": "manages the cache",
    "normalize": "needs all records of a speaker before it writes one; has its own tests",
    "plot": "draws pictures; has its own tests",
    "schema": "prints the format",
    "score": "many records in, one out",
    "summarize": "many records in, one per group out",
    "train": "many records in, a bundle out",
}
# Objects of the input that a filter adds fields to, keeping those they have.
ADDED_TO = {"annotate": ["label"]}
FILTERS = [name for name in registry.names() if name not in OTHERS]
COLLECTORS = ["score", "summarize"]  # they read all records before they write any
READERS = [*FILTERS, "instruct", "merge", *COLLECTORS]  # they read records and write records

filters = pytest.mark.parametrize("name", FILTERS)
readers = pytest.mark.parametrize("name", READERS)
without_words = pytest.mark.usefixtures("nobody_speaks")
pytestmark = pytest.mark.usefixtures("default_models", "tones_count")


# For align a clip must say its text; for the other commands any sound is good enough.
SPOKEN = {
    "joy.wav": "I got the job! I am so happy, this is wonderful!",
    "neutral.wav": "The meeting is on Monday, in room two.",
    "sadness.flac": "She is gone. I miss her, and I feel so sad.",
}


@pytest.fixture
def clips(wav: Callable[..., Path], request: pytest.FixtureRequest) -> list[Record]:
    """Records of sounds of several lengths, with a field that no command knows."""
    seconds = (0.4, 1.1, 0.7, 0.3)
    records: list[Record] = [
        {
            "id": f"clip {i}",
            "zebra": {"stripes": [i, None]},
            "path": str(wav(f"{i}.wav", seconds=s, f0_hz=120 + 20 * i)),
            "text": "I am so happy today" if i % 2 else "leave me alone",
            "label": {"emotion": "joy"},
        }
        for i, s in enumerate(seconds)
    ]
    callspec = getattr(request.node, "callspec", None)
    command = callspec.params.get("name") if callspec else None
    if command == "align":
        folder = Path(__file__).parent.parent / "examples" / "clips"
        for record, (name, text) in zip(records, SPOKEN.items(), strict=False):
            record |= {"path": str(folder / name), "text": text}
        del records[-1]["text"]
    if command == "extract-eeg":
        for i, record in enumerate(records):
            path = Path(record["path"]).with_suffix(".edf")
            record["path"] = str(edf_files.noise(path, seconds=4 + i, seed=i))
    if command == "extract-video":
        for i, record in enumerate(records):
            path = Path(record["path"]).with_suffix(".avi")
            record["path"] = str(films.cheap(path, frames=15 * i + 1))
    return records


def recorded(name: str, sound: Path) -> Path:
    """Return the file of a sound, or one in its place for the command that wants another kind."""
    if name == "extract-eeg":
        return edf_files.noise(sound.with_suffix(".edf"), 8)
    return films.cheap(sound.with_suffix(".avi")) if name == "extract-video" else sound


def same(a: Any, b: Any) -> bool:
    """Say whether two values are equal, numbers to 1e-4."""
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) or isinstance(b, float):
        return a == b or (None not in (a, b) and abs(a - b) < 1e-4)
    return bool(a == b)


def test_no_command_is_forgotten() -> None:
    assert set(OTHERS) <= set(registry.names())
    assert {"extract-audio", "transcribe", "prosody", "encode", "fuse", "predict"} <= set(FILTERS)


@pytest.mark.parametrize("name", registry.names())
def test_help_is_there_and_says_what_goes_in_and_out(
    name: str, emocli: Emocli, capsys: pytest.CaptureFixture[str]
) -> None:
    assert emocli(name, "--help").status == 0
    text = capsys.readouterr().out
    assert registry.summary(name)[:40] in text.replace("\n  ", " ")
    module = importlib.import_module(f"emocli.commands.{name.replace('-', '_')}")
    assert "Example" in text or (hasattr(module, "app") and "Example" in (module.__doc__ or ""))
    if name in READERS:
        assert "Reads" in text
        assert "Adds" in text or "Writes" in text or "writes" in text


@readers
def test_nothing_in_is_exit_5_and_nothing_out(name: str, emocli: Emocli) -> None:
    for nothing in (b"", b"\n\n  \n"):
        outcome = emocli(name, stdin=nothing)
        assert (outcome.status, outcome.stdout) == (5, b"")


@filters
def test_nothing_in_may_be_allowed(name: str, emocli: Emocli) -> None:
    assert emocli(name, "--allow-empty").status == 0


@filters
def test_n_in_n_out_in_order_with_unknown_fields(
    name: str, emocli: Emocli, clips: list[Record]
) -> None:
    outcome = emocli(name, "--batch-size=3" if _has(name, "batch_size") else "-q", stdin=clips)
    assert outcome.status == 0, outcome.stderr
    assert [r["id"] for r in outcome.records] == [r["id"] for r in clips]
    for before, after in zip(clips, outcome.records, strict=True):
        assert list(after)[: len(before)] == list(before)
        for field in ADDED_TO.get(name, ()):
            after[field] = {key: after[field][key] for key in before[field]}
        assert {key: after[key] for key in before} == before


@filters
@without_words
def test_it_adds_something_with_its_provenance(
    name: str, emocli: Emocli, clips: list[Record]
) -> None:
    del clips[0]["text"]
    before, after = clips[0], emocli(name, stdin=clips[:1]).records[0]
    added = set(after) - set(before)
    assert added
    flat = str({key: after[key] for key in added})
    assert any(key in flat for key in ("'model'", "'revision'", "'decoder'", "'praat'")), flat


@filters
@without_words
def test_raw_files_work(name: str, emocli: Emocli, wav: Callable[..., Path]) -> None:
    path = str(recorded(name, wav("with space.wav")))
    for outcome in (emocli(name, path), emocli(name, stdin=path.encode() + b"\n")):
        assert outcome.status == 0, outcome.stderr
        assert outcome.records[0]["path"] == path == outcome.records[0]["id"]


@filters
@without_words
def test_one_bad_record_costs_its_neighbours_nothing(
    name: str, emocli: Emocli, clips: list[Record], tmp_path: Path
) -> None:
    clips = [{k: v for k, v in r.items() if k != "text"} for r in clips]
    bad = {"id": "bad", "path": str(tmp_path / f"missing{Path(clips[0]['path']).suffix}")}
    without = emocli(name, stdin=clips)
    mixed = emocli(name, stdin=[clips[0], bad, *clips[1:]])
    assert mixed.status == 1
    assert "bad: " in mixed.stderr
    assert "Traceback" not in mixed.stderr
    failed = mixed.records[1]
    assert failed["error"]["stage"]
    assert failed["error"]["code"]
    assert same([r for r in mixed.records if r["id"] != "bad"], without.records)
    assert emocli(name, "--exit-zero", stdin=[clips[0], bad]).status == 0
    stopped = emocli(name, "--fail-fast", stdin=[clips[0], bad, *clips[1:]])
    assert stopped.status == 1
    assert [r["id"] for r in stopped.records] == [clips[0]["id"], "bad"]


@filters
def test_a_record_that_failed_before_flows_past(
    name: str, emocli: Emocli, clips: list[Record]
) -> None:
    broken = {"id": "broken", "error": {"stage": "x", "code": "y", "message": "z", "hint": ""}}
    outcome = emocli(name, stdin=[broken, clips[0]])
    assert outcome.status == 0
    assert outcome.records[0] == broken


MALFORMED = {
    "torn": b'{"id": "a", "path": ',
    "array": b'[{"id": "a"}]',
    "number": b"17",
    "nan": b'{"id": "a", "x": NaN}',
    "deep": b'{"x":' * 10000 + b"1" + b"}" * 10000,
    "huge": b'{"id": "' + b"y" * 20_000_000 + b'"}',
}


@readers
@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_line_ends_the_stream_with_its_number(
    name: str, kind: str, emocli: Emocli, clips: list[Record]
) -> None:
    if kind == "huge" and name not in ("prosody", "merge", "score"):
        return  # the same reader; 20 MB for each command take too long
    first = {**clips[0], "prediction": {"emotion": "joy", "probabilities": {"joy": 1.0}}}
    lines = orjson.dumps(first) + b"\n\n" + MALFORMED[kind] + b"\n" + orjson.dumps(clips[1]) + b"\n"
    outcome = emocli(name, stdin=lines)
    assert outcome.status == 2
    assert ":3" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    assert len(outcome.records) == (0 if name in COLLECTORS else 1)


@filters
def test_blank_lines_and_a_missing_last_newline_do_not_matter(
    name: str, emocli: Emocli, clips: list[Record]
) -> None:
    lines = b"\n" + orjson.dumps(clips[0]) + b"\n\n\r\n" + orjson.dumps(clips[1])
    assert [r["id"] for r in emocli(name, stdin=lines).records] == ["clip 0", "clip 1"]


@filters
def test_running_it_twice_changes_nothing(name: str, emocli: Emocli, clips: list[Record]) -> None:
    once = emocli(name, stdin=clips)
    twice = emocli(name, stdin=once.stdout)
    assert twice.status == 0
    assert twice.stdout == once.stdout


@filters
@without_words
def test_batches_and_jobs_do_not_matter(name: str, emocli: Emocli, clips: list[Record]) -> None:
    clips = [{k: v for k, v in r.items() if k != "text"} for r in clips]
    flags = [f"--batch-size={n}" for n in (1, 4)] if _has(name, "batch_size") else []
    flags += [f"--jobs={n}" for n in (1, 3)] if _has(name, "jobs") else []
    first, *others = [emocli(name, flag, stdin=clips).records for flag in flags]
    assert all(same(first, other) for other in others)


@filters
def test_shards_add_up(name: str, emocli: Emocli, clips: list[Record]) -> None:
    parts = [emocli(name, f"--shard={i}/2", "--allow-empty", stdin=clips) for i in (1, 2)]
    ids = sorted(r["id"] for part in parts for r in part.records)
    assert ids == sorted(r["id"] for r in clips)


@filters
def test_the_output_file_is_what_stdout_would_be(
    name: str, emocli: Emocli, clips: list[Record], tmp_path: Path
) -> None:
    target = tmp_path / "out.jsonl"
    outcome = emocli(name, "-o", str(target), stdin=clips)
    assert (outcome.status, outcome.stdout) == (0, b"")
    assert target.read_bytes() == emocli(name, stdin=clips).stdout
    assert not [p for p in tmp_path.iterdir() if ".part" in p.name]


@filters
def test_a_malformed_line_leaves_no_output_file(
    name: str, emocli: Emocli, clips: list[Record], tmp_path: Path
) -> None:
    lines = orjson.dumps(clips[0]) + b"\n{torn\n"
    assert emocli(name, "-o", str(tmp_path / "out.jsonl"), stdin=lines).status == 2
    assert not (tmp_path / "out.jsonl").exists()


@filters
def test_a_file_that_cannot_be_written_is_named(
    name: str, emocli: Emocli, clips: list[Record]
) -> None:
    outcome = emocli(name, "-o", "/nowhere/at/all.jsonl", stdin=clips)
    assert outcome.status == 2
    assert "/nowhere/at/all.jsonl" in outcome.stderr


@readers
def test_a_wrong_flag_is_usage(name: str, emocli: Emocli) -> None:
    outcome = emocli(name, "--no-such-flag")
    assert outcome.status == 2
    assert "no-such-flag" in outcome.stderr


@filters
@without_words
def test_input_names_may_be_odd(
    name: str, emocli: Emocli, wav: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = recorded(name, wav("plain.wav"))
    monkeypatch.chdir(source.parent)
    stems = ["-dash", "two\nlines", 'it\'s "so"', "concat:a|b", "http:x", os.fsdecode(b"caf\xe9")]
    names = [stem + source.suffix for stem in stems]
    for odd in names:
        Path(odd).write_bytes(source.read_bytes())
    listed = b"\0".join(os.fsencode(odd) for odd in names) + b"\0"
    outcome = emocli(name, "-0", stdin=listed)
    assert outcome.status == 0, outcome.stderr
    assert [r["path"] for r in outcome.records[:-1]] == names[:-1]
    last = base64.b64encode(b"caf\xe9" + source.suffix.encode()).decode()
    assert outcome.records[-1]["path"] == {"bytes": last}
    again = emocli(name, stdin=outcome.stdout)
    assert again.status == 0
    assert emocli(name, "--", *names).stdout == outcome.stdout


@filters
@without_words
def test_names_that_repeat_are_told_apart(
    name: str, emocli: Emocli, wav: Callable[..., Path]
) -> None:
    path = str(wav())
    assert [r["id"] for r in emocli(name, path, path).records] == [path, f"{path}#2"]


def _has(name: str, parameter: str) -> bool:
    return any(p.name == parameter for p in registry.load(name).params)


def start(*argv: str, **streams: Any) -> subprocess.Popen[bytes]:
    """Start a command line in a process of its own."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", "emocli", *argv], **{**pipes, **streams})


@readers
def test_a_closed_pipe_is_silent(name: str, clips: list[Record]) -> None:
    if name in COLLECTORS:
        return  # they write at the end
    read, write = os.pipe()
    os.close(read)
    process = start(name, stdout=write)
    os.close(write)
    _, stderr = process.communicate(orjson.dumps(clips[0]) + b"\n", timeout=60)
    assert (process.returncode, stderr) == (141, b"")


@filters
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_flushes_and_prints_the_summary(
    name: str, number: int, status: int, clips: list[Record]
) -> None:
    flag = "--batch-size=1" if _has(name, "batch_size") else "--jobs=2"
    process = start(name, flag)
    assert process.stdin
    assert process.stdout
    assert process.stderr
    watchdog = threading.Timer(60, process.kill)  # a stage that waits for more must not hang us
    watchdog.start()
    process.stdin.write(orjson.dumps(clips[0]) + b"\n")
    process.stdin.flush()
    line = process.stdout.readline()  # while stdin is still open: written as soon as it is ready
    process.send_signal(number)
    assert process.wait(timeout=30) == status
    watchdog.cancel()
    stderr = process.stderr.read().decode()
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()
    assert orjson.loads(line)["id"] == "clip 0"
    assert "1 record, 0 failed" in stderr
    assert "Traceback" not in stderr


def test_a_full_disk_is_reported(clips: list[Record]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start("prosody", stdout=full)
        _, stderr = process.communicate(orjson.dumps(clips[0]) + b"\n", timeout=60)
    assert process.returncode == 1
    assert b"No space left" in stderr or b"no space left" in stderr
    assert b"Traceback" not in stderr


def test_a_terminal_without_input_is_usage_and_never_waits() -> None:
    import pty

    ours, theirs = pty.openpty()
    process = start("prosody", stdin=theirs)
    os.close(theirs)
    _, stderr = process.communicate(timeout=30)
    os.close(ours)
    assert process.returncode == 2
    assert b"no input" in stderr


@pytest.mark.large(mb=300)
def test_no_network_is_used_when_everything_is_installed(
    emocli: Emocli, clips: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a network call")

    for call in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, call, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    del clips[0]["text"]
    outcome = emocli("predict", stdin=clips[:1])
    assert outcome.status == 0, outcome.stderr
    assert outcome.records[0]["prediction"]["emotion"]


def test_missing_models_are_exit_4_with_the_command_that_fetches_them(
    emocli: Emocli, clips: list[Record], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    for name in ("predict", "fuse", "encode"):
        for records in (clips[:1], [{"id": "a", "text": "hello"}]):
            outcome = emocli(name, "--offline", stdin=records)
            assert outcome.status == 4
            assert "(emocli models pull default gets all" in outcome.stderr


def test_every_stage_of_a_pipe_is_a_function_of_its_module() -> None:
    for name in FILTERS:
        module = importlib.import_module(f"emocli.commands.{name.replace('-', '_')}")
        assert inspect.isfunction(module.command), name
