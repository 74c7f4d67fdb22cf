"""What the packets of a film say without decoding: when its frames are shown, and where to begin.

A survey of all packets costs about a hundredth of decoding them. From it follow the times of all
frames, exactly, the length of the picture, and from which key frame a frame has to be decoded.
Nothing is taken from an index or a header, which may be absent or wrong.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Ticks = npt.NDArray[np.int64]

NO_TICKS = -(2**63)  # a packet has no such time
RAW = frozenset(["h264", "hevc", "m4v", "mpegvideo", "obu", "mjpeg"])  # streams without any times
DECODING_TIMES = frozenset(["avi"])  # files that tell when a frame is decoded, not when it is shown
PICTURES = frozenset(["gif", "apng", "webp_anim"])  # pictures that may move
USUAL_RATE_HZ = 25  # of frames without any times, as ffmpeg has it
DIGITS = 6  # times are compared to a microsecond: 2/30 s is not the same number everywhere
SLACK_S = 10.0**-DIGITS


class Source(NamedTuple):
    """What a header says."""

    format: str
    width: int  # as stored
    height: int
    time_base: Fraction  # seconds of a tick
    start_us: int  # when the file begins, which is not 0 in a transport stream
    claimed_s: float | None  # its length, if it is stated
    decoder: str


class Packets(NamedTuple):
    """All packets of a film in the order of the file, (packets,) each."""

    pts: Ticks  # when shown
    dts: Ticks  # when decoded
    durations: Ticks  # 0: unknown
    keys: npt.NDArray[np.bool_]  # can be decoded without what is before
    hidden: npt.NDArray[np.bool_]  # cut off by an edit list

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, int, bool, bool]]) -> Packets:
        """Return rows of (pts, dts, duration, is a key, is hidden) as arrays."""
        numbers = array("q")
        for row in rows:
            numbers.extend(row)
        columns = np.frombuffer(numbers, np.int64).reshape(-1, len(cls._fields)).T
        pts, dts, durations = (np.array(column, np.int64) for column in columns[:3])
        keys, hidden = (np.array(column, np.bool_) for column in columns[3:])
        return cls(pts, dts, durations, keys, hidden)


@dataclass(frozen=True)
class Film:
    """A film: when each of its frames is shown, and what it takes to decode it.

    A frame is known by its tick: its own time, or its number where times cannot be trusted.
    """

    source: Source
    seconds: npt.NDArray[np.float64]  # (frames,) in order, from the start of the file
    ticks: Ticks  # (frames,)
    places: Ticks  # (frames,) of its packet
    by_number: bool
    end_s: float  # when the last frame ends
    key_places: Ticks
    key_ticks: Ticks
    key_dts: Ticks
    backwards: bool  # whether the times of the file go backwards

    @property
    def still(self) -> bool:
        """Whether it is one picture, which has no duration."""
        kind = self.source.format
        one = kind.endswith("_pipe") or kind in PICTURES or self.source.claimed_s is None
        return one and len(self.seconds) == 1

    @property
    def frame_rate(self) -> float | None:
        """The mean number of frames a second; None for a still picture."""
        shown_s = self.end_s - float(self.seconds[0])
        return None if self.still or shown_s <= 0 else len(self.seconds) / shown_s

    def at(self, times: Sequence[float]) -> list[int]:
        """Return the number of the frame on screen at each time.

        It is the last one whose time is not after it; the first where there is none before.
        """
        found = np.searchsorted(self.seconds, np.asarray(times, float) + SLACK_S, "right") - 1
        return [int(number) for number in np.maximum(found, 0)]

    def number(self, tick: int) -> int:
        """Return the number of the frame on screen at a tick."""
        return max(int(np.searchsorted(self.ticks, tick, "right")) - 1, 0)

    def leads(self, number: int) -> int:
        """Return the place of the key packet from which a frame can be decoded.

        A frame that is shown before a key frame, but stored after it, refers to what is before it.
        """
        if self.by_number:
            return 0
        key = int(np.searchsorted(self.key_ticks, self.ticks[number], "right")) - 1
        while key >= 0 and self.key_places[key] > self.places[number]:
            key -= 1
        return int(self.key_places[key]) if key >= 0 else 0


def film(source: Source, packets: Packets) -> Film:
    """Return what packets say; there is at least one that is shown."""
    shown = np.flatnonzero(~packets.hidden)
    times, trusted, backwards = _shown_at(source.format, packets)
    order = shown[np.argsort(times[shown], kind="stable")]
    tick_s = float(source.time_base)
    seconds = np.asarray(times[order] * tick_s - source.start_us / 1e6, np.float64)
    keys = np.flatnonzero(packets.keys)
    trusted = trusted and bool(np.all(np.diff(times[keys]) > 0))
    last_s = _last_s(seconds, int(packets.durations[order[-1]]) * tick_s)
    return Film(
        source=source,
        seconds=np.round(seconds, DIGITS),
        ticks=times[order] if trusted else np.arange(len(order)),
        places=order,
        by_number=not trusted,
        end_s=round(float(seconds[-1]) + last_s, DIGITS),
        key_places=keys,
        key_ticks=times[keys],
        key_dts=packets.dts[keys],
        backwards=backwards,
    )


def _shown_at(kind: str, packets: Packets) -> tuple[Ticks, bool, bool]:
    """Return when packets are shown, whether that is sure, and whether times go backwards.

    Where it is not sure, only the times in order are right: n of them for n frames.
    """
    pts, dts = packets.pts, packets.dts
    if kind in RAW or (np.any(pts == NO_TICKS) and np.any(dts == NO_TICKS)):
        return _by_duration(packets), False, False
    decoded = dts[dts != NO_TICKS]
    backwards = bool(np.any(np.diff(decoded) < 0))
    if kind in DECODING_TIMES:
        known = pts[pts != NO_TICKS]
        same = bool(np.all(packets.keys)) and np.array_equal(pts, dts) and len(known) == len(pts)
        return dts, same, backwards
    if np.any(pts == NO_TICKS):
        return _continued(dts, dts, packets.durations), False, backwards
    visible = pts[~packets.hidden]
    if backwards or np.any(np.diff(decoded) == 0):
        full = dts if len(decoded) == len(dts) else pts
        return _continued(pts, full, packets.durations), False, backwards
    return pts, len(np.unique(visible)) == len(visible), False


def _continued(pts: Ticks, dts: Ticks, durations: Ticks) -> Ticks:
    """Return times in which each part goes on where the one before it ends.

    A part begins where the decoding times go backwards: files were joined, or a clock was set.
    """
    steps = np.diff(dts)
    gap = np.where(durations[:-1] > 0, durations[:-1], 1)
    shift = np.concatenate([[0], np.cumsum(np.where(steps < 0, gap - steps, 0))])
    return pts + shift


def _by_duration(packets: Packets) -> Ticks:
    """Return times that follow from how long each packet lasts."""
    lengths = np.where(packets.durations > 0, packets.durations, 1)
    return np.concatenate([[0], np.cumsum(lengths)[:-1]])


def _last_s(seconds: npt.NDArray[np.float64], stated_s: float) -> float:
    """Return how long the last frame is shown: what is stated, or as the others in the middle."""
    if stated_s > 0:
        return stated_s
    gaps = np.diff(seconds)
    return float(np.median(gaps)) if gaps.size else 1 / USUAL_RATE_HZ
