"""A sound read block by block is the sound that is read as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from emocli.errors import RecordError
from emocli.signals import audio, sound_lengths, sound_stream
from emocli.signals.flows import About, Kept
from tests.signals.media import encoded, ffmpeg, silent_film, wav_bytes

Wav = Callable[..., Path]
SECONDS = 25.0  # three blocks of ffmpeg


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sounds") / "source.wav"
    noise = np.random.default_rng(0).normal(0, 0.1, (int(SECONDS * 22_050), 2))
    soundfile.write(path, noise, 22_050)
    return path


def streamed(path: Path) -> tuple[np.ndarray, About]:
    about = About()
    return Kept.joined([*sound_stream.blocks(str(path), about)]), about


@pytest.mark.parametrize(
    "name", ["a.wav", "a.flac", "a.ogg", "a.opus", "a.mp3", "a.m4a", "a.mkv", "a.ts"]
)
def test_the_blocks_of_a_file_are_its_samples(
    name: str, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encoded(source, tmp_path / name)
    values, about = streamed(path)
    # PyAV, which decodes small files, may have another version of FFmpeg, with other roundings.
    monkeypatch.setenv("EMOCLI_FFMPEG", imageio_ffmpeg.get_ffmpeg_exe())
    whole = audio.read(path)
    np.testing.assert_array_equal(values, np.round(whole.samples * 32768))
    assert about.channels == whole.channels
    assert [w for w in about.warnings if w] == ([whole.warning] if whole.warning else [])


def test_the_length_is_known_before_anything_is_decoded(source: Path, tmp_path: Path) -> None:
    for name in ("a.wav", "a.ogg", "a.mp3", "a.m4a", "a.mkv"):
        path = encoded(source, tmp_path / name)
        assert sound_lengths.seconds(str(path)) == pytest.approx(SECONDS, abs=0.1)
    assert sound_lengths.seconds(str(silent_film(tmp_path / "film.mp4"))) == 0.0
    assert sound_lengths.at_most(str(path), 3600.0)
    assert not sound_lengths.at_most(str(path), 1.0)


def test_parts_with_other_rates_are_read_in_time(source: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp3", tmp_path / "second.mp3"
    ffmpeg("-i", source, "-ar", "44100", first)
    ffmpeg("-i", source, "-ar", "22050", second)
    path = tmp_path / "joined.mp3"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    values, about = streamed(path)
    whole = audio.read(path)
    np.testing.assert_array_equal(values, np.round(whole.samples * 32768))
    assert "joined of 2 parts" in str(about.warnings)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.mkv"])
def test_what_a_cut_file_lacks_is_known_after_its_blocks(
    name: str, source: Path, tmp_path: Path
) -> None:
    path = encoded(source, tmp_path / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    values, about = streamed(path)
    assert len(values) == len(audio.read(path).samples)
    assert about.claimed_s == pytest.approx(SECONDS, abs=0.2)
    assert len(values) / 16_000 == pytest.approx(SECONDS / 2, abs=1.5)


def test_after_damage_to_a_sound_file_ffmpeg_goes_on(source: Path, tmp_path: Path) -> None:
    path = encoded(source, tmp_path / "a.flac")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 500] = bytes(500)
    path.write_bytes(data)
    values, about = streamed(path)
    assert abs(len(values) - SECONDS * 16_000) < 16_000
    assert about.decoder.startswith("ffmpeg")
    assert any(about.warnings)
    whole = audio.read(path).samples[: len(values)]  # which ffmpeg resamples from the beginning
    assert np.corrcoef(values[: len(whole)], whole)[0, 1] > 0.99


def test_a_file_that_is_no_sound_has_the_error_of_the_whole(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("this is no sound\n" * 100)
    (tmp_path / "empty.wav").write_bytes(wav_bytes(np.zeros(0)))
    silent_film(tmp_path / "film.mp4")
    for path in (*tmp_path.iterdir(), tmp_path / "nope.wav"):
        with pytest.raises(RecordError) as whole:
            audio.read(path)
        with pytest.raises(RecordError) as blocks:
            streamed(path)
        assert blocks.value.code == whole.value.code


def test_pieces_are_cut_out_of_the_last_blocks() -> None:
    kept = Kept()
    for first in range(0, 100, 10):
        kept.add(np.arange(first, first + 10, dtype=np.int16))
        kept.drop(first - 15)
    assert (kept.first, kept.end) == (70, 100)
    np.testing.assert_array_equal(kept.piece(75, 92), np.arange(75, 92))
    np.testing.assert_array_equal(kept.piece(95, 200), np.arange(95, 100))
