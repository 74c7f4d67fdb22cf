"""Whisper's encoder: the same features as transformers', for any batch and any length."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from emocli.encoders import levels, whisper
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError, RecordError

RATE = whisper.SAMPLE_RATE
LAYERS = 3


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """A tiny random Whisper of transformers, and the folder it was saved to."""
    hugging = imported()
    torch.manual_seed(0)
    config = hugging.WhisperConfig(
        d_model=32, encoder_layers=LAYERS, decoder_layers=1, encoder_attention_heads=4,
        decoder_attention_heads=4, encoder_ffn_dim=48, decoder_ffn_dim=48, vocab_size=50,
        pad_token_id=0, bos_token_id=0, eos_token_id=0, decoder_start_token_id=0,
    )  # fmt: skip
    model = hugging.WhisperModel(config).eval()
    for parameter in model.parameters():  # biases and norms start at 0 and 1: move them
        parameter.data += 0.05 * torch.randn_like(parameter)
    folder = tmp_path_factory.mktemp("whisper")
    model.save_pretrained(folder)
    return model.encoder, folder


@pytest.fixture(scope="module")
def model(reference):
    return whisper.load(reference[1])


def noise(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise whose loudness swells, so that frames differ."""
    random = np.random.default_rng(seed)
    count = round(seconds * RATE)
    return (random.standard_normal(count) * np.linspace(0.01, 0.2, count)).astype(np.float32)


def unpadded(encoder, mel):
    """Transformers' own blocks over an input that is not padded to 30 s: positions sliced."""
    hidden = torch.nn.functional.gelu(encoder.conv1(mel[None]))
    hidden = torch.nn.functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
    states = [hidden + encoder.embed_positions.weight[: hidden.shape[1]]]
    for layer in encoder.layers:
        out = layer(states[-1], None)
        states.append(out[0] if isinstance(out, tuple) else out)
    states[-1] = encoder.layer_norm(states[-1])
    return torch.stack(states)[:, 0].detach()


@pytest.mark.parametrize("bands", [80, 128])
@pytest.mark.parametrize("count", [1600, 16_000, 33_333])
def test_log_mel_is_that_of_transformers(bands, count):
    samples = noise(count / RATE)
    extractor = imported().WhisperFeatureExtractor(feature_size=bands)
    expected = extractor(samples, sampling_rate=RATE, padding=False, return_tensors="np")
    ours = whisper.log_mel(samples, bands)
    assert ours.shape == (bands, count // 160)
    np.testing.assert_allclose(ours, expected.input_features[0], atol=1e-5)


def test_thirty_seconds_equal_transformers_exactly(reference, model):
    mel = whisper.log_mel(noise(30))
    with torch.inference_mode():
        expected = reference[0](mel[None], output_hidden_states=True).hidden_states
        states, valid = model([mel], range(LAYERS + 1))
    assert valid.all()
    for layer in range(LAYERS + 1):
        np.testing.assert_allclose(states[layer], expected[layer], atol=1e-5)


def test_short_clips_equal_transformers_with_sliced_positions(reference, model):
    samples = noise(1.234)
    expected = unpadded(reference[0], whisper.log_mel(samples))
    [frames] = whisper.encode(model, [samples], layers=range(LAYERS + 1), pooling="frames")
    ours = frames.reshape(len(frames), LAYERS + 1, -1).transpose(1, 0, 2)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


@pytest.mark.parametrize("pooling", whisper.POOLINGS)
def test_a_row_does_not_depend_on_its_neighbours(model, pooling):
    clips = [noise(seconds, seed) for seed, seconds in enumerate([0.1, 2.5, 0.73, 31, 1.0])]
    together = whisper.encode(model, clips, layers=[1, 3], pooling=pooling)
    single = [whisper.encode(model, [clip], layers=[1, 3], pooling=pooling)[0] for clip in clips]
    for row, other in zip(together, single, strict=True):
        np.testing.assert_allclose(row, other, atol=1e-4)


@pytest.mark.parametrize("seconds", [0.1, 1.7, 65.0])
def test_pooling_is_over_all_frames_of_all_windows(model, seconds):
    clip = noise(seconds)
    [frames] = whisper.encode(model, [clip], layers=[2], pooling="frames")
    [pooled] = whisper.encode(model, [clip], layers=[2], pooling="mean+std")
    [mean] = whisper.encode(model, [clip], layers=[2], pooling="mean")
    [std] = whisper.encode(model, [clip], layers=[2], pooling="std")
    assert abs(len(frames) - 50 * seconds) <= 2
    np.testing.assert_allclose(pooled, np.r_[frames.mean(0), frames.std(0)], atol=1e-5)
    np.testing.assert_allclose(pooled, np.r_[mean, std], atol=0)


def test_layers_come_one_after_the_other(model):
    clip = noise(1)
    [both] = whisper.encode(model, [clip], layers=[3, 1], pooling="mean")
    single = [whisper.encode(model, [clip], layers=[layer], pooling="mean")[0] for layer in (3, 1)]
    np.testing.assert_allclose(both, np.concatenate(single), atol=1e-6)


def test_blocks_after_the_last_layer_asked_for_do_not_run(model):
    ran = []
    handle = model.layers[2].register_forward_hook(lambda *_: ran.append(2))
    whisper.encode(model, [noise(0.5)], layers=[0, 2], pooling="mean+std")
    handle.remove()
    assert not ran


def test_long_recordings_are_cut_into_equal_windows_of_at_most_30_s():
    lengths = [len(part) for part in whisper.windows(np.zeros(30 * RATE + 1, np.float32))]
    assert sum(lengths) == 30 * RATE + 1
    assert max(lengths) - min(lengths) <= 1
    assert [len(part) for part in whisper.windows(np.zeros(30 * RATE))] == [30 * RATE]


def test_silence_has_finite_features(model):
    [vector] = whisper.encode(model, [np.zeros(RATE, np.float32)], layers=[1], pooling="mean+std")
    assert np.isfinite(vector).all()


def test_under_a_tenth_of_a_second_is_too_short(model):
    with pytest.raises(RecordError, match=r"0\.010 s") as caught:
        whisper.encode(model, [noise(0.01)], layers=[1], pooling="mean+std")
    assert caught.value.code == "too_short"


def test_another_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ConfigError, match="bert"):
        whisper.load(tmp_path)


def test_level_is_normalised_whatever_the_gain():
    samples = noise(1)
    level = 20 * np.log10(np.sqrt(np.mean(whisper.normalise_level(samples) ** 2)))
    np.testing.assert_allclose(level, whisper.LEVEL_DBFS, atol=1e-3)
    quieter = whisper.normalise_level(samples * np.float32(0.1))
    np.testing.assert_allclose(quieter, whisper.normalise_level(samples), rtol=1e-4, atol=1e-6)


def test_silence_stays_silence_and_gain_is_capped():
    silence = np.zeros(100, np.float32)
    assert whisper.normalise_level(silence) is silence
    assert len(whisper.normalise_level(silence[:0])) == 0
    faint = np.full(100, 10 ** (-80 / 20), np.float32)
    raised = whisper.normalise_level(faint)
    np.testing.assert_allclose(raised / faint, 10 ** (levels.LEVEL_MAX_GAIN_DB / 20), rtol=1e-4)
