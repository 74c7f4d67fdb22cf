"""A clip that a corpus has as a film and as sound is one record, of the film or of the sound."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from emocli import datasets
from emocli.datasets import blemore, crema_d, meld, ravdess
from emocli.records import modality
from tests.conftest import Emocli
from tests.datasets.conftest import touch

TAKE = "01-06-02-02-02-12"  # of RAVDESS, without its modality
BOTH = {
    "ravdess": (f"Actor_12/01-{TAKE}.mp4", f"Actor_12/03-{TAKE}.wav"),
    "crema-d": ("VideoFlash/1001_IEO_HAP_LO.flv", "AudioWAV/1001_IEO_HAP_LO.wav"),
    "blemore": ("train/A102_ang_int1_ver1.mov", "sound/A102_ang_int1_ver1.wav"),
    "meld": ("train_splits/dia0_utt0.mp4", "train/dia0_utt0.wav"),
    "mer2023": ("mer2023train/train/sample_1.avi", "mer2023train/audio/sample_1.wav"),
    "mer2024": ("video-labeled/sample_1.mp4", "audio-labeled/sample_1.wav"),
    "mer2025": ("video/sample_1.mp4", "audio/sample_1.wav"),
}
HAVE_BOTH = [
    n for n in datasets.names() if "media" in inspect.signature(datasets.load(n).read).parameters
]
have_both = pytest.mark.parametrize("name", HAVE_BOTH)


def paths(name: str, place: Path, media: str) -> list[str]:
    found = [record.get("path", "") for record in datasets.load(name).read(place, media=media)]
    ours = {Path(file).stem for file in BOTH[name]}
    return [path for path in found if Path(path).stem in ours]


@have_both
def test_the_film_is_read_or_the_sound_where_that_is_asked_for(name: str, make: Any) -> None:
    film, sound = BOTH[name]
    place = touch(make(name), film, sound)
    assert paths(name, place, "video") == [f"{place}/{film}"]
    assert paths(name, place, "audio") == [f"{place}/{sound}"]


@have_both
def test_what_is_asked_for_is_no_condition(name: str, make: Any) -> None:
    film, sound = BOTH[name]
    place = touch(make(name), film, sound)
    (place / sound).unlink()
    assert paths(name, place, "audio") == [f"{place}/{film}"]
    touch(place, sound)
    (place / film).unlink()
    assert paths(name, place, "video") == [f"{place}/{sound}"]


@have_both
def test_the_default_is_the_film_and_ids_are_unique(name: str, make: Any, emocli: Emocli) -> None:
    place = touch(make(name), *BOTH[name])
    plain = emocli("dataset", name, str(place))
    assert plain.records == emocli("dataset", name, str(place), "--media", "video").records
    ids = [record["id"] for record in plain.records]
    assert len(set(ids)) == len(ids)
    film = next(r for r in plain.records if r.get("path") == f"{place}/{BOTH[name][0]}")
    assert modality.in_file(film, "video")
    assert modality.in_file(film, "audio")


def test_what_is_left_out_is_told(make: Any, emocli: Emocli) -> None:
    for name in ("ravdess", "crema-d", "blemore"):
        film, sound = BOTH[name]
        place = touch(make(name), film, sound)
        told = "1 file is left out since another file of the same clip is read (see --media), such"
        assert f"{told} as {place}/{sound}" in emocli("dataset", name, str(place)).stderr
        outcome = emocli("dataset", name, str(place), "--media=audio")
        assert f"{told} as {place}/{film}" in outcome.stderr


def test_a_film_without_sound_is_read_where_it_is_all_there_is(tmp_path: Path) -> None:
    place = touch(tmp_path, f"Actor_12/02-{TAKE}.mp4")
    for media in datasets.KINDS:
        (record,) = ravdess.read(place, media)
        assert record["modality"] == "video"
    touch(place, f"Actor_12/01-{TAKE}.mp4")
    for media in datasets.KINDS:
        (record,) = ravdess.read(place, media)
        assert record["modality"] == "audio-video"


def test_what_a_file_holds_is_said_of_the_file(tmp_path: Path) -> None:
    place = touch(tmp_path / "b", *BOTH["blemore"])
    assert [r["modality"] for r in blemore.read(place)] == ["audio-video"]
    assert [r["modality"] for r in blemore.read(place, "audio")] == ["audio"]
    place = touch(tmp_path / "c", *BOTH["crema-d"], "AudioMP3/1001_IEO_HAP_LO.mp3")
    assert [r["modality"] for r in crema_d.read(place)] == ["audio-video"]
    assert [r["modality"] for r in crema_d.read(place, "audio")] == ["audio", "audio"]


def test_meld_as_its_archives_unpack_in_folders_of_their_own(make: Any, tmp_path: Path) -> None:
    place = tmp_path / "MELD.Raw"
    source = make("meld")
    (place / "train").mkdir(parents=True)
    (source / "train_sent_emo.csv").rename(place / "train/train_sent_emo.csv")
    (source / "dev_sent_emo.csv").rename(place / "dev_sent_emo.csv")
    clips = ("train/train_splits/dia0_utt3.mp4", "dev/dev_splits_complete/dia0_utt0.mp4")
    touch(place, *clips)
    _, train, dev = meld.read(place)
    assert (train["path"], dev["path"]) == tuple(f"{place}/{clip}" for clip in clips)


def test_media_is_refused_where_it_means_nothing(make: Any, emocli: Emocli) -> None:
    for name in ("folder", "emodb"):
        outcome = emocli("dataset", name, str(make(name)), "--media", "audio")
        assert outcome.status == 2
        assert f"--media: {name} does not come as films and as sounds" in outcome.stderr
    outcome = emocli("dataset", "ravdess", str(make("ravdess")), "--media", "text")
    assert (outcome.status, outcome.stdout) == (2, b"")
    assert "--media text: not audio or video" in outcome.stderr
