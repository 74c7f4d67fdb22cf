"""Run examples, each in a process of its own: `python -m tests.fuzz.worker WORLD NAME`.

The worker imports everything once and forks a child for some examples, which it runs one after the
other, without what functions remember. An example that breaks a promise is run again in a child of
its own: only what happens there counts. Tasks come pickled on stdin, results leave on stdout.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import os
import pickle
import pkgutil
import resource
import select
import shutil
import signal
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from tests.fuzz import promises
from tests.fuzz.examples import Example, Outcome, Result, Task

TIMEOUT_S = 20.0
MEMORY_BYTES = 3 << 30  # beyond what the imports take
FILE_BYTES = 1 << 30
MAY_WRITE = ("out", "store", "home", "cache", "config", "tmp")  # folders of an example
LENGTH = struct.Struct("<Q")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Changes of folders; the last argument of most of them is the open folder in which the name is.
PLACED = ("os.rename", "os.remove", "os.rmdir", "os.link", "os.mkdir", "os.symlink", "os.chmod")


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


def prepared(example: Example, folder: Path, base: Path) -> None:
    """Make the folder of an example, and stand in it."""
    for name in MAY_WRITE:
        (folder / name).mkdir(parents=True)
    (folder / "base").symlink_to(base)
    for stored in (base / "store").rglob("*.*"):
        place = folder / "store" / stored.relative_to(base / "store")
        place.parent.mkdir(exist_ok=True)
        os.link(stored, place)
    for name, data in example.files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        if data is not None:
            place.write_bytes(data)
    os.chdir(folder)
    os.environ |= {
        "HOME": str(folder / "home"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "EMOCLI_CACHE_DIR": str(folder / "cache"),
        "EMOCLI_STORE": str(folder / "store"),
        "TMPDIR": str(folder / "tmp"),
    }
    tempfile.tempdir = None


class Watch:
    """Notes what is written elsewhere than where an example may write, and calls of a network."""

    def __init__(self) -> None:
        self.allowed: tuple[str, ...] = ()
        self.found: list[str] = []
        self.on = False

    def begin(self, folder: Path) -> None:
        """Watch the next example, which has this folder."""
        self.allowed = tuple(f"{folder / name}" for name in MAY_WRITE)
        self.found = []
        self.on = True

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "socket.connect":
            self.found.append(f"{event} {arguments[1]!r}")
        elif event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & WRITING:
                self._look(event, path)
        elif event in PLACED:
            two = event in ("os.rename", "os.link")
            for path in arguments[1:2] if event == "os.symlink" else arguments[: 1 + two]:
                self._look(event, path, arguments[-1])

    def _look(self, event: str, path: Any, folder: Any = -1) -> None:
        if isinstance(path, int) or path is None:
            return
        self.on = False
        try:
            name = os.fsdecode(path)
            if isinstance(folder, int) and folder >= 0:
                name = f"{os.readlink(f'/proc/self/fd/{folder}')}/{name}"
            full = os.path.realpath(name)
        except (OSError, ValueError):
            return
        finally:
            self.on = True
        if not full.startswith((*self.allowed, "/dev/", "/proc/self/")):
            self.found.append(f"{event} {name!r}")


def stand_ins(unexpected: list[str]) -> None:
    """Put a speech model that says a sentence, and note where unexpected errors come from."""
    from types import SimpleNamespace

    from emocli import hub
    from emocli.encoders import speech_to_text
    from emocli.records import failures
    from emocli.stages import transcribe

    about = {"name": "stand-in", "only_language": "en", "languages": {"en"}, "pads": False}
    said = speech_to_text.Transcript("so here", [{"text": "so", "start": 0.0, "end": 0.1,
                                                  "probability": 0.5}], "en", 0.1)  # fmt: skip
    speech_to_text.load = lambda *_, **__: SimpleNamespace(**about)  # type: ignore[assignment]
    speech_to_text.transcribe = lambda _, waves, *__, **___: [said] * len(waves)  # type: ignore[assignment]
    located = hub.locate

    def locate(name: str, **how: Any) -> Any:
        return (Path("base"), "0") if name == transcribe.DEFAULT else located(name, **how)

    hub.locate = locate
    problem = failures.problem

    def noted(stage: str, error: Exception) -> dict[str, str]:
        found = problem(stage, error)
        if found["code"] == "unexpected":
            unexpected.append(f"{type(error).__name__}: {error} at {origin(error.__traceback__)}")
        return found

    failures.problem = noted


def origin(frames: TracebackType | None) -> str:
    """Return the innermost place in emocli of a traceback."""
    places = [f for f in traceback.extract_tb(frames) if "/emocli/" in f.filename]
    if not places:
        return "?"
    last = places[-1]
    return f"emocli/{last.filename.rpartition('/emocli/')[2]}:{last.lineno}"


class Runner:
    """Runs examples in this process, which ends afterwards."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.unexpected: list[str] = []
        stand_ins(self.unexpected)
        self.remembered = remembered()
        self.watch = Watch()
        sys.addaudithook(self.watch)
        warnings.simplefilter("always")

    def __call__(self, example: Example, folder: Path) -> Outcome:
        """Run one example in a folder of its own."""
        from emocli.cli import main

        prepared(example, folder, self.base)
        for function in self.remembered:
            function.cache_clear()
        self.unexpected.clear()
        leak = os.open("tmp/leak", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(leak, 1)
        os.dup2(leak, 2)
        stdout, stderr, trace, status = io.BytesIO(), io.StringIO(), "", None
        before, begin = _peak_mb(), time.monotonic()
        self.watch.begin(folder)
        try:
            status = int(main.run(example.argv, io.BytesIO(example.stdin), stdout, stderr))
        except BaseException as error:  # also SystemExit
            place = origin(error.__traceback__)
            trace = f"{type(error).__name__}: {str(error)[:300]} at {place}"
            stderr.write("".join(traceback.format_exception(error)))
        self.watch.on = False
        outcome = Outcome(
            status,
            stdout.getvalue(),
            stderr.getvalue(),
            leaked=_leaked(leak),
            traceback=trace,
            unexpected=tuple(self.unexpected),
            wrote=tuple(dict.fromkeys(self.watch.found)),
            same=_contents(example.same),
            seconds=time.monotonic() - begin,
            grown_mb=_peak_mb() - before,
        )
        os.chdir(self.base)
        shutil.rmtree(folder)
        return outcome


def remembered() -> list[Any]:
    """Return the functions of emocli that keep their results."""
    modules = [m for name, m in sys.modules.items() if name.startswith("emocli")]
    values = [value for module in modules for value in vars(module).values()]
    return [value for value in values if hasattr(value, "cache_clear")]


def _leaked(handle: int) -> str:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    found = os.pread(handle, 1 << 20, 0).decode("utf-8", "surrogateescape")
    os.close(handle)
    return found


def _contents(name: str | None) -> bytes | None:
    return Path(name).read_bytes() if name and Path(name).is_file() else None


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


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
    for example, outcome in zip(task.examples, outcomes, strict=True):
        broken = promises.broken(example, outcome, task.whole)
        if broken and len(task.examples) > 1:
            outcome = next(forked([example], folder, base))
            broken = promises.broken(example, outcome, task.whole)
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
