"""annotate --llm, --llm-url, --audio-lm: language models as raters, and answers that are kept."""

from __future__ import annotations

import base64
import io
import itertools
import json
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emocli.llm import http_json, one_answer
from tests.conftest import Emocli
from tests.llm import tiny_flamingo, tiny_language
from tests.llm.fake_server import Fake, Reply, said, serving, text_of

Record = dict[str, Any]
ALPHABET = ",".join("abcdefghijklmnopqrstuvwxyz")  # one of which random tokens may contain


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_json, "FIRST_WAIT_S", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_language.write(tmp_path_factory.mktemp("llm") / "tiny", limit=1024))


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving(lambda _: said("Joy.", prompt_tokens=50, completion_tokens=2)) as running:
        yield running


def texts(count: int, **more: Any) -> list[Record]:
    return [{"id": f"u{i}", "text": f"Well, {i}.", **more} for i in range(count)]


def test_a_language_model_answers_with_seeds_and_costs(emocli: Emocli, llm: str) -> None:
    argv = ("annotate", "--llm", llm, "--labels", ALPHABET, "-n", "3")
    outcome = emocli(*argv, stdin=texts(2))
    assert outcome.status == 0, outcome.stderr
    given = outcome.records[0]["annotations"]
    assert [a["rater"] for a in given] == [0, 1, 2]
    assert all(a["annotator"].startswith(f"{llm}@local:") for a in given)
    assert all(a["cost"]["prompt_tokens"] > a["cost"]["answer_tokens"] > 0 for a in given)
    assert all(a["cost"]["seconds"] > 0 for a in given)
    assert "tokens asked" in outcome.stderr

    def raw(records: list[Record]) -> list[str]:
        return [a["raw"] for r in records for a in r["annotations"]]

    assert raw(emocli(*argv, stdin=texts(2)).records) == raw(outcome.records)
    assert raw(emocli(*argv, "--seed", "1", stdin=texts(2)).records) != raw(outcome.records)
    alone = emocli(*argv, stdin=texts(2)[1:]).records
    assert raw(alone) == raw(outcome.records[1:])


def test_a_model_that_reads_gets_the_voice_in_words(emocli: Emocli, llm: str) -> None:
    record = texts(1, speaker="Ross", prosody={"summary": "Pitch is very high."})
    argv = ("annotate", "--llm", llm, "--labels", ALPHABET, "-n", "1")
    (found,) = emocli(*argv, stdin=record).records
    prompt = found["annotations"][0]["prompt"]
    assert all(part in prompt for part in ("Well, 0.", "Ross", "The voice: Pitch is very high."))


def test_a_record_without_words_and_one_that_is_too_long_fail_alone(
    emocli: Emocli, llm: str
) -> None:
    records = [{"id": "a"}, *texts(1), {"id": "c", "text": "word " * 400}]
    argv = ("annotate", "--llm", llm, "--labels", ALPHABET, "-n", "2")
    outcome = emocli(*argv, stdin=records)
    assert outcome.status == 1
    codes = [r.get("error", {}).get("code") for r in outcome.records]
    assert codes == ["no_text", None, "prompt_too_long"]


def test_a_model_without_a_chat_template_says_so_once(emocli: Emocli, tmp_path: Path) -> None:
    folder = tiny_language.write(tmp_path / "plain", "gpt2", chat=None, limit=1024)
    argv = ("annotate", "--llm", str(folder), "--labels", ALPHABET, "-n", "4")
    outcome = emocli(*argv, stdin=texts(2))
    assert outcome.status == 0, outcome.stderr
    assert outcome.stderr.count("no chat template") == 1


def test_a_server_answers_many_questions_at_once_in_order(emocli: Emocli) -> None:
    turn = itertools.count()

    def named(question: dict[str, Any]) -> Reply:
        reply = said("joy" if "Well, 1." in text_of(question) else "anger")
        reply.late_s = 0.02 * (next(turn) % 3)
        return reply

    with serving(named) as fake:
        argv = ("annotate", "--llm-url", fake.url, "-n", "2", "--concurrency", "4")
        outcome = emocli(*argv, stdin=texts(5))
        assert fake.most_at_once == 4
        asked = {(q["temperature"], q["seed"]) for q in fake.asked}
    assert outcome.status == 0, outcome.stderr
    assert [r["id"] for r in outcome.records] == [f"u{i}" for i in range(5)]
    labels = [[a["label"] for a in r["annotations"]] for r in outcome.records]
    assert labels == [["joy"] * 2 if i == 1 else ["anger"] * 2 for i in range(5)]
    given = [a for r in outcome.records for a in r["annotations"]]
    assert asked == {(a["temperature"], a["seed"]) for a in given}
    assert {a["annotator"] for a in given} == {f"tiny@{fake.url}"}


def test_a_server_that_hears_is_sent_the_recording(
    emocli: Emocli, wav: Callable[..., Path]
) -> None:
    def heard(question: dict[str, Any]) -> Reply:
        if question["messages"][0]["role"] == "system":
            return Reply({"message": "System role not supported"}, 400)
        return said("joy")

    records = [{"id": "a", "path": str(wav(seconds=0.5))}, *texts(1)]
    with serving(heard) as fake:
        argv = ("annotate", "--llm-url", fake.url, "--audio-lm", "tiny", "-n", "1")
        outcome = emocli(*argv, stdin=records)
        (message,) = fake.asked[-1]["messages"]
    sound, asked = message["content"][-2:]
    assert "Which one emotion" in asked["text"]
    with wave.open(io.BytesIO(base64.b64decode(sound["input_audio"]["data"]))) as file:
        assert (file.getframerate(), file.getnframes(), file.getnchannels()) == (16000, 8000, 1)
        assert file.readframes(4000) != bytes(8000)
    assert outcome.records[0]["annotations"][0]["label"] == "joy"
    assert outcome.records[1]["error"]["code"] == "no_audio"


def test_tokens_are_counted_and_paid_for(emocli: Emocli, fake: Fake) -> None:
    argv = ("annotate", "--llm-url", fake.url, "-n", "2", "--price", "1,10")
    outcome = emocli(*argv, stdin=texts(3))
    cost = outcome.records[0]["annotations"][0]["cost"]
    assert (cost["prompt_tokens"], cost["answer_tokens"]) == (50, 2)
    assert cost["price"] == pytest.approx(70e-6)
    assert "300 tokens asked, 12 answered, price 0.00042" in outcome.stderr


def test_a_failure_costs_its_record_and_keeps_what_was_answered(emocli: Emocli) -> None:
    def third_fails(question: dict[str, Any]) -> Reply:
        asked = text_of(question)
        lost = "Well, 0." in asked and "Go by the words above all" in asked
        return Reply(b"", 400) if lost else said("joy")

    with serving(third_fails) as fake:
        outcome = emocli("annotate", "--llm-url", fake.url, "-n", "4", stdin=texts(2))
    assert outcome.status == 1
    assert outcome.records[0]["error"]["code"] == "server_refused"
    assert len(outcome.records[0]["annotations"]) == 2
    assert len(outcome.records[1]["annotations"]) == 4


@pytest.mark.parametrize("concurrency", ["1", "4"])
def test_no_answer_is_asked_for_twice(emocli: Emocli, tmp_path: Path, concurrency: str) -> None:
    """The first run is interrupted in the midst of a record, by a server that loses its key."""
    turn = itertools.count()

    def until_ten(_: dict[str, Any]) -> Reply:
        return said("joy") if next(turn) < 10 else Reply({"error": "no key"}, 401)

    output = tmp_path / "out.jsonl"
    argv = ("annotate", "-n", "4", "--concurrency", concurrency, "-o", str(output))
    with serving(until_ten) as fake:
        first = emocli(*argv, "--llm-url", fake.url, stdin=texts(5))
        assert first.status == 4
        assert not output.exists()
        before = [(q["seed"], text_of(q)) for q in fake.asked[:10]]
        fake.asked.clear()
        fake.reply = lambda _: said("joy")
        second = emocli(*argv, "--llm-url", fake.url, "--resume", stdin=texts(5))
        after = [(q["seed"], text_of(q)) for q in fake.asked]
    assert second.status == 0, second.stderr
    assert len(before) + len(after) == 20
    assert not set(before) & set(after)
    assert "answers of the interrupted run were kept" in second.stderr
    records = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert [len(r["annotations"]) for r in records] == [4] * 5
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_torn_line_of_kept_answers_costs_one_answer(emocli: Emocli, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    argv = ("annotate", "-n", "3", "--concurrency", "1", "-o", str(output))
    fails = {"on": True}

    def last_fails(question: dict[str, Any]) -> Reply:
        lost = fails["on"] and "Well, 1." in text_of(question)
        return Reply(b"", 400) if lost else said("joy")

    with serving(last_fails) as fake:
        assert emocli(*argv, "--llm-url", fake.url, stdin=texts(2)).status == 1
        kept = tmp_path / "out.jsonl.part.answers"
        kept.write_bytes(kept.read_bytes()[:-9])
        (tmp_path / "out.jsonl.part").unlink()
        output.unlink()
        fails["on"] = False
        fake.asked.clear()
        assert emocli(*argv, "--llm-url", fake.url, "--resume", stdin=texts(2)).status == 0
        assert len(fake.asked) == 4


def test_without_resume_everything_is_asked_again(
    emocli: Emocli, tmp_path: Path, fake: Fake
) -> None:
    output = tmp_path / "out.jsonl"
    (tmp_path / "out.jsonl.part.answers").write_text('{"key": "x"}\n')
    argv = ("annotate", "--llm-url", fake.url, "-n", "2", "-o", str(output))
    assert emocli(*argv, stdin=texts(2)).status == 0
    assert len(fake.asked) == 4
    assert [p.name for p in tmp_path.iterdir()] == ["out.jsonl"]


def test_a_model_that_cannot_hear_ends_it_with_one_line(
    emocli: Emocli, llm: str, wav: Callable[..., Path], tmp_path: Path
) -> None:
    silent = str(tiny_flamingo.build(tmp_path / "silent", chat=None))
    record = {"id": "a", "path": str(wav(seconds=0.5))}
    for folder, words in ((llm, "it reads only"), (silent, "no chat template")):
        outcome = emocli("annotate", "--audio-lm", folder, "-n", "1", stdin=[record])
        assert (outcome.status, outcome.stdout) == (3, b"")
        assert words in outcome.stderr
        assert "Traceback" not in outcome.stderr


def test_another_family_of_models_hears(
    emocli: Emocli, wav: Callable[..., Path], tmp_path: Path
) -> None:
    folder = str(tiny_flamingo.build(tmp_path / "flamingo"))
    record = {"id": "a", "path": str(wav(seconds=0.5))}
    argv = ("annotate", "--audio-lm", folder, "--labels", ALPHABET, "-n", "2", "--device", "cpu")
    (found,) = emocli(*argv, stdin=[record]).records
    assert all(a["cost"]["prompt_tokens"] > 12 for a in found["annotations"])


def test_no_memory_is_an_exit_status_of_its_own(
    emocli: Emocli, llm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")

    monkeypatch.setattr(one_answer, "sampled", full)
    monkeypatch.setattr("emocli.llm.text_annotator.sampled", full)
    outcome = emocli("annotate", "--llm", llm, "-n", "1", stdin=texts(1))
    assert outcome.status == 7
    assert outcome.records[0]["error"]["code"] == "out_of_memory"


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        (["--llm", "a", "--model", "default"], 2, "--model and --llm"),
        (["--llm-url", "http://127.0.0.1:9/v1", "--command", "x"], 2, "--command and --llm-url"),
        (["--llm-url", "http://127.0.0.1:9/v1"], 4, "refused"),
        (
            ["--llm-url", "http://127.0.0.1:9/v1", "--audio-lm", "a", "--llm", "b"],
            2,
            "one annotator",
        ),
        (["--llm", "no-such-model"], 4, "smollm2"),
        (["--price", "1"], 2, "not two prices"),
        (["--price", "1,nan"], 2, "not two prices"),
        (["--price", "-1,2"], 2, "not two prices"),
    ],
)
def test_flags_that_make_no_sense_are_refused(
    emocli: Emocli, flags: list[str], status: int, words: str
) -> None:
    outcome = emocli("annotate", *flags, stdin=texts(1))
    assert (outcome.status, outcome.stdout) == (status, b"")
    assert words in outcome.stderr
