"""The networks of face-api give the numbers of the original: face_api_reference.mjs made them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from emocli.encoders import (
    face_api_weights,
    face_detector,
    face_expression,
    pictures,
    weight_files,
)
from emocli.errors import ConfigError, ModelError, RecordError
from tests.conftest import pulled
from tests.encoders import tiny_faces

REFERENCE = json.loads(Path(__file__).with_name("face_api_reference.json").read_text())
every_frame = pytest.mark.parametrize("frame", tiny_faces.FRAMES)
every_crop = pytest.mark.parametrize("crop", tiny_faces.CROPS)
both_networks = pytest.mark.parametrize("kind", tiny_faces.NETWORKS)


@pytest.fixture(scope="module", params=["random", "real"])
def weights(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(weights: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Where a network is: with random weights, or the real ones if they are pulled."""

    def find(kind: str) -> Path:
        if weights == "random":
            made = tmp_path_factory.mktemp(kind)
            tiny_faces.write(made, kind)
            return made
        return pulled(f"face-{kind}")

    return find


@every_frame
def test_the_detector_computes_the_cells_of_the_original(weights, folder, frame) -> None:
    tensors = face_api_weights.read(
        folder("detector"), face_api_weights.DETECTOR, face_detector.shapes(), "cpu"
    )
    square = pictures.squares([tiny_faces.FRAMES[frame]], 320, centred=False)
    with torch.inference_mode():
        cells = face_detector.forward(tensors, square).numpy().ravel()[::13]
    np.testing.assert_allclose(cells, REFERENCE[weights][frame]["cells"], atol=1e-4)


@every_frame
def test_the_detector_finds_the_boxes_of_the_original(weights, folder, frame) -> None:
    expected = REFERENCE[weights][frame]
    [found] = face_detector.load(folder("detector"))([tiny_faces.FRAMES[frame]])
    assert len(found) == expected["count"]
    np.testing.assert_allclose(found[:20], expected["boxes"], atol=1e-3)
    assert weights == "random" or len(found) == (2 if frame == "two" else 1)


@every_crop
def test_the_expression_net_computes_the_numbers_of_the_original(weights, folder, crop) -> None:
    tensors = face_api_weights.read(
        folder("expression"), face_api_weights.EXPRESSION, face_expression.shapes(), "cpu"
    )
    square = pictures.squares([tiny_faces.CROPS[crop]], 112, centred=True)
    with torch.inference_mode():
        [values] = face_expression.forward(tensors, square)[-1].numpy()
    expected = REFERENCE[weights][crop]
    np.testing.assert_allclose(values[:256:5], expected["features"], atol=1e-4)
    np.testing.assert_allclose(values[face_expression.LOGITS], expected["logits"], atol=1e-4)


@pytest.fixture(scope="module")
def detect(tmp_path_factory: pytest.TempPathFactory) -> face_detector.Detector:
    made = tmp_path_factory.mktemp("detector")
    tiny_faces.detector(made)
    return face_detector.load(made)


def test_boxes_are_in_pixels_of_the_frame_whatever_its_size() -> None:
    cells = np.full((10, 10, 5, 5), -9, np.float32)
    cells[3, 6, 1] = [0, 0, 0, 0, 9]  # the middle of a cell, the anchor as it is
    width, height = np.array(face_detector.ANCHORS[1]) * 32
    for times in (1, 4):
        [box] = face_detector.boxes(cells, (180 * times, 320 * times, 3))
        expected = [6.5 * 32 - width / 2, 3.5 * 32 - height / 2, width, height]
        np.testing.assert_allclose(box[:4], np.array(expected) * times, rtol=1e-6)
        assert box[4] == pytest.approx(1 / (1 + np.exp(-9)))
    cells[3, 6, 1, 2:4] = 1000  # numbers that make no sense
    assert np.isfinite(face_detector.boxes(cells, (180, 320, 3))).all()


def test_faces_of_one_frame_do_not_depend_on_the_others(detect) -> None:
    frames = [*tiny_faces.FRAMES.values()] * 4  # more than go through the network together
    for alone, together in zip(map(detect, ([f] for f in frames)), detect(frames), strict=True):
        np.testing.assert_allclose(alone[0], together, atol=1e-3)


def test_a_frame_may_be_of_any_size_and_read_only(detect) -> None:
    for shape in ((1, 1, 3), (1, 4000, 3), (3000, 2, 3)):
        picture = np.zeros(shape, np.uint8)
        picture.flags.writeable = False
        assert detect([picture])[0].shape[1] == face_detector.NUMBERS
    assert detect([]) == []


@pytest.mark.parametrize(
    "wrong",
    [np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), None],
    ids=["empty", "grey", "floats", "nothing"],
)
def test_what_is_no_picture_is_an_error_of_the_record(detect, wrong) -> None:
    with pytest.raises(RecordError) as caught:
        detect([tiny_faces.FRAMES["one"], wrong])
    assert caught.value.code == "bad_picture"


@both_networks
def test_a_network_is_not_the_other_one(kind: str, tmp_path: Path) -> None:
    tiny_faces.write(tmp_path, kind)
    network = tiny_faces.NETWORKS["expression" if kind == "detector" else "detector"]
    other = face_api_weights.EXPRESSION if kind == "detector" else face_api_weights.DETECTOR
    with pytest.raises(ConfigError, match="is not face-api-"):
        face_api_weights.read(tmp_path, other, network.shapes(), "cpu")


@both_networks
def test_converting_gives_float32_that_anyone_can_read(kind: str, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    tiny_faces.write_original(tmp_path / "original", kind)
    face_api_weights.convert(tmp_path / "original", tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    assert {n: v.shape for n, v in tensors.items()} == tiny_faces.NETWORKS[kind].shapes()
    assert {str(v.dtype) for v in tensors.values()} == {"float32"}
    manifest = json.loads((tmp_path / "original" / face_api_weights.MANIFEST).read_text())
    entry = manifest[0]["weights"][0]
    raw = (tmp_path / "original" / face_api_weights.WEIGHTS).read_bytes()[: 3 * 3 * 3]
    row = (
        np.frombuffer(raw, np.uint8) * entry["quantization"]["scale"] + entry["quantization"]["min"]
    )
    first = tensors[entry["name"].replace("/", ".")]
    height, width, _, out = entry["shape"]
    assert (height, width, out) == (3, 3, len(first))
    np.testing.assert_allclose(first[: len(row), 0, 0, 0][:27], row[: len(first)][:27], rtol=1e-6)


def spoilt(folder: Path, change: Callable[[dict], object]) -> None:
    file = folder / face_api_weights.MANIFEST
    manifest = json.loads(file.read_text())
    change(manifest[0])
    file.write_text(json.dumps(manifest))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "short": lambda f: (f / "weights.bin").write_bytes((f / "weights.bin").read_bytes()[:-9]),
    "long": lambda f: (f / "weights.bin").write_bytes((f / "weights.bin").read_bytes() + b"x"),
    "no weights": lambda f: (f / "weights.bin").unlink(),
    "no json": lambda f: (f / face_api_weights.MANIFEST).write_text("["),
    "a page": lambda f: (f / face_api_weights.MANIFEST).write_text("<html>"),
    "other shape": lambda f: spoilt(f, lambda g: g["weights"][0].update(shape=[-1, 3, 3, 3])),
    "other type": lambda f: spoilt(f, lambda g: g["weights"][0]["quantization"].update(dtype="O")),
    "not finite": lambda f: spoilt(f, lambda g: g["weights"][0]["quantization"].update(scale=1e60)),
    "other names": lambda f: spoilt(f, lambda g: g["weights"][-2].update(name="x/bias")),
    "unknown part": lambda f: spoilt(f, lambda g: g["weights"][0].update(name="conv0/gamma")),
    "nothing": lambda f: spoilt(f, lambda g: g.clear()),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_originals_are_refused(damage: str, tmp_path: Path) -> None:
    tiny_faces.write_original(tmp_path, "detector")
    DAMAGE[damage](tmp_path)
    with pytest.raises(ModelError, match="not weights of face-api"):
        face_api_weights.convert(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@both_networks
@pytest.mark.parametrize("file", ["config.json", weight_files.WEIGHTS])
def test_a_damaged_folder_is_refused(kind: str, file: str, tmp_path: Path) -> None:
    tiny_faces.write(tmp_path, kind)
    whole = (tmp_path / file).read_bytes()
    load = face_detector.load if kind == "detector" else load_expression
    load(tmp_path)
    for content in (whole[:-5], b"", b"version https://git-lfs.github.com/spec/v1\n"):
        (tmp_path / file).write_bytes(content)
        with pytest.raises(ConfigError, match=str(tmp_path)):
            load(tmp_path)
    shutil.rmtree(tmp_path)
    with pytest.raises(ConfigError):
        load(tmp_path)


def load_expression(folder: Path) -> object:
    from emocli.encoders import Settings

    return face_expression.encoder(folder, Settings(None, "frames"))
