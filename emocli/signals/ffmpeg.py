"""Decode audio with ffmpeg: one process per file, samples over a pipe.

Source of the channel weights: the float default of ffmpeg's resampler mixes stereo 3 dB too loud
and clips; `rematrix_maxval=1.0` makes it the average
(https://ffmpeg.org/ffmpeg-resampler.html#Resampler-Options).
"""

from __future__ import annotations

import subprocess
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError
from emocli.signals import ffmpeg_lengths, ffmpeg_log, ffmpeg_process, sixteen_bits, sound_faults
from emocli.signals.ffmpeg_log import NoAudioStreamError as NoAudioStreamError
from emocli.signals.ffmpeg_process import Result

SAMPLE_RATE_HZ = 16_000  # what Whisper, wav2vec2 and silero take

RUN_UP_S = 1.0  # decoded before a span, so that the decoder has settled at its start. Our choice.

_FILE = "FILE"  # stands for the input in arguments that are built once
_MIX = f"aresample={SAMPLE_RATE_HZ}:rematrix_maxval=1.0"


Values = npt.NDArray[np.int16]


class Decoded(NamedTuple):
    """16-bit samples (time,) at 16 kHz, and their source."""

    samples: Values
    channels: int | None
    decoder: str
    warning: str | None


def ffmpeg_binary() -> tuple[str, str]:
    """Return the path and the version of the ffmpeg in use; RecordError where there is none."""
    path = ffmpeg_process.binary()
    head = subprocess.run(
        [path, "-version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=ffmpeg_process.PATIENCE_S,
    )
    return path, ffmpeg_log.version(head.stdout.decode("utf-8", "replace"))


class Plan(NamedTuple):
    """What of a file ffmpeg is told to decode, and how."""

    start: float | None
    end: float | None
    keeps_time: bool = True  # silence where the times of the file have none
    floats: bool = False  # not rounded to 16 bits
    far: bool = False  # looks far into the file for its format
    measured: bool = False  # the average of the channels as well: nobody keeps all samples

    @property
    def jump(self) -> float:
        """Where it begins to decode, in seconds.

        After a seek the first frames of AAC are lost and those of mp3 are noise: it is before them.
        """
        return max((self.start or 0.0) - RUN_UP_S, 0.0)


def decode(
    path: str, *, start: float | None = None, end: float | None = None, in_order: bool = True
) -> Decoded:
    """Decode the first audio stream of a file, or the seconds from `start` to `end` of it.

    The path is always opened as a file, even if it looks like an option or a protocol. What can be
    decoded of a damaged file is kept, with a warning. `in_order` is false for a file whose times
    start again in it, as in a chain of Ogg streams: it is decoded from its beginning. Raises
    NoAudioStreamError for a video without audio and RecordError not_media, decode_failed,
    no_such_span or no_ffmpeg.
    """
    plan = Plan(start, end) if in_order else Plan(None, None, keeps_time=False)
    made = _run(plan, path)
    if Path(path).is_file():  # a pipe cannot be read again
        plan, made = _second_look(plan, made, path)
    late_s = (ffmpeg_log.late_s if plan.keeps_time else ffmpeg_log.begin_s)(made.log)
    values, lost = _sixteen_bits(made, plan, path)
    if not values.size:
        raise ffmpeg_log.failure(made.log, start)
    if plan.start is None:
        values = _cut(values, late_s, start, end)
    if not values.size:
        raise RecordError("no_such_span", f"no audio from {start or 0:g} s on")
    parts = ffmpeg_log.parts(made.log)
    joined = f"joined of {parts} parts with different sample rates or channels"
    held_s = len(values) / SAMPLE_RATE_HZ
    in_part = ffmpeg_lengths.in_part(made, path, held_s, start, end)
    warnings = [joined if parts > 1 else None, in_part, *lost]
    decoder = f"ffmpeg {ffmpeg_log.version(made.log)}"
    told = sound_faults.told([*warnings, ffmpeg_log.cancelled(made.log, values, SAMPLE_RATE_HZ)])
    return Decoded(values, ffmpeg_log.channels(made.log), decoder, told)


def _second_look(plan: Plan, made: Result, path: str) -> tuple[Plan, Result]:
    """Decode a file in another way if the log says that the times of the first are wrong."""
    start, end = plan.start, plan.end
    if ffmpeg_log.is_unknown(made.log):
        plan = plan._replace(far=True)
        made = _run(plan, path)
    if not made.output and start and ffmpeg_log.starts_again(made.log):
        plan = plan._replace(start=None, end=None)
        made = _run(plan, path)
    if ffmpeg_log.parts(made.log) > 1:  # silence was put before each, as long as what came before
        plan = plan._replace(start=None, end=None, keeps_time=False)
        made = _run(plan, path)
    elif start and ffmpeg_log.late_s(made.log) > plan.jump:
        plan = plan._replace(start=None, end=end)
        made = _run(plan, path)
    return plan, made


def _cut(values: Values, late_s: float, start: float | None, end: float | None) -> Values:
    """Return a part of samples (time,) that begin late; the times count from the file's start."""
    if late_s:
        silence = np.zeros(round(late_s * SAMPLE_RATE_HZ), np.int16)
        values = np.concatenate([silence, values])
    first, last = (None if at is None else round(at * SAMPLE_RATE_HZ) for at in (start, end))
    return values[first:last]


def _sixteen_bits(made: Result, plan: Plan, path: str) -> tuple[Values, list[str]]:
    """Return decoded samples (time,), and what of them 16 bits cannot hold.

    ffmpeg clips without a word. Where that may have happened, it decodes once more to floats.
    """
    values = np.frombuffer(made.output, "<i2", count=len(made.output) // 2)
    encoding = ffmpeg_log.float_encoding(made.log)
    if encoding is None or not sixteen_bits.may_be_clipped(values, encoding):
        return values, []
    if not Path(path).is_file():
        return values, ["samples beyond full scale may be clipped: a pipe is read once"]
    output = _run(plan._replace(floats=True), path).output
    return sixteen_bits.rounded(np.frombuffer(output, "<f4", count=len(output) // 4), encoding)


def _run(plan: Plan, path: str) -> Result:
    """Follow a plan; RecordError decode_failed if the header gives an impossible rate."""
    return ffmpeg_process.run(command(plan, path), ffmpeg_process.patience(path), require_plausible)


def command(plan: Plan, path: str) -> list[str]:
    """Return the command line that follows a plan."""
    arguments = _arguments(ffmpeg_process.binary(), plan)
    return [ffmpeg_process.address(path) if part == _FILE else part for part in arguments]


def require_plausible(log: str) -> None:
    """Raise RecordError decode_failed if the header gives an impossible rate."""
    rate_hz = ffmpeg_log.rate_hz(log)
    if rate_hz is not None:
        sound_faults.require_plausible(rate_hz, ffmpeg_log.channels(log))


@lru_cache(maxsize=256)
def _arguments(binary: str, plan: Plan) -> list[str]:
    """Return the command line: first audio stream, channels averaged, 16 kHz, a pipe."""
    import ffmpeg

    before_s, span = _span(plan)
    if plan.far:
        before_s |= {"analyzeduration": ffmpeg_process.FAR, "probesize": ffmpeg_process.FAR}
    stream = ffmpeg.input(_FILE, protocol_whitelist="file,pipe", threads=1, **before_s)["a:0"]
    stream = stream.output(
        "pipe:1",
        format="f32le" if plan.floats else "s16le",
        ac=1,
        flush_packets=0,  # hundreds of small writes would cost more than the decoding
        af=_filters(plan),
        **span,
    )
    before = [binary, "-nostdin", "-nostats", "-loglevel", "repeat+level+verbose"]
    return list(ffmpeg.compile(stream, cmd=before))


def _filters(plan: Plan) -> str:
    """Return the filters, which measure the energy before, and of a span after, the averaging.

    Filters see more than a span, which is cut out of their output.
    """
    # first_pts: audio that begins after the video keeps its time; silence is put before it.
    mix = f"{_MIX}:first_pts=0" if plan.keeps_time else _MIX
    if plan.floats:
        return mix
    whole = plan.start is plan.end is None and not plan.measured
    after = mix if whole else f"{mix},volumedetect"
    return f"asplit[all][in];[all]volumedetect,anullsink;[in]{after}"


def _span(plan: Plan) -> tuple[dict[str, str], dict[str, str]]:
    """Return the options of the input (where to seek) and of the output (what to cut out)."""
    first, jump = plan.start or 0.0, plan.jump
    cut = {"ss": f"{first - jump:.6f}"} if first else {}
    if plan.end is not None:
        cut["t"] = f"{plan.end - first:.6f}"
    return ({"ss": f"{jump:.6f}"} if jump else {}), cut
