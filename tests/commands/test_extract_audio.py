from __future__ import annotations

import base64
import os
import pickle
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from emocli.errors import RecordError
from emocli.io.store import Store
from emocli.modalities import audio as modality
from emocli.modalities.audio import samples
from emocli.pipeline.context import Context
from emocli.signals import audio
from emocli.stages import extract_audio
from tests.conftest import Emocli
from tests.signals.media import encoded, silent_film, wav_bytes

Record = dict[str, Any]
Tone = Callable[..., np.ndarray]
Wav = Callable[..., Path]
RATE_HZ = 16_000


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def bad_files(wav: Wav, tmp_path: Path) -> dict[str, Path]:
    """Return a file of every bad kind, by the code it should get."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "empty.mp4").touch()
    (folder / "text.mp4").write_text("this is no film\n" * 50)
    (folder / "header.wav").write_bytes(wav_bytes(np.zeros(0)))
    whole = encoded(wav("source.wav"), folder / "torn.m4a")
    whole.write_bytes(whole.read_bytes()[:40])
    return {
        "not_found": folder / "nope.mp4",
        "is_a_directory": folder,
        "empty_file": folder / "empty.mp4",
        "not_media": folder / "text.mp4",
        "no_samples": folder / "header.wav",
        "decode_failed": whole,
        "no_audio_stream": silent_film(folder / "silent.mp4"),
    }


def test_audio_says_what_it_is_and_where(emocli: Emocli, wav: Wav, store: Store) -> None:
    path = wav("a.wav", seconds=0.5)
    done = emocli("extract-audio", str(path))
    assert done.status == 0
    (record,) = done.records
    found = record["audio"]
    assert (found["sample_rate_hz"], found["duration"], found["channels"]) == (RATE_HZ, 0.5, 1)
    assert found["decoder"].startswith("libsndfile ")
    assert "warning" not in found
    values, rate = soundfile.read(store.path(found["path"]), dtype="int16")
    assert rate == RATE_HZ
    np.testing.assert_array_equal(values, soundfile.read(path, dtype="int16")[0])


def test_stored_and_decoded_in_place_are_the_same_numbers(
    emocli: Emocli, wav: Wav, tmp_path: Path, store: Store
) -> None:
    for suffix in ("wav", "m4a", "opus"):
        path = encoded(wav("source.wav", seconds=2.0), tmp_path / f"a.{suffix}")
        for span in ({}, {"start": 0.5, "end": 1.25}):
            plain = {"id": "a", "path": str(path), **span}
            (record,) = emocli("extract-audio", "-j1", stdin=[plain]).records
            assert record["audio"]["duration"] == (0.75 if span else pytest.approx(2.0, abs=0.1))
            np.testing.assert_array_equal(samples(record, store), samples(plain, None))


def test_the_same_sound_is_stored_once(emocli: Emocli, wav: Wav, tmp_path: Path) -> None:
    first = wav("a.wav")
    second = encoded(first, tmp_path / "b.flac")
    one, two = emocli("extract-audio", str(first), str(second)).records
    assert one["audio"]["path"] == two["audio"]["path"]


def test_a_record_that_has_its_audio_stays_as_it_is(
    emocli: Emocli, wav: Wav, tmp_path: Path
) -> None:
    once = emocli("extract-audio", str(wav("a.wav")))
    (tmp_path / "a.wav").unlink()
    again = emocli("extract-audio", stdin=once.stdout)
    assert (again.status, again.stdout) == (0, once.stdout)


def test_audio_that_left_the_store_is_decoded_again(emocli: Emocli, wav: Wav, store: Store) -> None:
    once = emocli("extract-audio", str(wav("a.wav")))
    store.path(once.records[0]["audio"]["path"]).unlink()
    assert emocli("extract-audio", stdin=once.stdout).stdout == once.stdout
    assert store.path(once.records[0]["audio"]["path"]).exists()


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_bad_files_are_named_and_cost_their_neighbours_nothing(
    emocli: Emocli, wav: Wav, bad_files: dict[str, Path], jobs: str
) -> None:
    good = [wav(f"{i}.wav", seconds=0.2 + i / 10) for i in range(len(bad_files) + 1)]
    paths = [str(good[0])]
    for bad, after in zip(bad_files.values(), good[1:], strict=True):
        paths += [str(bad), str(after)]
    # As records: a folder among the arguments would be walked.
    done = emocli("extract-audio", "--jobs", jobs, stdin=[{"id": p, "path": p} for p in paths])
    assert done.status == 1
    assert [r["path"] for r in done.records] == paths
    lengths = [r["audio"]["duration"] for r in done.records[::2]]
    assert lengths == pytest.approx([0.2 + i / 10 for i in range(len(good))], abs=1e-3)
    for code, record in zip(bad_files, done.records[1::2], strict=True):
        assert "audio" not in record
        problem = record["missing"]["audio"] if code == "no_audio_stream" else record["error"]
        assert (problem["stage"], problem["code"]) == ("extract-audio", code)
        assert problem["message"]
        assert str(record["path"]) in done.stderr


def test_a_record_with_text_goes_on_without_audio(emocli: Emocli) -> None:
    done = emocli("extract-audio", stdin=[{"id": "a", "path": "nope.wav", "text": "hello"}])
    (record,) = done.records
    assert record["missing"]["audio"]["code"] == "not_found"
    assert "error" not in record
    assert done.status == 1


def test_what_is_known_to_be_missing_is_no_new_failure(emocli: Emocli) -> None:
    problem = {"stage": "x", "code": "y", "message": "z", "hint": ""}
    record = {"id": "a", "path": "nope.mp4", "missing": {"audio": problem}}
    for flags in ((), ("--segment", "vad")):
        done = emocli("extract-audio", *flags, stdin=[record])
        assert (done.status, done.records) == (0, [record])


def test_a_truncated_film_has_a_warning(emocli: Emocli, wav: Wav, tmp_path: Path) -> None:
    path = encoded(wav("source.wav", seconds=4.0), tmp_path / "a.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    done = emocli("extract-audio", str(path))
    assert done.status == 0
    assert "in part" in done.records[0]["audio"]["warning"]


NAMES = ["two words.wav", "new\nline.wav", "'\".wav", "-i.wav", "concat:a|b.wav", "http:x.wav"]


@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"\xff\xe9.wav")])
def test_any_name_is_a_file_through_arguments_lists_and_records(
    emocli: Emocli, wav: Wav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    wav("plain.wav").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    raw = os.fsencode(name)
    runs = [
        emocli("extract-audio", "--", name),
        emocli("extract-audio", "-0", stdin=raw + b"\0"),
        emocli("extract-audio", stdin=emocli("extract-audio", "--", name).stdout),
    ]
    for done in runs:
        assert done.status == 0
        assert done.records[0]["audio"]["duration"] == 1.0
    path = runs[0].records[0]["path"]
    assert path == name if name.isprintable() or "\n" in name else path == _escaped(raw)


def _escaped(raw: bytes) -> dict[str, str]:
    return {"bytes": base64.b64encode(raw).decode()}


@pytest.mark.parametrize(
    "value", ["soon", [1], float("1e999"), {"s": 1}, True, "1_5", "nan", 10**400]
)
def test_a_span_that_is_no_number_is_named(wav: Wav, value: Any) -> None:
    with pytest.raises(RecordError, match="start") as caught:
        samples({"path": str(wav()), "start": value}, None)
    assert caught.value.code == "bad_span"


def test_spans_may_be_text_as_they_are_in_csv(wav: Wav) -> None:
    record = {"path": str(wav()), "start": "0.25", "end": "0.75"}
    assert len(samples(record, None)) == 8000
    assert len(samples(record | {"start": "", "end": ""}, None)) == RATE_HZ


@pytest.mark.parametrize("value", ["a.flac", 3, ["x"], {"path": 7}])
def test_audio_that_is_not_ours_is_named(wav: Wav, store: Store, value: Any) -> None:
    with pytest.raises(RecordError) as caught:
        samples({"path": str(wav()), "audio": value}, store)
    assert caught.value.code == "bad_audio"


def test_audio_outside_the_store_is_refused(wav: Wav, store: Store) -> None:
    for path in ("../secret.flac", "/etc/passwd"):
        with pytest.raises(RecordError, match="not a path inside the store"):
            samples({"audio": {"path": path}}, store)


def test_several_stages_in_one_process_decode_once(
    wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    read = audio.read
    monkeypatch.setattr(audio, "read", lambda *a, **k: calls.append(a) or read(*a, **k))
    path = wav("a.wav")
    record = next(
        extract_audio.bring(Context(), lambda _: True)(iter([{"id": "a", "path": str(path)}]))
    )
    assert "path" not in record["audio"]
    first = samples(record, None)
    assert first is samples(record, None)
    assert len(calls) == 1
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1
    wav("a.wav", seconds=2.0)  # another file of that name
    assert len(samples(record, None)) == 2 * RATE_HZ


def test_the_memory_of_what_was_decoded_is_bounded(
    wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modality, "CACHE_BYTES", 200_000)  # three seconds
    cache = modality._Cache()
    monkeypatch.setattr(modality, "_CACHE", cache)
    for i in range(6):
        samples({"path": str(wav(f"{i}.wav"))}, None)
    assert len(cache.kept) == 3
    assert cache.bytes == sum(found.samples.nbytes for found in cache.kept.values())
    assert len(samples({"path": str(wav("long.wav", seconds=9.0))}, None)) == 144_000


def test_the_stage_crosses_the_border_of_a_process(store: Store, wav: Wav) -> None:
    work = pickle.loads(pickle.dumps(partial(extract_audio.extract, store=store)))
    path = str(wav())
    assert work({"path": path}) == extract_audio.extract({"path": path}, store)


def test_an_unknown_segmenter_is_a_usage_error(emocli: Emocli) -> None:
    done = emocli("extract-audio", "--segment", "hand", "a.wav")
    assert done.status == 2
    assert "--segment hand" in done.stderr


def spoken() -> np.ndarray:
    """Return the speech of an example clip."""
    clips = Path(__file__).parents[2] / "examples" / "clips"
    return audio.read(clips / "neutral.wav").samples


def test_a_long_recording_is_cut_where_nobody_speaks(
    emocli: Emocli, tmp_path: Path, store: Store
) -> None:
    pytest.importorskip("faster_whisper")
    speech, pause = spoken(), np.zeros(3 * RATE_HZ, np.float32)
    audio.write_flac(tmp_path / "a.flac", np.concatenate([pause, speech, pause, speech]))
    plain = {"id": "a", "path": str(tmp_path / "a.flac"), "speaker": "s", "start": 1.0}
    done = emocli("extract-audio", "--segment", "vad", "--jobs", "2", stdin=[plain])
    assert done.status == 0
    assert len(done.records) >= 2
    second = len(speech) / RATE_HZ + 6
    assert done.records[0]["start"] == pytest.approx(3, abs=0.4)
    assert min(abs(r["start"] - second) for r in done.records) < 0.4
    for record in done.records:
        assert record["id"] == f"a#{record['start']:.2f}-{record['end']:.2f}"
        assert (record["path"], record["speaker"]) == (plain["path"], "s")
        whole = samples({**record, "audio": None}, None)
        np.testing.assert_array_equal(samples(record, store), whole)


@pytest.mark.large(mb=350)
def test_an_hour_of_silence_has_no_speech_and_is_told(emocli: Emocli, tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.flac", "w", RATE_HZ, 1) as file:
        for _ in range(60):
            file.write(np.zeros(60 * RATE_HZ, np.int16))
    (record,) = emocli("extract-audio", str(tmp_path / "a.flac")).records
    assert record["audio"]["duration"] == 3600


def test_silence_has_no_segments_and_a_note(emocli: Emocli, tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper")
    audio.write_flac(tmp_path / "a.flac", np.zeros(2 * RATE_HZ, np.float32))
    done = emocli("extract-audio", "--segment", "vad", str(tmp_path / "a.flac"))
    assert done.status == 0
    (record,) = done.records
    assert record["missing"]["audio"]["code"] == "no_speech"
    assert "audio" not in record


def test_a_text_without_a_recording_is_noted_and_no_failure(emocli: Emocli) -> None:
    for flags in ((), ("--segment", "vad")):
        done = emocli("extract-audio", *flags, stdin=[{"id": "a", "text": "so sad"}, {"id": "b"}])
        first, second = done.records
        assert first["missing"]["audio"]["code"] == "no_audio"
        assert second["error"]["code"] == "no_path"
        assert done.status == 1
        assert emocli("extract-audio", *flags, stdin=[{"id": "a", "text": "sad"}]).status == 0
