"""What every encoder promises."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emocli import encoders, modalities
from emocli.encoders import Encoder, Settings, mobilenet_v2
from emocli.encoders.transformers_import import imported
from emocli.errors import ConfigError, RecordError
from emocli.records.modality import MODALITIES
from tests.encoders import tiny_blendshapes, tiny_eeg, tiny_faces, tiny_speech, tiny_vision
from tests.encoders.test_transformer_text import LIMIT, SIZE, write_tokenizer
from tests.encoders.tiny_speech import RATE, noise

FRAMES = "frames"  # every family has this pooling, which keeps all frames
LAYERS = SIZE["num_hidden_layers"]  # of every tiny model

Builder = Callable[[Path], object]  # writes a tiny model into a folder
Name = tuple[str, str]  # a family and one of its tiny models
Load = Callable[..., Encoder]


def nothing(_folder: Path) -> None:
    """A family that measures has no model."""


def whisper(folder: Path) -> None:
    hugging = imported()
    ids = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"), 0)
    config = hugging.WhisperConfig(
        d_model=24, encoder_layers=LAYERS, decoder_layers=1, encoder_attention_heads=3,
        decoder_attention_heads=3, encoder_ffn_dim=40, decoder_ffn_dim=40, vocab_size=30,
        decoder_start_token_id=0, init_std=0.3, **ids,
    )  # fmt: skip
    hugging.WhisperModel(config).save_pretrained(folder)
    write_tokenizer(folder)  # as the real ones have; it is still not a text encoder


def bert(folder: Path) -> None:
    hugging = imported()
    config = hugging.BertConfig(**SIZE, max_position_embeddings=LIMIT, initializer_range=0.3)
    hugging.BertModel(config).save_pretrained(folder)
    write_tokenizer(folder)


def bert_without_special_tokens(folder: Path) -> None:
    bert(folder)
    file = folder / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"post_processor": None}))


def roberta(folder: Path) -> None:
    hugging = imported()
    config = hugging.RobertaConfig(
        **SIZE, max_position_embeddings=LIMIT + 2, pad_token_id=1, initializer_range=0.3
    )
    hugging.RobertaModel(config).save_pretrained(folder)
    write_tokenizer(folder)


TINY: dict[str, dict[str, Builder]] = {
    **tiny_speech.OF_WAVEFORMS,
    "audio-spectrogram-transformer": tiny_speech.OF_SPECTROGRAMS,
    "asymmetry": {"pairs": nothing},
    "band-power": {"bands": nothing},
    "biot": {"16": tiny_eeg.biot, "18": tiny_eeg.biot_of_18_channels},
    "cbramod": {"cbramod": tiny_eeg.cbramod},
    "differential-entropy": {"bands": nothing},
    "eeg-signal": {"samples": nothing},
    "eegpt": {"eegpt": tiny_eeg.eegpt, "head": tiny_eeg.eegpt_with_a_head},
    "face-blendshapes": {"mediapipe": tiny_blendshapes.converted},
    "face-expression": {"face-api": tiny_faces.expression},
    "labram": {"labram": tiny_eeg.labram, "pooled": tiny_eeg.labram_that_pools},
    "mobilenet-v2": {"torchvision": tiny_vision.mobilenet},
    "prosody": {"praat": nothing},
    "transformer-text": {
        "bert": bert,
        "bare": bert_without_special_tokens,
        "roberta": roberta,
    },
    "vision-clip": tiny_vision.OF_CLIPS,
    "vision-image": tiny_vision.OF_IMAGES,
    "whisper": {"whisper": whisper},
}


def spoilt(value: float, place: int) -> np.ndarray:
    samples = noise(0.3, seed=9).copy()
    samples[place] = value
    return samples


@dataclass(frozen=True)
class Kind:
    """What encoders of a modality are tried on."""

    inputs: list[Any]  # of different lengths
    others: list[Any]  # of the same lengths, and nothing else alike
    long: Any  # more than a model takes at a time
    silence: Any
    least: list[Any]
    broken: list[Any]


SECONDS = (0.1, 1.3, 0.37, 0.8)
FACES = (1, 9, 3, 6)  # seen in a film
EEG_SECONDS = (8.0, 4.0, 12.5, 6.3)
KINDS = {
    "audio": Kind(
        inputs=[noise(seconds, seed) for seed, seconds in enumerate(SECONDS)],
        others=[noise(seconds, seed + 20, 5.0) for seed, seconds in enumerate(SECONDS)],
        long=noise(31, seed=7),
        silence=np.zeros(RATE, np.float32),
        least=[np.zeros(1, np.float32), np.ones(1, np.float32), np.zeros(0, np.float32)],
        broken=[spoilt(v, at) for v in (np.nan, np.inf, -np.inf) for at in (0, 2000, -1)],
    ),
    "eeg": Kind(
        inputs=[tiny_eeg.eeg(seconds, seed) for seed, seconds in enumerate(EEG_SECONDS)],
        others=[tiny_eeg.eeg(s, seed + 20, 50.0) for seed, s in enumerate(EEG_SECONDS)],
        long=tiny_eeg.eeg(70, seed=7),
        silence=tiny_eeg.eeg(10, seed=1, sd_uv=0.0),
        least=[tiny_eeg.eeg(seconds, seed=1) for seconds in (0.005, 1.0, 3.99)],
        broken=[tiny_eeg.lost(tiny_eeg.eeg(8, seed=9)), tiny_eeg.wrong(tiny_eeg.eeg(8, seed=9))],
    ),
    "video": Kind(
        inputs=[tiny_faces.seen(count, seed) for seed, count in enumerate(FACES)],
        others=[tiny_faces.seen(count, seed + 20) for seed, count in enumerate(FACES)],
        long=tiny_faces.seen(40, seed=7),
        silence=tiny_faces.BLACK,
        least=tiny_faces.LEAST,
        broken=tiny_faces.broken(),
    ),
    "text": Kind(
        inputs=["No way", "I am so happy to see you here", ["you here", "no"], "leave me alone"],
        others=["me alone", "you see me so here to am eyes", ["i am", "way"], "face with eyes"],
        long="so happy to see you " * LIMIT,
        silence=".",
        least=["x", "i", "\N{FACE WITH ROLLING EYES}"],
        broken=[
            *("no \ud800 way", "caf\udce9", ["no way", "caf\udce9"]),  # halves of characters
            *("\x00", "\ufffd", "\u200b", "\u0301"),  # tokenizers throw these away
            *("happy " * 5000, ["happy " * 5000, "no way"]),
        ],
    ),
}

NAMES = [(family, tiny) for family in encoders.families() for tiny in TINY.get(family, {})]


def modality(family: str) -> str:
    return encoders.load(family).MODALITY


def is_measured(family: str) -> bool:
    return encoders.is_measured(family, modality(family))


def kind(name: Name) -> Kind:
    return KINDS[modality(name[0])]


def plain(family: str) -> dict[str, Any]:
    """What a stream of a family is where nobody says."""
    spec = modalities.load(modality(family)).PLAIN
    return {**spec, **encoders.load(family).PLAIN} if is_measured(family) else spec


WEIGHTED = [name for name in NAMES if not is_measured(name[0])]

every_family = pytest.mark.parametrize("family", encoders.families())
everything = pytest.mark.parametrize("name", NAMES, ids="-".join)
with_weights = pytest.mark.parametrize("name", WEIGHTED, ids="-".join)
every_pooling = pytest.mark.parametrize(
    ("name", "pooling"),
    [(name, pooling) for name in NAMES for pooling in (FRAMES, plain(name[0])["pooling"])],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny models are slower on several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", autouse=True)
def _small_pictures() -> Iterator[None]:
    """A network that takes pictures of one size takes smaller ones, which is quicker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mobilenet_v2, "PIXELS", mobilenet_v2.PIXELS.of(48))
        tiny_blendshapes.make_small(patch)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Name], Path]:
    """Where a tiny model is; it is made when it is first asked for."""

    @functools.cache
    def find(name: Name) -> Path:
        torch.manual_seed(1)
        made = tmp_path_factory.mktemp("-".join(name))
        TINY[name[0]][name[1]](made)
        return made

    return find


@pytest.fixture(scope="module")
def fresh(folder: Callable[[Name], Path]) -> Load:
    """Load an encoder, as a stage does."""

    def load(name: Name, pooling: str = FRAMES, **more: Any) -> Encoder:
        spec = plain(name[0])
        settings = Settings(more.get("layer", spec["layer"]), pooling)
        if is_measured(name[0]):
            return encoders.load(name[0]).encoder(None, settings)
        path = folder(name)
        return encoders.of_folder(path, modality(name[0])).encoder(path, settings)

    return load


@pytest.fixture(scope="module")
def load(fresh: Load) -> Load:
    """Load an encoder, each once."""
    return functools.cache(fresh)


def arrays(encode: Encoder, inputs: list[Any]) -> list[np.ndarray]:
    features = [encoded.values for encoded in encode(inputs)]
    assert len(features) == len(inputs)
    return features


def code(encode: Encoder, inputs: list[Any]) -> str:
    """What the failure of a batch is called; "" where its numbers are all finite."""
    try:
        features = arrays(encode, inputs)
    except RecordError as error:
        return error.code
    assert all(np.isfinite(values).all() for values in features)
    return ""


def test_every_family_has_a_tiny_model_here() -> None:
    assert set(TINY) == set(encoders.families())
    assert all(TINY.values())


@every_family
def test_the_modality_is_one_that_records_have_and_stages_encode(family: str) -> None:
    assert modality(family) in MODALITIES
    assert modality(family) in modalities.names()
    assert family in encoders.families(modality(family))


@every_family
def test_it_reads_models_or_says_what_it_measures(family: str) -> None:
    module = encoders.load(family)
    assert hasattr(module, "reads") != hasattr(module, "revision")
    assert hasattr(module, "revision") == is_measured(family) == hasattr(module, "PLAIN")
    if is_measured(family):
        assert module.PLAIN["encoder"] == family
        assert module.revision() == module.revision() != ""


@with_weights
def test_a_model_is_read_by_one_family(name: Name, folder: Callable[[Name], Path]) -> None:
    family, path = name[0], folder(name)
    config = json.loads((path / "config.json").read_text())
    weighted = [other for other in encoders.families(modality(family)) if not is_measured(other)]
    assert [other for other in weighted if encoders.load(other).reads(config)] == [family]
    assert encoders.of_folder(path, modality(family)) is encoders.load(family)


@with_weights
def test_a_model_of_another_modality_is_refused(name: Name, folder: Callable[[Name], Path]) -> None:
    path = folder(name)
    for other in {modality(family) for family, _ in WEIGHTED} - {modality(name[0])}:
        with pytest.raises(ConfigError, match=f"not an? .*{other}|{other} encoder"):
            encoders.of_folder(path, other).encoder(path, Settings(None, FRAMES))


@pytest.mark.parametrize("config", ['{"model_type": "nonsense"}', "{}", "no json", "[]"])
@with_weights
def test_what_is_no_model_is_refused(name: Name, config: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no config\.json"):
        encoders.of_folder(tmp_path, modality(name[0]))
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ConfigError, match=r"is not an? "):
        encoders.of_folder(tmp_path, modality(name[0])).encoder(tmp_path, Settings(None, FRAMES))


@every_pooling
def test_one_alone_is_the_one_in_the_batch(name: Name, pooling: str, load: Load) -> None:
    encode, inputs = load(name, pooling), kind(name).inputs
    for together, given in zip(arrays(encode, inputs), inputs, strict=True):
        [single] = arrays(encode, [given])
        np.testing.assert_allclose(single, together, atol=1e-4)


@every_pooling
def test_the_order_of_the_batch_does_not_matter(name: Name, pooling: str, load: Load) -> None:
    encode, inputs = load(name, pooling), kind(name).inputs
    features, order = arrays(encode, inputs), [2, 0, 3, 1]
    turned = arrays(encode, [inputs[place] for place in order])
    for place, values in zip(order, turned, strict=True):
        np.testing.assert_allclose(values, features[place], atol=1e-4)


@every_pooling
def test_what_the_neighbours_are_does_not_matter(name: Name, pooling: str, load: Load) -> None:
    encode, given = load(name, pooling), kind(name)
    features = arrays(encode, given.inputs)
    for place, values in enumerate(features):
        among_others = [*given.others]
        among_others[place] = given.inputs[place]
        np.testing.assert_allclose(arrays(encode, among_others)[place], values, atol=1e-6)


@everything
def test_long_ones_among_short_ones_are_themselves(name: Name, load: Load) -> None:
    encode, given = load(name, plain(name[0])["pooling"]), kind(name)
    inputs = [given.inputs[0], given.long, *given.inputs[1:], given.long]
    for together, item in zip(arrays(encode, inputs), inputs, strict=True):
        np.testing.assert_allclose(arrays(encode, [item])[0], together, atol=1e-4)


@every_pooling
def test_what_is_encoded_matters(name: Name, pooling: str, load: Load) -> None:
    encode, given = load(name, pooling), kind(name)
    pairs = zip(arrays(encode, given.inputs), arrays(encode, given.others), strict=True)
    for first, other in pairs:
        assert first.shape == other.shape  # the lengths are the same
        assert not np.allclose(first, other, atol=1e-3)


@every_pooling
def test_numbers_are_contiguous_float32_of_one_width(name: Name, pooling: str, load: Load) -> None:
    encode, given = load(name, pooling), kind(name)
    features = [*arrays(encode, given.inputs), *arrays(encode, [given.silence])]
    for values in features:
        assert values.dtype == np.float32
        assert values.flags.c_contiguous
        assert values.ndim == (2 if pooling == FRAMES else 1)
        assert np.isfinite(values).all()
    assert len({values.shape[-1] for values in features}) == 1
    assert pooling != FRAMES or len({len(values) for values in features}) > 1


@every_pooling
def test_silence_has_finite_numbers(name: Name, pooling: str, load: Load) -> None:
    encode, given = load(name, pooling), kind(name)
    assert code(encode, [given.silence]) == ""
    assert code(encode, [*given.inputs, given.silence]) == ""


@every_pooling
def test_next_to_nothing_is_too_short_or_has_finite_numbers(
    name: Name, pooling: str, load: Load
) -> None:
    encode, given = load(name, pooling), kind(name)
    for least in given.least:
        assert code(encode, [least]) in ("", "too_short")
        assert code(encode, [given.inputs[1], least]) in ("", "too_short")


@every_pooling
def test_what_is_broken_fails_or_has_finite_numbers(name: Name, pooling: str, load: Load) -> None:
    encode, given = load(name, pooling), kind(name)
    for broken in given.broken:
        single = code(encode, [broken])
        assert code(encode, [given.inputs[1], broken]) == single
        assert code(encode, [broken, given.inputs[1]]) == single
        assert single == "not_finite" or modality(name[0]) != "audio"


@every_pooling
def test_the_same_again_gives_the_same_bytes(name: Name, pooling: str, fresh: Load) -> None:
    inputs, encode = kind(name).inputs, fresh(name, pooling)
    first, again, elsewhere = (
        [values.tobytes() for values in arrays(encoder, inputs)]
        for encoder in (encode, encode, fresh(name, pooling))
    )
    assert first == again == elsewhere


@pytest.mark.parametrize("pooling", ["sum", "frames/0", "FRAMES"])
@everything
def test_a_pooling_that_is_not_there_is_named(name: Name, pooling: str, fresh: Load) -> None:
    with pytest.raises(ConfigError, match=f"unknown pooling '{pooling}'") as caught:
        fresh(name, pooling)(kind(name).inputs)
    poolings = {FRAMES, plain(name[0])["pooling"], *getattr(encoders.load(name[0]), "POOLINGS", ())}
    assert all(known in caught.value.hint for known in poolings)


@pytest.mark.parametrize("layer", [LAYERS + 1, -LAYERS - 2, (LAYERS + 1,)])
@with_weights
def test_a_layer_that_is_not_there_is_named(name: Name, layer: Any, fresh: Load) -> None:
    number = layer if isinstance(layer, int) else layer[0]
    with pytest.raises(ConfigError, match=f"no layer {number}") as caught:
        fresh(name, layer=layer)(kind(name).inputs)
    assert f"0 to {LAYERS}" in caught.value.hint


@with_weights
def test_every_layer_is_another_and_negative_ones_count_from_the_last(
    name: Name, fresh: Load
) -> None:
    given = kind(name).inputs[:1]
    features = [arrays(fresh(name, layer=layer), given)[0] for layer in range(LAYERS + 1)]
    for layer, values in enumerate(features):
        for same in (layer - LAYERS - 1, [layer]):
            assert np.array_equal(arrays(fresh(name, layer=same), given)[0], values)
        alike = [other for other in features[:layer] if other.shape == values.shape]
        assert all(np.abs(values - other).max() > 1e-3 for other in alike)


@with_weights
def test_several_layers_are_all_there_or_refused(name: Name, fresh: Load) -> None:
    given = kind(name).inputs
    if not modalities.load(modality(name[0])).SEVERAL_LAYERS:
        with pytest.raises(ConfigError, match="one layer"):
            fresh(name, layer=[1, 2])(given)
        return
    both = arrays(fresh(name, layer=[2, 1]), given)
    single = zip(*(arrays(fresh(name, layer=layer), given) for layer in (2, 1)), strict=True)
    for values, parts in zip(both, single, strict=True):
        np.testing.assert_allclose(values, np.concatenate(parts, axis=-1), atol=1e-5)


@with_weights
def test_layers_have_a_weighted_mean_unless_they_differ_in_width(
    name: Name, fresh: Load, folder: Callable[[Name], Path]
) -> None:
    family, given = encoders.load(name[0]), kind(name).inputs[:2]
    if not modalities.load(modality(name[0])).SEVERAL_LAYERS:
        return
    each = [arrays(fresh(name, layer=layer), given) for layer in range(LAYERS + 1)]
    widths = {values[0].shape[-1] for values in each}
    assert getattr(family, "UNEQUAL_LAYERS", False) == (len(widths) > 1)
    settings = encoders.Settings([1, 2], FRAMES)
    if len(widths) > 1:
        with pytest.raises(ConfigError, match="differ in width"):
            encoders.made(family, folder(name), settings, [0.25, 0.75])
        return
    found = arrays(encoders.made(family, folder(name), settings, [0.25, 0.75]), given)
    for values, first, second in zip(found, each[1], each[2], strict=True):
        np.testing.assert_allclose(values, 0.25 * first + 0.75 * second, atol=1e-5)
