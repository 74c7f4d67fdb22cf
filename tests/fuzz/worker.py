"""Run examples, each in a process of its own: `python -m tests.fuzz.worker WORLD NAME`.

The worker imports everything once and forks a child for some examples, which it runs one after the
other, without what functions remember. An example that breaks a promise is run again in a child of
its own: only what happens there counts. Tasks come pickled on stdin, results leave on stdout.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import pkgutil
import resource
import select
import shutil
import signal
import struct
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tests.fuzz import promises
from tests.fuzz.examples import Example, Outcome, Result, Task
from tests.fuzz.running import Runner

TIMEOUT_S = 20.0
MEMORY_BYTES = 3 << 30  # beyond what the imports take
FILE_BYTES = 1 << 30
LENGTH = struct.Struct("<Q")


def preload() -> None:
    """Import all of emocli, and what it imports late."""
    import emocli

    for module in pkgutil.walk_packages(emocli.__path__, "emocli."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in LATE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    from emocli.encoders.transformers_import import imported

    imported()
    gc.collect()
    gc.freeze()


LATE = (
    *("torch", "torch.nn.attention", "safetensors.torch", "safetensors.numpy", "numpy.random"),
    *("parselmouth", "soundfile", "soxr", "av", "matplotlib.backends.backend_agg", "typer.testing"),
    *("matplotlib.figure", "faster_whisper", "faster_whisper.vad", "pocketsphinx", "scipy.stats"),
    *("scipy.signal", "scipy.optimize", "tomllib", "hashlib", "gzip", "csv", "concurrent.futures"),
    *("tempfile", "tarfile", "difflib", "multiprocessing.pool", "imageio_ffmpeg", "ffmpeg", "rich"),
    *("rich.table", "rich.console", "torch._dynamo", "torch.optim.adamw", "huggingface_hub"),
    *("onnxruntime", "mne", "secrets", "email", "importlib.metadata"),
)


def _limited() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def forked(examples: list[Example], folder: Path, base: Path) -> Iterator[Outcome]:
    """Run examples in a child until one does not end well; yield what they did."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(examples, folder, base, writing)
    os.close(writing)
    last = None
    with os.fdopen(reading, "rb", buffering=0) as stream:
        for _ in examples:
            last = _received(stream)
            if isinstance(last, str):
                break
            yield last
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, ended = os.waitpid(child, 0)
    if isinstance(last, str):
        yield Outcome(ended=last or f"died of signal {ended & 0x7F}, exit {ended >> 8}")


def _child(examples: list[Example], folder: Path, base: Path, writing: int) -> None:
    os.setsid()
    status = 1
    try:
        _limited()
        runner = Runner(base)
        with os.fdopen(writing, "wb") as stream:
            for example in examples:
                shutil.rmtree(folder, ignore_errors=True)
                send(stream, runner(example, folder))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _received(stream: BinaryIO) -> Outcome | str:
    """Return the next outcome; "hang" if it does not come in time, "" if none comes."""
    until, data, wanted = time.monotonic() + TIMEOUT_S, b"", LENGTH.size
    while len(data) < wanted:
        left = until - time.monotonic()
        if left <= 0 or not select.select([stream], [], [], left)[0]:
            return "hang"
        part = stream.read(wanted - len(data))
        if not part:
            return ""
        data += part
        if wanted == len(data) == LENGTH.size:
            wanted += LENGTH.unpack(data)[0]
    return pickle.loads(data[LENGTH.size :])


def done(task: Task, folder: Path, base: Path) -> list[Result]:
    """Run the examples of a task; those that break a promise again, and alone."""
    outcomes: list[Outcome] = []
    while len(outcomes) < len(task.examples):
        outcomes += forked(task.examples[len(outcomes) :], folder, base)
    results: list[Result] = []
    wholes = task.wholes or [None] * len(outcomes)
    for example, outcome, whole in zip(task.examples, outcomes, wholes, strict=True):
        broken = promises.broken(example, outcome, whole)
        if broken and len(task.examples) > 1:
            outcome = next(forked([example], folder, base))
            broken = promises.broken(example, outcome, whole)
        results.append((example, outcome, broken))
    return results


def receive(stream: BinaryIO) -> Any:
    """Return the next object of a stream; None at its end."""
    head = stream.read(LENGTH.size)
    return pickle.loads(stream.read(LENGTH.unpack(head)[0])) if head else None


def send(stream: BinaryIO, thing: Any) -> None:
    """Write an object to a stream."""
    data = pickle.dumps(thing)
    stream.write(LENGTH.pack(len(data)) + data)
    stream.flush()


def serve(world: Path, name: str) -> None:
    """Run the examples that come on stdin, until there are no more."""
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    preload()
    # One name for all of them, so that messages, and what depends on names, are the same each time.
    folder = world / name
    while (task := receive(stdin)) is not None:
        send(stdout, done(task, folder, world / "base"))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
