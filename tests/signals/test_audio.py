from __future__ import annotations

import os
import stat
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from emocli.errors import ConfigError, RecordError
from emocli.signals import audio, ffmpeg, ffmpeg_log, ffmpeg_process, sound_files
from tests.signals.media import encoded, silent_film, wav_bytes

Tone = Callable[..., np.ndarray]
Wav = Callable[..., Path]
RATE_HZ = 16_000


def level_db(samples: np.ndarray) -> float:
    level = audio.rms_dbfs(samples)
    assert level is not None
    return level


def code_of(path: str | bytes | Path, **span: float) -> str:
    with pytest.raises(RecordError) as caught:
        audio.read(path, **span)
    return caught.value.code


def test_sixteen_bit_samples_come_through_unchanged(wav: Wav) -> None:
    path = wav("a.wav")
    values, _ = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(audio.read(path).samples * 32768, values)


def test_full_scale_is_clipped_and_never_wraps(tmp_path: Path) -> None:
    soundfile.write(
        tmp_path / "a.wav", np.array([1.0, -1.0, 1.5, -1.5] * 50), RATE_HZ, subtype="FLOAT"
    )
    decoded = audio.read(tmp_path / "a.wav").samples
    np.testing.assert_array_equal(decoded[:4] * 32768, [32767, -32768, 32767, -32768])


def test_what_is_written_is_read_back_as_the_same_numbers(tmp_path: Path, tone: Tone) -> None:
    first = audio.read(_float_wav(tmp_path / "a.wav", tone(level=0.9)))
    audio.write_flac(tmp_path / "b.flac", first.samples)
    again = audio.read(tmp_path / "b.flac")
    np.testing.assert_array_equal(again.samples, first.samples)
    digests = {audio.sha256(audio.quantise(decoded.samples)) for decoded in (first, again)}
    assert len(digests) == 1


def _float_wav(path: Path, samples: np.ndarray) -> Path:
    soundfile.write(path, samples, RATE_HZ, subtype="FLOAT")
    return path


def test_samples_that_are_not_numbers_become_silence_and_are_told(
    tmp_path: Path, tone: Tone
) -> None:
    samples = tone()
    samples[100:103] = np.nan, np.inf, -np.inf
    decoded = audio.read(_float_wav(tmp_path / "a.wav", samples))
    np.testing.assert_array_equal(decoded.samples[100:103] * 32768, [0, 32767, -32768])
    assert decoded.warning == "3 samples are NaN or infinity"


@pytest.mark.parametrize("suffix", ["wav", "flac", "opus", "mp3", "m4a", "mp4", "mkv", "webm"])
def test_every_format_keeps_length_and_level(wav: Wav, tmp_path: Path, suffix: str) -> None:
    source = wav("source.wav", seconds=1.5)
    decoded = audio.read(encoded(source, tmp_path / f"a.{suffix}"))
    assert decoded.samples.dtype == np.float32
    assert decoded.duration == pytest.approx(1.5, abs=0.1)  # codecs pad by a frame or two
    assert decoded.channels == 1
    assert decoded.warning is None
    original = audio.read(source).samples[4000:20_000]
    assert level_db(decoded.samples[4000:20_000]) == pytest.approx(level_db(original), abs=0.5)


@pytest.mark.parametrize(
    ("suffix", "decoder"), [("wav", "libsndfile"), ("m4a", "ffmpeg"), ("mp3", "ffmpeg")]
)
def test_stereo_equal_to_mono_has_the_same_level_and_is_not_clipped(
    tmp_path: Path, tone: Tone, suffix: str, decoder: str
) -> None:
    mono = tone(level=0.9)
    soundfile.write(tmp_path / "source.wav", np.stack([mono, mono], 1), 44_100)
    decoded = audio.read(encoded(tmp_path / "source.wav", tmp_path / f"a.{suffix}"))
    assert decoded.decoder.startswith(decoder)
    assert decoded.channels == 2
    assert level_db(decoded.samples) == pytest.approx(level_db(mono), abs=0.5)
    assert np.abs(decoded.samples).max() < 0.97  # 3 dB too loud would clip at 1


@pytest.mark.parametrize("rate_hz", [8000, 22_050, 44_100, 48_000])
def test_resampling_keeps_frequency_length_and_level(tmp_path: Path, rate_hz: int) -> None:
    time = np.arange(25 * rate_hz) / rate_hz  # more than two blocks
    soundfile.write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 1000 * time), rate_hz)
    decoded = audio.read(tmp_path / "a.wav").samples
    assert len(decoded) == 25 * RATE_HZ
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(len(decoded)) / RATE_HZ)
    np.testing.assert_allclose(decoded[800:-800], expected[800:-800], atol=2e-3)


def test_both_decoders_agree(wav: Wav, tmp_path: Path) -> None:
    path = encoded(wav("source.wav"), tmp_path / "a.opus")
    ours = audio.read(path).samples
    theirs = ffmpeg.decode(str(path)).samples / 32768
    assert len(ours) == len(theirs)
    middle = slice(100, -100)  # the two resamplers differ at the edges
    np.testing.assert_allclose(ours[middle], theirs[middle], atol=2e-3)


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "m4a"])
def test_a_span_is_that_part_of_the_whole(wav: Wav, tmp_path: Path, suffix: str) -> None:
    path = encoded(wav("source.wav", seconds=3.0, f0_hz=100.0), tmp_path / f"a.{suffix}")
    full = audio.read(path).samples
    part = audio.read(path, start=1.0, end=1.5).samples
    assert len(part) == 8000
    np.testing.assert_allclose(part[800:], full[16_800:24_000], atol=5e-3)
    tail = audio.read(path, start=2.5).samples
    # Whole files and parts go through different decoders: FFmpeg 9 cuts the padding that the last
    # frame of AAC has, FFmpeg 8 leaves it.
    most = 1024 if suffix == "m4a" else 3
    assert len(tail) == pytest.approx(len(full) - 40_000, abs=most)
    assert audio.read(path, end=0.5).duration == 0.5


@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_a_span_beyond_the_end_is_named(wav: Wav, tmp_path: Path, suffix: str) -> None:
    path = encoded(wav("source.wav"), tmp_path / f"a.{suffix}")
    assert code_of(path, start=99.0) == "no_such_span"
    assert code_of(path, start=1e308) in ("no_such_span", "decode_failed")


def test_a_span_that_makes_no_sense_is_named(wav: Wav) -> None:
    for span in ({"start": 2.0, "end": 1.0}, {"start": -1.0}, {"start": float("nan")}):
        assert code_of(wav(), **span) == "bad_span"


def test_wav_and_flac_need_no_ffmpeg(
    wav: Wav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flac = encoded(wav("a.wav"), tmp_path / "a.flac")
    monkeypatch.setenv("EMOCLI_FFMPEG", "/nowhere/ffmpeg")
    assert audio.read(tmp_path / "a.wav").duration == audio.read(flac).duration == 1.0
    with pytest.raises(ConfigError, match="/nowhere/ffmpeg"):
        ffmpeg.ffmpeg_binary()


def test_the_content_decides_not_the_name(wav: Wav, tmp_path: Path) -> None:
    for name in ("flac called.wav", "flac called.raw", "flac without suffix"):
        encoded(wav("source.wav"), tmp_path / "a.flac").rename(tmp_path / name)
        assert audio.read(tmp_path / name).decoder.startswith("libsndfile")


def test_ffmpeg_is_named_with_its_version() -> None:
    path, version = audio.ffmpeg_binary()
    assert os.access(path, os.X_OK)
    assert version[0].isalnum()


NAMES = [
    "two words.m4a",
    "new\nline.m4a",
    "'single' \"double\".m4a",
    "-i.m4a",
    "-nostdin",
    "concat:a|b.m4a",
    "http:x.m4a",
    "file:x.m4a",
    "pipe:0",
    "%03d.m4a",
    "$HOME;`id`&.m4a",
    "Stream #0:0: Audio: aac, 8 Hz, 7.1.m4a",
    "ä日本.m4a",
    os.fsdecode(b"not \xff utf-8 \xe9.m4a"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", ["m4a", "wav"])
def test_any_name_is_the_name_of_a_file(
    wav: Wav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, suffix: str
) -> None:
    encoded(wav("source.wav"), tmp_path / f"plain.{suffix}").rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (name, os.fsencode(name), tmp_path / name):
        decoded = audio.read(path)
        assert (decoded.channels, round(decoded.duration)) == (1, 1)


@pytest.mark.parametrize("name", ["http://127.0.0.1:9/x.mp4", "concat:a.wav|b.wav", "a\0b", ""])
def test_a_protocol_is_a_file_that_is_not_there(name: str) -> None:
    assert code_of(name) == "not_found"


def test_a_playlist_opens_no_other_file(wav: Wav, tmp_path: Path) -> None:
    secret = encoded(wav("source.wav"), tmp_path / "secret.m4a")
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"ffconcat version 1.0\nfile {secret}\n")
    assert code_of(playlist) in ("not_media", "decode_failed")
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n")
    assert code_of(playlist) in ("not_media", "decode_failed")


def test_a_missing_file_a_directory_and_an_empty_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "link.wav").symlink_to(tmp_path / "gone.wav")
    assert code_of(tmp_path / "nope.wav") == "not_found"
    assert code_of(tmp_path / "link.wav") == "not_found"
    assert code_of(tmp_path / "empty.mp4" / "x") == "not_found"
    assert code_of(tmp_path) == "is_a_directory"
    assert code_of(tmp_path / "empty.mp4") == "empty_file"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(wav: Wav) -> None:
    path = wav()
    path.chmod(0)
    assert code_of(path) == "not_readable"
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)


@pytest.mark.parametrize("name", ["text.mp4", "text.wav", "text"])
def test_text_is_not_media(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Dear diary,\ntoday was a good day.\n" * 20)
    assert code_of(tmp_path / name) == "not_media"


def test_a_video_without_audio_says_that_others_can_go_on(tmp_path: Path) -> None:
    with pytest.raises(ffmpeg.NoAudioStreamError) as caught:
        audio.read(silent_film(tmp_path / "silent.mp4"))
    assert caught.value.code == "no_audio_stream"
    assert caught.value.others_can_go_on


def test_a_truncated_film_gives_what_is_there_and_says_so(wav: Wav, tmp_path: Path) -> None:
    path = encoded(wav("source.wav", seconds=4.0), tmp_path / "a.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    decoded = audio.read(path)
    assert 1.0 < decoded.duration < 3.9
    assert decoded.warning is not None
    assert "in part" in decoded.warning


def test_a_film_cut_before_its_index_fails_to_decode(wav: Wav, tmp_path: Path) -> None:
    path = encoded(wav("source.wav"), tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes()[:60])
    assert code_of(path) == "decode_failed"


def test_a_damaged_flac_gives_what_is_there_and_says_so(wav: Wav, tmp_path: Path) -> None:
    path = encoded(wav("source.wav", seconds=3.0), tmp_path / "a.flac")
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :][:50] = bytes(50)
    path.write_bytes(data[: len(data) * 3 // 4])
    decoded = audio.read(path)
    assert 0.5 < decoded.duration < 3.0
    assert decoded.warning is not None


def test_a_damaged_opus_gives_what_is_there_and_says_so(wav: Wav, tmp_path: Path) -> None:
    path = encoded(wav("source.wav", seconds=4.0), tmp_path / "a.opus")
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes(300) + data[middle + 300 :])
    decoded = audio.read(path)
    assert decoded.duration == pytest.approx(4.0, abs=0.1)  # with silence for what is lost
    assert decoded.warning is not None
    assert "in part" in decoded.warning


@pytest.mark.parametrize("claimed", [0, 1000, 10**9, 0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_whose_header_lies_is_read_by_what_is_there(
    tmp_path: Path, tone: Tone, claimed: int
) -> None:
    samples = tone(seconds=2.0)
    (tmp_path / "a.wav").write_bytes(wav_bytes(samples, claimed=claimed))
    decoded = audio.read(tmp_path / "a.wav")
    np.testing.assert_allclose(decoded.samples, samples, atol=1 / 32768)
    lied = claimed in (1000, 10**9)  # the others are what programs write into pipes
    assert (decoded.warning is not None) == lied


def test_a_span_of_a_wav_whose_header_lies_is_right(tmp_path: Path, tone: Tone) -> None:
    samples = tone(seconds=2.0)
    (tmp_path / "a.wav").write_bytes(wav_bytes(samples, claimed=1000))
    decoded = audio.read(tmp_path / "a.wav", start=1.0, end=1.5).samples
    np.testing.assert_allclose(decoded, samples[16_000:24_000], atol=1 / 32768)


def test_chunks_after_the_data_are_not_audio(tmp_path: Path, tone: Tone) -> None:
    extra = b"LIST" + (4000).to_bytes(4, "little") + bytes(4000)
    for tail in (extra, b"ID3\x03" + bytes(3000), bytes(40)):
        (tmp_path / "a.wav").write_bytes(wav_bytes(tone()) + tail)
        decoded = audio.read(tmp_path / "a.wav")
        assert (decoded.duration, decoded.warning) == (1.0, None)


@pytest.mark.parametrize("rate", [0, 4_000_000_000])
def test_a_wav_with_an_impossible_rate_fails_to_decode(
    tmp_path: Path, tone: Tone, rate: int
) -> None:
    (tmp_path / "a.wav").write_bytes(wav_bytes(tone(), rate=rate))
    assert code_of(tmp_path / "a.wav") == "decode_failed"


def test_a_header_without_samples_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav_bytes(np.zeros(0)))
    assert code_of(tmp_path / "a.wav") == "no_samples"
    (tmp_path / "a.wav").write_bytes(wav_bytes(np.zeros(0))[:30])
    assert code_of(tmp_path / "a.wav") == "decode_failed"


def test_a_hundredth_of_a_second_is_read(wav: Wav) -> None:
    assert audio.read(wav("a.wav", seconds=0.01)).duration == 0.01


@pytest.mark.parametrize("work", [audio.rms_dbfs, audio.quantise])
def test_levels_and_rounding_make_no_copy_of_a_long_recording(work: Callable[..., Any]) -> None:
    samples = np.full(300 * RATE_HZ, 0.1, np.float32)  # 19 MB
    tracemalloc.start()
    work(samples)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.7 * samples.nbytes, peak  # 16 bits, and a block


@pytest.mark.large(mb=350)
def test_one_hour_of_silence_is_read_in_blocks(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "a.flac", "w", RATE_HZ, 1) as file:
        for _ in range(60):
            file.write(np.zeros(60 * RATE_HZ, np.int16))
    decoded = audio.read(tmp_path / "a.flac")
    assert decoded.duration == 3600
    assert audio.rms_dbfs(decoded.samples) is None


def test_a_decoder_that_hangs_is_given_up(
    wav: Wav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = tmp_path / "ffmpeg"
    stuck.write_text("#!/bin/sh\nexec sleep 60\n")
    stuck.chmod(0o755)
    path = encoded(wav("source.wav"), tmp_path / "a.m4a")
    monkeypatch.setenv("EMOCLI_FFMPEG", str(stuck))
    monkeypatch.setattr(ffmpeg_process, "PATIENCE_S", 0.2)
    with pytest.raises(RecordError, match="did not finish") as caught:
        audio.read(path)
    assert caught.value.code == "decode_failed"


def test_a_decoder_that_is_killed_leaves_what_it_wrote(
    wav: Wav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = tmp_path / "ffmpeg"
    killed.write_text("#!/bin/sh\nhead -c 32000 /dev/zero\nkill -9 $$\n")
    killed.chmod(0o755)
    path = encoded(wav("source.wav"), tmp_path / "a.m4a")
    monkeypatch.setenv("EMOCLI_FFMPEG", str(killed))
    decoded = audio.read(path)
    assert decoded.duration == 1.0
    assert decoded.warning == "decoded in part: ffmpeg exit -9"


def test_a_decoder_that_cannot_run_is_named(
    wav: Wav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_bytes(b"\x7fELF of another machine")
    broken.chmod(0o755)
    path = encoded(wav("source.wav"), tmp_path / "a.m4a")
    monkeypatch.setenv("EMOCLI_FFMPEG", str(broken))
    assert code_of(path) == "no_ffmpeg"


def test_without_any_ffmpeg_the_message_says_what_to_install(
    wav: Wav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encoded(wav("source.wav"), tmp_path / "a.m4a")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(RecordError, match="install ffmpeg") as caught:
        audio.read(path)
    assert caught.value.code == "no_ffmpeg"


def test_the_ffmpeg_on_the_path_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\necho ffmpeg version 4.2-ours Copyright\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert audio.ffmpeg_binary() == (str(program), "4.2-ours")


def test_a_stream_that_does_not_decode_is_named_by_its_first_error() -> None:
    log = """Input #0, mov, from 'x':
[info]   Stream #0:0: Audio: aac, 48000 Hz, mono
[aac @ 0x1] [error] Invalid data found
"""
    error = ffmpeg_log.failure(log, None)
    assert (error.code, error.message) == ("decode_failed", "ffmpeg: Invalid data found")
    assert ffmpeg_log.failure(log, 7.0).code == "no_such_span"


def test_a_header_with_more_channels_than_any_microphone_lies(tmp_path: Path) -> None:
    data = bytearray(wav_bytes(np.zeros(20_000)))
    data[22:24], data[32:34] = (200).to_bytes(2, "little"), (400).to_bytes(2, "little")
    (tmp_path / "a.wav").write_bytes(data)
    assert code_of(tmp_path / "a.wav") == "decode_failed"


def test_a_flac_that_does_not_tell_its_length_is_read_to_the_end(wav: Wav, tmp_path: Path) -> None:
    data = bytearray(encoded(wav("source.wav"), tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0  # the number of samples in STREAMINFO: 36 bits, 0 is unknown
    data[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(data)
    decoded = audio.read(tmp_path / "a.flac")
    assert (decoded.duration, decoded.warning) == (1.0, None)


def test_a_pipe_is_read_like_a_file(wav: Wav, tmp_path: Path) -> None:
    from threading import Thread

    path, data = tmp_path / "pipe", wav("source.wav").read_bytes()
    os.mkfifo(path)
    Thread(target=path.write_bytes, args=(data,), daemon=True).start()
    assert audio.read(path).duration == 1.0


def test_a_cover_picture_is_not_a_film() -> None:
    log = "Input #0, mov, from 'x':\n  Stream #0:0: Video: mjpeg (Baseline), 9x9 (attached pic)\n"
    assert ffmpeg_log.failure(log, None).code == "not_media"


@pytest.mark.parametrize(
    ("layout", "count"),
    [
        ("mono", 1),
        ("stereo", 2),
        ("5.1(side)", 6),
        ("7.1.4", 12),
        ("4 channels (FL+FR)", 4),
        ("quad(side)", 4),
        ("2.1", 3),
        ("ambisonic 1", None),
    ],
)
def test_channel_layouts_are_counted(layout: str, count: int | None) -> None:
    log = f"Input #0, ogg, from 'x':\n[info]   Stream #0:0: Audio: vorbis, 48000 Hz, {layout}, s16"
    assert ffmpeg_log.channels(log) == count


def test_known_formats_are_known_by_their_first_bytes() -> None:
    assert sound_files.known(b"FORM\0\0\0\0AIFF")
    assert sound_files.known(b"fLaC\0\0\0\0\0\0\0\0")
    assert not sound_files.known(b"RIFF\0\0\0\0AVI ")
    assert not sound_files.known(b"")
