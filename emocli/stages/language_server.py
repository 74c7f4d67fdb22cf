"""The server that --llm-url names: its key, its model, how many questions it gets at once."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emocli.errors import UsageError
from emocli.pipeline.context import Context

if TYPE_CHECKING:
    from emocli.llm.server import Server

KEYS = ("EMOCLI_LLM_KEY", "OPENAI_API_KEY")  # variables; the first that is set counts


@dataclass(frozen=True)
class Served:
    """A server that is there and has the model."""

    server: Server
    concurrency: int  # questions at once


def connect(
    context: Context, url: str, model: str | None, *, timeout_s: float, concurrency: int
) -> Served:
    """Return the server after it has been asked, once, which models it has.

    Raises UsageError for values that make no sense, ModelError where it is down or has others.
    """
    from emocli.llm import http_json  # which imports urllib
    from emocli.llm.server import Server

    if not timeout_s > 0:
        raise UsageError(f"--timeout {timeout_s:g}: not a positive number of seconds")
    if concurrency < 1:
        raise UsageError(f"--concurrency {concurrency}: not a number of questions")
    server = Server(url, _key(), timeout_s)
    if context.offline and not http_json.is_here(server.url):
        raise UsageError(f"--offline: {server.url} is on another machine")
    if server.asker.key and server.url.startswith("http:") and not http_json.is_here(server.url):
        context.say("llm", f"{server.url} is not encrypted: the key can be read on the way")
    server.choose(model)
    return Served(server, concurrency)


def _key() -> str:
    """Return the key of the environment, "" without; it is in no message."""
    for variable in KEYS:
        if key := os.environ.get(variable, "").strip():
            if not re.fullmatch(r"[\x21-\x7e]+", key):
                raise UsageError(f"{variable} is no key: it has spaces or characters beyond ASCII")
            return key
    return ""
