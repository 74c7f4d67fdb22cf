"""Published classifiers answer what transformers' own pipelines answer, alone and in a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from emocli import encoders
from emocli.encoders import Settings, classifiers, vision_pixels
from emocli.encoders.classifiers import CLASSES, LOGITS, NUMBERS, SEVERAL, loading
from emocli.encoders.transformers_import import imported
from emocli.errors import RecordError
from tests.encoders import tiny_checkpoints as tiny
from tests.encoders import tiny_faces
from tests.encoders.test_zoo import noise

TEXTS = ["I am so happy", "No way", "leave me alone", "you you you you you you you you"]
SOUNDS = [noise(seconds, seed) for seed, seconds in enumerate((0.3, 1.3, 0.5, 0.8, 0.5))]
FILMS = [tiny_faces.seen(count, seed) for seed, count in enumerate((1, 4, 3))]
INPUTS = {"text": TEXTS, "audio": SOUNDS, "video": FILMS}
PROBLEMS = {
    None: CLASSES,
    "single_label_classification": CLASSES,
    "multi_label_classification": SEVERAL,
    "regression": NUMBERS,
}
every = pytest.mark.parametrize("name", tiny.ALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Any]]:
    """Where a checkpoint is, and its network; each is made once."""

    @functools.cache
    def make(name: str, *how: Any) -> tuple[Path, Any]:
        folder = tmp_path_factory.mktemp(name)
        return folder, tiny.ALL[name](folder, *how)

    return make


def loaded(folder: Path) -> Any:
    modality = classifiers.about(folder).modality
    return encoders.of_folder(folder, modality, LOGITS).encoder(folder, Settings(None, LOGITS))


def answers(folder: Path, inputs: Any = None) -> np.ndarray:
    given = INPUTS[classifiers.about(folder).modality] if inputs is None else inputs
    return np.stack([encoded.values for encoded in loaded(folder)(given)])


def shares(folder: Path, inputs: Any = None) -> np.ndarray:
    """Probabilities, or the numbers of a regression head."""
    values, problem = answers(folder, inputs), classifiers.about(folder).problem
    if problem == SEVERAL:
        return 1 / (1 + np.exp(-values))
    return np.exp(values) if problem == CLASSES else values


def piped(task: str, folder: Path, model: Any, given: list[Any], **parts: Any) -> np.ndarray:
    """What transformers' pipeline says of each input, in the order of the labels."""
    pipe = imported().pipeline(task, model=model, **parts)
    names = list(model.config.id2label.values())
    rows = []
    for one in given:
        said = pipe(one, top_k=len(names))
        rows.append({row["label"]: row["score"] for row in said})
    return np.array([[row[name] for name in names] for row in rows])


def of_pipeline(name: str, folder: Path, model: Any) -> np.ndarray:
    hugging = imported()
    if name in tiny.OF_TEXT:
        tokenizer = hugging.AutoTokenizer.from_pretrained(folder)
        return piped("text-classification", folder, model, TEXTS, tokenizer=tokenizer)
    extractor = hugging.AutoFeatureExtractor.from_pretrained(folder)
    given = [np.asarray(sound) for sound in SOUNDS]
    parts = {"feature_extractor": extractor}
    return piped("audio-classification", folder, model, given, **parts)


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")
@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", [*tiny.OF_TEXT, "hubert", "wav2vec2", "wavlm", "whisper"])
def test_the_answers_are_those_of_the_pipeline(
    name: str, problem: str | None, made: Callable[..., tuple[Path, Any]]
) -> None:
    names = tiny.DIMENSIONS if problem == "regression" else tiny.EMOTIONS
    folder, model = made(name, names, problem)
    assert classifiers.about(folder).problem == PROBLEMS[problem]
    expected = of_pipeline(name, folder, model)
    np.testing.assert_allclose(shares(folder), expected, atol=1e-5, rtol=1e-5)


def test_the_answers_of_a_spectrogram_transformer_are_those_of_the_pipeline(
    made: Callable[..., tuple[Path, Any]],
) -> None:
    folder, model = made("ast")
    short = [noise(0.6, seed=2), noise(0.4, seed=3)]
    extractor = imported().AutoFeatureExtractor.from_pretrained(folder)
    given, parts = [np.array(sound) for sound in short], {"feature_extractor": extractor}
    expected = piped("audio-classification", folder, model, given, **parts)
    np.testing.assert_allclose(shares(folder, short), expected, atol=1e-5)


@torch.inference_mode()
def test_faces_and_clips_get_the_answers_of_plain_transformers_code(
    made: Callable[..., tuple[Path, Any]],
) -> None:
    folder, model = made("vit")
    how = vision_pixels.read(folder, vision_pixels.OF_IMAGES)
    for found, film in zip(shares(folder), FILMS, strict=True):
        logits = model(pixel_values=vision_pixels.of(film.images, how)).logits
        np.testing.assert_allclose(found, logits.softmax(-1).mean(0), atol=1e-5)
    folder, model = made("videomae")
    how = vision_pixels.read(folder, vision_pixels.OF_CLIPS)
    film = tiny_faces.seen(tiny.FRAMES, seed=8)
    logits = model(pixel_values=vision_pixels.of(film.images, how)[None]).logits
    np.testing.assert_allclose(shares(folder, [film])[0], logits[0].softmax(-1), atol=1e-5)


@torch.inference_mode()
def test_the_dimensional_head_is_that_of_its_authors(
    made: Callable[..., tuple[Path, Any]],
) -> None:
    folder, (network, head) = made("dimensional")
    extractor = imported().AutoFeatureExtractor.from_pretrained(folder)
    found = answers(folder)
    assert classifiers.about(folder).names == ("arousal", "dominance", "valence")
    for row, sound in zip(found, SOUNDS, strict=True):
        given = extractor(np.asarray(sound), sampling_rate=16_000, return_tensors="pt")
        pooled = network(given["input_values"])[0].mean(dim=1)  # as in their RegressionHead
        inner = torch.tanh(functional.linear(pooled, head["dense.weight"], head["dense.bias"]))
        expected = functional.linear(inner, head["out_proj.weight"], head["out_proj.bias"])
        np.testing.assert_allclose(row, expected[0], atol=1e-5)


@every
def test_one_alone_gets_the_answer_that_it_gets_in_a_batch(
    name: str, made: Callable[..., tuple[Path, Any]]
) -> None:
    folder, _ = made(name)
    classify = loaded(folder)
    given = INPUTS[classifiers.about(folder).modality]
    for together, one in zip(classify(given), given, strict=True):
        [alone] = classify([one])
        np.testing.assert_allclose(alone.values, together.values, atol=1e-4)


def test_padding_would_change_what_has_a_batch_of_its_own(
    made: Callable[..., tuple[Path, Any]],
) -> None:
    """Else nothing above would tell that equal lengths are needed."""
    folder, model = made("hubert")
    extractor = imported().AutoFeatureExtractor.from_pretrained(folder)
    given = [np.asarray(sound) for sound in SOUNDS[:2]]
    padded = extractor(given, sampling_rate=16_000, padding=True, return_tensors="pt")
    with torch.inference_mode():
        row = model(**padded).logits[0].softmax(-1)
    assert np.abs(shares(folder)[0] - row.numpy()).max() > 1e-3


@pytest.mark.parametrize("name", ["wav2vec2", "ast", "dimensional"])
def test_a_long_recording_is_the_mean_of_its_parts(
    name: str, made: Callable[..., tuple[Path, Any]]
) -> None:
    folder, _ = made(name)
    seconds = 0.64 if name == "ast" else 30
    long = noise(2 * seconds, seed=4, loudness=0.5)
    halves = shares(folder, [long[: len(long) // 2], long[len(long) // 2 :]])
    np.testing.assert_allclose(shares(folder, [long])[0], halves.mean(0), atol=1e-5)


def test_a_long_text_is_cut_and_says_so(made: Callable[..., tuple[Path, Any]]) -> None:
    folder, _ = made("bert")
    classify = loaded(folder)
    long, cut = classify(["you " * 30, "you " * 14])
    np.testing.assert_allclose(long.values, cut.values, atol=1e-5)
    assert "16 tokens beyond the limit of 16" in long.warning
    assert not cut.warning


def test_what_is_no_number_is_an_error(made: Callable[..., tuple[Path, Any]]) -> None:
    with pytest.raises(RecordError, match="NaN"):
        loading.together(torch.tensor([[0.0, float("nan")]]), CLASSES)
    for broken in (np.full(16_000, np.nan, np.float32), np.zeros(3, np.float32)):
        with pytest.raises(RecordError):
            loaded(made("wav2vec2")[0])([broken])


def test_parts_that_are_sure_do_not_overrule_the_others() -> None:
    parts = torch.tensor([[0.999999, 1e-6], [0.2, 0.8], [0.2, 0.8]])
    means = parts.mean(0).numpy()
    np.testing.assert_allclose(np.exp(loading.together(parts.log(), CLASSES).values), means, 1e-5)
    odds = loading.together(parts.logit(), SEVERAL).values
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), means, rtol=1e-4)
