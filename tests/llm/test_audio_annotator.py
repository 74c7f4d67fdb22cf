"""An audio language model as annotator, with a tiny random Qwen2-Audio of 300 tokens.

What a trained one answers is not tested here, only that it is asked and sampled as it should be.
"""

import json

import numpy as np
import pytest
import torch

from emocli.errors import ConfigError
from emocli.llm.audio_annotator import AudioAnnotator
from emocli.llm.one_answer import MAX_ANSWER_TOKENS
from tests.llm import tiny_flamingo, tiny_language
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


def test_another_family_is_asked_and_hears(tmp_path):
    annotator = AudioAnnotator(tiny_flamingo.build(tmp_path / "flamingo"))
    inputs = annotator.inputs(noise(2.0), "Which emotion? joy, anger")
    text = annotator.processor.tokenizer.decode(inputs["input_ids"][0])
    assert text.count("<sound>") == 50  # 40 ms each
    assert "Which emotion? joy, anger<|im_end|>" in text
    with torch.inference_mode():
        heard = [
            annotator.model(**annotator.inputs(noise(0.5, s), "Which?")).logits[0, -1]
            for s in (0, 1)
        ]
    assert (heard[0] - heard[1]).abs().max() > 1e-3
    answers = [annotator.answer(noise(0.5), "Which?", 1.0, seed).raw for seed in (1, 1, 2)]
    assert answers[0] == answers[1] != answers[2]


def test_a_model_in_half_precision_gets_features_in_its_own(folder):
    annotator = AudioAnnotator(folder, dtype="bfloat16")
    assert annotator.answer(noise(0.5), "Which?", 1.0, 0).answer_tokens >= 1


def no_template(tmp_path):
    return tiny_flamingo.build(tmp_path / "a", chat=None)


def no_place(tmp_path):
    deaf = (
        "{% for m in messages %}{% for c in m['content'] %}{{ c['text'] }}{% endfor %}{% endfor %}"
    )
    return tiny_flamingo.build(tmp_path / "a", chat=deaf)


def no_processor(tmp_path):
    folder = tiny_flamingo.build(tmp_path / "a")
    for name in ("processor_config.json", "preprocessor_config.json"):
        (folder / name).unlink(missing_ok=True)
    return folder


def text_only(tmp_path):
    return tiny_language.write(tmp_path / "a")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (no_template, "no chat template"),
        (no_place, "no place for a recording"),
        (no_processor, "(no processor|cannot load)"),
        (text_only, "no processor of recordings: it reads only"),
    ],
)
def test_a_model_that_cannot_hear_a_question_is_one_line(tmp_path, made, message):
    with pytest.raises(ConfigError, match=message) as refused:
        AudioAnnotator(made(tmp_path)).answer(noise(0.5), "Which?", 1.0, 0)
    assert "\n" not in str(refused.value)


def test_another_kind_of_model_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "nothing"}))
    with pytest.raises(ConfigError, match="model_type 'nothing'"):
        AudioAnnotator(tmp_path)
    with pytest.raises(ConfigError, match="model_type None"):
        AudioAnnotator(tmp_path / "nothing")
