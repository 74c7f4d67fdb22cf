"""What does the work on this machine, as `doctor` tells it: decoders, models, engines, device.

Each is named by what it is for, since several can do most of it; and what a command lacks is named
by the command.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from emocli.errors import EmocliError

IN_PROCESS = "wav, flac, aiff, ogg, opus"
CLIPS = "mp3, mp4, m4a, mov, mkv, webm"
FILMS = "frames of films, pictures"
# Command -> what it needs beyond the core, and the extra that brings it.
NEEDS = {
    "align": ("pocketsphinx", "align", "; --textgrid and --model do without"),
    "plot": ("matplotlib", "plot", ""),
}

Packages = Mapping[str, Mapping[str, Any]]  # by name: version, problem


def rows(packages: Packages, programs: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield what something is for, what does it, and more about that."""
    ffmpeg = next((p for p in programs if p["name"] == "ffmpeg"), {"version": "-", "note": ""})
    yield _row(IN_PROCESS, _libsndfile(packages), "in this process")
    if works(packages, "av") and not os.environ.get("EMOCLI_FFMPEG"):
        note = "in this process, whole files of at most 32 MiB; larger and damaged ones: ffmpeg"
        yield _row(CLIPS, f"PyAV {packages['av']['version']}", note)
        yield _row("all other formats", *_ffmpeg(ffmpeg))
    else:
        yield _row(f"{CLIPS} and all others", *_ffmpeg(ffmpeg))
    yield _row(FILMS, *_films(packages, ffmpeg))
    yield _row("voice activity", *_voice_activity(packages))
    yield _row("speech to text, English", *_speech_to_text())
    yield _row("language of speech, other languages", *_listener())
    yield _row("language of texts", *_text_language(packages))
    yield _row("alignment", *_alignment(packages))
    yield _row("networks", *_device(packages))
    yield _row("encoders of speech: wav2vec2, HuBERT, WavLM ...", *_speech(packages))


def missing(packages: Packages, models: list[dict[str, Any]]) -> Iterator[dict[str, str]]:
    """Yield what a command lacks, with the command line that gets it."""
    absent = [m["name"] for m in models if m["default"] and not m["here"]]
    if absent:
        for command in ("encode", "fuse", "predict", "transcribe"):
            yield _lack(command, ", ".join(absent), "emocli models pull default")
    for command, (package, extra, otherwise) in NEEDS.items():
        if not works(packages, package):
            yield _lack(command, f"{package}{otherwise}", f"pip install 'emocli[{extra}]'")
    if not works(packages, "faster-whisper") and not works(packages, "silero-vad"):
        lack = "a detector of voice activity, for --segment vad"
        yield _lack("extract-audio", lack, "pip install faster-whisper")


def works(packages: Packages, name: str) -> bool:
    """Say whether a package is installed and can be imported."""
    package = packages.get(name) or {}
    return bool(package.get("version")) and not package.get("problem")


def _row(purpose: str, by: str, note: str = "") -> dict[str, str]:
    return {"for": purpose, "by": by, "note": note}


def _lack(command: str, what: str, get: str) -> dict[str, str]:
    return {"command": command, "lacks": what, "get": get}


def _libsndfile(packages: Packages) -> str:
    if not works(packages, "soundfile"):
        return "nothing: soundfile does not work"
    import soundfile

    return f"libsndfile {soundfile.__libsndfile_version__}"


def _ffmpeg(program: Mapping[str, Any]) -> tuple[str, str]:
    path = program["note"]
    if program["version"] == "-":
        return "nothing", path
    origin = "in the package imageio-ffmpeg"
    if os.environ.get("EMOCLI_FFMPEG"):
        origin = "$EMOCLI_FFMPEG"
    elif path == shutil.which("ffmpeg"):
        origin = "on the PATH"
    return f"ffmpeg {program['version']}", f"{path}, {origin}"


def _films(packages: Packages, program: Mapping[str, Any]) -> tuple[str, str]:
    """Return what decodes films; what it does not know is left to ffmpeg."""
    from emocli.signals import video_libav

    version = packages["av"]["version"] if works(packages, "av") else ""
    if video_libav.is_new(version) and not os.environ.get("EMOCLI_FFMPEG"):
        return f"PyAV {version}", f"in this process; what it does not know: {_ffmpeg(program)[0]}"
    return _ffmpeg(program)


def _voice_activity(packages: Packages) -> tuple[str, str]:
    if works(packages, "faster-whisper"):
        return "Silero VAD", f"in faster-whisper {packages['faster-whisper']['version']}"
    if works(packages, "silero-vad"):
        return "Silero VAD", f"silero-vad {packages['silero-vad']['version']}, through torch"
    return "nothing", "recordings are taken for speech as a whole"


def _speech_to_text() -> tuple[str, str]:
    from emocli import hub
    from emocli.stages import transcribe

    name, engine = transcribe.serving()
    try:
        folder, revision = hub.locate(name)
    except EmocliError as error:
        return f"{name}, not installed", error.hint
    return name, f"{engine}, {revision}, {folder}"


def _listener() -> tuple[str, str]:
    from emocli import hub
    from emocli.stages.spoken_language import MULTILINGUAL

    try:
        folder, revision = hub.locate(MULTILINGUAL)
    except EmocliError as error:
        return f"{MULTILINGUAL}, not installed", error.hint
    return MULTILINGUAL, f"{revision}, {folder}"


def _text_language(packages: Packages) -> tuple[str, str]:
    if works(packages, "py3langid"):
        return f"py3langid {packages['py3langid']['version']}", ""
    return "nothing: py3langid does not work", ""


def _alignment(packages: Packages) -> tuple[str, str]:
    forced = "torchaudio is not installed"
    if works(packages, "torchaudio"):
        forced = f"torchaudio {packages['torchaudio']['version']} for --model"
    elif (packages.get("torchaudio") or {}).get("version"):
        forced = "torchaudio is masked, since it cannot be imported"
    if works(packages, "pocketsphinx"):
        return f"Pocketsphinx {packages['pocketsphinx']['version']}", f"English; {forced}"
    return "--textgrid or --model alone", forced


def _device(packages: Packages) -> tuple[str, str]:
    if not works(packages, "torch"):
        return "nothing", "torch does not work"
    from emocli.pipeline import devices

    return devices.pick("auto"), f"torch {packages['torch']['version']}"


def _speech(packages: Packages) -> tuple[str, str]:
    """Return how recordings of different lengths are batched, which group norms do not bear."""
    if not works(packages, "torch"):
        return "nothing", "torch does not work"
    note = "convolutions and attention window by window, the rest in batches: nothing is padded"
    return f"torch {packages['torch']['version']}", note
