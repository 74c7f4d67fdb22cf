"""A server of chat completions in a thread, which answers whatever a test wants."""

from __future__ import annotations

import contextlib
import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any

MODEL = "tiny"


@dataclass
class Reply:
    """What the server sends; `late_s` passes before."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    late_s: float = 0.0
    promised: int | None = None  # bytes, if not as many as there are


def said(text: str, ended: str = "stop", **usage: int) -> Reply:
    """Return the reply of a model that says a text."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": ended}
    return Reply({"choices": [choice], "usage": usage})


@dataclass
class Fake:
    """A running server: its URL, the requests it got, and its reply to each."""

    reply: Callable[[dict[str, Any]], Reply]
    models: Any = field(default_factory=lambda: {"data": [{"id": MODEL}]})
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    most_at_once: int = 0
    now: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> Reply:
        with self.lock:
            self.headers.append(headers)
            self.now += 1
            self.most_at_once = max(self.most_at_once, self.now)
        try:
            if path.endswith("/models"):
                return self.models if isinstance(self.models, Reply) else Reply(self.models)
            question = json.loads(body)
            with self.lock:
                self.asked.append(question)
            reply = self.reply(question)
            time.sleep(reply.late_s)
            return reply
        finally:
            with self.lock:
                self.now -= 1


class _Server(socketserver.ThreadingTCPServer):
    """Not an HTTPServer, which asks for the name of its machine, and may wait for that."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128  # of five, a connection too many waits for a second


@contextlib.contextmanager
def serving(reply: Callable[[dict[str, Any]], Reply], port: int = 0, **more: Any) -> Iterator[Fake]:
    """Run a server on loopback while a test asks it."""
    fake = Fake(reply, **more)

    class Handler(BaseHTTPRequestHandler):
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            reply = fake.answer(self.path, dict(self.headers), self.rfile.read(size))
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            with contextlib.suppress(OSError):  # of a client that has left
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                size = len(body) if reply.promised is None else reply.promised
                self.send_header("Content-Length", str(size))
                self.end_headers()
                self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - of http.server

    server = _Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def text_of(question: dict[str, Any]) -> str:
    """Return what a question asks: its last message."""
    content = question["messages"][-1]["content"]
    return content if isinstance(content, str) else json.dumps(content)
