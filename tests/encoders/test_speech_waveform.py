"""wav2vec 2.0 and its relatives give what plain code of transformers gives, in any batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file

from emocli import encoders
from emocli.encoders import Settings, speech_waveform
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError, RecordError
from tests.encoders import tiny_speech
from tests.encoders.tiny_speech import OLD, RATE, noise, rename

LAYERS = 3
WEIGHTS = "model.safetensors"
ALL = {
    f"{family}-{name}": build
    for family, builders in tiny_speech.OF_WAVEFORMS.items()
    for name, build in builders.items()
}
every_network = pytest.mark.parametrize("name", ALL)
SECONDS = (0.1, 0.7312, 2.3)


@pytest.fixture
def made(tmp_path: Path) -> Callable[[str], tuple[Path, Any]]:
    """Return the folder of a tiny model, and its encoder as transformers has it."""

    def make(name: str) -> tuple[Path, Any]:
        torch.manual_seed(3)
        model = ALL[name](tmp_path)
        return tmp_path, getattr(model, model.base_model_prefix, model)

    return make


def encoded(
    folder: Path, clips: list[NDArray[np.float32]], layer: Any = None, pooling: str = "frames"
) -> list[NDArray[np.float32]]:
    encode = encoders.of_folder(folder, "audio").encoder(folder, Settings(layer, pooling))
    return [found.values for found in encode(clips)]


@torch.inference_mode()
def plain(folder: Path, network: Any, clip: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Every layer (time, dim) of one clip, by transformers alone."""
    extract = imported().AutoFeatureExtractor.from_pretrained(folder)
    values = extract(np.array(clip), sampling_rate=RATE, return_tensors="pt").input_values
    output = network(values, output_hidden_states=True)
    states = [*output.hidden_states[:LAYERS], output.last_hidden_state]
    return [state[0].numpy() for state in states]


def same(ours: NDArray[np.float32], theirs: NDArray[np.float32], tolerance: float = 1e-5) -> None:
    """Equal to a share of the largest number, which random networks make larger than real ones."""
    scale = max(1.0, float(np.abs(theirs).max()))
    np.testing.assert_allclose(ours, theirs, atol=tolerance * scale, rtol=0)


@every_network
def test_every_layer_equals_plain_transformers_code(
    name: str, made: Callable[[str], tuple[Path, Any]]
) -> None:
    folder, network = made(name)
    clips = [noise(seconds, seed=5) for seconds in SECONDS]
    expected = [plain(folder, network, clip) for clip in clips]
    ours = encoded(folder, clips, range(LAYERS + 1))
    for found, states in zip(ours, expected, strict=True):
        for layer, frames in enumerate(np.split(found, LAYERS + 1, axis=1)):
            same(frames, states[layer])


@every_network
def test_one_alone_is_the_one_among_much_longer_ones(
    name: str, made: Callable[[str], tuple[Path, Any]]
) -> None:
    folder, _ = made(name)
    clips = [
        noise(seconds, seed, loudness)
        for seed, (seconds, loudness) in enumerate(
            [(0.1, 0.01), (7.0, 1.0), (0.33, 0.2), (2.1, 3.0)]
        )
    ]
    for clip, together in zip(clips, encoded(folder, clips), strict=True):
        same(encoded(folder, [clip])[0], together, 1e-4)


def test_zeros_at_the_end_do_change_a_network_with_group_norm(
    made: Callable[[str], tuple[Path, Any]],
) -> None:
    """The trap: what a padded batch of transformers gives is not what a batch of one gives."""
    folder, network = made("wav2vec2-group")
    short, long = noise(0.5, 1), noise(2, 2)
    padded = np.zeros((2, len(long)), np.float32)
    padded[0, : len(short)], padded[1] = short, long
    values = [(p - p.mean()) / p.std() for p in (short, long)]
    padded[0, : len(short)], padded[1] = values
    with torch.inference_mode():
        wrong = network(torch.from_numpy(padded)).last_hidden_state[0].numpy()
    [right] = encoded(folder, [short])
    assert np.abs(wrong[: len(right)] - right).max() > 0.01
    same(encoded(folder, [short, long])[0], right, 1e-4)


@pytest.mark.parametrize("kind", ["group", "layer"])
def test_weight_norms_of_old_and_of_new_names_are_the_same_weight(
    kind: str, made: Callable[[str], tuple[Path, Any]]
) -> None:
    folder, _ = made(f"hubert-{kind}")
    clip = noise(0.4, 4)
    [new] = encoded(folder, [clip])
    assert any("original0" in name for name in load_file(folder / WEIGHTS))
    rename(folder, OLD)
    assert any(name.endswith("weight_g") for name in load_file(folder / WEIGHTS))
    same(encoded(folder, [clip])[0], new)


@pytest.mark.parametrize("part", ["weight_g", "weight_v"])
def test_half_of_a_weight_norm_is_not_made_up(
    part: str, made: Callable[[str], tuple[Path, Any]]
) -> None:
    folder, _ = made("wav2vec2-old")
    tensors = load_file(folder / WEIGHTS)
    [lost] = [name for name in tensors if name.endswith(part)]
    save_file({n: t for n, t in tensors.items() if n != lost}, folder / WEIGHTS)
    with pytest.raises(ConfigError, match=f"no tensor {lost}"):
        encoded(folder, [noise(0.4, 4)])


def test_weights_that_nothing_reads_may_be_there_and_half_precision_too(
    made: Callable[[str], tuple[Path, Any]],
) -> None:
    folder, network = made("wav2vec2-named")
    tensors = {n: t.half() for n, t in load_file(folder / WEIGHTS).items()}
    save_file({**tensors, "quantizer.codevectors": torch.zeros(2)}, folder / WEIGHTS)
    clip = noise(0.5, 6)
    expected = plain(folder, network.half().float(), clip)[1]
    same(encoded(folder, [clip], 1)[0], expected)


def test_several_files_of_weights_are_one_model(made: Callable[[str], tuple[Path, Any]]) -> None:
    folder, network = made("wavlm-layer")
    clip = noise(0.5, 7)
    [whole] = encoded(folder, [clip])
    (folder / WEIGHTS).unlink()
    network.save_pretrained(folder, max_shard_size="8KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    same(encoded(folder, [clip])[0], whole)


def settings_of(folder: Path, **changed: Any) -> None:
    file = folder / "preprocessor_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))


def test_samples_are_normalised_where_the_model_says_so(
    made: Callable[[str], tuple[Path, Any]],
) -> None:
    folder, network = made("wav2vec2-layer")
    clip = noise(0.6, 8, loudness=3.0) + np.float32(0.2)
    [normalised] = encoded(folder, [clip])
    settings_of(folder, do_normalize=False)
    [as_it_is] = encoded(folder, [clip])
    assert np.abs(normalised - as_it_is).max() > 0.01
    same(as_it_is, plain(folder, network, clip)[-1])
    (folder / "preprocessor_config.json").unlink()
    assert np.array_equal(encoded(folder, [clip])[0], normalised)
    inside = {"feature_extractor": {"do_normalize": False, "sampling_rate": RATE}}
    (folder / "processor_config.json").write_text(json.dumps(inside))
    assert np.array_equal(encoded(folder, [clip])[0], as_it_is)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sampling_rate": 8000}, "takes sound of 8000 Hz"),
        ({"sampling_rate": "16k"}, "takes sound of '16k' Hz"),
        ({"do_normalize": "yes"}, "do_normalize is 'yes'"),
    ],
)
def test_a_feature_extractor_of_something_else_is_refused(
    changed: dict[str, Any], said: str, made: Callable[[str], tuple[Path, Any]]
) -> None:
    folder, _ = made("wav2vec2-group")
    settings_of(folder, **changed)
    with pytest.raises(ConfigError, match=said):
        encoded(folder, [noise(0.4, 4)])


@pytest.mark.parametrize(
    "changed",
    [
        {"conv_kernel": [10, 3]},
        {"feat_extract_norm": "batch"},
        {"hidden_act": "sine"},
        {"conv_dim": [8, 12, 9]},
        {"num_attention_heads": 5},
    ],
)
def test_a_config_that_describes_no_network_is_refused(
    changed: dict[str, Any], made: Callable[[str], tuple[Path, Any]]
) -> None:
    folder, _ = made("wav2vec2-group")
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))
    with pytest.raises(ConfigError, match=str(folder)):
        encoded(folder, [noise(0.4, 4)])


def test_less_than_a_frame_is_too_short(tmp_path: Path) -> None:
    tiny_speech.write(tmp_path, "Wav2Vec2", conv_kernel=(10, 6, 80))
    with pytest.raises(RecordError, match="less than a frame") as caught:
        encoded(tmp_path, [noise(1, 1), noise(0.15, 1)])
    assert caught.value.code == "too_short"
    assert len(encoded(tmp_path, [noise(1, 1)])[0])


def test_a_long_recording_is_cut_into_equal_windows(
    made: Callable[[str], tuple[Path, Any]],
) -> None:
    folder, network = made("data2vec-audio-data2vec")
    clip = noise(31, 9)
    whole = (clip - clip.mean()) / np.sqrt(clip.var() + 1e-7)
    settings_of(folder, do_normalize=False)
    halves = [plain(folder, network, half)[-1] for half in np.array_split(whole, 2)]
    settings_of(folder, do_normalize=True)
    [frames] = encoded(folder, [clip])
    same(frames, np.concatenate(halves), 1e-4)
    [pooled] = encoded(folder, [clip], pooling="mean+std")
    same(pooled, np.concatenate([frames.mean(0), frames.std(0)]), 1e-4)
    [few] = encoded(folder, [clip], pooling="frames/100")
    assert len(few) == -(-len(frames) // 100)


def test_blocks_after_the_last_layer_asked_for_do_not_run(
    made: Callable[[str], tuple[Path, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = made("hubert-layer")
    ran = []
    load = speech_waveform.load

    def watched(*given: Any) -> Any:
        network = load(*given)
        network.encoder.layers[2].register_forward_hook(lambda *_: ran.append(2))
        return network

    monkeypatch.setattr(speech_waveform, "load", watched)
    encoded(folder, [noise(0.5, 1)], [0, 2])
    assert not ran
    encoded(folder, [noise(0.5, 1)], [3])
    assert ran
