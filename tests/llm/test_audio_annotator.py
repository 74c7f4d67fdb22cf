"""An audio language model as annotator, with a tiny random Qwen2-Audio of 300 tokens.

What a trained one answers is not tested here, only that it is asked and sampled as it should be.
"""

import json

import numpy as np
import pytest
import torch

from emocli.errors import ConfigError
from emocli.llm.audio_annotator import MAX_ANSWER_TOKENS, AudioAnnotator
from tests.llm.tiny_qwen import build

RATE_HZ = 16_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("qwen2-audio"))


@pytest.fixture(scope="module")
def annotator(folder):
    return AudioAnnotator(folder)


def noise(seconds, seed=0):
    random = np.random.default_rng(seed)
    return (0.1 * random.standard_normal(int(seconds * RATE_HZ))).astype(np.float32)


def test_the_question_and_as_many_places_as_the_sound_has_frames_are_its_input(annotator):
    sound = noise(2.0)
    inputs = annotator.inputs(sound, "Which emotion? joy, anger")
    text = annotator.processor.tokenizer.decode(inputs["input_ids"][0])
    assert "Which emotion? joy, anger<|im_end|>" in text
    assert text.endswith("<|im_start|>assistant\n")
    frames = len(sound) // 160  # a mel frame is 10 ms; two strides of two make a token of 40 ms
    assert text.count("<|AUDIO|>") == frames // 4
    assert inputs["feature_attention_mask"].sum() == frames


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_an_answer_begins_with_a_plain_draw_at_its_temperature(annotator, temperature):
    sound = noise(0.5)
    inputs = annotator.inputs(sound, "Which?")
    with torch.inference_mode():
        logits = annotator.model(**inputs).logits[0, -1]
    for seed in range(3):
        torch.manual_seed(seed)
        first = int(torch.multinomial(torch.softmax(logits / temperature, -1), 1))
        answer = annotator.answer(sound, "Which?", temperature, seed)
        text = annotator.processor.tokenizer.decode([first], skip_special_tokens=True)
        assert answer.raw.startswith(text.rstrip("\ufffd"))
        assert answer.prompt_tokens == inputs["input_ids"].shape[1]
        assert 1 <= answer.answer_tokens <= MAX_ANSWER_TOKENS


def test_the_seed_decides_and_other_generators_are_left_alone(annotator):
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    answers = [annotator.answer(noise(0.5), "Which?", 1.0, seed).raw for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]
    assert torch.equal(before, torch.random.get_rng_state())


def test_it_hears_the_sound(annotator):
    with torch.inference_mode():
        first, other = (
            annotator.model(**annotator.inputs(noise(0.5, seed), "Which?")).logits[0, -1]
            for seed in (0, 1)
        )
    assert (first - other).abs().max() > 1e-3


def test_another_kind_of_model_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    with pytest.raises(ConfigError, match="model_type 'whisper'"):
        AudioAnnotator(tmp_path)
    with pytest.raises(ConfigError, match="model_type None"):
        AudioAnnotator(tmp_path / "nothing")
