"""What is decoded in process: as ffmpeg would, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emocli.signals import audio, ffmpeg, libav
from tests.signals.media import encoded, silent_film
from tests.signals.media import ffmpeg as run_ffmpeg

Wav = Callable[..., Path]


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "mp4", "mkv", "webm", "mov"])
def test_samples_are_those_of_ffmpeg(tmp_path: Path, suffix: str) -> None:
    time_s = np.arange(44_100) / 44_100
    sound = np.sin(2 * np.pi * np.outer(time_s, (300, 800))) * (0.5, 0.2)
    soundfile.write(tmp_path / "source.wav", sound, 44_100)
    path = encoded(tmp_path / "source.wav", tmp_path / f"a.{suffix}")
    ours, theirs = libav.decode(str(path)), ffmpeg.decode(str(path))
    assert ours is not None
    assert ours.channels == theirs.channels == 2
    assert ours.decoder.startswith("ffmpeg ")
    assert abs(len(ours.samples) - len(theirs.samples)) <= 480  # releases cut AAC's end differently
    x, y = ours.samples.astype(int), theirs.samples.astype(int)
    shifts = range(-160, 161) if suffix in ("mkv", "webm") else (0,)  # their codecs' delay: 10 ms
    middle = slice(1000, 15_000)
    differences = [np.abs(np.roll(x, shift)[middle] - y[middle]).max() for shift in shifts]
    assert min(differences) <= (400 if suffix == "mkv" else 2)  # a fraction of a sample, for vorbis


def test_what_is_damaged_is_left_to_ffmpeg(wav: Wav, tmp_path: Path) -> None:
    full_path = encoded(wav("source.wav", seconds=4.0), tmp_path / "whole.m4a")
    assert libav.decode(str(full_path)) is not None
    cut = tmp_path / "cut.m4a"
    cut.write_bytes(full_path.read_bytes()[: full_path.stat().st_size * 2 // 3])
    webm = encoded(wav("source.wav", seconds=4.0), tmp_path / "whole.webm")
    assert libav.decode(str(webm)) is not None
    cut_webm = tmp_path / "cut.webm"
    cut_webm.write_bytes(webm.read_bytes()[: webm.stat().st_size // 2])
    assert "in part" in (audio.read(cut_webm).warning or "")
    data = bytearray(full_path.read_bytes())
    middle = len(data) * 2 // 3
    data[middle : middle + 300] = bytes(300)
    holes = tmp_path / "holes.m4a"
    holes.write_bytes(data)
    text = tmp_path / "text.mp4"
    text.write_text("not a film at all\n" * 99)
    film = silent_film(tmp_path / "film.mp4")
    for path in (cut, cut_webm, holes, text, film, tmp_path / "gone.mp4", tmp_path):
        assert libav.decode(str(path)) is None


def test_a_list_of_files_opens_none_of_them(wav: Wav, tmp_path: Path) -> None:
    secret = encoded(wav("source.wav"), tmp_path / "secret.m4a")
    for text in (
        f"ffconcat version 1.0\nfile {secret.name}\n",
        f"#EXTM3U\n#EXTINF:1,\n{secret.name}\n#EXT-X-ENDLIST\n",
    ):
        playlist = tmp_path / "list.mp4"
        playlist.write_text(text)
        assert libav.decode(str(playlist)) is None


def test_what_is_large_or_has_a_chosen_program_is_left_to_ffmpeg(
    wav: Wav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encoded(wav("source.wav"), tmp_path / "a.m4a")
    assert "PyAV" in audio.read(path).decoder
    assert "PyAV" not in audio.read(path, start=0.1, end=0.4).decoder
    with monkeypatch.context() as patch:
        patch.setattr(libav, "LARGEST_BYTES", 100)
        assert libav.decode(str(path)) is None
    monkeypatch.setenv("EMOCLI_FFMPEG", ffmpeg.ffmpeg_binary()[0])
    assert libav.decode(str(path)) is None
    assert "PyAV" not in audio.read(path).decoder


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_sound_that_begins_after_the_picture_keeps_its_place(
    wav: Wav, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = tmp_path / f"late.{suffix}"
    sound = wav("source.wav", seconds=1.0)
    picture = ("-f", "lavfi", "-i", "color=c=green:size=64x64:rate=10:duration=4")
    run_ffmpeg(*picture, "-itsoffset", "2", "-i", sound, "-map", "0:v", "-map", "1:a", path)
    for program in ("", ffmpeg.ffmpeg_binary()[0]):
        monkeypatch.setenv("EMOCLI_FFMPEG", program)
        decoded = audio.read(path)
        assert ("PyAV" in decoded.decoder) == (
            not program and suffix == "mp4"
        )  # mkv: shorter sound
        assert decoded.duration == pytest.approx(3.0, abs=0.1)
        assert np.abs(decoded.samples[: int(1.95 * 16_000)]).max() < 1e-3
        part = audio.read(path, start=2.2, end=2.7)
        full = decoded.samples[int(2.2 * 16_000) : int(2.7 * 16_000)]
        np.testing.assert_allclose(part.samples, full, atol=2e-3)
