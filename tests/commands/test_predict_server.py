"""predict --llm-url: answers of a server in words, and every way in which it may give none."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from emocli.llm import http_json
from tests.conftest import Emocli
from tests.llm.fake_server import Fake, Reply, said, serving, text_of

KEY = "sk-very-secret"
LABELS = {"Hurray!": "joy", "Oh no.": "sadness", "Stop it!": "anger"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_json, "FIRST_WAIT_S", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # which would refuse


def of_text(question: dict[str, Any]) -> Reply:
    label = next(label for text, label in LABELS.items() if text in text_of(question))
    return said(f"Emotion: {label}", prompt_tokens=70, completion_tokens=3)


@pytest.fixture
def fake() -> Iterator[Fake]:
    with serving(of_text) as running:
        yield running


def texts(*words: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": f"u{i}", "text": text, **more} for i, text in enumerate(words)]


def codes(records: list[dict[str, Any]]) -> list[str | None]:
    return [record.get("error", {}).get("code") for record in records]


def test_a_word_is_a_label_and_says_where_it_is_from(emocli: Emocli, fake: Fake) -> None:
    outcome = emocli("predict", "--llm-url", fake.url + "/", stdin=texts(*LABELS))
    assert outcome.status == 0, outcome.stderr
    found = [record["prediction"] for record in outcome.records]
    assert [p["emotion"] for p in found] == list(LABELS.values())
    assert all("probabilities" not in p and p["model"] == "tiny" for p in found)
    about = found[0]["prompting"]
    assert (about["url"], about["decode"]) == (fake.url, "word")
    assert (about["prompt_tokens"], about["answer_tokens"]) == (70, 3)
    assert len(about["sha256"]) == 16
    assert {q["temperature"] for q in fake.asked} == {0.0}


def test_the_prompt_is_that_of_a_model_in_a_folder(emocli: Emocli, fake: Fake) -> None:
    voice = {"summary": "Pitch is very high.", "description": "/a/ rises."}
    talk = texts("Hurray!", "Oh no.", dialogue="d", speaker="Ross", prosody=voice)
    argv = ("--context", "1", "--prosody", "full", "--show-prompt", "--concurrency", "1")
    outcome = emocli("predict", "--llm-url", fake.url, *argv, stdin=talk)
    system, user = fake.asked[1]["messages"]
    assert "Answer with one of these words." in system["content"]
    assert all(part in user["content"] for part in ("Hurray!", "Oh no.", *voice.values()))
    assert "Ross" not in user["content"]
    assert user["content"] in outcome.records[1]["prediction"]["prompt"]
    assert "the first prompt" in outcome.stderr


def test_a_thought_is_kept_and_what_is_no_answer_is_counted(emocli: Emocli) -> None:
    answers = iter(["<think>It rises.</think><answer>Joy</answer>", "joy", "I cannot say: not joy"])
    with serving(lambda _: said(next(answers))) as fake:
        argv = ("predict", "--llm-url", fake.url, "--decode", "greedy", "--concurrency", "1")
        outcome = emocli(*argv, stdin=texts("a", "b", "c"))
    first, second, third = (record["prediction"] for record in outcome.records)
    assert (first["emotion"], first["explanation"]) == ("joy", "It rises.")
    assert second["emotion"] is None
    assert third["warnings"]["answer"].startswith("no thought")
    assert "2 of 3 answers name no label" in outcome.stderr


@pytest.mark.parametrize(
    ("answer", "emotion"),
    [
        ("joy", "joy"),
        (" Emotion: Joy.\n", "joy"),
        ("<think>hm</think>\n\nanger", "anger"),
        ("not joy", None),
        ("joy, anger", None),
        ("", None),
    ],
)
def test_a_word_is_read_strictly(emocli: Emocli, answer: str, emotion: str | None) -> None:
    with serving(lambda _: said(answer)) as fake:
        (record,) = emocli("predict", "--llm-url", fake.url, "--text", "Well").records
    assert record["prediction"]["emotion"] == emotion
    assert ("warnings" in record["prediction"]) == (emotion is None)


def test_numbers_are_read_as_they_are_said(emocli: Emocli) -> None:
    with serving(lambda _: said("2")) as fake:
        argv = ("predict", "--llm-url", fake.url, "--template", "sentiment", "--text", "Well")
        (record,) = emocli(*argv).records
    assert record["prediction"]["sentiment"] == 2
    assert record["prediction"]["emotion"] is None


def test_several_are_asked_at_once_and_order_is_kept(emocli: Emocli) -> None:
    turn = itertools.count()

    def slower_first(question: dict[str, Any]) -> Reply:
        reply = of_text(question)
        reply.late_s = 0.1 / (1 + next(turn))
        return reply

    with serving(slower_first) as fake:
        argv = ("predict", "--llm-url", fake.url, "--concurrency", "3")
        outcome = emocli(*argv, stdin=texts(*LABELS, *LABELS, *LABELS))
        assert fake.most_at_once == 3
    assert [r["prediction"]["emotion"] for r in outcome.records] == [*LABELS.values()] * 3
    assert [r["id"] for r in outcome.records] == [f"u{i}" for i in range(9)]


@pytest.mark.parametrize(
    "refusal",
    [
        Reply({"error": {"message": "slow down"}}, 429, {"Retry-After": "0.01"}),
        Reply(b"<html><body>oops</body></html>", 500),
        Reply(b"", 503),
        Reply(b'{"choices": ', promised=500),  # and then the line is cut
    ],
)
def test_what_may_pass_is_tried_again(emocli: Emocli, refusal: Reply) -> None:
    turn = itertools.count()
    with serving(lambda q: refusal if next(turn) < 2 else of_text(q)) as fake:
        outcome = emocli("predict", "--llm-url", fake.url, stdin=texts("Hurray!"))
        assert len(fake.asked) == 3
    assert outcome.records[0]["prediction"]["emotion"] == "joy"
    assert outcome.status == 0


@pytest.mark.parametrize(
    ("reply", "code", "words", "times"),
    [
        (Reply({"error": "busy"}, 429), "server_busy", "HTTP 429 Too Many Requests: busy", 6),
        (Reply({}, 429, {"Retry-After": "3600"}), "server_busy", "429", 1),
        (Reply(b"<h1>Oops</h1>", 500), "server_failed", "HTTP 500 Internal Server Error: Oops", 6),
        (Reply({"detail": "no logits"}, 400), "server_refused", "400 Bad Request: no logits", 1),
        (Reply(b"<html>Hello</html>"), "server_nonsense", "<html>Hello", 1),
        (Reply({"choices": []}), "server_nonsense", "choices", 1),
        (Reply([1]), "server_nonsense", "[1]", 1),
        (Reply({"choices": [{"message": {"content": 3}}]}), "server_nonsense", "content", 1),
        (Reply(b"", 302, {"Location": "http://127.0.0.1:9/"}), "server_refused", "302", 1),
        (Reply(b"", late_s=0.6), "server_timeout", "no answer within 0.3 s", 1),
    ],
)
def test_a_record_that_gets_no_answer_fails_alone(
    emocli: Emocli, reply: Reply, code: str, words: str, times: int
) -> None:
    def one_fails(question: dict[str, Any]) -> Reply:
        return reply if "Stop" in text_of(question) else of_text(question)

    with serving(one_fails) as fake:
        argv = ("predict", "--llm-url", fake.url, "--timeout", "0.3")
        outcome = emocli(*argv, stdin=texts("Hurray!", "Stop it!", "Oh no."))
        assert len(fake.asked) == times + 2
    assert outcome.status == 1
    assert codes(outcome.records) == [None, code, None]
    assert words in outcome.records[1]["error"]["message"]


def test_an_answer_that_never_ends_is_cut_and_said_to_be(emocli: Emocli) -> None:
    with serving(lambda _: said("joy joy joy", ended="length")) as fake:
        (record,) = emocli("predict", "--llm-url", fake.url, "--text", "Well").records
        assert fake.asked[-1]["max_tokens"] == 16
    assert "cut after 16 tokens" in record["prediction"]["warnings"]["answer"]


def test_a_prompt_that_is_too_long_loses_its_oldest_turns(emocli: Emocli) -> None:
    def short(question: dict[str, Any]) -> Reply:
        if len(text_of(question)) > 120:
            message = "This model's maximum context length is 99 tokens."
            return Reply({"message": message}, 400)
        return of_text(question)

    talk = [*texts("w" * 90, "Oh no.", "Hurray!", dialogue="d"), *texts("v" * 130, dialogue="e")]
    with serving(short) as fake:
        outcome = emocli("predict", "--llm-url", fake.url, "--context", "2", stdin=talk[1:])
        whole = emocli("predict", "--llm-url", fake.url, "--context", "2", stdin=talk)
    assert codes(outcome.records)[:2] == [None, None]
    assert codes(whole.records)[-1] == "prompt_too_long"
    told = whole.records[2]["prediction"]["warnings"]["context"]
    assert told == "1 of 2 turns left out: the prompt would be too long"


def test_a_model_without_system_messages_is_asked_in_one(emocli: Emocli) -> None:
    def plain(question: dict[str, Any]) -> Reply:
        if question["messages"][0]["role"] == "system":
            return Reply({"message": "System role not supported"}, 400)
        return of_text(question)

    with serving(plain) as fake:
        outcome = emocli("predict", "--llm-url", fake.url, stdin=texts("Hurray!"))
    assert outcome.records[0]["prediction"]["emotion"] == "joy"


def closed() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/v1"


@pytest.mark.parametrize(
    ("models", "llm", "status", "words"),
    [
        ({"data": [{"id": "other"}]}, "tiny", 4, "has no model tiny (it has other)"),
        ({"data": [{"id": "a"}, {"id": "b"}]}, None, 2, "has 2 models: a, b (--llm a names one)"),
        ({"data": []}, None, 2, "has no list of models"),
        (Reply(b"<html>Welcome</html>"), "tiny", 4, "no chat completions: '<html>Welcome</html>'"),
        ({"hello": 1}, "tiny", 4, "no chat completions"),
        (Reply(b"", late_s=0.0, status=503), "tiny", 4, "HTTP 503"),
        (Reply({"error": {"message": "bad key"}}, 401), "tiny", 4, "EMOCLI_LLM_KEY"),
    ],
)
def test_a_server_without_the_model_ends_it_before_any_record(
    emocli: Emocli, models: Any, llm: str | None, status: int, words: str
) -> None:
    with serving(of_text, models=models) as fake:
        argv = ["--llm", llm] if llm else []
        outcome = emocli("predict", "--llm-url", fake.url, *argv, stdin=texts("Hurray!"))
        assert fake.asked == []
    assert (outcome.status, outcome.stdout) == (status, b"")
    assert words in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_a_server_that_is_down_is_one_line(emocli: Emocli) -> None:
    outcome = emocli("predict", "--llm-url", closed(), stdin=texts("Hurray!"))
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert "Connection refused (is the server running?)" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("models", [Reply(b"", 500), Reply(b"", 404), {"data": []}])
def test_a_server_that_lists_no_models_is_asked_for_one(emocli: Emocli, models: Any) -> None:
    def only_tiny(question: dict[str, Any]) -> Reply:
        if question["model"] != "tiny":
            return Reply({"detail": "Server is pinned to 'tiny'"}, 400)
        return said("joy")

    with serving(only_tiny, models=models) as fake:
        argv = ("predict", "--llm-url", fake.url, "--llm")
        good = emocli(*argv, "tiny", stdin=texts("Hurray!"))
        bad = emocli(*argv, "huge", stdin=texts("Hurray!"))
    assert good.records[0]["prediction"]["emotion"] == "joy"
    assert (bad.status, bad.stdout) == (4, b"")
    assert "pinned to 'tiny'" in bad.stderr


@pytest.mark.parametrize("variable", ["EMOCLI_LLM_KEY", "OPENAI_API_KEY"])
def test_the_key_is_sent_and_shown_nowhere(
    emocli: Emocli, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, variable: str
) -> None:
    def tells(question: dict[str, Any]) -> Reply:
        if "Stop" in text_of(question):
            return Reply({"error": {"message": f"wrong key {KEY}"}}, 400)
        return said(f"<think>The key is {KEY}</think><answer>joy</answer>")

    monkeypatch.setenv(variable, f" {KEY}\n")
    output = tmp_path / "answers.jsonl"
    with serving(tells) as fake:
        argv = ("predict", "--llm-url", fake.url, "--decode", "greedy", "--show-prompt")
        outcome = emocli(*argv, "-o", str(output), stdin=texts("Hurray!", "Stop it!"))
        assert {h["Authorization"] for h in fake.headers} == {f"Bearer {KEY}"}
    assert outcome.status == 1
    everything = outcome.stderr + "".join(p.read_text() for p in tmp_path.iterdir())
    assert "***" in everything
    assert KEY not in everything


def test_a_key_that_is_none_is_not_repeated(
    emocli: Emocli, monkeypatch: pytest.MonkeyPatch, fake: Fake
) -> None:
    monkeypatch.setenv("EMOCLI_LLM_KEY", "secret\nkey")
    outcome = emocli("predict", "--llm-url", fake.url, stdin=texts("Hurray!"))
    assert outcome.status == 2
    assert "secret" not in outcome.stderr


@pytest.mark.parametrize(
    ("flags", "status", "words"),
    [
        (["--llm-url", "http://me:secret@127.0.0.1/v1"], 2, "no user and no password"),
        (["--llm-url", "127.0.0.1:8000"], 2, "not the base URL"),
        (["--llm-url", "http://127.0.0.1:8000/v1?key=secret"], 2, "not the base URL"),
        (["--llm-url", "http://127.0.0.1:port/v1"], 2, "not a URL"),
        (["--llm-url", "ftp://127.0.0.1/"], 2, "not the base URL"),
        (["--llm-url", "http://example.com/v1", "--offline"], 2, "on another machine"),
        (["--llm-url", "URL", "--timeout", "0"], 2, "--timeout 0"),
        (["--llm-url", "URL", "--concurrency", "0"], 2, "concurrency"),
        (["--llm-url", "URL", "--prior", "content-free"], 2, "no probabilities"),
        (["--llm-url", "URL", "--decode", "thought"], 2, "no probabilities"),
        (["--llm-url", "URL", "--abstain", "0.5"], 2, "no probabilities"),
        (["--llm-url", "URL", "--model", "other"], 2, "only one of them"),
        (["--llm-url", "URL", "--model", "default"], 2, "only one of them"),
        (["--concurrency", "8"], 2, "--concurrency is about a server"),
        (["--timeout", "60"], 2, "--timeout is about a server"),
        (["--llm-url", "URL", "--template", "emotions"], 3, "unknown template"),
    ],
)
def test_flags_that_make_no_question_are_refused(
    emocli: Emocli, fake: Fake, flags: list[str], status: int, words: str
) -> None:
    argv = [fake.url if flag == "URL" else flag for flag in flags]
    outcome = emocli("predict", *argv, "--text", "Hello")
    assert outcome.status == status, outcome.stderr
    assert words in outcome.stderr
    assert "secret" not in outcome.stderr
    assert outcome.stdout == b""


def test_resuming_asks_only_what_failed(emocli: Emocli, tmp_path: Any) -> None:
    broken = {"Stop it!"}

    def fails(question: dict[str, Any]) -> Reply:
        if any(text in text_of(question) for text in broken):
            return Reply(b"", 400)
        return of_text(question)

    with serving(fails) as fake:
        argv = ("predict", "--llm-url", fake.url, "-o", str(tmp_path / "a.jsonl"), "--resume")
        assert emocli(*argv, stdin=texts(*LABELS)).status == 1
        broken.clear()
        fake.asked.clear()
        again = (*argv, "--concurrency", "2", "--timeout", "5")
        assert emocli(*again, stdin=texts(*LABELS)).status == 0
        assert len(fake.asked) == 1


def test_torch_is_not_imported_for_a_server(fake: Fake) -> None:
    code = (
        "import sys; from emocli.cli import main;"
        f"main.run(['predict', '--llm-url', '{fake.url}', '--text', 'Oh no.'],"
        " sys.stdin.buffer, sys.stdout.buffer, sys.stderr);"
        "print(*sorted({'torch', 'transformers', 'peft'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "", done.stdout
