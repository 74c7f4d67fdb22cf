"""The expression net as an encoder of faces; the numbers themselves are in test_face_api.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emocli import encoders
from emocli.encoders import Settings, face_detector, face_expression, pictures
from emocli.errors import ConfigError, RecordError
from emocli.records.labels import EMOTIONS
from emocli.signals import face_averages, face_tracks, faces
from tests.conftest import pulled
from tests.encoders import tiny_faces
from tests.encoders.tiny_faces import of as seen


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("expression")
    tiny_faces.expression(made)
    return made


FACES = [tiny_faces.draw((90 + 10 * n, 80), ((0.4, 0.4, 0.4),), smile=n / 4) for n in range(5)]


def numbers(folder: Path, inputs: list[Any], layer: Any = None, pooling: str = "frames") -> Any:
    encode = encoders.of_folder(folder, "video").encoder(folder, Settings(layer, pooling))
    return [encoded.values for encoded in encode(inputs)]


def test_it_is_found_by_its_name_and_by_what_pull_writes(folder: Path) -> None:
    assert "face-expression" in encoders.families("video")
    assert not encoders.is_measured("face-expression", "video")
    assert encoders.of_folder(folder, "video") is face_expression
    assert not face_expression.reads({"model_type": "whisper"})


def test_a_face_is_256_features_and_a_logit_for_each_emotion_in_our_order(folder: Path) -> None:
    [values] = numbers(folder, [seen(*FACES)])
    assert values.shape == (5, 256 + len(EMOTIONS))
    assert values.dtype == np.float32
    assert values[:, face_expression.LOGITS].shape == (5, len(EMOTIONS))
    theirs = ("neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
    assert [name[:3] for name in theirs][::6] == [name[:3] for name in EMOTIONS][::6]
    assert EMOTIONS == ("neutral", "joy", "sadness", "anger", "fear", "disgust", "surprise")


def test_a_face_alone_is_the_one_among_many_and_order_is_kept(folder: Path) -> None:
    many = FACES * 8  # more than go through the network together
    [together, few] = numbers(folder, [seen(*many), seen(*FACES[1:3])])
    for place, face in enumerate(many):
        [[alone]] = numbers(folder, [seen(face)])
        np.testing.assert_allclose(alone, together[place], atol=1e-4)
    np.testing.assert_allclose(few, together[1:3], atol=1e-4)


def test_layers_are_blocks_and_can_be_put_side_by_side(folder: Path) -> None:
    widths = [numbers(folder, [seen(FACES[0])], layer)[0].shape[1] for layer in range(4)]
    assert widths == [32, 64, 128, 263]
    [both] = numbers(folder, [seen(*FACES)], [0, -1])
    [first], [last] = numbers(folder, [seen(*FACES)], 0), numbers(folder, [seen(*FACES)], 3)
    np.testing.assert_array_equal(both, np.concatenate([first, last], axis=1))
    with pytest.raises(ConfigError, match="no layer 4"):
        numbers(folder, [seen(FACES[0])], 4)


def test_poolings_are_those_of_every_encoder(folder: Path) -> None:
    [frames] = numbers(folder, [seen(*FACES)])
    [both] = numbers(folder, [seen(*FACES)], pooling="mean+std")
    np.testing.assert_allclose(both, np.concatenate([frames.mean(0), frames.std(0)]), atol=1e-4)
    with pytest.raises(ConfigError, match="unknown pooling 'sum'"):
        numbers(folder, [seen(FACES[0])], pooling="sum")


def test_no_face_and_no_picture_are_errors_of_the_record(folder: Path) -> None:
    with pytest.raises(RecordError) as caught:
        numbers(folder, [seen(FACES[0]), seen()])
    assert caught.value.code == "too_short"
    for wrong in tiny_faces.broken():
        with pytest.raises(RecordError) as caught:
            numbers(folder, [seen(FACES[0]), wrong])
        assert caught.value.code == "bad_picture"
    inputs = [tiny_faces.BLACK, *tiny_faces.LEAST[1:], tiny_faces.seen(40, seed=1)]
    for values, given in zip(numbers(folder, inputs), inputs, strict=True):
        assert len(values) == len(given.images)
        assert np.isfinite(values).all()
    [black] = numbers(
        folder, [seen(np.zeros((1, 1, 3), np.uint8), np.zeros((500, 3, 3), np.uint8))]
    )
    assert np.isfinite(black).all()


# --- the crop is the detector's box as it is -------------------------------------------------


def test_what_is_outside_the_box_does_not_matter(folder: Path) -> None:
    """A margin of a quarter costs 30 points of accuracy on CK+."""
    frame = tiny_faces.FRAMES["one"]
    box = np.array([72.7, 83.5, 141.6, 118.9, 0.9])
    other = 255 - frame
    x, y = int(box[0]), int(box[1])
    inside = (slice(y, y + 118), slice(x, x + 141))
    other[inside] = frame[inside]
    first, second = (faces.crop(picture, box) for picture in (frame, other))
    np.testing.assert_array_equal(first, second)
    [[one]], [[two]] = (numbers(folder, [seen(face)]) for face in (first, second))
    np.testing.assert_array_equal(one, two)
    wider = frame[y - 20 : y + 138, x - 20 : x + 161]
    [[margin]] = numbers(folder, [seen(wider)])
    assert np.abs(margin - one).max() > 0.05


@pytest.mark.parametrize(("height", "width"), [(48, 48), (300, 200), (30, 57), (112, 1), (2, 700)])
def test_a_face_fills_the_square_and_what_is_left_is_black_on_both_sides(height, width) -> None:
    white = np.full((height, width, 3), 255, np.uint8)
    [square] = pictures.squares([white], 112, centred=True)
    rows, columns = (square[0].amax(axis).numpy() > 0 for axis in (1, 0))
    assert max(rows.sum(), columns.sum()) == 112
    for lit, side in ((rows, height), (columns, width)):
        [places] = np.nonzero(lit)
        assert len(places) == max(1, round(112 * side / max(height, width)))
        assert abs(places[0] - (111 - places[-1])) <= 1  # in the middle
    assert square.min() == 0 or height == width
    assert square.max() == 255


def test_colours_are_red_green_blue() -> None:
    orange = np.array([[[250, 120, 10]]], np.uint8)
    [square] = pictures.squares([orange.repeat(9, 0).repeat(9, 1)], 32, centred=False)
    assert square[:, 5, 5].tolist() == [250, 120, 10]


def test_a_large_picture_is_averaged_so_that_thin_lines_do_not_flicker() -> None:
    lines = np.zeros((640, 640, 3), np.uint8)
    lines[:, ::4] = 255
    squares = pictures.squares([lines, np.roll(lines, 1, axis=1)], 160, centred=False)
    assert squares[:, :, 2:-2, 2:-2].std() < 10


# --- with the real weights -------------------------------------------------------------------


def test_two_people_in_a_film_are_two_tracks_with_an_emotion_each() -> None:
    detect = face_detector.load(pulled("face-detector"))
    times = np.arange(6) / 2
    film = [
        tiny_faces.draw((240, 320), ((0.4 + 0.01 * n, 0.5, 0.2), (0.95, 0.5, 0.22)), n % 2)
        for n in range(6)
    ]
    boxes = [faces.largest(found)[0] for found in detect(film)]
    found = face_tracks.tracks(boxes, times)
    assert [track.frames.tolist() for track in found] == [list(range(6))] * 2
    for track in found:
        crops = [faces.crop(film[n], box) for n, box in zip(track.frames, track.boxes, strict=True)]
        [values] = numbers(pulled("face-expression"), [seen(*crops)])
        logits = values[:, face_expression.LOGITS]
        shares = face_averages.overall(track.times, logits, temperature=6.0)
        assert shares.sum() == pytest.approx(1)
        assert shares.max() < 0.95


def test_walls_and_noise_are_no_faces() -> None:
    detect = face_detector.load(pulled("face-detector"))
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    for picture in (tiny_faces.draw((240, 320), ()), noise, np.zeros((240, 320, 3), np.uint8)):
        assert len(detect([picture])[0]) == 0


def test_the_configuration_of_a_pulled_network_says_what_it_is() -> None:
    config = json.loads((pulled("face-expression") / "config.json").read_text())
    assert face_expression.reads(config)


# --- on a GPU ----------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_finds_and_judges_the_same_faces(tmp_path: Path) -> None:
    tiny_faces.detector(tmp_path / "detector")
    tiny_faces.expression(tmp_path / "expression")
    pictures_ = list(tiny_faces.FRAMES.values())
    on_cpu, on_gpu = (
        face_detector.load(tmp_path / "detector", device)(pictures_) for device in ("cpu", "cuda")
    )
    for expected, found in zip(on_cpu, on_gpu, strict=True):
        np.testing.assert_allclose(found, expected, atol=0.1)
    crops = [seen(*tiny_faces.CROPS.values())]
    values = [
        face_expression.encoder(tmp_path / "expression", Settings(None, "frames", device))(crops)
        for device in ("cpu", "cuda")
    ]
    np.testing.assert_allclose(values[1][0].values, values[0][0].values, rtol=1e-3, atol=1e-3)
