"""Read ffmpeg's log: its input, what went wrong, and what its filters measured."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError
from emocli.signals import sound_faults
from emocli.signals.sixteen_bits import FULL_SCALE

HINT = "the file may be truncated; does it play?"

# Of ffmpeg's own output, whose times start again where two files were joined; not of the input.
OF_OUTPUT = "to muxer in stream"

FAINTEST_DB = -70.0  # below it, channels that cancel are the last of the 16 bits
SILENCE_DB = -91.0  # `volumedetect` says it of zeros
FIRST_PLACE = 1  # of the first `volumedetect` in the graph of `ffmpeg`, after `asplit`


class NoAudioStreamError(RecordError):
    """The file has video but no audio: its other modalities can still be used."""

    others_can_go_on = True


def failure(log: str, start: float | None) -> RecordError:
    """Return the error for a file that gave no sample at all."""
    if not re.search(r"Input #0, ", log):
        hint = "ffmpeg does not know the format; is it text, or an archive?"
        return RecordError("not_media", "neither audio nor video", hint=hint)
    if audio_stream(log):
        if start:
            return RecordError("no_such_span", f"no audio from {start:g} s on")
        return RecordError("decode_failed", f"ffmpeg: {_first_error(log)}", hint=HINT)
    if has_film(log):
        return NoAudioStreamError("no_audio_stream", "a video without audio")
    return RecordError("not_media", "neither audio nor video")


def has_film(log: str) -> bool:
    """Say whether there is a real video stream, not a cover picture or text drawn as a picture."""
    return any(
        kind == "Video" and "(attached pic)" not in details and not details.startswith("ansi")
        for kind, details in _input_streams(log)
    )


def is_single(log: str) -> bool:
    """Say whether the input has one stream only, so that its length is that of the file."""
    return len(_input_streams(log)) == 1


def audio_stream(log: str) -> str:
    """Return the details of the first audio stream as ffmpeg lists them; "" if there is none."""
    return next((details for kind, details in _input_streams(log) if kind == "Audio"), "")


def _input_streams(log: str) -> list[tuple[str, str]]:
    """Return (kind, details) of the streams that ffmpeg lists for its input."""
    before = log.partition("Output #0, ")[0]
    line = r"^(?:\[info\] )?(?:  ){1,2}Stream #0:\d+[^\n]*?: (\w+): (.*)$"
    return re.findall(line, before, re.MULTILINE)


def is_unknown(log: str) -> bool:
    """Say whether the first audio stream begins after what ffmpeg looks at to find its format."""
    return bool(audio_stream(log)) and not rate_hz(log)


def starts_again(log: str) -> bool:
    """Say whether the input is of a kind whose times may start again in it."""
    return "Input #0, mpeg" in log


def rate_hz(log: str) -> int | None:
    """Return the sample rate of the first audio stream; None if it is not there."""
    rate = re.search(r"(\d+) Hz", audio_stream(log))
    return int(rate[1]) if rate else None


def channels(log: str) -> int | None:
    """Return the number of channels of the first audio stream, None for an unknown layout.

    >>> channels("  Stream #0:1(und): Audio: aac (LC) (mp4a / 0x6), 48000 Hz, 5.1(side), fltp")
    6
    """
    layout = re.search(r"\d+ Hz, ([^,]+)", audio_stream(log))
    if not layout:
        return None
    if counted := re.match(r"(\d+) channels", layout[1]):
        return int(counted[1])
    if pointed := re.match(r"\d+(?:\.\d+)+", layout[1]):
        return sum(int(part) for part in pointed[0].split("."))
    names = {"mono": 1, "stereo": 2, "downmix": 2, "quad": 4, "hexagonal": 6, "octagonal": 8}
    return names.get(layout[1].partition("(")[0].strip())


def float_encoding(log: str) -> str | None:
    """Return the codec of the first audio stream if it gives floats, which may exceed full scale.

    >>> float_encoding("  Stream #0:1(und): Audio: aac (LC) (mp4a / 0x6), 48000 Hz, mono, fltp")
    'aac'
    """
    details = audio_stream(log)
    codec = re.match(r"\w+", details)
    return codec[0] if codec and re.search(r", (?:flt|dbl)p?\b", details) else None


def claimed_s(log: str) -> float | None:
    """Return the length in the header in seconds; None if there is none, or it is estimated.

    >>> claimed_s("  Duration: 00:01:02.50, start: 0.000000")
    62.5
    """
    length = re.search(r"^(?:\[info\] )?  Duration: (\d+):(\d+):([\d.]+)", log, re.MULTILINE)
    if not length or "Estimating duration from bitrate" in log:
        return None
    hours, minutes, seconds = length.groups()
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def late_s(log: str) -> float:
    """Return by how much ffmpeg moved the start of a transport stream to that of its sound."""
    moved = re.search(r"Correcting start time (?:of Input #0 )?by (\d+)", log)
    return int(moved[1]) / 1_000_000 if moved else 0.0


def begin_s(log: str) -> float:
    """Return when the first audio stream begins, after the start of the file."""
    first = re.search(r"Duration: .*?start: (-?[\d.]+)", log)
    own = re.search(r", start (-?[\d.]+)", audio_stream(log))
    return max(float(own[1]) - float(first[1]), 0.0) if first and own else 0.0


def parts(log: str) -> int:
    """Return how many times the sound began with another sample rate, or other channels."""
    return max(sum(place == FIRST_PLACE for place, _, _ in _volumes(log)), 1)


def has_measured(log: str) -> bool:
    """Say whether the energy before the averaging is logged: at the end, and at every change."""
    return any(place == FIRST_PLACE for place, _, _ in _volumes(log))


def cancelled(log: str, values: npt.NDArray[np.int16], mix_rate_hz: int) -> str | None:
    """Return a warning if the channels cancel each other; `values` count for a whole file."""
    before, count = _channel_energy(log), channels(log)
    if before is None or not count or count < 2:
        return None
    after = _mix_energy(log, mix_rate_hz)
    if after is None:
        squares = np.square(values / FULL_SCALE, dtype=np.float32)
        after = float(squares.sum()) / mix_rate_hz
    return sound_faults.cancelled(after, before, count)


def _channel_energy(log: str) -> float | None:
    """Return the mean energy of the channels: the sum of squares, 1 is full scale, times seconds.

    None if the sound changes its rate or its channels on the way, or is too faint to tell.
    """
    found = [(n, mean_db) for place, n, mean_db in _volumes(log) if place == FIRST_PLACE]
    source_hz, count = rate_hz(log), channels(log)
    if len(found) != 1 or not (source_hz and count) or found[0][1] < FAINTEST_DB:
        return None
    return 10 ** (found[0][1] / 10) * found[0][0] / count / source_hz


def _mix_energy(log: str, rate_hz: int) -> float | None:
    """Return the energy of the average of the channels; None if it was not measured."""
    found = [(n, mean_db) for place, n, mean_db in _volumes(log) if place != FIRST_PLACE]
    if not found:
        return None
    return sum(n * 10 ** (db / 10) for n, db in found if db > SILENCE_DB) / rate_hz


def _volumes(log: str) -> list[tuple[int, int, float]]:
    """Return (place in the graph, values, mean in dB) of each `volumedetect` that had values."""
    line = r"^\[Parsed_volumedetect_(\d+) @ (\w+)\] (?:\[info\] )?"
    line += r"(?:n_samples: (\d+)|mean_volume: (\S+))"
    counts: dict[str, int] = {}  # threads write to the log between the two lines
    found = []
    for place, address, count, mean_db in re.findall(line, log, re.MULTILINE):
        if count:
            counts[address] = int(count)
        else:
            found.append((int(place), counts[address], float(mean_db)))
    return found


def version(log: str) -> str:
    """Return the version of ffmpeg."""
    match = re.search(r"ffmpeg version (\S+)", log)
    return match[1] if match else "of unknown version"


def warning(log: str, status: int, incomplete: str | None) -> str | None:
    """Return a warning if only a part could be decoded, with how much is there, if known."""
    errors = _errors(log)
    if not errors and status == 0:
        return incomplete
    more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    reason = f"{errors[0]}{more}" if errors else f"ffmpeg exit {status}"
    return f"{incomplete or 'decoded in part'}: {reason}"


def _errors(log: str) -> list[str]:
    """Return the lines that ffmpeg logs as errors, without names and addresses of its parts."""
    lines = re.findall(r"^(?:\[[^\]]*@[^\]]*\] )*\[(?:error|fatal)\] (.*)$", log, re.MULTILINE)
    return [line.strip()[:200] for line in lines if OF_OUTPUT not in line]


def _first_error(log: str) -> str:
    return next(iter(_errors(log)), "no sample decoded")
