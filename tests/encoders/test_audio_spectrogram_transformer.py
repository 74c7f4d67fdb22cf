"""Audio spectrogram transformers give what plain code of transformers gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from emocli import encoders
from emocli.encoders import Settings
from emocli.encoders import audio_spectrogram_transformer as ast
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError
from tests.encoders.tiny_speech import RATE, named_spectrogram, noise, spectrogram

LAYERS, ROWS = 3, 3  # of patches, above each other
LONGEST = 63 * ast.HOP + ast.FRAME  # samples in a spectrogram of 64 columns


@pytest.fixture(params=[spectrogram, named_spectrogram], ids=["plain", "named"])
def network(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    torch.manual_seed(4)
    model = request.param(tmp_path)
    return getattr(model, model.base_model_prefix, model)


def encoded(folder: Path, clip: NDArray[np.float32], layer: Any, pooling: str) -> Any:
    encode = encoders.of_folder(folder, "audio").encoder(folder, Settings(layer, pooling))
    return encode([clip])[0].values


@torch.inference_mode()
def plain(folder: Path, network: Any, clip: NDArray[np.float32]) -> tuple[list[Any], Any]:
    extract = imported().AutoFeatureExtractor.from_pretrained(folder)
    values = extract(np.array(clip), sampling_rate=RATE, return_tensors="pt").input_values
    output = network(values, output_hidden_states=True)
    states = [*output.hidden_states[:LAYERS], output.last_hidden_state]
    return [state[0].numpy() for state in states], output.pooler_output[0].numpy()


@pytest.mark.parametrize("layer", range(LAYERS + 1))
def test_steps_in_time_equal_plain_transformers_code(
    layer: int, network: Any, tmp_path: Path
) -> None:
    clip = noise(LONGEST / RATE, 5)
    states, _ = plain(tmp_path, network, clip)
    patches = states[layer][2:].reshape(ROWS, -1, 24)
    frames = encoded(tmp_path, clip, layer, "frames")
    np.testing.assert_allclose(frames, patches.mean(0), atol=1e-5, rtol=1e-5)


def test_the_class_tokens_are_what_the_heads_of_transformers_read(
    network: Any, tmp_path: Path
) -> None:
    for seconds in (0.1, 0.5):
        clip = noise(seconds, 6)
        _, summary = plain(tmp_path, network, clip)
        np.testing.assert_allclose(encoded(tmp_path, clip, -1, "cls"), summary, atol=1e-5)


def test_steps_behind_the_sound_are_left_out(network: Any, tmp_path: Path) -> None:
    clip = noise(0.3, 7)
    states, _ = plain(tmp_path, network, clip)
    steps = states[1][2:].reshape(ROWS, -1, 24).mean(0)
    frames = encoded(tmp_path, clip, 1, "frames")
    assert len(frames) == 4  # 28 columns of 10 ms, a step each 7 of them
    np.testing.assert_allclose(frames, steps[:4], atol=1e-5, rtol=1e-5)


def test_a_long_recording_is_several_spectrograms(network: Any, tmp_path: Path) -> None:
    clip = noise(1.9, 8)
    parts = np.array_split(clip, 3)
    frames = [encoded(tmp_path, part, 2, "frames") for part in parts]
    whole = encoded(tmp_path, clip, 2, "frames")
    np.testing.assert_allclose(whole, np.concatenate(frames), atol=1e-5, rtol=1e-5)
    summaries = [encoded(tmp_path, part, 2, "cls") for part in parts]
    np.testing.assert_allclose(
        encoded(tmp_path, clip, 2, "cls"), np.mean(summaries, 0), atol=1e-5, rtol=1e-5
    )


def test_without_a_feature_extractor_its_defaults_are_used(network: Any, tmp_path: Path) -> None:
    clip = noise(0.3, 9)
    before = encoded(tmp_path, clip, -1, "cls")
    (tmp_path / "preprocessor_config.json").unlink()
    assert np.array_equal(encoded(tmp_path, clip, -1, "cls"), before)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"max_length": 128}, "not those of config.json"),
        ({"num_mel_bins": 80}, "not those of config.json"),
        ({"sampling_rate": 8000}, "8000 Hz"),
    ],
)
def test_spectrograms_of_another_size_are_refused(
    changed: dict[str, Any], said: str, network: Any, tmp_path: Path
) -> None:
    file = tmp_path / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    with pytest.raises(ConfigError, match=said):
        encoded(tmp_path, noise(0.3, 9), -1, "cls")
