"""Run an example in this process, and see what it does."""

from __future__ import annotations

import io
import os
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

from tests.fuzz.examples import Example, Outcome

MAY_WRITE = ("out", "store", "home", "cache", "config", "tmp")  # folders of an example
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Changes of folders; the last argument is the open folder that the name is in, or -1.
PLACED = ("os.rename", "os.remove", "os.rmdir", "os.link", "os.mkdir", "os.symlink", "os.chmod")


def prepared(example: Example, folder: Path, base: Path) -> None:
    """Make the folder of an example, and stand in it."""
    for name in MAY_WRITE:
        (folder / name).mkdir(parents=True)
    (folder / "base").symlink_to(base)
    for stored in (base / "store").rglob("*.*"):
        place = folder / "store" / stored.relative_to(base / "store")
        place.parent.mkdir(exist_ok=True)
        os.link(stored, place)
    (folder / "cache" / "models").mkdir()
    for model in (base / "models").glob("*"):
        (folder / "cache" / "models" / model.name).symlink_to(model)
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

    def begin(self, folder: Path, names: Sequence[str]) -> None:
        """Watch the next example, which may write below some names of its folder."""
        self.allowed = tuple(f"{folder / name}" for name in names)
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
                name = f"{Path(f'/proc/self/fd/{folder}').readlink()}/{name}"
            full = os.path.realpath(name)
        except (OSError, ValueError):
            return
        finally:
            self.on = True
        if not full.startswith((*self.allowed, "/dev/", "/proc/self/")):
            self.found.append(f"{event} {name!r}")


def stand_ins(unexpected: list[str]) -> None:
    """Put a speech model that says a sentence, and note where unexpected errors come from."""

    from emocli import hub
    from emocli.encoders import speech_to_text
    from emocli.encoders.decoding import Detected
    from emocli.records import failures
    from emocli.stages import transcribe

    english = Detected("en", 0.9)
    about = {"name": "stand-in", "only_language": "en", "languages": {"en"}, "pads": False}
    about |= {"detect": lambda *_: english}
    said = speech_to_text.Transcript("so here", [{"text": "so", "start": 0.0, "end": 0.1,
                                                  "probability": 0.5}], "en", 0.1)  # fmt: skip
    speech_to_text.load = lambda *_, **__: SimpleNamespace(**about)  # type: ignore[assignment]
    speech_to_text.transcribe = lambda _, waves, *__, **___: [said] * len(waves)  # type: ignore[assignment]
    located = hub.locate

    def locate(name: str, **how: Any) -> Any:
        return (Path("base"), "0") if name in transcribe.FALLBACKS else located(name, **how)

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
        self.watch.begin(folder, [""] if example.own_folder else MAY_WRITE)
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
