"""Sound that is not what its header says: right, or told, in every format and by every decoder."""

from __future__ import annotations

import ast
import os
import re
import struct
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from threading import Thread

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from emocli.errors import RecordError
from emocli.modalities import audio as modality
from emocli.signals import audio, ffmpeg, frame_rates, libav, ogg_pages, sound_faults
from emocli.signals.audio import Audio
from emocli.stages import prosody
from tests.signals.media import ffmpeg as run_ffmpeg

RATE_HZ = 48_000
SECONDS = 2.5
PICTURE = ("-f", "lavfi", "-i", "color=c=green:size=64x64:rate=25:duration=")

# Every way in which a sound comes in files: the name, and what ffmpeg is asked for.
SAMPLES = {
    **{f"a.{s}": () for s in ("wav", "w64", "aiff", "au", "caf", "rf64", "flac")},
    "rifx.wav": (),
    "a.voc": (),
}
CODED = {
    **{
        f"a.{s}": () for s in ("mp3", "mp2", "m4a", "mka", "opus", "ogg", "wma", "ac3", "wv", "tta")
    },
    "vbr.mp3": ("-q:a", "5"),
    "plain.mp3": ("-q:a", "5", "-write_xing", "0"),
    "a.aac": ("-f", "adts"),
    "flac.ogg": ("-c:a", "flac"),
}
FILMS = {f"film.{s}": () for s in ("mp4", "mov", "mkv", "webm", "ts", "mpg", "avi", "flv", "wmv")}
KINDS = SAMPLES | CODED | FILMS

NO_CLAIM = ("plain.mp3", "a.mp2", "film.ts", "film.mpg")  # nothing in them says how long they are
FLOATS = {f"float.{s}": ("-c:a", "pcm_f32le") for s in ("wav", "mka", "mov")} | {
    "float.caf": ("-c:a", "pcm_f32be"),
    "float.au": ("-c:a", "pcm_f32be"),
    "float.w64": ("-c:a", "pcm_f32le"),
    "double.mka": ("-c:a", "pcm_f64le"),
}
UNCLIPPED = FLOATS | {n: CODED[n] for n in ("a.mp3", "a.m4a", "a.opus", "a.ogg", "a.wma", "a.mka")}
DECODERS = ("in process", "program")
IN_PROCESS = (".wav", ".aiff", ".rf64", ".flac", ".opus", ".ogg", ".mp3")
IN_PROCESS += (".m4a", ".mka", ".mp4", ".mov", ".mkv", ".webm")


def both(names: Iterable[str]) -> pytest.MarkDecorator:
    """Run a test for each file with each decoder that there is for it."""
    pairs = [
        (name, decoder)
        for name in names
        for decoder in DECODERS
        if decoder == DECODERS[0] or name.endswith(IN_PROCESS)
    ]
    return pytest.mark.parametrize(("name", "decoder"), pairs, indirect=["decoder"])


@pytest.fixture(params=DECODERS)
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Decode in this process where that is possible, or with ffmpeg's program alone."""
    if request.param == "program":
        monkeypatch.setenv("EMOCLI_FFMPEG", ffmpeg.ffmpeg_binary()[0])
        monkeypatch.setattr(audio.sound_files, "known", lambda _head: False)
    return str(request.param)


def tone(hertz: float, seconds: float = SECONDS, rate_hz: int = RATE_HZ) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)


def made(folder: Path, name: str, sound: np.ndarray, rate_hz: int = RATE_HZ) -> Path:
    """Write a sound (time,) or (time, channels) as one of the kinds; films have a picture."""
    source, target = folder / "source_float.wav", folder / name
    soundfile.write(source, sound, rate_hz, subtype="FLOAT")
    if name == "rifx.wav":
        soundfile.write(target, sound, rate_hz, subtype="PCM_16", endian="BIG", format="WAV")
    elif name in ("a.rf64", "a.voc"):
        form = target.suffix[1:].upper()
        soundfile.write(target, sound, rate_hz, subtype="PCM_16", format=form)
    else:
        film = (PICTURE[0], PICTURE[1], PICTURE[2], f"{PICTURE[3]}{len(sound) / rate_hz}")
        rate = ("-ar", "44100") if name == "film.flv" else ()
        options = {**KINDS, **FLOATS}.get(name, ())
        picture = film if name in FILMS else ()
        run_ffmpeg("-i", source, *picture, *rate, *options, "-movflags", "+faststart", target)
    return target


def joined(target: Path, *parts: Path) -> Path:
    target.write_bytes(b"".join(part.read_bytes() for part in parts))
    return target


def plain_s(path: Path) -> float:
    """Return the seconds that ffmpeg decodes if it is asked for everything, and nothing else."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "quiet", "-i", path]
    command += ["-map", "0:a:0", "-af", "aresample=16000", "-ac", "1", "-f", "s16le", "-"]
    return len(subprocess.run(command, capture_output=True).stdout) / 32_000


def pitch_hz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * 16_000 / len(samples))


def told(recording: Audio) -> str:
    return recording.warning or ""


@both(KINDS)
def test_a_whole_file_has_its_length_and_no_warning(
    tmp_path: Path, name: str, decoder: str
) -> None:
    path = made(tmp_path, name, tone(400))
    recording = audio.read(path)
    assert recording.warning is None
    assert recording.duration == pytest.approx(SECONDS, abs=sound_faults.TOLERANCE_S)
    assert recording.duration == pytest.approx(plain_s(path), abs=0.1)
    span = audio.read(path, start=1.0, end=1.5)
    assert (span.duration, span.warning) == (0.5, None)


@both(KINDS)
def test_a_cut_file_has_what_is_there_and_is_told(tmp_path: Path, name: str, decoder: str) -> None:
    path = made(tmp_path, name, tone(400) + np.random.default_rng(0).normal(0, 0.1, 120_000))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 10 * 2])  # an even number of bytes: whole samples
    recording = audio.read(path)
    assert recording.duration == pytest.approx(plain_s(path), abs=0.15)
    assert recording.duration < SECONDS - 0.3
    assert recording.warning or name in NO_CLAIM


@pytest.mark.parametrize("codec", ["libopus", "libvorbis", "flac"])
@pytest.mark.parametrize("order", ["ab", "aa", "aba", "ac"])
def test_a_chain_of_ogg_streams_is_read_to_its_end(
    tmp_path: Path, codec: str, order: str, decoder: str
) -> None:
    parts = {}
    for name, hertz, rate_hz in (("a", 300, 48_000), ("b", 600, 48_000), ("c", 900, 24_000)):
        source, parts[name] = tmp_path / f"{name}.wav", tmp_path / f"{name}.ogg"
        soundfile.write(source, tone(hertz, 2.0, rate_hz), rate_hz)
        run_ffmpeg("-i", source, "-c:a", codec, parts[name])
    path = joined(tmp_path / "chain.ogg", *(parts[name] for name in order))
    recording = audio.read(path)
    if codec == "libvorbis" and "c" in order:  # ffmpeg cannot, and says so
        assert "decoded in part: Sample rate change is not supported" in told(recording)
        return
    assert recording.duration == pytest.approx(2.0 * len(order), abs=0.1)
    for i, name in enumerate(order):
        hertz = {"a": 300, "b": 600, "c": 900}[name]
        middle = recording.samples[round((2 * i + 0.5) * 16_000) : round((2 * i + 1.5) * 16_000)]
        assert pitch_hz(middle) == pytest.approx(hertz, abs=2)
        span = audio.read(path, start=2 * i + 0.5, end=2 * i + 1.5)
        assert span.duration == 1.0
        assert pitch_hz(span.samples) == pytest.approx(hertz, abs=2)


@pytest.mark.parametrize("suffix", ["mp3", "aac", "ts"])
@pytest.mark.parametrize("order", ["ac", "aca", "ca", "as"])
def test_parts_of_other_rates_or_channels_have_their_length_and_place(
    tmp_path: Path, suffix: str, order: str, decoder: str
) -> None:
    parts = {}
    for name, hertz, rate_hz in (("a", 300, 48_000), ("c", 900, 22_050), ("s", 900, 48_000)):
        source, parts[name] = tmp_path / f"{name}.wav", tmp_path / f"{name}.{suffix}"
        sound = tone(hertz, 2.0, rate_hz)
        soundfile.write(source, np.stack([sound] * 2, 1) if name == "s" else sound, rate_hz)
        coded = ("-c:a", "libmp3lame") if suffix == "mp3" else ("-c:a", "aac")
        run_ffmpeg("-i", source, *coded, parts[name])
    path = joined(tmp_path / f"joined.{suffix}", *(parts[name] for name in order))
    recording = audio.read(path)
    assert recording.duration == pytest.approx(2.0 * len(order), abs=0.1 * len(order))
    assert f"joined of {len(order)} parts" in told(recording)
    for i, name in enumerate(order):
        hertz = 300 if name == "a" else 900
        start = 2.06 * i + 0.5  # codecs pad their ends
        middle = recording.samples[round(start * 16_000) : round((start + 1) * 16_000)]
        assert pitch_hz(middle) == pytest.approx(hertz, abs=3)
        if order != "as":  # the rates are the same: times are sought by bytes
            span = audio.read(path, start=start, end=start + 1)
            assert pitch_hz(span.samples) == pytest.approx(hertz, abs=3)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "ts", "mpg", "flv"])
def test_sound_that_begins_late_keeps_its_place(tmp_path: Path, suffix: str, decoder: str) -> None:
    source, path = tmp_path / "source.wav", tmp_path / f"late.{suffix}"
    soundfile.write(source, tone(500, 2.0, 44_100), 44_100)
    picture = (*PICTURE[:3], f"{PICTURE[3]}5")
    rate = () if suffix == "webm" else ("-ar", "44100")
    run_ffmpeg(*picture, "-itsoffset", "2", "-i", source, "-map", "0:v", "-map", "1:a", *rate, path)
    recording = audio.read(path)
    assert recording.duration == pytest.approx(4.0, abs=sound_faults.TOLERANCE_S)
    loud = np.flatnonzero(np.abs(recording.samples) > 0.1)
    assert loud[0] / 16_000 == pytest.approx(2.0, abs=0.05)
    for start, end in ((0.5, 1.0), (1.5, 2.5), (2.2, 2.7), (3.5, 3.9)):
        span = audio.read(path, start=start, end=end)
        whole = recording.samples[round(start * 16_000) : round(end * 16_000)]
        assert span.duration == pytest.approx(end - start)
        loud = np.abs(span.samples) > 0.1
        assert loud.sum() == pytest.approx((np.abs(whole) > 0.1).sum(), abs=800)


def test_what_an_edit_list_leaves_out_is_not_read(tmp_path: Path, decoder: str) -> None:
    path = made(tmp_path, "a.m4a", tone(400))
    data = bytearray(path.read_bytes())
    at, header = data.index(b"elst"), data.index(b"mvhd")
    ticks_per_s = struct.unpack_from(">I", data, header + 16)[0]
    struct.pack_into(">I", data, at + 12, ticks_per_s)  # the first edit lasts a second
    path.write_bytes(data)
    assert audio.read(path).duration == pytest.approx(1.0, abs=sound_faults.TOLERANCE_S)


@pytest.mark.parametrize("rate_hz", [1, 16, 1000, 10**7, 10**9])
@pytest.mark.parametrize("form", ["WAV", "AIFF", "AU", "CAF", "W64", "RF64", "VOC", "NIST"])
def test_an_impossible_rate_is_an_error_at_once(
    tmp_path: Path, form: str, rate_hz: int, decoder: str
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 50_000)
    soundfile.write(tmp_path / "a.bin", noise, rate_hz, format=form)
    before = time.process_time()
    with pytest.raises(RecordError) as caught:
        audio.read(tmp_path / "a.bin")
    assert caught.value.code == "decode_failed"
    assert time.process_time() - before < 1.0
    if decoder == "in process" and form in ("WAV", "AIFF", "RF64"):
        assert f"{rate_hz} Hz" in caught.value.message


@pytest.mark.parametrize("count", [0, 65, 255, 1024, 65535])
def test_an_impossible_number_of_channels_is_an_error(
    tmp_path: Path, count: int, decoder: str
) -> None:
    soundfile.write(tmp_path / "a.wav", tone(400), RATE_HZ)
    data = bytearray((tmp_path / "a.wav").read_bytes())
    struct.pack_into("<H", data, 22, count)
    struct.pack_into("<H", data, 32, 2 * count & 0xFFFF)
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(RecordError) as caught:
        audio.read(tmp_path / "a.wav")
    assert caught.value.code == "decode_failed"


@both(UNCLIPPED)
def test_samples_beyond_full_scale_are_told(tmp_path: Path, name: str, decoder: str) -> None:
    loud = made(tmp_path, name, 10 * tone(400))
    recording = audio.read(loud)
    assert "beyond full scale are clipped" in told(recording)
    assert np.abs(recording.samples).max() == 1.0
    if name in FLOATS:
        share = int(re.findall(r"(\d+) %", told(recording))[0]) / 100
        assert share == pytest.approx(np.mean(np.abs(10 * tone(400)) > 1), abs=0.05)
        assert "the peak is 3" in told(recording)
    assert audio.read(made(tmp_path, name, 2 * tone(400))).warning is None


@both(FLOATS)
def test_a_single_float_beyond_full_scale_is_told(tmp_path: Path, name: str, decoder: str) -> None:
    sound = tone(400, rate_hz=16_000)
    sound[1000] = 1.5
    path = made(tmp_path, name, sound, 16_000)
    assert told(audio.read(path)).startswith("1 samples (0.0025 %) beyond full scale")
    sound[1000] = 1.0
    assert audio.read(made(tmp_path, name, sound, 16_000)).warning is None


@both(FLOATS)
def test_what_is_no_number_becomes_silence_and_is_told(
    tmp_path: Path, name: str, decoder: str
) -> None:
    sound = tone(400, rate_hz=16_000)
    sound[1000:1003] = np.nan
    recording = audio.read(made(tmp_path, name, sound, 16_000))
    assert "3 samples are NaN or infinity" in told(recording)
    np.testing.assert_array_equal(recording.samples[1000:1003], 0)
    np.testing.assert_allclose(recording.samples[:1000], sound[:1000], atol=1e-4)


@both(KINDS | FLOATS)
def test_channels_that_cancel_are_told(tmp_path: Path, name: str, decoder: str) -> None:
    sound = tone(400)
    opposite = made(tmp_path, name, np.stack([sound, -sound], 1))
    assert "channels cancel each other" in told(audio.read(opposite))
    assert "channels cancel each other" in told(audio.read(opposite, start=0.5, end=2.0))
    noise = np.random.default_rng(0).normal(0, 0.1, (len(sound), 2))
    for channels in ([sound, 0 * sound], list(noise.T)):
        assert audio.read(made(tmp_path, name, np.stack(channels, 1))).warning is None


@both(["a.wav", "a.mp3", "a.opus", "film.ts", "film.mp4", "chain.ogg"])
def test_a_span_longer_than_the_sound_is_told(tmp_path: Path, name: str, decoder: str) -> None:
    path = made(tmp_path, name, tone(400))
    span = audio.read(path, start=1.0, end=9.0)
    assert span.duration == pytest.approx(SECONDS - 1.0, abs=0.1)
    assert "the span ends at 9.00 s" in told(span)


def test_pages_of_ogg_are_surveyed(tmp_path: Path) -> None:
    path = made(tmp_path, "a.opus", tone(400, 4.5))
    data = path.read_bytes()
    starts = [i for i in range(len(data)) if data[i : i + 4] == b"OggS"]
    assert ogg_pages.survey(str(path)) == (False, 0, False, True)
    path.write_bytes(data + data)
    assert ogg_pages.survey(str(path)).chained
    path.write_bytes(data[:-3])
    assert ogg_pages.survey(str(path)).cut
    path.write_bytes(data[: starts[-1]])
    assert not ogg_pages.survey(str(path)).ended
    path.write_bytes(data[: starts[3]] + data[starts[4] :])  # a page is gone
    assert ogg_pages.survey(str(path)).gaps == 1
    damaged = bytearray(data)
    damaged[starts[3] + 200] ^= 1
    path.write_bytes(damaged)
    assert ogg_pages.survey(str(path)).gaps == 1
    recording = audio.read(path)
    assert recording.duration == pytest.approx(4.5, abs=0.1)  # silence for what is lost
    assert "missing or damaged in 1 place" in told(recording)


def test_a_file_of_one_rate_is_not_taken_for_a_joined_one(tmp_path: Path) -> None:
    for name in ("a.mp3", "vbr.mp3", "plain.mp3", "a.aac"):
        path = made(tmp_path, name, np.random.default_rng(0).normal(0, 0.2, 200_000))
        assert not frame_rates.joined(str(path), path.read_bytes()[:12])


def test_a_warning_reaches_the_record_of_every_stage_that_decodes(tmp_path: Path) -> None:
    sound = tone(400)
    path = made(tmp_path, "a.wav", np.stack([sound, -sound], 1))
    record = {"id": "x", "path": str(path)}
    modality.samples(record, None)
    assert "cancel" in record["audio"]["warning"]
    assert record["audio"]["duration"] == SECONDS
    measured = prosody.measure({"id": "x", "path": str(path)}, None)
    assert measured["audio"] == record["audio"]
    whole = {"id": "x", "path": str(made(tmp_path, "b.wav", sound))}
    modality.samples(whole, None)
    assert "audio" not in whole


def test_nothing_decodes_but_through_the_modality() -> None:
    decoders = {"ffmpeg", "libav", "sound_files"}
    root = Path(audio.__file__).parents[1]
    users = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr)
        in {*((d, "decode") for d in decoders), ("audio", "read"), ("soundfile", "read")}
    }
    assert users == {"modalities/audio.py", "signals/audio.py"}


def test_without_pyav_and_with_it_the_same_is_told(tmp_path: Path) -> None:
    sound = tone(400)
    path = made(tmp_path, "a.m4a", np.stack([sound, -sound], 1))
    ours, theirs = libav.decode(str(path)), ffmpeg.decode(str(path))
    assert ours is not None
    assert "cancel" in (ours.warning or "")
    assert "cancel" in (theirs.warning or "")


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    data = made(tmp_path, "float.wav", 10 * tone(400)).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    Thread(target=(tmp_path / "pipe").write_bytes, args=(data,), daemon=True).start()
    recording = audio.read(tmp_path / "pipe")
    assert recording.duration == SECONDS
    assert "may be clipped" in told(recording)
