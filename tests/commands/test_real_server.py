"""--llm-url with `transformers serve` on loopback: it says what the model says in its folder."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests.conftest import Emocli
from tests.llm import tiny_language

NEEDED = ("fastapi", "uvicorn", "openai")
START_S = 120.0
# `transformers serve`, with a torchaudio masked that cannot be imported.
SERVE = """
import sys
from emocli.encoders.transformers_import import imported
imported()
from transformers.cli.transformers import main
sys.exit(main())
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(importlib.util.find_spec, NEEDED)), reason=f"needs {', '.join(NEEDED)}"
    ),
]
TEXTS = ["I can't believe it!", "Well.", "She left the house at noon."]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_language.write(tmp_path_factory.mktemp("llm") / "tiny", limit=2048))


@pytest.fixture(scope="module")
def url(model: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    home = tmp_path_factory.mktemp("hub")
    world = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(home)}
    command = [sys.executable, "-c", SERVE, "serve", model, "--port", port, "--device", "cpu"]
    command += ["--host", "127.0.0.1"]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, env=world, stdout=log, stderr=log)
        try:
            until = time.monotonic() + START_S
            while not _is_up(port):
                assert server.poll() is None, (home / "log").read_text()
                assert time.monotonic() < until, (home / "log").read_text()
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait()


def _is_up(port: str) -> bool:
    with contextlib.suppress(OSError):
        return urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1).status == 200
    return False


def test_answers_are_those_of_the_model_in_its_folder(emocli: Emocli, url: str, model: str) -> None:
    records = [{"id": str(i), "text": text} for i, text in enumerate(TEXTS)]
    flags = ("--llm", model, "--decode", "greedy")
    here = emocli("predict", *flags, stdin=records)
    served = emocli("predict", *flags, "--llm-url", url, "--concurrency", "2", stdin=records)
    assert served.status == 0, served.stderr
    for mine, other in zip(here.records, served.records, strict=True):
        assert mine["prediction"]["explanation"] == other["prediction"]["explanation"]
        assert other["prediction"]["prompting"]["answer_tokens"] > 0


def test_raters_ask_a_server_what_they_ask_a_folder(emocli: Emocli, url: str, model: str) -> None:
    records = [{"id": str(i), "text": text} for i, text in enumerate(TEXTS)]
    argv = ("annotate", "--llm", model, "-n", "2", "--labels", "a,e,i,o,u,n,t", "--exit-zero")
    here = emocli(*argv, stdin=records).records
    served = emocli(*argv, "--llm-url", url, "--concurrency", "1", stdin=records).records
    for mine, other in zip(here, served, strict=True):
        for one, another in zip(mine["annotations"], other["annotations"], strict=True):
            assert one["cost"]["prompt_tokens"] == another["cost"]["prompt_tokens"]
            assert (one["prompt"], one["seed"]) == (another["prompt"], another["seed"])


def test_a_server_pinned_to_another_model_is_refused(emocli: Emocli, url: str) -> None:
    outcome = emocli("predict", "--llm-url", url, "--llm", "/another", "--text", "Hello")
    assert (outcome.status, outcome.stdout) == (4, b"")
    assert "pinned" in outcome.stderr
    assert outcome.stderr.count("\n") == 1
