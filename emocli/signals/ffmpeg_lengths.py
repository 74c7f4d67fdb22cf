"""Compare what ffmpeg decoded of a file with the length in its header."""

from __future__ import annotations

import re
from pathlib import Path

from emocli.signals import ffmpeg_log, ffmpeg_process, sound_faults
from emocli.signals.ffmpeg_process import Result


def in_part(
    made: Result, path: str, held_s: float, start: float | None, end: float | None
) -> str | None:
    """Return a warning if less is there than the header claims, or ffmpeg complains."""
    incomplete = incomplete_of(made, path, held_s, start, end)
    return ffmpeg_log.warning(made.log, made.status, incomplete)


def incomplete_of(
    made: Result, path: str, held_s: float, start: float | None = None, end: float | None = None
) -> str | None:
    """Return a warning if clearly less is there than the header claims."""
    claimed_s, incomplete = ffmpeg_log.claimed_s(made.log), None
    if claimed_s is not None:
        wanted_s = min(claimed_s, claimed_s if end is None else end) - (start or 0.0)
        incomplete = sound_faults.missing(held_s, wanted_s)
    if incomplete and not ffmpeg_log.is_single(made.log):  # another stream may just be longer
        whole = (
            Path(path).is_file()
            and data_end_s(path) >= (claimed_s or 0.0) - sound_faults.TOLERANCE_S
        )
        incomplete = None if whole else incomplete
    return incomplete


def data_end_s(path: str) -> float:
    """Return when the last packet of any stream ends; nothing is decoded."""
    command = [ffmpeg_process.binary(), "-nostdin", "-nostats", "-loglevel", "error"]
    command += ["-analyzeduration", ffmpeg_process.FAR, "-probesize", ffmpeg_process.FAR]
    command += ["-protocol_whitelist", "file,pipe", "-i", ffmpeg_process.address(path)]
    command += [part for kind in "avs" for part in ("-map", f"0:{kind}?")]
    command += ["-c", "copy", "-progress", "pipe:1", "-f", "null", "-"]
    output = ffmpeg_process.run(command, ffmpeg_process.patience(path), lambda _log: None).output
    times = re.findall(rb"out_time_us=(\d+)", output)
    return int(times[-1]) / 1_000_000 if times else 0.0
