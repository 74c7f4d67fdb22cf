"""predict --llm: answers of a language model, their prompts, and what is told of them."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from rich.console import Console

from emocli.bundles import language
from emocli.cli import registry
from emocli.cli.prediction import show_prediction
from emocli.llm import candidates, generation, prompts, thoughts
from emocli.llm.prompts import Turn, Utterance
from emocli.records.labels import EMOTIONS
from emocli.stages.language_predictor.answering import Answerer
from tests.conftest import RATE_HZ, Emocli
from tests.llm import tiny_language

TEXTS = ["I can't believe it!", "Well.", "She left the house at noon, and nobody knew why.", "No?"]
VOWELS = [
    {"phone": "h", "start": 0.0, "end": 0.2, "word": "ha", "is_vowel": False},
    {"phone": "ɑ", "start": 0.2, "end": 0.9, "word": "ha", "is_vowel": True, "stress": 1},
]


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_language.write(tmp_path_factory.mktemp("llm") / "tiny", limit=2048))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a model that reads the role, one word, and one or two turns before it."""
    model, asked = tiny_language.model(), prompts.template("emotion")
    turns = (Turn("Because."), Turn("No"))
    messages = asked.messages(Utterance(Turn("Yes"), turns), EMOTIONS, "constrained")
    listed = candidates.of(EMOTIONS, model.tokens, before="Emotion: ")
    room = len(prompts.tokens(model, messages)) + len(listed.stem) + listed.depth
    return str(tiny_language.write(tmp_path_factory.mktemp("llm") / "short", limit=room + 3))


@pytest.fixture
def wav(tmp_path: Path, tone: Callable[..., np.ndarray]) -> str:
    soundfile.write(tmp_path / "a.wav", tone(1.2, f0_hz=210.0), RATE_HZ)
    return str(tmp_path / "a.wav")


def said(*texts: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": f"u{i}", "text": text, **more} for i, text in enumerate(texts)]


def shares(record: dict[str, Any]) -> list[float]:
    return list(record["prediction"]["probabilities"].values())


def test_every_label_gets_a_probability_and_the_answer_says_where_it_is_from(
    emocli: Emocli, llm: str
) -> None:
    outcome = emocli("predict", "--llm", llm, "--text", "I can't believe it!")
    assert outcome.status == 0, outcome.stderr
    (record,) = outcome.records
    found = record["prediction"]
    assert list(found["probabilities"]) == list(EMOTIONS)
    assert sum(shares(record)) == pytest.approx(1, abs=1e-5)
    assert found["probabilities"][found["emotion"]] == found["confidence"] == max(shares(record))
    assert found["model"].startswith("tiny@local:")
    about = found["prompting"]
    assert about["sha256"] == prompts.template("emotion").digest
    assert (about["decode"], about["prior"], about["dtype"]) == (
        "constrained",
        "sentences",
        "float32",
    )


def test_neither_batch_nor_neighbours_change_an_answer(emocli: Emocli, llm: str) -> None:
    argv = ("predict", "--llm", llm, "--context", "2")
    talk = [{**r, "dialogue": "d", "speaker": "ab"[i % 2]} for i, r in enumerate(said(*TEXTS))]
    whole = emocli(*argv, stdin=talk).records
    single = emocli(*argv, "--batch-size", "1", stdin=talk).records
    alone = [emocli(*argv, stdin=[record]).records[0] for record in whole]
    for others in (single, alone):
        for mine, other in zip(whole, others, strict=True):
            np.testing.assert_allclose(shares(mine), shares(other), atol=1e-4)
    assert np.ptp([shares(record) for record in whole], axis=0).max() > 1e-2


def test_the_prior_is_the_mean_over_prompts_of_the_same_parts(emocli: Emocli, llm: str) -> None:
    """An answer to one of its own texts, minus their mean, by hand: a softmax of differences."""
    texts = prompts.template("emotion").prior_texts("content-free")
    argv = ("predict", "--llm", llm, "--prior")
    raw = np.log([shares(r) for r in emocli(*argv, "none", stdin=said(*texts)).records])
    found = [shares(r) for r in emocli(*argv, "content-free", stdin=said(*texts)).records]
    expected = np.exp(raw - raw.mean(0))
    np.testing.assert_allclose(found, expected / expected.sum(1, keepdims=True), atol=1e-4)


def test_turns_before_are_read_if_they_are_asked_for(emocli: Emocli, llm: str) -> None:
    talk = said(*TEXTS, dialogue="d", speaker="Ross")
    read = {
        turns: emocli("predict", "--llm", llm, "--context", turns, "--show-prompt", stdin=talk)
        for turns in ("0", "2")
    }
    last = {turns: outcome.records[-1]["prediction"] for turns, outcome in read.items()}
    assert TEXTS[2] not in last["0"]["prompt"]
    assert all(text in last["2"]["prompt"] for text in TEXTS[1:])
    assert TEXTS[0] not in last["2"]["prompt"]
    assert "Ross" not in last["2"]["prompt"]
    assert last["0"]["probabilities"] != last["2"]["probabilities"]


def test_the_first_prompt_is_shown_as_it_is_read(emocli: Emocli, llm: str) -> None:
    outcome = emocli("predict", "--llm", llm, "--show-prompt", stdin=said(*TEXTS))
    prompt = outcome.records[0]["prediction"]["prompt"]
    assert prompt in outcome.stderr
    assert outcome.stderr.count("the first prompt") == 1
    assert prompt.endswith("<|start|>assistant\nEmotion:")


def test_a_prompt_that_is_too_long_loses_its_oldest_turns_and_says_so(
    emocli: Emocli, short: str
) -> None:
    talk = said("Why?", "Because.", "No", "Yes", dialogue="d")
    argv = ("predict", "--llm", short, "--context", "3", "--show-prompt")
    *_, record = emocli(*argv, stdin=talk).records
    found = record["prediction"]
    kept = [text for text in ("Why?", "Because.", "No") if f": {text}" in found["prompt"]]
    assert kept == ["Because.", "No"]
    assert found["warnings"]["context"].startswith("1 of 3 turns left out")


def test_a_text_that_is_too_long_fails_alone(emocli: Emocli, short: str) -> None:
    outcome = emocli("predict", "--llm", short, stdin=said("Yes", "word " * 200, "No"))
    assert outcome.status == 1
    codes = [record.get("error", {}).get("code") for record in outcome.records]
    assert codes == [None, "prompt_too_long", None]
    assert "the model reads" in outcome.records[1]["error"]["message"]


def test_other_labels_may_begin_with_each_other(emocli: Emocli, llm: str) -> None:
    argv = ("predict", "--llm", llm, "--labels", "joy, joyful,fear")
    (record,) = emocli(*argv, "--text", "Hello").records
    assert list(record["prediction"]["probabilities"]) == ["joy", "joyful", "fear"]


@pytest.mark.parametrize(
    ("flags", "status", "message"),
    [
        (["--labels", ""], 2, "no labels"),
        (["--labels", "joy,joy"], 2, "joy is there twice"),
        (["--labels", "a,b", "--template", "sentiment"], 2, "asks for a number"),
        (["--prosody", "loud"], 2, "none, summary, terse, full"),
        (["--decode", "beam"], 2, "constrained, greedy"),
        (["--prior", "mean"], 2, "sentences, content-free, none"),
        (["--context", "-1"], 2, "not a number of turns"),
        (["--template", "emotions"], 3, "unknown template"),
        (["--model", "other"], 2, "only one of them"),
        (["--modality", "text"], 2, "has no streams"),
    ],
)
def test_flags_that_make_no_question_are_refused(
    emocli: Emocli, llm: str, flags: list[str], status: int, message: str
) -> None:
    outcome = emocli("predict", "--llm", llm, "--text", "Hello", *flags)
    assert outcome.status == status
    assert message in outcome.stderr
    assert outcome.stdout == b""


ASKED = ["--context 0", "--labels a,b", "--prosody full", "--template emotion"]


@pytest.mark.parametrize("flag", [*ASKED, "--prior none"])
def test_how_a_model_is_asked_is_refused_where_a_bundle_decides_it(
    emocli: Emocli, llm: str, tmp_path: Path, flag: str
) -> None:
    language.save(tmp_path / "kept", language.zero_shot(llm, "emotion").contents, "card", None)
    for model in ([], ["-m", str(tmp_path / "kept")]):
        outcome = emocli("predict", *model, *flag.split(), "--text", "Hello")
        assert outcome.status == 2, outcome.stderr
        assert f"{flag.split()[0]} says how --llm is asked" in outcome.stderr
        assert outcome.stdout == b""


def test_of_one_label_the_entropy_is_zero_without_a_sign(emocli: Emocli, llm: str) -> None:
    outcome = emocli("predict", "--llm", llm, "--labels", "joy", "--text", "Hello")
    assert b'"entropy":0.0' in outcome.stdout


def test_an_unknown_model_says_what_there_is(emocli: Emocli) -> None:
    outcome = emocli("predict", "--llm", "smollm", "--text", "Hello")
    assert outcome.status == 4
    assert "smollm2-135m-instruct" in outcome.stderr
    assert "folder" in outcome.stderr


def test_prompts_are_shown_of_language_models_only(emocli: Emocli) -> None:
    outcome = emocli("predict", "--show-prompt", "--text", "Hello")
    assert outcome.status == 2
    assert "--llm" in outcome.stderr


def test_numbers_are_their_expectation(emocli: Emocli, llm: str) -> None:
    outcome = emocli("predict", "--llm", llm, "--template", "sentiment", stdin=said(*TEXTS))
    values = [record["prediction"]["sentiment"] for record in outcome.records]
    assert all(-3 < value < 3 for value in values)
    assert len(set(values)) > 1
    assert all(record["prediction"]["emotion"] is None for record in outcome.records)


def test_a_table_has_a_column_for_each_label(emocli: Emocli, llm: str) -> None:
    argv = ("predict", "--llm", llm, "--labels", "joy,fear", "--format", "csv")
    header, row = emocli(*argv, "--text", "Hello").stdout.decode().splitlines()
    assert "p_joy,p_fear" in header
    assert "Hello" in row


def test_a_doubtful_answer_names_no_emotion(emocli: Emocli, llm: str) -> None:
    (record,) = emocli("predict", "--llm", llm, "--abstain", "1", "--text", "Hello").records
    assert record["prediction"]["emotion"] is None
    assert record["prediction"]["probabilities"]


def test_the_voice_is_measured_and_described(emocli: Emocli, llm: str, wav: str) -> None:
    given = {"id": "a", "path": wav, "text": "Ha", "phones": VOWELS}
    prompt = {}
    for prosody in ("none", "summary", "full"):
        argv = ("predict", "--llm", llm, "--prosody", prosody, "--show-prompt")
        (record,) = emocli(*argv, stdin=[given]).records
        prompt[prosody] = record["prediction"]["prompt"]
    assert record["prosody"]["summary"] in prompt["summary"]
    assert record["prosody"]["description"] in prompt["full"]
    assert "/ɑ/" in prompt["full"]
    assert "/ɑ/" not in prompt["summary"]
    assert "voice of" not in prompt["none"]


def test_a_description_that_is_there_is_taken(emocli: Emocli, llm: str) -> None:
    voice = {"summary": "Pitch is very high.", "description": "/a/ rises."}
    argv = ("predict", "--llm", llm, "--prosody", "full", "--show-prompt")
    (record,) = emocli(*argv, stdin=said("Ha", prosody=voice)).records
    assert all(words in record["prediction"]["prompt"] for words in voice.values())
    assert record["prosody"] == voice
    assert "missing" not in record


def test_a_text_without_a_voice_is_judged_and_noted(emocli: Emocli, llm: str) -> None:
    argv = ("predict", "--llm", llm, "--prosody", "summary")
    outcome = emocli(*argv, "--text", "Hello")
    (record,) = outcome.records
    assert outcome.status == 0
    assert record["missing"]["audio"]["code"] == "no_audio"
    assert record["prediction"]["emotion"]
    strict = emocli(*argv, "--strict-modalities", "--text", "Hello")
    assert strict.status == 1
    assert strict.records[0]["error"]["code"] == "missing_modality"


def test_a_record_without_words_fails_alone(emocli: Emocli, llm: str) -> None:
    outcome = emocli("predict", "--llm", llm, stdin=[{"id": "a"}, *said("Yes", " ")])
    codes = [record.get("error", {}).get("code") for record in outcome.records]
    assert codes == ["no_text", None, "empty_text"]
    assert outcome.status == 1


def test_thoughts_are_kept_and_answers_that_name_no_label_are_counted(
    emocli: Emocli, llm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(
        [
            "<think>It rises.</think><answer>Joy</answer>",
            "joy",
            "<think>x</think><answer>y</answer>",
        ]
    )

    def greedy(_model: Any, asked: list[Any], *_: Any) -> list[generation.Completion]:
        return [generation.Completion(next(answers), True, 9) for _ in asked]

    monkeypatch.setattr(generation, "greedy", greedy)
    argv = ("predict", "--llm", llm, "--decode", "greedy", "--batch-size", "1")
    outcome = emocli(*argv, stdin=said("a", "b", "c"))
    first, second, third = (record["prediction"] for record in outcome.records)
    assert (first["emotion"], first["explanation"]) == ("joy", "It rises.")
    assert (second["emotion"], second["explanation"]) == (None, "joy")
    assert second["warnings"]["answer"].startswith("no thought")
    assert third["emotion"] is None
    assert "warnings" not in first
    assert "name no label" in outcome.stderr
    assert outcome.status == 0


def test_a_model_that_never_ends_is_cut(emocli: Emocli, llm: str) -> None:
    outcome = emocli("predict", "--llm", llm, "--decode", "greedy", stdin=said("a", "b"))
    assert outcome.status == 0, outcome.stderr
    assert all(record["prediction"]["explanation"] for record in outcome.records)
    assert "2 of 2 answers name no label" in outcome.stderr


def test_after_a_free_thought_an_answer_is_chosen_and_cannot_fail(emocli: Emocli, llm: str) -> None:
    argv = ("predict", "--llm", llm, "--decode", "thought", "--show-prompt")
    whole = emocli(*argv, stdin=said(*TEXTS))
    assert whole.status == 0, whole.stderr
    single = emocli(*argv, "--batch-size", "1", stdin=said(*TEXTS)).records
    for mine, other in zip(whole.records, single, strict=True):
        found = mine["prediction"]
        assert sum(shares(mine)) == pytest.approx(1, abs=1e-5)
        assert found["emotion"] in EMOTIONS
        assert found["explanation"] == other["prediction"]["explanation"]
        assert found["prompt"].endswith("assistant\n<think>")
        np.testing.assert_allclose(shares(mine), shares(other), atol=1e-4)
    assert whole.records[0]["prediction"]["prompting"]["decode"] == "thought"
    assert np.ptp([shares(record) for record in whole.records], axis=0).max() > 1e-2


def test_a_thought_that_never_ends_is_closed_and_says_so(
    emocli: Emocli, llm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thoughts, "LIMIT", 12)
    argv = ("predict", "--llm", llm, "--decode", "thought", "--prior", "none")
    (record,) = emocli(*argv, stdin=said("Yes")).records
    assert record["prediction"]["warnings"]["thought"] == "closed after 12 tokens"
    assert record["prediction"]["probabilities"]


@pytest.mark.parametrize("decode", ["constrained", "greedy", "thought"])
def test_a_batch_that_does_not_fit_into_memory_is_halved(
    emocli: Emocli, llm: str, monkeypatch: pytest.MonkeyPatch, decode: str
) -> None:
    sizes: list[int] = []

    def limited(answer: Any) -> Any:
        def call(self: Answerer, batch: list[Any], **more: Any) -> Any:
            sizes.append(len(batch))
            if len(batch) > 1:
                raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB")
            return answer(self, batch, **more)

        return call

    monkeypatch.setattr(Answerer, "__call__", limited(Answerer.__call__))
    argv = ("predict", "--llm", llm, "--decode", decode, "--prior", "none")
    outcome = emocli(*argv, stdin=said(*TEXTS))
    assert outcome.status == 0, outcome.stderr
    assert (max(sizes), sizes.count(1)) == (4, 4)
    assert all(record["prediction"] for record in outcome.records)


def test_a_model_without_a_chat_template_says_so_once(emocli: Emocli, tmp_path: Path) -> None:
    folder = tiny_language.write(tmp_path / "plain", "gpt2", chat=None, limit=1024)
    outcome = emocli("predict", "--llm", str(folder), "--batch-size", "1", stdin=said(*TEXTS))
    assert outcome.status == 0, outcome.stderr
    assert outcome.stderr.count("no chat template") == 1


HEAVY = {"peft", "gguf", "transformers", "torch", "emocli.stages.language_predictor"}


@pytest.mark.parametrize(
    ("modules", "more"),
    [
        (["emocli.stages.predict", "emocli.commands.predict"], {"emocli.llm.prompts"}),
        ([f"emocli.commands.{name.replace('-', '_')}" for name in registry.names()], set()),
        (["emocli.training.run", "emocli.training.calibrating"], {"-torch"}),
    ],
)
def test_nothing_of_language_models_is_imported_for_others(
    modules: list[str], more: set[str]
) -> None:
    unwanted = (HEAVY | more) - {"-torch", "torch" if "-torch" in more else ""}
    code = f"import sys, {', '.join(modules)}; print(*sorted({unwanted!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_thought_is_shown_on_a_terminal_where_there_are_no_probabilities() -> None:
    found: dict[str, Any] = {"emotion": "joy", "explanation": "It\nrises.", "model": "tiny"}
    record = {"id": "a", "text": "Ha", "prediction": found}
    for prediction, first in ((found, "joy"), ({**found, "emotion": None}, "no answer")):
        console = Console(file=io.StringIO(), width=80)
        show_prediction({**record, "prediction": prediction}, EMOTIONS, console)
        drawn = console.file.getvalue()
        assert first in drawn.splitlines()[0]
        assert "it says: It rises." in drawn


@pytest.mark.parametrize("command", [["encode"], ["fuse"]])
def test_commands_for_streams_refuse_a_predictor_without_any(
    emocli: Emocli, llm: str, tmp_path: Path, command: list[str]
) -> None:
    contents = language.zero_shot(llm, "emotion").contents
    language.save(tmp_path / "bundle", contents, "card", None)
    outcome = emocli(*command, "--model", str(tmp_path / "bundle"), stdin=said("Hello"))
    assert outcome.status == 3
    assert "'language'" in outcome.stderr
    assert "Traceback" not in outcome.stderr
