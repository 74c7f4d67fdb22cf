"""The checks of `doctor`: each returns its findings and never raises."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from emocli.cli import serving
from emocli.errors import EmocliError, ExitStatus

# Package -> (module to import, where only an import shows whether it works; what it is used for).
CORE = {
    "ffmpeg-python": ("", "running ffmpeg"),
    "imageio-ffmpeg": ("imageio_ffmpeg", "ffmpeg, where the system has none"),
    "mne": ("", "EEG files"),
    "numpy": ("numpy", ""),
    "orjson": ("orjson", ""),
    "praat-parselmouth": ("parselmouth", "prosody"),
    "py3langid": ("py3langid", "the language of texts"),
    "rich": ("", "tables"),
    "safetensors": ("safetensors", "weights"),
    "soundfile": ("soundfile", "wav and flac"),
    "soxr": ("soxr", "resampling"),
    "torch": ("torch", "neural networks"),
    "transformers": ("", "encoders"),
    "typer": ("", ""),
}
OPTIONAL = {
    "braindecode": ("", "pretrained networks of EEG; extra [eeg]"),
    "edfio": ("", "writing EDF and BDF; extra [eeg]"),
    "h5py": ("h5py", "MATLAB files of version 7.3; extra [eeg]"),
    "mne-bids": ("", "BIDS folders; extra [eeg]"),
    "av": ("av", "decoding clips and films without starting ffmpeg; extra [video]"),
    "espeakng-loader": ("espeakng_loader", "pronunciations; extra [align]"),
    "faster-whisper": ("faster_whisper", "speech to text, voice activity"),
    "gguf": ("", "language models in GGUF files; extra [llm]"),
    "matplotlib": ("", "plots; extra [plot]"),
    "peft": ("", "trained adapters of language models; extra [llm]"),
    "pocketsphinx": ("pocketsphinx", "alignment; extra [align]"),
    "silero-vad": ("", "cutting at pauses"),
    "torchaudio": ("torchaudio", "forced alignment; extra [torchaudio]"),
    "torchvision": ("", ""),
}
IMPORT_SECONDS = 120.0  # enough for a first import from a slow network disk; our choice


def report(errors: Sequence[EmocliError] = ()) -> dict[str, Any]:
    """Return all findings as one record, `problems` last; `errors` are those of the config file."""
    packages = [_package(name, core=True) for name in CORE]
    packages += [_package(name, core=False) for name in OPTIONAL]
    models, bundle_problems = _models()
    programs, state = list(_programs()), {package["name"]: package for package in packages}
    findings: dict[str, Any] = {
        "emocli": metadata.version("emocli"),
        "programs": programs,
        "packages": packages,
        "devices": list(_devices(packages)),
        "serves": list(serving.rows(state, programs)),
        "models": models,
        "places": list(_places()),
        "fallbacks": list(_fallbacks(packages)),
        "missing": list(serving.missing(state, models)),
    }
    problems = [_problem(e.status, e.message, e.hint or "emocli config path") for e in errors]
    problems += [*_problems(findings), *bundle_problems]
    return {**findings, "ready": not problems, "problems": problems}


def _package(name: str, *, core: bool) -> dict[str, Any]:
    module, purpose = (CORE if core else OPTIONAL)[name]
    package: dict[str, Any] = {"name": name, "version": None, "core": core, "problem": None}
    try:
        package["version"] = metadata.version(name)
    except metadata.PackageNotFoundError:
        package["problem"] = "not installed" if core else None
    if package["version"] and module:
        package["problem"] = import_problem(module)
    return {**package, "note": package["problem"] or purpose}


def import_problem(module: str) -> str | None:
    """Import a module in a process of its own, since a broken module can crash the process.

    Returns the last line of the error; None when the import succeeds.
    """
    try:
        process = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", f"import {module}"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=IMPORT_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"cannot be imported: {error}"
    if process.returncode == 0:
        return None
    last = (process.stderr.strip().splitlines() or [f"exit {process.returncode}"])[-1]
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
        properties = torch.cuda.get_device_properties(number)
        dtype = "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
        what = f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
        yield {"name": f"cuda:{number}", "dtype": dtype, "what": what}


def _models() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the models of the catalog, and the problems of the shipped predictor itself."""
    from emocli import hub
    from emocli.bundles import bundle

    default = set(hub.expand("default"))
    problems = []
    try:
        bundle.read("default")
    except EmocliError as error:
        hint = "reinstall emocli: pip install --force-reinstall --no-deps emocli"
        problems.append(_problem(ExitStatus.CONFIG, error.message, hint))
    rows = []
    for name in hub.catalog():
        model = hub.find(name)
        source = model.source if model else None
        rows.append({"name": name, "default": name in default, "here": bool(model)})
        rows[-1] |= {"source": source, "path": str(model.folder) if model else None}
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
    """Say whether a path, or its nearest parent that exists, can be written to."""
    nearest = next(p for p in (path, *path.parents) if p.exists())
    return os.access(nearest, os.W_OK)


def _fallbacks(packages: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    state = {p["name"]: p for p in packages}

    def works(name: str) -> bool:
        return bool(state[name]["version"]) and not state[name]["problem"]

    if not works("faster-whisper"):
        yield {"of": "faster-whisper", "now": "Whisper through transformers, which is slower"}
    if state["torchaudio"]["version"] and not works("torchaudio"):
        yield {"of": "torchaudio", "now": "masked, so transformers works without it"}
    if not works("silero-vad") and not works("faster-whisper"):
        yield {"of": "silero-vad", "now": "--segment vad is not available: pip install silero-vad"}


def _problems(findings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for package in findings["packages"]:
        if package["core"] and package["problem"]:
            message = f"{package['name']} {package['problem']}"
            yield _problem(ExitStatus.CONFIG, message, f"pip install '{package['name']}'")
    if missing := [m["name"] for m in findings["models"] if m["default"] and not m["here"]]:
        message = f"models not installed: {', '.join(missing)}"
        yield _problem(ExitStatus.MODEL, message, "emocli models pull default")


def _problem(status: ExitStatus, message: str, hint: str) -> dict[str, Any]:
    return {"status": int(status), "message": message, "hint": hint}
