"""Read what ffmpeg's program says of a film: its log, its list of packets, its list of frames."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from emocli.errors import RecordError
from emocli.signals import ffmpeg_log, video_faults
from emocli.signals.video_film import NO_TICKS, Packets, Source

KEY, CORRUPT, HIDDEN = 1, 2, 4  # flags of a packet
RIGHT = 90.0  # degrees


class Header(NamedTuple):
    """What the log says of the input."""

    source: Source
    turn: float  # degrees by which the picture is to be turned
    single: bool  # whether the picture is the only stream

    @property
    def quarters(self) -> bool:
        """Whether the picture is turned by whole quarters: ffmpeg fills corners otherwise."""
        return self.turn % RIGHT == 0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height when upright."""
        size = (self.source.width, self.source.height)
        return size[::-1] if self.quarters and self.turn % (2 * RIGHT) else size


def header(log: str, time_base: Fraction) -> Header:
    """Return what the log says of the first film in the input; RecordError where there is none."""
    shown = log.partition("Output #0, ")[0]
    kind = re.search(r"Input #0, (\S+), from ", shown)
    details, below = _first_film(shown)
    if "(dependent)" in details:
        raise video_faults.tiled()
    start = re.search(r"Duration: [^\n]*?start: (-?)(\d+)\.(\d{6})", shown)
    start_us = int(start[1] + start[2] + start[3]) if start else 0
    turn = re.search(r"rotation of (-?[\d.]+) degrees", below)
    width, height = _size(details, log)
    video_faults.require_size(width, height)
    claimed_s, name = ffmpeg_log.claimed_s(log), kind[1] if kind else ""
    decoder = f"ffmpeg {ffmpeg_log.version(log)}"
    source = Source(name, width, height, time_base, start_us, claimed_s, decoder)
    return Header(source, float(turn[1]) if turn else 0.0, ffmpeg_log.is_single(log))


def _first_film(shown: str) -> tuple[str, str]:
    """Return what is said in the line of the first film, and below it; RecordError without one."""
    streams = re.split(r"^(?:\[info\] )?  (?:  )?Stream #0:", shown, flags=re.MULTILINE)[1:]
    films = [text for text in streams if re.match(r"[^\n]*?: Video: ", text)]
    for text in films:
        line, _, below = text.partition("\n")
        if "(attached pic)" not in line and "(timed thumbnails)" not in line:
            return line, below
    if re.search(r"^(?:\[info\] )?  Stream group #0:\d+.*: Tile Grid", shown, re.MULTILINE):
        raise video_faults.tiled()
    raise video_faults.no_picture(sound=bool(ffmpeg_log.audio_stream(shown)), cover=bool(films))


def _size(details: str, log: str) -> tuple[int, int]:
    """Return the stated size in pixels; 0, 0 if it is not stated."""
    refused = re.search(r"Picture size (\d+)x(\d+) (?:is invalid|exceeds)", log)
    found = re.search(r", (\d+)x(\d+)", details) or refused
    return (int(found[1]), int(found[2])) if found else (0, 0)


def time_base(listing: str) -> Fraction | None:
    """Return the seconds of a tick in a list of packets; None if there is no list."""
    found = re.search(r"^#tb 0: (\d+)/(\d+)", listing, re.MULTILINE)
    return Fraction(int(found[1]), int(found[2])) if found else None


def packets(listing: str) -> Packets:
    """Return a list of packets, as the muxer `framecrc` writes it."""
    return Packets.of(_rows(listing))


def _rows(listing: str) -> Iterator[tuple[int, int, int, bool, bool]]:
    for line in listing.splitlines():
        if line.startswith("#"):
            continue
        _, dts, pts, duration, _, _, *more = line.split(",")
        flagged = more[0].partition("F=0x")[2] if more else ""
        flags = int(flagged, 16) if flagged else KEY
        yield int(pts), int(dts), int(duration), bool(flags & KEY), bool(flags & HIDDEN)


class Frame(NamedTuple):
    """A frame as the filter `showinfo` tells it."""

    pts: int  # NO_TICKS: unknown
    width: int
    height: int


SHOWN = re.compile(r"Parsed_showinfo_\d+ @ .*? n: *\d+ pts: *(-?\d+|NOPTS).*? s:(\d+)x(\d+)")


def frames(log: str) -> list[Frame]:
    """Return the frames in whole lines of a log.

    >>> frames("[Parsed_showinfo_1 @ 0x7f] [info] n:   0 pts:  15360 pts_time:1.2 s:8x6 i:P")
    [Frame(pts=15360, width=8, height=6)]
    """
    return [
        Frame(NO_TICKS if pts == "NOPTS" else int(pts), int(width), int(height))
        for pts, width, height in SHOWN.findall(log)
    ]


def output_size(log: str) -> tuple[int, int]:
    """Return the size of the frames that come out of the pipe."""
    found = re.search(r"Output #0, .*?Video: rawvideo[^\n]*?, (\d+)x(\d+)", log, re.DOTALL)
    if not found:
        raise RecordError("decode_failed", "ffmpeg does not say the size of its output")
    return int(found[1]), int(found[2])


def damage(log: str) -> str | None:
    """Return the first error in a log, and how many more there are; None if there is none."""
    told = ffmpeg_log.warning(log, 0, None)
    return told and told.replace("decoded in part", "damaged", 1)


def is_old(log: str) -> bool:
    """Say whether ffmpeg is older than 5.1, which renamed an option.

    >>> [is_old(f"ffmpeg version {v}") for v in ("4.2.2-static", "5.1.6", "n9.0.2", "N-109-g1")]
    [True, False, False, False]
    """
    found = re.match(r"n?(\d+)\.(\d+)", ffmpeg_log.version(log))
    return bool(found) and (int(found[1]), int(found[2])) < (5, 1) if found else False
