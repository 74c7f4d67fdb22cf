"""MediaPipe's face landmarker, ported: its file, its geometry, its names, its numbers."""

from __future__ import annotations

import itertools
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from emocli import encoders, hub
from emocli.encoders import (
    Settings,
    face_blendshapes,
    face_mesh,
    face_mixer,
    mediapipe_face,
    tflite_constants,
    weight_files,
)
from emocli.encoders.face_mesh import Found, Squares
from emocli.errors import ModelError
from tests.encoders import mediapipe_reference, tiny_blendshapes, tiny_faces
from tests.encoders.mediapipe_reference import PICTURES

Weights = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def _small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if "full_size" not in request.fixturenames:
        tiny_blendshapes.make_small(monkeypatch)
    with torch.inference_mode():
        yield


@pytest.fixture
def full_size() -> None:
    """Keep the network of points as large as it is."""


@pytest.fixture
def weights() -> Weights:
    return {name: torch.from_numpy(values) for name, values in tiny_blendshapes.tensors().items()}


def encoded(folder: Path, given: Any, layer: Any = None) -> encoders.Encoded:
    [found] = face_blendshapes.encoder(folder, Settings(layer, "frames"))([given])
    return found


# --- what it is --------------------------------------------------------------------------------


def test_it_is_found_by_its_name_and_by_what_pull_writes(tmp_path: Path) -> None:
    tiny_blendshapes.converted(tmp_path)
    assert "face-blendshapes" in encoders.families("video")
    assert encoders.of_folder(tmp_path, "video") is face_blendshapes
    entry = hub.catalog()["face-blendshapes"]
    assert entry["commands"] == ["encode"]
    [source] = entry["sources"]
    assert source["convert"] == mediapipe_face.__name__.rpartition(".")[2]
    assert set(source["from"]) == {mediapipe_face.TASK}


def test_layers_are_points_then_what_leads_to_the_blendshapes(tmp_path: Path) -> None:
    tiny_blendshapes.converted(tmp_path)
    given = tiny_faces.seen(2, seed=1)
    widths = [encoded(tmp_path, given, layer).values.shape[1] for layer in range(4)]
    assert widths == [478 * 3, 64, 64, 52]
    last = encoded(tmp_path, given).values
    np.testing.assert_array_equal(last, encoded(tmp_path, given, 3).values)
    assert (last >= 0).all()
    assert (last <= 1).all()


def test_names_are_those_of_mediapipe_in_its_order() -> None:
    names = face_mixer.NAMES
    assert len(set(names)) == mediapipe_face.SHAPES == 52
    assert names[0] == "_neutral"
    assert [names[n] for n in (9, 10, 25, 44, 45, 51)] == [
        "eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "mouthSmileLeft", "mouthSmileRight",
        "noseSneerRight",
    ]  # fmt: skip
    assert list(names) == sorted(names)
    sides = {name.removesuffix("Left") for name in names if name.endswith("Left")}
    assert sides == {name.removesuffix("Right") for name in names if name.endswith("Right")}


def test_the_help_of_encode_names_them_in_their_order() -> None:
    from emocli.commands import encode

    said = " ".join((encode.__doc__ or "").split())
    assert ", ".join(face_mixer.NAMES) in said


def test_the_mixer_takes_146_points_both_irises_among_them() -> None:
    given = face_mixer.GIVEN
    assert len(given) == mediapipe_face.GIVEN == 146
    assert all(one < other for one, other in itertools.pairwise(given))
    assert set(given) >= {*range(468, 478), *face_mesh.CORNERS}
    assert sum(given) == 33248  # of face_blendshapes_graph.cc


def test_a_face_that_the_network_does_not_see_is_told(tmp_path: Path) -> None:
    tiny_blendshapes.converted(tmp_path)
    kept = load_file(tmp_path / weight_files.WEIGHTS)
    for bias, says in ((9.0, ""), (-9.0, "in 3 of 3 frames no face for the network of points")):
        kept["mesh.presence.bias"][:] = bias
        kept["mesh.presence.weight"][:] = 0
        weight_files.write(tmp_path, {"model_type": mediapipe_face.KIND}, kept)
        found = encoded(tmp_path, tiny_faces.BLACK)
        assert found.warning == says
        assert np.isfinite(found.values).all()


# --- its file ----------------------------------------------------------------------------------


@pytest.mark.parametrize("half", [True, False])
def test_what_is_converted_is_what_was_written(tmp_path: Path, half: bool) -> None:
    given = tiny_blendshapes.tensors()
    tiny_blendshapes.task(tmp_path / "original", given, half=half)
    mediapipe_face.convert(tmp_path / "original", tmp_path)
    found = load_file(tmp_path / weight_files.WEIGHTS)
    assert set(found) == set(mediapipe_face.shapes())
    for name, values in found.items():
        np.testing.assert_array_equal(values, given[name])


def test_constants_are_those_of_each_use_of_an_operator() -> None:
    values = [np.float32(2.5), np.arange(6, dtype=np.float32).reshape(2, 3)]
    for half in (True, False):
        found = tflite_constants.constants(tiny_blendshapes.tflite(values, half=half))
        for one, other in zip(found, values, strict=True):  # whole numbers are no constants
            np.testing.assert_array_equal(one, other)
            assert one.dtype == np.float32


def test_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / mediapipe_face.TASK

    def refused(says: str) -> None:
        with pytest.raises(ModelError, match=f"not MediaPipe's face landmarker: .*{says}"):
            mediapipe_face.convert(tmp_path, tmp_path / "made")
        assert not (tmp_path / "made").exists()

    refused("No such file")
    file.write_bytes(b"PK nothing")
    refused("zip")
    given = tiny_blendshapes.tensors()
    for wrong, says in (
        ({"mixer.token": np.ones(65, np.float32)}, "mixer.token has the shape"),
        ({"mesh.points.weight": np.full_like(given["mesh.points.weight"], np.inf)}, "not finite"),
    ):
        tiny_blendshapes.task(tmp_path, given | wrong)
        refused(says)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(mediapipe_face.MESH, tiny_blendshapes.tflite([np.ones(3, np.float32)]))
    refused("1 tensors instead of")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(mediapipe_face.MESH, b"\0\0\0\0TFL2")
    refused("TFL2")


def test_a_network_with_bytes_that_changed_is_read_or_refused() -> None:
    whole = tiny_blendshapes.tflite([np.float32(1), np.arange(40, dtype=np.float32)])
    random = np.random.default_rng(0)
    for end in range(0, len(whole), 3):
        spoilt = bytearray(whole)
        spoilt[random.integers(len(whole))] = random.integers(256)
        for data in (bytes(spoilt), whole[:end]):
            try:
                tflite_constants.constants(data)
            except weight_files.UNUSABLE:
                continue
    with pytest.raises(ValueError, match="in place of b'TFL3'"):
        tflite_constants.constants(b"")


# --- its geometry ------------------------------------------------------------------------------


def cut(image: np.ndarray, middle: tuple[float, float], side: float, angle: float) -> np.ndarray:
    given = (torch.tensor(middle), torch.tensor(side), torch.tensor(angle))
    found = face_mesh._cut(image, *given)
    return found.permute(1, 2, 0).numpy() * 255


def test_a_square_is_cut_where_it_is_and_turned_as_it_says() -> None:
    size = face_mesh.INPUT_PX
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    middle = (size / 2, size / 2)
    np.testing.assert_allclose(cut(image, middle, size, 0.0), image, atol=0.01)
    turned = cut(image, middle, size, np.pi / 2)  # the picture's down is the square's right
    np.testing.assert_allclose(turned, np.rot90(image), atol=0.01)
    shifted = cut(image, (size / 2 + 5, size / 2 - 3), size, 0.0)
    np.testing.assert_allclose(shifted[3:, :-5], image[:-3, 5:], atol=0.01)
    np.testing.assert_allclose(shifted[3:, -5:], image[:-3, -1:].repeat(5, 1), atol=0.01)
    wide = np.concatenate([image, 255 - image], axis=1)
    np.testing.assert_allclose(cut(wide, (1.5 * size, size / 2), size, 0.0), 255 - image, atol=0.01)


@pytest.mark.parametrize("degrees", [0, 10, -35, 80])
def test_points_in_a_square_come_back_to_their_place(degrees: float) -> None:
    """The square around points holds them upright, and two thirds as large as itself."""
    random = np.random.default_rng(0)
    upright = torch.tensor(tiny_blendshapes.layout(random), dtype=torch.float32)[None]
    angle = torch.tensor([np.radians(degrees)], dtype=torch.float32)
    somewhere = Squares(torch.tensor([[70.0, 40.0]]), torch.tensor([90.0]), angle)
    placed = face_mesh._placed(upright, somewhere)
    found = face_mesh.squares_around(placed)
    assert found.angle.item() == pytest.approx(angle.item(), abs=1e-5)
    flat = placed[0, :, :2].numpy()
    least, most = flat.min(0), flat.max(0)
    np.testing.assert_allclose(found.middle[0], (least + most) / 2, atol=1e-3)
    assert found.side.item() == pytest.approx(1.5 * (most - least).max(), rel=1e-5)
    distances = np.linalg.norm(flat[:, None] - flat[None], axis=-1)
    before = upright[0, :, :2].numpy()
    original = np.linalg.norm(before[:, None] - before[None], axis=-1)
    scale = 90 / face_mesh.INPUT_PX
    np.testing.assert_allclose(distances, original * scale, atol=1e-2)
    np.testing.assert_allclose(placed[..., 2], upright[..., 2] * scale, atol=1e-4)


def test_points_relative_to_a_face_do_not_say_where_or_how_large_it_is() -> None:
    points = torch.tensor(tiny_blendshapes.layout(np.random.default_rng(1)), dtype=torch.float32)
    found = []
    for middle, side, angle in ((16.0, 32.0, 0.0), (300.0, 500.0, 0.0), (50.0, 20.0, 0.7)):
        squares = Squares(*map(torch.tensor, ([[middle, 10.0]], [side], [angle])))
        placed = face_mesh._placed(points[None], squares)
        found.append(face_mesh.level(Found(placed, torch.ones(1), squares)))
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], atol=1e-4)
    assert found[0][..., :2].norm(dim=-1).mean() == pytest.approx(1.0, rel=1e-5)
    np.testing.assert_allclose(found[0].mean(1), 0, atol=1e-5)


def test_blendshapes_do_not_depend_on_place_and_size(weights: Weights) -> None:
    points = torch.tensor(tiny_blendshapes.layout(np.random.default_rng(1)), dtype=torch.float32)
    here, there = (face_mixer.forward(weights, p[None]) for p in (points, 3 * points + 40))
    for one, other in zip(here, there, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    moved = points.clone()
    moved[face_mixer.GIVEN[40]] += 5
    assert (face_mixer.forward(weights, moved[None])[-1] - here[-1]).abs().max() > 1e-3
    same = points.clone()
    same[2] += 5  # which it is not given
    torch.testing.assert_close(face_mixer.forward(weights, same[None])[-1], here[-1])


def test_only_faces_that_are_tilted_are_looked_at_again(
    weights: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def look(_weights: Weights, images: list[np.ndarray], squares: Squares) -> Found:
        looks.append(len(images))
        middle = torch.tensor([[image.shape[1] / 2, image.shape[0] / 2] for image in images])
        tilt = torch.tensor([float(image[0, 0, 0]) / 100 for image in images])
        at = Squares(middle, 0.8 * squares.side, squares.angle + (tilt - squares.angle) * 0.7)
        upright = torch.tensor(tiny_blendshapes.layout(np.random.default_rng(0))).float()
        points = face_mesh._placed(upright.expand(len(images), -1, -1), at)
        return Found(points, torch.ones(len(images)), squares)

    monkeypatch.setattr(face_mesh, "look", look)
    pictures = [np.full((40, 40, 3), tilt, np.uint8) for tilt in (0, 100, 10)]
    found = face_mesh.find(weights, pictures)
    assert looks == [3, 3, 1]
    assert found.squares.angle[1] == pytest.approx(0.91, abs=0.01)  # of a tilt of 1
    assert found.squares.angle[0] == pytest.approx(0.0, abs=1e-5)


def test_a_square_that_holds_no_face_is_not_looked_at(weights: Weights) -> None:
    weights["mesh.points.weight"] *= 0
    for wrong in (1e6, 1e-3):
        weights["mesh.points.bias"] = tiny_blendshapes.layout(np.random.default_rng(0)).ravel()
        weights["mesh.points.bias"] = torch.tensor(weights["mesh.points.bias"]).float() * wrong
        found = face_mesh.find(weights, [tiny_faces.draw((50, 40))])
        assert found.squares.side.tolist() == [pytest.approx(50 * face_mesh.FIRST)]
        assert found.squares.middle.tolist() == [[20, 25]]


# --- its numbers -------------------------------------------------------------------------------


@pytest.mark.network
@pytest.mark.usefixtures("full_size")
def test_the_pulled_networks_compute_what_tensorflow_lite_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(tmp_path))
    folder = hub.pull("face-blendshapes")
    assert hub.verify("face-blendshapes") == 2
    weights = weight_files.read(weight_files.tensors(folder), mediapipe_face.shapes())
    reference = json.loads(mediapipe_reference.FILE.read_text())
    smiles = {}
    for name, picture in PICTURES.items():
        expected, size = reference[name], picture.shape[0]
        whole = Squares(torch.full((1, 2), size / 2), torch.tensor([float(size)]), torch.zeros(1))
        found = face_mesh.look(weights, [picture], whole)
        points = found.points[0, :: mediapipe_reference.EVERY]
        np.testing.assert_allclose(points, expected["points"], atol=2e-2)
        sure = 1 / (1 + np.exp(-expected["presence"]))
        assert found.presence.item() == pytest.approx(sure, abs=1e-5)
        [shapes] = face_mixer.forward(weights, found.points)[-1]
        np.testing.assert_allclose(shapes, expected["blendshapes"], atol=1e-3)
        smiles[name] = encoded(folder, tiny_faces.of(picture[40:220, 60:200])).values[0, 44:46]
    assert smiles["smile"].min() > smiles["neutral"].max() + 0.2
