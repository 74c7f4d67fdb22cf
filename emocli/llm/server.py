"""A language model behind a server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama.

https://platform.openai.com/docs/api-reference/chat: GET /models, POST /chat/completions. Only what
all of these servers share is sent: messages, max_tokens, temperature, seed. Answers are text.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emocli.errors import ModelError, RecordError, UsageError
from emocli.llm import http_json
from emocli.llm.http_json import Asker, RefusedError

LISTED = 5  # models that a message names
PROBE = [{"role": "user", "content": "Hello"}]
# How servers say that a prompt is too long: OpenAI and vLLM, llama.cpp, TGI.
TOO_LONG = re.compile(
    r"context.?(length|size|window)|too long|too many tokens|n_ctx|`?max_.*tokens"
)
NO_SYSTEM = re.compile(r"system\b.*(role|message|prompt)|roles must alternate", re.IGNORECASE)


@dataclass(frozen=True)
class Completion:
    """What a model said, and its cost as far as the server tells it."""

    text: str
    cut: bool  # it had not ended
    cost: Mapping[str, int]  # prompt_tokens, answer_tokens
    seconds: float


class Server:
    """A model of a server. Questions may be asked from several threads at once."""

    def __init__(self, url: str, key: str = "", timeout_s: float = 60.0) -> None:
        self.asker = Asker(http_json.checked(url, "--llm-url"), key, timeout_s)
        self.model = ""
        self.has_system = True  # until it refuses such a message

    @property
    def url(self) -> str:
        """The base URL, which has no user and no password."""
        return self.asker.url

    def choose(self, model: str | None) -> str:
        """Return the model that is asked from now on: the one named, or the only one served.

        Raises ModelError where the server is down or has no such model, UsageError where it has
        several and none is named.
        """
        try:
            served = self.models()
            if model is None and len(served) != 1:
                what = f"{len(served)} models: {_few(served)}" if served else "no list of models"
                hint = f"--llm {served[0] if served else 'NAME'}"
                raise UsageError(f"{self.url} has {what}", hint=f"{hint} names one")
            self.model = _match(model, served) if model else served[0]
            if not self.model:
                raise ModelError(f"{self.url} has no model {model}", hint=f"it has {_few(served)}")
            if self.model not in served:  # some servers load what is not in their list
                self.complete(PROBE, tokens=1)
        except RecordError as error:
            raise ModelError(error.message, hint=error.hint) from None
        return self.model

    def models(self) -> list[str]:
        """Return the models that a server lists; none if it has no such list."""
        try:
            found = self.asker.ask("/models", tries=1)
        except RefusedError as refusal:
            if not refusal.http or refusal.http in (429, 502, 503, 504):
                raise
            return []
        listed = found.get("data")
        if not isinstance(listed, list):
            raise http_json.nonsense(self.url, found)
        return [m["id"] for m in listed if isinstance(m, dict) and isinstance(m.get("id"), str)]

    def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        tokens: int,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Completion:
        """Return the answer to a conversation, of at most so many tokens.

        A model that knows no system message gets it before the question. Raises RecordError, with
        the code prompt_too_long where the server says so.
        """
        started = time.perf_counter()
        sent = messages if self.has_system else joined(messages)
        body = {
            "model": self.model,
            "messages": list(sent),
            "max_tokens": tokens,
            "temperature": temperature,
            "seed": seed,
        }
        try:
            found = self.asker.ask("/chat/completions", body)
        except RefusedError as refusal:
            if refusal.http >= 400 and len(sent) > 1 and NO_SYSTEM.search(refusal.message):
                self.has_system = False
                return self.complete(messages, tokens=tokens, temperature=temperature, seed=seed)
            if refusal.http in (400, 413, 422, 500) and TOO_LONG.search(refusal.message):
                raise RecordError("prompt_too_long", refusal.message) from None
            raise
        return self._read(found, time.perf_counter() - started)

    def _read(self, found: Mapping[str, Any], seconds: float) -> Completion:
        try:
            choice = found["choices"][0]
            text = choice["message"]["content"] or ""
            if not isinstance(text, str):
                raise TypeError
            ended = choice.get("finish_reason")
        except (KeyError, IndexError, TypeError, AttributeError):
            raise http_json.nonsense(self.url, found) from None
        return Completion(text, ended == "length", _cost(found.get("usage")), seconds)


def _cost(usage: Any) -> dict[str, int]:
    """Return the numbers of tokens that a server counted, as far as it says them."""
    told = {"prompt_tokens": "prompt_tokens", "answer_tokens": "completion_tokens"}
    given = usage if isinstance(usage, dict) else {}
    return {name: given[key] for name, key in told.items() if type(given.get(key)) is int}


def joined(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    r"""Return a conversation of one message: the role and the question in one text.

    >>> joined([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}])
    [{'role': 'user', 'content': 'a\n\nb'}]
    """
    *roles, asked = (message["content"] for message in messages)
    if isinstance(asked, str):
        return [{"role": "user", "content": "\n\n".join([*roles, asked])}]
    told = [{"type": "text", "text": role} for role in roles]  # beside a recording
    return [{"role": "user", "content": [*told, *asked]}]


def _match(model: str, served: Sequence[str]) -> str:
    """Return a model as a server calls it, "" if it has others only.

    A folder need not be listed (transformers serve), and Ollama adds a tag.
    """
    if not served or model in served or model.startswith(("/", "./", "../")):
        return model
    return next((name for name in served if name == f"{model}:latest"), "")


def _few(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > LISTED else ""
    return (", ".join(names[:LISTED]) or "none") + more
