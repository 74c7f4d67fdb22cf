"""What `doctor` looks at: each part says what it found and never raises."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from emocli.errors import EmocliError, ExitStatus

# Package -> the module to import, where only an import shows whether it works; and what for.
CORE = {
    "ffmpeg-python": ("", "commands for ffmpeg"),
    "imageio-ffmpeg": ("imageio_ffmpeg", "an ffmpeg where the system has none"),
    "mne": ("", "EEG files"),
    "numpy": ("numpy", ""),
    "orjson": ("orjson", ""),
    "praat-parselmouth": ("parselmouth", "prosody"),
    "rich": ("", "tables"),
    "safetensors": ("safetensors", "weights"),
    "soundfile": ("soundfile", "wav and flac"),
    "soxr": ("soxr", "resampling"),
    "torch": ("torch", "networks"),
    "transformers": ("", "encoders"),
    "typer": ("", ""),
}
OPTIONAL = {
    "av": ("av", "decoding clips without starting ffmpeg; comes with faster-whisper"),
    "espeakng-loader": ("espeakng_loader", "pronunciations; extra [align]"),
    "faster-whisper": ("faster_whisper", "speech to text; extra [offline]"),
    "matplotlib": ("", "pictures; extra [plot]"),
    "pocketsphinx": ("pocketsphinx", "alignment; extra [align]"),
    "silero-vad": ("", "cutting at pauses"),
    "torchaudio": ("torchaudio", "forced alignment; extra [torchaudio]"),
    "torchvision": ("", ""),
}
IMPORT_SECONDS = 120.0  # a first import from a slow network disk; our choice


def report(mistakes: Sequence[EmocliError] = ()) -> dict[str, Any]:
    """Return all findings as one record, `problems` last; `mistakes` are those in the config."""
    packages = [_package(name, core=True) for name in CORE]
    packages += [_package(name, core=False) for name in OPTIONAL]
    models, bundle_problem = _models()
    findings: dict[str, Any] = {
        "emocli": metadata.version("emocli"),
        "programs": list(_programs()),
        "packages": packages,
        "devices": list(_devices(packages)),
        "models": models,
        "places": list(_places()),
        "fallbacks": list(_fallbacks(packages)),
    }
    wrong = [_problem(m.status, m.message, m.hint or "emocli config path") for m in mistakes]
    problems = [*wrong, *_problems(findings), *bundle_problem]
    return {**findings, "ready": not problems, "problems": problems}


def _package(name: str, *, core: bool) -> dict[str, Any]:
    module, purpose = (CORE if core else OPTIONAL)[name]
    found: dict[str, Any] = {"name": name, "version": None, "core": core, "problem": None}
    try:
        found["version"] = metadata.version(name)
    except metadata.PackageNotFoundError:
        found["problem"] = "not installed" if core else None
    if found["version"] and module:
        found["problem"] = import_problem(module)
    return {**found, "note": found["problem"] or purpose}


def import_problem(module: str) -> str | None:
    """Import a module in a process of its own, as a broken one can take others down with it.

    Returns the last line of what it died of; None when it imports.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", f"import {module}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=IMPORT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"cannot be imported: {error}"
    if done.returncode == 0:
        return None
    last = (done.stderr.strip().splitlines() or [f"exit {done.returncode}"])[-1]
    return f"cannot be imported: {last[:200]}"


def _programs() -> Iterator[dict[str, Any]]:
    yield {"name": "python", "version": platform.python_version(), "note": sys.executable}
    try:
        from emocli.signals.ffmpeg import ffmpeg_binary

        path, version = ffmpeg_binary()
        yield {"name": "ffmpeg", "version": version, "note": path}
    except (EmocliError, ImportError, OSError, subprocess.SubprocessError) as error:
        yield {"name": "ffmpeg", "version": "-", "note": str(error)}


def _devices(packages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    cores = len(os.sched_getaffinity(0))
    yield {"name": "cpu", "dtype": "float32", "what": f"{cores} cores for this process"}
    if any(p["name"] == "torch" and (p["problem"] or not p["version"]) for p in packages):
        return
    import torch

    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        dtype = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        what = f"{about.name}, {about.total_memory / 2**30:.0f} GiB"
        yield {"name": f"cuda:{number}", "dtype": dtype, "what": what}


def _models() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the models of the catalog, and what is wrong with the shipped predictor itself."""
    from emocli import hub
    from emocli.bundles import bundle

    wanted = set(hub.expand("default"))
    problems = []
    try:
        bundle.read("default")
    except EmocliError as error:
        hint = "install emocli again: pip install --force-reinstall --no-deps emocli"
        problems.append(_problem(ExitStatus.CONFIG, error.message, hint))
    rows = []
    for name in hub.catalog():
        found = hub.find(name)
        source = found.source if found else None
        rows.append({"name": name, "default": name in wanted, "here": bool(found)})
        rows[-1] |= {"source": source, "path": str(found.folder) if found else None}
    return rows, problems


def _places() -> Iterator[dict[str, Any]]:
    import tempfile

    from emocli.cli import config
    from emocli.hub import cache
    from emocli.io import store

    try:
        temporary = tempfile.gettempdir()
    except OSError:
        temporary = os.environ.get("TMPDIR") or "/tmp"
    places = {
        "config": config.path(),
        "store": store.Store().root,
        "models": cache.home(),
        "hub cache": cache.hub_cache(),
        "temporary": Path(temporary),
    }
    for name, path in places.items():
        state = "writable" if _writable(path) else "READ-ONLY"
        yield {
            "name": name,
            "state": state if path.exists() else f"{state}, new",
            "path": str(path),
        }


def _writable(path: Path) -> bool:
    """Tell whether a place, or the nearest folder above it that exists, can be written to."""
    place = next(p for p in (path, *path.parents) if p.exists())
    return os.access(place, os.W_OK)


def _fallbacks(packages: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    state = {p["name"]: p for p in packages}

    def works(name: str) -> bool:
        return bool(state[name]["version"]) and not state[name]["problem"]

    if not works("faster-whisper"):
        yield {"of": "faster-whisper", "now": "Whisper through transformers, which is slower"}
    if state["torchaudio"]["version"] and not works("torchaudio"):
        yield {"of": "torchaudio", "now": "masked, so that transformers works without it"}
    if not works("silero-vad") and not works("faster-whisper"):
        yield {"of": "silero-vad", "now": "no --segment vad: pip install silero-vad"}


def _problems(findings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for package in findings["packages"]:
        if package["core"] and package["problem"]:
            message = f"{package['name']} {package['problem']}"
            yield _problem(ExitStatus.CONFIG, message, f"pip install '{package['name']}'")
    if absent := [m["name"] for m in findings["models"] if m["default"] and not m["here"]]:
        message = f"not here: {', '.join(absent)}"
        yield _problem(ExitStatus.MODEL, message, "emocli models pull default")


def _problem(status: ExitStatus, message: str, hint: str) -> dict[str, Any]:
    return {"status": int(status), "message": message, "hint": hint}
