"""What ffmpeg's program says of a film before it is decoded: its header and its packets."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emocli.signals import (
    ffmpeg_lengths,
    ffmpeg_log,
    ffmpeg_process,
    video_faults,
    video_film,
    video_log,
)
from emocli.signals.video_film import NO_TICKS, Film
from emocli.signals.video_log import Header

INPUT = "file:/dev/fd/0"  # the file itself: a name may be that of a list of numbered pictures
# What is looked for by position in these is found by times that may be later than those of the
# key frame: the search begins so much before it.
SEARCHED, EARLIER_S = ("mpegts", "mpeg"), 0.5
# The program itself seeks 3/23 s earlier than it is told where frames are reordered.
LATER_S = 0.14


class Survey(NamedTuple):
    """What is known of a film before it is decoded."""

    film: Film
    header: Header
    told: str | None
    old: bool  # whether the program is old


def of(path: str) -> Survey:
    """List the packets of a film; RecordError where there is none, or no ffmpeg."""
    log, listing = _listed(path, ["-copyts"])
    time_base = video_log.time_base(listing) or Fraction(1)
    header = video_log.header(log, time_base)
    packets = video_log.packets(listing)
    if not np.any(~packets.hidden):
        raise video_faults.nothing_decoded(ffmpeg_log.warning(log, 0, None))
    film = video_film.film(header.source, packets)
    known = packets.dts[packets.dts != NO_TICKS]
    if header.source.format in SEARCHED and np.any(np.diff(known) <= 0):
        # ffmpeg clips times that go backwards, unless it may move them.
        again = video_log.packets(_listed(path, [])[1])
        film = video_film.film(header.source._replace(start_us=0), again)
        ordinals = np.arange(len(film.ticks))
        film = replace(film, by_number=True, ticks=ordinals, backwards=True)
    told = video_faults.incomplete(
        film,
        header.source.claimed_s,
        alone=header.single,
        data_end_s=lambda: ffmpeg_lengths.data_end_s(path),
    )
    return Survey(film, header, told, video_log.is_old(log))


def _listed(path: str, before: list[str]) -> tuple[str, str]:
    """Return ffmpeg's log, and its list of the packets of a film."""
    command = [*given(before), "-map", "0:V:0", "-c", "copy", "-copyinkf", "-f", "framecrc"]
    made = finished([*command, "pipe:1"], path)
    return made.log, made.output.decode("ascii", "replace")


def finished(command: list[str], path: str) -> ffmpeg_process.Result:
    """Run a command on a file to its end."""
    with Path(path).open("rb") as file:
        patience_s = ffmpeg_process.patience(path)
        return ffmpeg_process.run(command, patience_s, lambda _log: None, stdin=file.fileno())


def given(before: list[str]) -> list[str]:
    """Return the program and its input, with options of that."""
    command = [ffmpeg_process.binary(), "-nostdin", "-nostats", "-loglevel", "repeat+level+info"]
    command += ["-format_whitelist", video_faults.FORMATS, "-protocol_whitelist", "file"]
    command += ["-max_pixels", str(video_faults.MAX_PIXELS), "-threads", "1"]
    # as PyAV does: times that a file leaves out follow from the others
    return [*command, "-fflags", "+genpts", *before, "-i", INPUT]


def passed_through(old: bool) -> list[str]:
    """Return the option that keeps the times of frames."""
    return ["-vsync" if old else "-fps_mode", "passthrough"]
