"""Long recordings become a record per utterance, whatever happens to their files."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from emocli.io.store import Store
from emocli.modalities.audio import SOUND, samples
from emocli.pipeline import parts, windows
from emocli.pipeline.context import Context
from emocli.signals import audio, sound_stream, speech_presence
from emocli.stages import segment
from emocli.stages.segment import memory, pieces
from tests.cli.test_shared_flags import offering
from tests.conftest import Emocli
from tests.signals.media import encoded

pytestmark = pytest.mark.usefixtures("default_models")

Record = dict[str, Any]
Wav = Callable[..., Path]
RATE_HZ = 16_000
CLIPS = Path(__file__).parents[2] / "examples" / "clips"
PAUSE_S = 2.0
COMMANDS = [name for name in offering("segment") if not name.startswith("extract-")]


def interview(count: int = 14) -> tuple[np.ndarray, list[float]]:
    """Return clips with pauses before each, and where each begins."""
    speech = [audio.read(CLIPS / name).samples for name in ("joy.wav", "neutral.wav")]
    blocks, starts, at = [], [], 0
    for number in range(count):
        pause = np.zeros(int(PAUSE_S * RATE_HZ), np.float32)
        blocks += [pause, speech[number % 2]]
        starts.append((at + len(pause)) / RATE_HZ)
        at += len(pause) + len(speech[number % 2])
    return np.concatenate(blocks), starts


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recording of about a minute."""
    path = tmp_path_factory.mktemp("long") / "interview.flac"
    audio.write_flac(path, interview()[0])
    return path


def segments(records: list[Record]) -> list[Record]:
    return [record for record in records if "#" in record["id"]]


def cut(path: Path, how: str = "auto", **fields: Any) -> Iterator[Record]:
    """Return the records that one becomes, with what is private to the process."""
    cutter = segment.Segmenter(Context(), "test", segment.way(how, None), lambda: None)
    return cutter.cut(iter([{"id": "a", "path": str(path), **fields}]))


def test_a_long_recording_becomes_a_record_per_utterance(emocli: Emocli, long: Path) -> None:
    done = emocli("prosody", str(long))
    assert done.status == 0, done.stderr
    found, starts = done.records, interview()[1]
    assert len(found) >= len(starts)
    for start in starts:
        assert min(abs(record["start"] - start) for record in found) < 0.7
    for record in found:
        assert record["id"] == f"{long}#{record['start']:.2f}-{record['end']:.2f}"
        assert record["path"] == str(long)
        length = record["end"] - record["start"]
        assert record["prosody"]["duration"] == pytest.approx(length, abs=0.002)
        assert not [name for name in record if name.startswith(parts.PRIVATE)]


def test_a_segment_has_the_samples_of_its_times(long: Path, tmp_path: Path) -> None:
    for path in (long, encoded(long, tmp_path / "a.mp3")):
        found = [*cut(path)]
        for record in (found[0], found[-1]):
            plain = parts.public(record)
            spanned = samples(plain, None)
            attached = samples(record, None)
            assert len(attached) == len(spanned)
            atol = 0 if path == long else 0.02  # a span of mp3 is decoded from a second before it
            np.testing.assert_allclose(attached, spanned, atol=atol)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_cuts_says_what_it_accepts(name: str, emocli: Emocli) -> None:
    for wrong in ("hand", "-1", "0", "nan", "1e9", ""):
        done = emocli(name, "--segment", wrong, "a.wav")
        assert done.status == 2
        expected = "auto, none, vad, windows, events, annotations nor seconds from 0.5 to 3600"
        assert expected in done.stderr


@pytest.mark.usefixtures("nobody_speaks")
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_cuts_cuts_a_long_one_and_no_short_one(
    name: str, emocli: Emocli, wav: Wav, tmp_path: Path
) -> None:
    tones = np.concatenate([audio.read(wav("tone.wav", seconds=9.0)).samples] * 4)
    audio.write_flac(tmp_path / "long.flac", tones)
    paths = [str(wav("short.wav", seconds=0.5)), str(tmp_path / "long.flac")]
    flags = ["--encoder", "prosody", "--modality", "audio"] if name == "encode" else []
    done = emocli(name, *flags, "--segment", "auto", *paths)
    whole = emocli(name, *flags, "--segment", "none", *paths)
    assert [record["id"] for record in whole.records] == paths
    assert done.records[0].keys() == whole.records[0].keys()
    (noted,) = done.records[1:]  # a tone is no speech
    assert noted["missing"]["audio"]["code"] == "no_speech"
    assert (noted.get("error") or {}).get("code") == (
        "no_speech" if name in ("predict", "fuse") else None
    )


def test_what_is_an_utterance_already_stays_whole(emocli: Emocli, long: Path) -> None:
    mine: list[Record] = [
        {"start": 0.0},
        {"end": 50.0},
        {"text": "so sad"},
        {"label": {"emotion": "joy"}},
        {"words": [{"text": "so", "start": 1.0, "end": 2.0}]},
        {"features": {"audio": {"modality": "audio", "vector": [1.0]}}},
        {"prediction": {"emotion": "joy"}},
    ]
    records = [{"id": str(n), "path": str(long), **own} for n, own in enumerate(mine)]
    way = segment.way("auto", None)
    cutter = segment.Segmenter(Context(), "test", way, lambda: None)
    assert [*cutter.cut(iter(records))] == records


def test_a_recording_that_was_extracted_is_cut_without_its_audio(
    emocli: Emocli, long: Path
) -> None:
    (record,) = emocli("extract-audio", str(long)).records
    found = [*cut(long, audio=record["audio"])]
    assert [r["id"] for r in found] == [r["id"] for r in cut(long)]
    assert not [r for r in found if "audio" in r]
    long.rename(long.with_suffix(".moved"))  # the store has it
    try:
        assert [r["id"] for r in cut(long, audio=record["audio"])] == [r["id"] for r in found]
    finally:
        long.with_suffix(".moved").rename(long)


def test_seconds_cut_at_fixed_times_up_to_the_end(emocli: Emocli, wav: Wav) -> None:
    path = wav("a.wav", seconds=7.05)
    done = emocli("extract-audio", "--segment", "2.5", str(path))
    times = [(record["start"], record["end"]) for record in done.records]
    assert times == [(0.0, 2.5), (2.5, 5.0), (5.0, 7.05)]
    assert [record["audio"]["duration"] for record in done.records] == [2.5, 2.5, 2.05]
    done = emocli("extract-audio", "--segment", "3.5", str(path))
    assert [record["end"] for record in done.records] == [3.5, 7.0]  # 0.05 s are no segment


def test_resumed_or_not_with_workers_or_not_the_bytes_are_the_same(
    emocli: Emocli, long: Path, tmp_path: Path
) -> None:
    path = encoded(long, tmp_path / "a.mp3")  # whose samples depend on where decoding begins
    plain = emocli("extract-audio", "--segment", "vad", str(path)).stdout
    assert len(plain.splitlines()) >= 14
    assert emocli("extract-audio", "--segment", "vad", "-j2", str(path)).stdout == plain
    out = tmp_path / "out.jsonl"
    arguments = ["extract-audio", "--segment", "vad", str(path), "-o", str(out)]
    _interrupted_after(5, emocli, arguments)
    kept = (tmp_path / "out.jsonl.part").read_bytes().splitlines()
    assert len(kept) == 1 + 5
    assert emocli(*arguments, "--resume").status == 0
    assert out.read_bytes() == plain


def _interrupted_after(count: int, emocli: Emocli, arguments: list[str]) -> None:
    """Run a command that is interrupted after some segments."""
    from emocli.stages.segment.cutting import Recording

    whole = Recording.parts

    def some(self: Recording) -> Iterator[Record]:
        yield from islice(whole(self), count)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recording, "parts", some)
        assert emocli(*arguments).status == 130


def test_a_run_that_has_everything_decodes_nothing(
    emocli: Emocli, long: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["extract-audio", "--segment", "vad", str(long), "-o", str(tmp_path / "out")]
    count = len([*cut(long, "vad")])  # remembered
    _interrupted_after(count, emocli, arguments)
    monkeypatch.setattr(sound_stream, "blocks", None)
    done = emocli(*arguments, "--resume")
    assert done.status == 0, done.stderr
    assert len((tmp_path / "out").read_bytes().splitlines()) == count


def test_what_was_found_is_looked_for_again_when_the_file_changes(long: Path, wav: Wav) -> None:
    path = wav("a.wav", seconds=1.0)
    path.write_bytes(long.read_bytes())
    first = [record["id"] for record in cut(path)]
    assert [record["id"] for record in cut(path)] == first
    audio.write_flac(path, interview(12)[0])
    assert [record["id"] for record in cut(path)] != first


def test_shards_take_whole_recordings(emocli: Emocli, long: Path, tmp_path: Path) -> None:
    paths = []
    for name in "abcdef":
        (tmp_path / f"{name}.flac").symlink_to(long)
        paths.append(str(tmp_path / f"{name}.flac"))
    flags = ("--segment", "20", *paths)
    whole = [record["id"] for record in emocli("extract-audio", *flags).records]
    shards = [
        [r["id"] for r in emocli("extract-audio", "--shard", f"{i}/2", *flags).records]
        for i in (1, 2)
    ]
    assert sorted(shards[0] + shards[1]) == sorted(whole)
    assert all(shards)
    of = [{name.partition("#")[0] for name in shard} for shard in shards]
    assert not of[0] & of[1]


def test_the_first_segments_have_small_windows(long: Path) -> None:
    window = windows.of(16, lambda record: 16.0)
    rest, sizes = cut(long), []
    while (first := next(rest, None)) is not None:
        sizes.append(len([*window.take(first, rest)]))
    assert sizes[:3] == [1, 2, 4]


def test_a_minute_is_held_for_no_longer_than_it_takes(long: Path) -> None:
    from emocli.signals.flows import About, Kept

    kept, most = Kept(), 0
    blocks = sound_stream.blocks(str(long), About())
    for _ in pieces.find(blocks, kept, segment.way("vad", None)):
        most = max(most, kept.end - kept.first)
    assert most <= 40 * RATE_HZ


def test_silence_of_ten_minutes_is_one_record_with_a_note(emocli: Emocli, tmp_path: Path) -> None:
    path = tmp_path / "silence.flac"
    with soundfile.SoundFile(path, "w", RATE_HZ, 1) as file:
        for _ in range(10):
            file.write(np.zeros(60 * RATE_HZ, np.int16))
    done = emocli("prosody", str(path))
    (record,) = done.records
    assert record["missing"]["audio"]["code"] == "no_speech"
    assert done.status == 0
    (record,) = emocli("transcribe", str(path)).records
    assert (record["text"], record["words"]) == ("", [])
    done = emocli("predict", str(path))
    assert done.status == 1
    assert done.records[0]["error"]["code"] == "no_speech"
    assert "nobody speaks" in done.stderr


@pytest.mark.slow
def test_three_hours_of_silence_take_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "silence.flac"
    with soundfile.SoundFile(path, "w", RATE_HZ, 1) as file:
        for _ in range(180):
            file.write(np.zeros(60 * RATE_HZ, np.int16))
    code = "import sys; from emocli.cli import main; main.run(sys.argv[1:])"
    code += "; print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    command = [sys.executable, "-c", code, "prosody", "-j1", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    record, peak_kib = done.stdout.splitlines()
    assert "no_speech" in record
    assert int(peak_kib) < 300 * 2**10


def test_a_pipe_is_cut_as_it_comes(emocli: Emocli, long: Path, tmp_path: Path) -> None:
    for sound, least in ((long, 14), (CLIPS / "joy.wav", 1)):
        path = tmp_path / "pipe"
        os.mkfifo(path)
        writer = threading.Thread(target=lambda p=path, s=sound: p.write_bytes(s.read_bytes()))
        writer.start()
        done = emocli("prosody", str(path))
        writer.join()
        assert done.status == 0, done.stderr
        assert len(done.records) >= least
        assert all(record["prosody"]["duration"] > 0.2 for record in done.records)
        path.unlink()


def test_what_a_truncated_recording_lacks_is_an_error(
    emocli: Emocli, long: Path, tmp_path: Path
) -> None:
    for name in ("a.flac", "a.wav", "a.mp3"):
        path = encoded(long, tmp_path / name)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        for again in range(2):  # the second time it is remembered
            done = emocli("extract-audio", "--segment", "vad", str(path))
            *good, lost = done.records
            assert done.status == 1
            assert len(good) >= 5, again
            assert all("audio" in record for record in good)
            assert lost["error"]["code"] == "decode_failed"
            assert lost["id"] == f"{path}#{lost['start']:.2f}-{lost['end']:.2f}"
            assert "a." in done.stderr


def _meddled(long: Path, path: Path, meddle: Callable[[], object]) -> list[Record]:
    """Return what a recording becomes if something happens after its first segment."""
    path.write_bytes(long.read_bytes())
    found = cut(path)
    records = [next(found)]
    meddle()
    return [*records, *found]


def test_a_recording_that_changes_while_it_is_read_is_told(long: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    *good, last = _meddled(long, path, lambda: path.write_bytes(long.read_bytes() + b"more"))
    assert len(good) >= 14
    assert last["error"]["code"] == "changed"
    assert last["id"] == "a"


def test_a_recording_that_vanishes_while_it_is_read_is_read_to_its_end(
    long: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.flac"
    found = _meddled(long, path, path.unlink)
    assert len(found) >= 14
    assert not [record for record in found if record.get("error")]
    assert "gone while it was read" in capsys.readouterr().err


def test_a_recording_that_changed_since_it_was_cut_fails_and_others_go_on(
    long: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(long.read_bytes())
    [*cut(path)]  # remembered
    cutter = segment.Segmenter(Context(), "test", segment.way("auto", None), lambda: None)
    rows = [{"id": "a", "path": str(path)}, {"id": "b", "path": str(long)}]
    records = [*cutter.cut(iter(rows))]
    path.write_bytes(b"something else")
    brought = [*cutter.bring(iter(records))]
    cutter.close()
    changed = [r for r in brought if r["path"] == str(path)]
    assert {r["error"]["code"] for r in changed} == {"changed"}
    assert all(SOUND in r for r in brought if r["path"] == str(long))


def test_a_store_that_cannot_be_written_is_no_failure(long: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    context = Context(store=Store(tmp_path / "file"))
    cutter = segment.Segmenter(context, "test", segment.way("auto", None), lambda: None)
    assert len([*cutter.cut(iter([{"id": "a", "path": str(long)}]))]) >= 14


def test_a_field_of_the_process_cannot_come_from_outside(emocli: Emocli, wav: Wav) -> None:
    line = b'{"id":"a","path":"%s","\\u0000sound":7,"\\u0000parts":[1],"\\u0000place":3}\n'
    done = emocli("prosody", stdin=line % bytes(wav("a.wav")))
    assert done.status == 0, done.stderr
    assert [*done.records[0]] == ["id", "path", "prosody"]


def test_pieces_in_which_nobody_speaks_are_left_out_and_told(
    long: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = [record["start"] for record in cut(long, "auto", speaker="all")]
    answers = iter([0.0, *[3.0] * 100])  # the first piece is a cough
    monkeypatch.setattr(speech_presence, "seconds", lambda _: next(answers))
    monkeypatch.setattr(memory, "recall", lambda *_: None)  # what is remembered is not searched
    monkeypatch.setattr(memory, "keep", lambda *_: None)
    kept = [record["start"] for record in cut(long)]
    assert kept == everything[1:]
    assert "left out, since no voice is certain there: 1." in capsys.readouterr().err
