"""The drawn films have a face that shows, a voice that is heard, and a table of what is said."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from emocli.signals import audio, video
from examples import drawn_faces, video_clips

ROOT = Path(__file__).parents[2]


def differ(one: np.ndarray, two: np.ndarray) -> float:
    return float(np.abs(one.astype(float) - two).mean())


def test_every_emotion_has_a_face_of_its_own_and_its_strength_is_seen() -> None:
    shown = {emotion: drawn_faces.face(0, emotion) for emotion in drawn_faces.LOOKS}
    for one, two in combinations(shown.values(), 2):
        assert differ(one, two) > 0.3
    rest = shown["neutral"]
    assert np.array_equal(drawn_faces.face(0, "anger", strength=0), rest)
    weak, strong = (differ(drawn_faces.face(0, "anger", s), rest) for s in (0.3, 1.0))
    assert 0 < weak < strong
    assert not np.array_equal(drawn_faces.face(0, "neutral", talk=1), rest)
    assert differ(drawn_faces.face(1, "neutral"), rest) > 1


def test_films_have_a_moving_face_a_voice_and_a_row(tmp_path: Path) -> None:
    said = video_clips.said(person=1, emotion="joy", take=0)
    again = video_clips.said(person=1, emotion="joy", take=0)
    assert (said.text, len(said.frames)) == (again.text, len(again.frames))
    video_clips.write(tmp_path / "a.mp4", [said])
    clip = video.read(tmp_path / "a.mp4", video.Rate(2.0))
    assert clip.duration == pytest.approx(said.seconds, abs=0.05)
    assert differ(clip.images[0], clip.images[-1]) > 0.5
    assert np.abs(audio.read(tmp_path / "a.mp4").samples).max() > 0.05


def test_hiding_is_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    shown = np.array([video_clips.strength(random, 0.3) for _ in range(2000)])
    assert np.mean(shown == 0) == pytest.approx(0.3, abs=0.04)
    assert shown[shown > 0].min() >= 0.5


def test_a_talk_is_one_film_whose_person_leaves(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "examples.video_clips", str(tmp_path), "--talk"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=120)
    with open(tmp_path / "labels.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["emotion"] for row in rows] == list(video_clips.TALK)
    ends, starts = [float(r["end"]) for r in rows], [float(r["start"]) for r in rows]
    away = video.read(tmp_path / "talk.mp4", video.Times((ends[0] + 0.5, ends[1] + 0.5)))
    empty = video_clips.widened(drawn_faces.wall().astype(np.uint8))
    assert max(differ(image, empty) for image in away.images) < 3
    there = video.read(tmp_path / "talk.mp4", video.Times((starts[1] + 0.5,)))
    assert differ(there.images[0], empty) > 20
