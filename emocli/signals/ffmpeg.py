"""Decode audio with ffmpeg: one process per file, samples over a pipe.

Source of the channel weights: the float default of ffmpeg's resampler mixes stereo 3 dB too loud
and clips; `rematrix_maxval=1.0` makes it the average
(https://ffmpeg.org/ffmpeg-resampler.html#Resampler-Options).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from subprocess import PIPE
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from emocli.errors import ConfigError, RecordError

SAMPLE_RATE_HZ = 16_000  # what Whisper, wav2vec2 and silero take

# Timeout for a file that hangs (a dead network mount, a pipe that nobody writes to), plus its size
# at a rate far below that of any decoder. Our choice.
PATIENCE_S = 60.0
SLOWEST_BYTES_PER_S = 1_000_000

RUN_UP_S = 1.0  # decoded before a span, so that the decoder has settled at its start. Our choice.

_FILE = "FILE"  # stands for the input in arguments that are built once
_HINT = "the file may be truncated; does it play?"


class Decoded(NamedTuple):
    """16-bit samples (time,) at 16 kHz, and their source."""

    samples: npt.NDArray[np.int16]
    channels: int | None
    decoder: str
    warning: str | None


class NoAudioStreamError(RecordError):
    """The file has video but no audio: its other modalities can still be used."""

    others_can_go_on = True


def ffmpeg_binary() -> tuple[str, str]:
    """Return the path and the version of the ffmpeg in use; RecordError where there is none."""
    path = _binary()
    head = subprocess.run(
        [path, "-version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S
    )
    return path, _version(head.stdout.decode("utf-8", "replace"))


def decode(path: str, *, start: float | None = None, end: float | None = None) -> Decoded:
    """Decode the first audio stream of a file, or the seconds from `start` to `end` of it.

    The path is always opened as a file, even if it looks like an option or a protocol. What can be
    decoded of a damaged file is kept, with a warning. Raises NoAudioStreamError for a video without
    audio and RecordError not_media, decode_failed, no_such_span or no_ffmpeg.
    """
    address = "file:" + os.path.join(os.getcwd(), path)  # noqa: PTH118, PTH109 - keeps `link/..`
    command = [address if part == _FILE else part for part in _arguments(_binary(), start, end)]
    output, status, log = _run(command, _patience(path))
    samples = np.frombuffer(output, "<i2", count=len(output) // 2)
    if not samples.size:
        raise _failure(log, start)
    return Decoded(samples, _channels(log), f"ffmpeg {_version(log)}", _warning(log, status))


def _binary() -> str:
    """Return $EMOCLI_FFMPEG, else the ffmpeg on the PATH, else the one in imageio-ffmpeg."""
    return _find(os.environ.get("EMOCLI_FFMPEG"), os.environ.get("PATH"))


@lru_cache(maxsize=8)
def _find(chosen: str | None, _search_path: str | None) -> str:
    if chosen:
        if binary := shutil.which(chosen):
            return binary
        raise ConfigError(f"EMOCLI_FFMPEG={chosen}: no such program")
    if binary := shutil.which("ffmpeg"):
        return binary
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        hint = "install ffmpeg, or pip install imageio-ffmpeg; wav and flac need neither"
        raise RecordError("no_ffmpeg", "decoding this file needs ffmpeg", hint=hint) from None


@lru_cache(maxsize=256)
def _arguments(binary: str, start: float | None, end: float | None) -> list[str]:
    """Return the command line: first audio stream, channels averaged, 16 kHz, 16 bit, a pipe."""
    import ffmpeg

    before_s, span = _span(start, end)
    stream = ffmpeg.input(_FILE, protocol_whitelist="file,pipe", threads=1, **before_s)["a:0"]
    stream = stream.output(
        "pipe:1",
        format="s16le",
        ac=1,
        flush_packets=0,  # hundreds of small writes would cost more than the decoding
        # first_pts: audio that begins after the video keeps its time; silence is put before it.
        af=f"aresample={SAMPLE_RATE_HZ}:rematrix_maxval=1.0:first_pts=0",
        **span,
    )
    before = [binary, "-nostdin", "-nostats", "-loglevel", "repeat+level+info"]
    return list(ffmpeg.compile(stream, cmd=before))


def _span(start: float | None, end: float | None) -> tuple[dict[str, str], dict[str, str]]:
    """Return the options of the input (where to seek) and of the output (what to cut out).

    After a seek the first frames of AAC are lost and those of mp3 are noise: seek to before them.
    """
    first = start or 0.0
    jump = max(first - RUN_UP_S, 0.0)
    cut = {"ss": f"{first - jump:.6f}"} if first else {}
    if end is not None:
        cut["t"] = f"{end - first:.6f}"
    return ({"ss": f"{jump:.6f}"} if jump else {}), cut


def _patience(path: str) -> float:
    return PATIENCE_S + Path(path).stat().st_size / SLOWEST_BYTES_PER_S


def _run(command: list[str], patience_s: float) -> tuple[bytes, int, str]:
    """Return the output, the exit status and the log of a command with a timeout.

    One pipe, read to its end, and a file for the log: two pipes and `communicate` cost a system
    call per line.
    """
    environment = {**os.environ, "AV_LOG_FORCE_NOCOLOR": "1"}
    with tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=log, env=environment
            )
        except OSError as error:
            raise RecordError("no_ffmpeg", f"cannot run {command[0]}: {error.strerror}") from None
        with process:
            output, late = _output(process, patience_s)
        if late:
            message = f"ffmpeg did not finish within {patience_s:.0f} s"
            raise RecordError("decode_failed", message, hint=_HINT)
        log.seek(0)
        return output, process.returncode, log.read().decode("utf-8", "replace")


def _output(process: subprocess.Popen[bytes], patience_s: float) -> tuple[bytes, bool]:
    """Return what a process writes, and whether it had to be killed."""
    late = threading.Event()

    def kill() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(patience_s, kill)
    timer.daemon = True
    timer.start()
    try:
        assert process.stdout is not None
        output = process.stdout.read()
        process.wait()
        return output, late.is_set()
    except BaseException:
        process.kill()
        raise
    finally:
        timer.cancel()


def _failure(log: str, start: float | None) -> RecordError:
    """Return the error for a file that gave no sample at all."""
    reason = _first_error(log)
    if not re.search(r"Input #0, ", log):
        hint = "ffmpeg does not know the format; is it text, or an archive?"
        return RecordError("not_media", "neither audio nor video", hint=hint)
    streams = _input_streams(log)
    if any(kind == "Audio" for kind, _ in streams):
        if start:
            return RecordError("no_such_span", f"no audio from {start:g} s on")
        return RecordError("decode_failed", f"ffmpeg: {reason}", hint=_HINT)
    if any(kind == "Video" and _moves(details) for kind, details in streams):
        return NoAudioStreamError("no_audio_stream", "a video without audio")
    return RecordError("not_media", "neither audio nor video")


def _moves(details: str) -> bool:
    """Say whether a video stream is a real one, not a cover picture or text drawn as a picture."""
    return "(attached pic)" not in details and not details.startswith("ansi")


def _input_streams(log: str) -> list[tuple[str, str]]:
    """Return (kind, details) of the streams that ffmpeg lists for its input."""
    before = log.partition("Output #0, ")[0]
    return re.findall(r"^(?:\[info\] )?  Stream #0:\d+[^\n]*?: (\w+): (.*)$", before, re.MULTILINE)


def _channels(log: str) -> int | None:
    """Return the number of channels of the first audio stream, None for an unknown layout.

    >>> _channels("  Stream #0:1(und): Audio: aac (LC) (mp4a / 0x6), 48000 Hz, 5.1(side), fltp")
    6
    """
    details = next((details for kind, details in _input_streams(log) if kind == "Audio"), "")
    layout = re.search(r"\d+ Hz, ([^,]+)", details)
    if not layout:
        return None
    if counted := re.match(r"(\d+) channels", layout[1]):
        return int(counted[1])
    if pointed := re.match(r"\d+(?:\.\d+)+", layout[1]):
        return sum(int(part) for part in pointed[0].split("."))
    names = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8}
    return names.get(layout[1].partition("(")[0].strip())


def _version(log: str) -> str:
    match = re.search(r"ffmpeg version (\S+)", log)
    return match[1] if match else "of unknown version"


def _errors(log: str) -> list[str]:
    """Return the lines that ffmpeg logs as errors, without names and addresses of its parts."""
    lines = re.findall(r"^(?:\[[^\]]*@[^\]]*\] )*\[(?:error|fatal)\] (.*)$", log, re.MULTILINE)
    return [line.strip()[:200] for line in lines]


def _first_error(log: str) -> str:
    return next(iter(_errors(log)), "no sample decoded")


def _warning(log: str, status: int) -> str | None:
    """Return a warning if only a part could be decoded."""
    errors = _errors(log)
    if not errors and status == 0:
        return None
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    return f"decoded in part: {_first_error(log) if errors else f'ffmpeg exit {status}'}{more}"
