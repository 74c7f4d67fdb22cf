"""Fixtures: the command line in process, records, sounds, and the pretrained models."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import pytest

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does
# The networks here are small: a second thread for them costs twice the CPU time and is no faster.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# glibc keeps what models leave behind, up to 600 MB; blocks from 1 MiB on are given back at once.
M_MMAP_THRESHOLD = -3
with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL("libc.so.6").mallopt(M_MMAP_THRESHOLD, 1 << 20)

RATE_HZ = 16000
HOMES = itertools.count()

# The real cache keeps the pretrained models; everything else that tests write goes elsewhere.
USER_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emocli"
USER_MODELS = Path(os.environ.get("EMOCLI_CACHE_DIR") or USER_CACHE)
# Made networks stand for these, which come from a registry that not everybody can reach.
FACES = ("face-detector", "face-expression")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes most memory: a process grows by 300 MB as tests import things."""

    def needs(item: pytest.Item) -> tuple[int, bool]:
        large = item.get_closest_marker("large")
        models = "default_models" in getattr(item, "fixturenames", ())
        return large.kwargs["mb"] if large else 0, models

    items.sort(key=needs, reverse=True)


def pytest_collection_finish() -> None:
    """Let garbage be looked for among what tests make, not among half a million things to stay.

    Python collects cycles when a quarter more objects are there, and then with whole models.
    """
    gc.collect()
    gc.freeze()


@dataclass
class Outcome:
    """What a command line did."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def records(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.stdout.splitlines()]


Emocli = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's config, store and variables out of the tests."""
    for name in [n for n in os.environ if n.startswith("EMOCLI_")]:
        monkeypatch.delenv(name)
    home = tmp_path_factory.getbasetemp() / f"home-{next(HOMES)}"  # mktemp would list them all
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.setenv("EMOCLI_STORE", str(home / "store"))
    cache = home / "cache"  # with the models of the user, and notes on outputs of its own
    (cache / "models").mkdir(parents=True)
    (cache / "folders").symlink_to(USER_MODELS / "folders")
    models = USER_MODELS / "models"
    for model in models.iterdir() if models.is_dir() else ():
        if model.name not in FACES:
            (cache / "models" / model.name).symlink_to(model)
    for name in FACES:  # is there once a test asks for `made_faces`
        (cache / "models" / name).symlink_to(tmp_path_factory.getbasetemp() / "faces" / name)
    monkeypatch.setenv("EMOCLI_CACHE_DIR", str(cache))
    # Tests run on all cores already; what is about workers asks for them with --jobs.
    monkeypatch.setenv("EMOCLI_JOBS", "1")


@pytest.fixture
def emocli() -> Emocli:
    """Run a command line in this process: emocli("merge", "-", stdin=records)."""
    from emocli.cli import main

    def call(*argv: str, stdin: bytes | Sequence[dict[str, Any]] = b"") -> Outcome:
        if not isinstance(stdin, bytes):
            stdin = b"".join(orjson.dumps(r) + b"\n" for r in stdin)
        stdout, stderr = io.BytesIO(), io.StringIO()
        status = main.run(list(argv), io.BytesIO(stdin), stdout, stderr)
        return Outcome(int(status), stdout.getvalue(), stderr.getvalue())

    return call


@pytest.fixture
def tone() -> Callable[..., np.ndarray]:
    """Make a vowel-like sound: harmonics of f0 that fall by 6 dB each octave."""

    def make(seconds: float = 1.0, f0_hz: float = 150.0, level: float = 0.1) -> np.ndarray:
        time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
        wave = sum(np.sin(2 * np.pi * f0_hz * k * time) / k for k in range(1, 20))
        return (level * wave / np.abs(wave).max()).astype(np.float32)

    return make


@pytest.fixture
def wav(tmp_path: Path, tone: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Write a sound: wav("a.wav", seconds=2.0) -> path."""
    import soundfile

    def write(name: str = "tone.wav", **how: float) -> Path:
        path = tmp_path / name
        soundfile.write(path, tone(**how), RATE_HZ)
        return path

    return write


@pytest.fixture
def nobody_speaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Load no speech-to-text model (0.7 s, 300 MB): in these sounds it is never asked."""
    from emocli.encoders import speech_to_text

    asked: list[Any] = []
    about = {"name": "faster-whisper", "only_language": "en", "languages": {"en"}, "pads": False}
    idle = SimpleNamespace(**about, decode=lambda *arguments: asked.append(arguments))
    monkeypatch.setattr(speech_to_text, "load", lambda *_, **__: idle)
    yield
    assert not asked, "somebody speaks: this needs the model itself"


@pytest.fixture
def tones_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let bundles judge sounds in which nobody speaks, where a test is about something else."""
    from emocli.bundles import refusals

    monkeypatch.delitem(refusals.BY_MODALITY, "audio")


@pytest.fixture(scope="session")
def made_faces(tmp_path_factory: pytest.TempPathFactory) -> None:
    """See to it that there are networks of faces: random weights, and a detector of skin."""
    from tests.encoders import tiny_faces

    tiny_faces.installed(tmp_path_factory.getbasetemp() / "faces")


@pytest.fixture(scope="session")
def default_models(made_faces: None) -> Path:
    """See to it that the pretrained models of the default predictor, and of faces, are there."""
    from emocli import hub

    patch = pytest.MonkeyPatch()
    patch.setenv("EMOCLI_CACHE_DIR", str(USER_MODELS))
    for name in hub.expand("default"):
        if name not in FACES:
            hub.pull(name)
    patch.undo()
    return USER_MODELS


def pulled(name: str) -> Path:
    """Return the folder of a pretrained model with its real weights; skip the test without it."""
    folder = USER_MODELS / "models" / name
    if not (folder / "manifest.json").is_file():
        pytest.skip(f"{name} is not pulled")
    return folder
