"""Networks of pictures and clips agree with plain code of transformers, and with other ports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from emocli import encoders
from emocli.bundles import specs
from emocli.encoders import Settings, mobilenet_v2, vision_multiview, vision_pixels
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError, RecordError
from emocli.modalities.video import wants
from emocli.pipeline.context import Context
from tests.encoders import tiny_faces, tiny_vision
from tests.encoders.tiny_vision import FRAMES, PATCH, PX

ALL = {**tiny_vision.OF_IMAGES, **tiny_vision.OF_CLIPS}
FILM = tiny_faces.of(*tiny_faces.seen(FRAMES, seed=3).images)
of_pictures = pytest.mark.parametrize("name", tiny_vision.OF_IMAGES)
of_clips = pytest.mark.parametrize("name", tiny_vision.OF_CLIPS)
LAST = 3


@pytest.fixture
def built(tmp_path: Path) -> Callable[[str], Any]:
    def build(name: str) -> Any:
        torch.manual_seed(2)
        return ALL[name](tmp_path)

    return build


def encoded(
    folder: Path, pooling: str, layer: Any = None, film: Any = FILM
) -> tuple[NDArray[np.float32], str]:
    settings = Settings(layer, pooling)
    [found] = encoders.of_folder(folder, "video").encoder(folder, settings)([film])
    return found


def numbers(name: str, film: Any = FILM, side: int = PX) -> torch.Tensor:
    """What transformers' own processor makes of frames (in its version for Pillow)."""
    how = tiny_vision.SQUARE if "vit" in name or "siglip" in name else tiny_vision.SHORTEST
    how = tiny_vision.SQUARE if name == "dinov3" else how
    loads = (
        imported().ViTImageProcessorPil
        if how is tiny_vision.SQUARE
        else imported().CLIPImageProcessorPil
    )
    return loads(**how)(film.images, return_tensors="pt")["pixel_values"]


@pytest.mark.parametrize("name", ["clip", "vit"])
def test_frames_are_brought_to_size_as_transformers_does(
    name: str, built: Callable[[str], Any], tmp_path: Path
) -> None:
    built(name)
    how = vision_pixels.read(tmp_path, vision_pixels.OF_IMAGES)
    film = tiny_faces.of(tiny_faces.draw((90, 160)), tiny_faces.draw((161, 90)), *FILM.images)
    ours, theirs = vision_pixels.of(film.images, how), numbers(name, film)
    step = 1 / 255 / min(how.sd)  # one of 255
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= 1.01 * step
    assert (ours - theirs).abs().mean() < 0.1 * step


@torch.inference_mode()
def plain(model: Any, **given: Any) -> Any:
    model = getattr(model, "vision_model", getattr(model, "videomae", getattr(model, "vit", model)))
    options = {"skip_predictor": True} if "vjepa" in type(model).__name__.lower() else {}
    return model(**given, **options, output_hidden_states=True)


@of_pictures
def test_features_are_those_of_plain_transformers_code(
    name: str, built: Callable[[str], Any], tmp_path: Path
) -> None:
    model = built(name)
    how = vision_pixels.read(tmp_path, vision_pixels.OF_IMAGES)
    output = plain(model, pixel_values=vision_pixels.of(FILM.images, how))
    if name.startswith(("clip", "siglip")):
        expected = output.pooler_output
    else:
        expected = output.last_hidden_state[:, 0]
    np.testing.assert_allclose(encoded(tmp_path, "frames")[0], expected, atol=1e-5)
    mean = encoded(tmp_path, "mean+std")[0]
    both = torch.cat([expected.mean(0), expected.std(0, correction=0)])
    np.testing.assert_allclose(mean, both, atol=1e-5)
    before = output.hidden_states[2]
    before = before.mean(1) if name.startswith("siglip") else before[:, 0]
    np.testing.assert_allclose(encoded(tmp_path, "frames", 2)[0], before, atol=1e-5)


@of_clips
def test_features_of_clips_are_those_of_plain_transformers_code(
    name: str, built: Callable[[str], Any], tmp_path: Path
) -> None:
    model = built(name)
    how = vision_pixels.read(tmp_path, vision_pixels.OF_CLIPS)
    key = "pixel_values_videos" if name == "vjepa2" else "pixel_values"
    output = plain(model, **{key: vision_pixels.of(FILM.images, how)[None]})
    for layer, state in ((LAST, output.last_hidden_state), (1, output.hidden_states[1])):
        [tokens] = state
        if name == "timesformer":  # its own order: all frames of a place, then the next place
            steps = torch.stack([tokens[1 + t :: FRAMES].mean(0) for t in range(FRAMES)])
        else:
            steps = torch.stack([half.mean(0) for half in tokens.chunk(FRAMES // 2)])
        np.testing.assert_allclose(encoded(tmp_path, "frames", layer)[0], steps, atol=1e-5)


@of_clips
def test_frames_are_repeated_where_a_clip_needs_more(
    name: str, built: Callable[[str], Any], tmp_path: Path
) -> None:
    built(name)
    first, second = FILM.images[:2]
    few, warning = encoded(tmp_path, "frames", film=tiny_faces.of(first, second))
    whole, none = encoded(tmp_path, "frames", film=tiny_faces.of(first, first, second, second))
    assert "2 of 4 frames" in warning
    assert none == ""
    np.testing.assert_array_equal(few, whole)


@of_clips
def test_a_film_of_many_frames_is_several_clips(
    name: str, built: Callable[[str], Any], tmp_path: Path
) -> None:
    built(name)
    long = tiny_faces.seen(2 * FRAMES, seed=4)
    halves = [tiny_faces.of(*long.images[:FRAMES]), tiny_faces.of(*long.images[FRAMES:])]
    parts = [encoded(tmp_path, "frames", film=half)[0] for half in halves]
    np.testing.assert_allclose(
        encoded(tmp_path, "frames", film=long)[0], np.concatenate(parts), atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "pooling", "sampled"),
    [
        ("vit", "mean", {"rate_hz": 2.0}),
        ("vit", "multiview", {"count": 16}),
        ("vit", "multiview/frames=5", {"count": 5}),
        ("timesformer", "mean", {"count": FRAMES}),
    ],
)
def test_each_encoder_says_which_frames_it_wants(
    name: str, pooling: str, sampled: dict[str, Any], built: Callable[[str], Any], tmp_path: Path
) -> None:
    built(name)
    spec = {"encoder": str(tmp_path), "pooling": pooling}
    assert wants(Context(), spec).sampled == {**sampled, "longest_px": 640}
    given = {**spec, "sampled": {"rate_hz": 7.0}}
    assert wants(Context(), given).sampled == {"rate_hz": 7.0, "longest_px": 640}


# --- multiview ------------------------------------------------------------------------------------

SMALL = "multiview/global=32,frames=6"


@of_pictures
def test_multiview_is_the_patches_of_both_views(
    name: str, built: Callable[[str], Any], tmp_path: Path
) -> None:
    model = built(name)
    how = vision_pixels.read(tmp_path, vision_pixels.OF_IMAGES)
    key = FILM.images[FRAMES // 2]
    larger = {} if "dino" in name else {"interpolate_pos_encoding": True}
    with torch.inference_mode():
        whole = plain(model, pixel_values=vision_pixels.of([key], how.of(32)), **larger)
    side = 32 // PATCH
    patches = whole.last_hidden_state[0][-side * side :]
    detail = encoded(tmp_path, f"{SMALL},view=global")[0]
    assert detail.shape == (side * side // 4, 4 * 24)
    np.testing.assert_allclose(detail[1], torch.cat([*patches[4:8]]), atol=1e-5)
    output = plain(model, pixel_values=vision_pixels.of(FILM.images, how)).last_hidden_state
    grid = output[:, -16:].reshape(FRAMES, 4, 4, 24)
    coarse, warning = encoded(tmp_path, f"{SMALL},view=temporal")
    assert coarse.shape == (6 * 4, 24)
    assert "4 of 6 frames" in warning
    corner = grid[-1, :2, 2:].mean((0, 1))  # of the last frame, above on the right
    np.testing.assert_allclose(coarse[-3], corner, atol=1e-5)
    both = encoded(tmp_path, SMALL)[0]
    np.testing.assert_array_equal(both[: len(detail)], detail)
    np.testing.assert_array_equal(both[len(detail) :, :24], coarse)
    assert not both[len(detail) :, 24:].any()


def test_the_tokens_of_multiview_are_a_sequence_to_models() -> None:
    assert specs.timed({"pooling": "multiview"})
    assert specs.timed({"pooling": f"{SMALL},view=global"})
    assert not specs.timed({"pooling": "mean"})


def test_multiview_has_the_published_sizes() -> None:
    views = vision_multiview.parsed("multiview")
    assert views == vision_multiview.Views("both", 448, 4, 16, 2)
    assert vision_multiview.merged(torch.zeros(1024, 1408), 4).shape == (256, 5632)
    assert vision_multiview.averaged(torch.zeros(16, 256, 8), 16, 2).shape == (64, 8)
    assert vision_multiview.spread(32, 16) == [*range(1, 32, 2)]


@pytest.mark.parametrize(
    "wrong", ["x", "frames=0", "frames=x", "global=99999", "view=all", "frames=2,", "global_=32"]
)
def test_a_view_that_is_not_there_is_named(
    wrong: str, built: Callable[[str], Any], tmp_path: Path
) -> None:
    built("vit")
    with pytest.raises(ConfigError, match="unknown pooling") as caught:
        encoded(tmp_path, f"multiview/{wrong}")
    assert "view=both,global=448,merge=4,frames=16,grid=2" in caught.value.hint


def test_patches_that_make_no_whole_tokens_are_refused(
    built: Callable[[str], Any], tmp_path: Path
) -> None:
    built("vit")
    with pytest.raises(ConfigError, match="7 x 7 patches are no multiple of 4"):
        encoded(tmp_path, "multiview/global=28")


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"size": None}, {"size": "x"}, {"size": {"height": 10**9, "width": 16}},
        {"size": {"shortest_edge": 8}}, {"image_mean": [0.5, 0.5]}, {"image_std": [0, 0, 0]},
        {"image_std": None}, {"do_resize": False}, {"resample": 17}, {"rescale_factor": "x"},
        {"crop_size": {"height": 16}}, {"do_center_crop": False},
    ],
)  # fmt: skip
def test_a_preprocessor_that_makes_no_sense_is_refused(
    change: dict[str, Any], built: Callable[[str], Any], tmp_path: Path
) -> None:
    built("dinov2")
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({**tiny_vision.SHORTEST, **change}))
    with pytest.raises(ConfigError, match="does not say how frames are brought to size"):
        encoded(tmp_path, "frames")


@pytest.mark.parametrize("name", ["clip", "videomae"])
def test_without_a_preprocessor_nothing_is_guessed(
    name: str, built: Callable[[str], Any], tmp_path: Path
) -> None:
    built(name)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(ConfigError, match="preprocessor_config"):
        encoded(tmp_path, "frames")


def test_sizes_of_older_files_and_of_whole_processors_are_read(tmp_path: Path) -> None:
    old = {**tiny_vision.SHORTEST, "size": 20, "crop_size": PX}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(old))
    first = vision_pixels.read(tmp_path, vision_pixels.OF_IMAGES)
    assert (first.edge, first.crop, first.mode) == (20, (PX, PX), "bicubic")
    (tmp_path / "preprocessor_config.json").unlink()
    new = {"image_processor": tiny_vision.SHORTEST, "processor_class": "CLIPProcessor"}
    (tmp_path / "processor_config.json").write_text(json.dumps(new))
    assert vision_pixels.read(tmp_path, vision_pixels.OF_IMAGES) == first


def test_a_picture_of_one_line_takes_little_memory() -> None:
    line = np.zeros((1, 60_000, 3), np.uint8)
    assert vision_pixels.of([line], mobilenet_v2.PIXELS).shape == (1, 3, 224, 224)
    with pytest.raises(RecordError):
        vision_pixels.of([line[:, :0]], mobilenet_v2.PIXELS)


# --- MobileNetV2 ----------------------------------------------------------------------------------


def test_mobilenet_is_that_of_transformers(tmp_path: Path) -> None:
    """Two codes, one order of filters: each tensor of one is that of the other."""
    hugging = imported()
    torch.manual_seed(3)
    tiny_vision.mobilenet(tmp_path)
    config = hugging.MobileNetV2Config(tf_padding=False, layer_norm_eps=1e-5)
    model = hugging.MobileNetV2Model(config).eval()
    from safetensors.torch import load_file

    ours = load_file(tmp_path / "model.safetensors")
    names = [n for n in mobilenet_v2.shapes()]
    theirs = [n for n in model.state_dict() if not n.endswith("num_batches_tracked")]
    state = {there: ours[here] for here, there in zip(names, theirs, strict=True)}
    model.load_state_dict(state, strict=False)
    film = tiny_faces.of(tiny_faces.draw((90, 160)))
    pixels = vision_pixels.of(film.images, mobilenet_v2.PIXELS)
    with torch.inference_mode():
        expected = model(pixels).pooler_output
    np.testing.assert_allclose(encoded(tmp_path, "frames", film=film)[0], expected, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", ALL)
def test_a_gpu_computes_the_same(name: str, built: Callable[[str], Any], tmp_path: Path) -> None:
    built(name)
    settings = Settings(None, "frames", device="cuda")
    [there] = encoders.of_folder(tmp_path, "video").encoder(tmp_path, settings)([FILM])
    np.testing.assert_allclose(there.values, encoded(tmp_path, "frames")[0], atol=1e-3)
