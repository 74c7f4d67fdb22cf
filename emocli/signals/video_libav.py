"""Read films in this process, through FFmpeg's libraries, if PyAV is installed.

All packets are read once, which tells when each frame is shown (`video_film`); decoded is only what
lies between a wanted frame and the key frame before it. Where the file has an index it is used to
get to a key frame, and what it leads to is compared with the survey: a wrong index costs time, no
more.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from emocli.signals import video_faults
from emocli.signals.video_about import About, Image, Surveys
from emocli.signals.video_film import Film
from emocli.signals.video_packets import Feed
from emocli.signals.video_upright import Upright

if TYPE_CHECKING:
    import av

# Codecs whose frames say that no other refers to them, so that they can be left out. (In HEVC a
# frame of a higher layer may still do.)
SPARE = frozenset(["h264", "mpeg4", "mpeg2video", "mpeg1video"])

# Those before crash on bounds for streams that are found only after opening (flv, mpeg), and do not
# tell whether a stream is a cover.
OLDEST = 18

Found = tuple[int, "av.VideoFrame"]  # a frame and its tick

_surveys: Surveys[tuple[Film, str | None]] = Surveys()


def is_new(version: str) -> bool:
    """Say whether a version of PyAV can be used.

    >>> is_new("18.1.0"), is_new("17.0.0")
    (True, False)
    """
    major = version.partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST


def opened(path: str) -> Reading | None:
    """Return a film, or None if it is left to ffmpeg's program.

    If $EMOCLI_FFMPEG names a program, or PyAV is old, nothing is decoded here. Raises RecordError
    no_video_stream or decode_failed (an impossible size).
    """
    if os.environ.get("EMOCLI_FFMPEG"):
        return None
    try:
        import av
    except ImportError:
        return None
    if not is_new(av.__version__):
        return None
    try:
        return Reading(path)
    except (av.error.FFmpegError, OSError, ValueError, RuntimeError, IndexError):
        return None  # IndexError: a stream that begins in the midst of a transport stream


class Reading:
    """A film that is decoded in this process."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._feed = Feed(path)
        try:
            self.film, told = _surveys.of(path, self._survey)
        except BaseException:
            self.close()
            raise
        self.warnings: list[str | None] = [told]
        self._frames: deque[Found] = deque()  # decoded, not yet passed
        self._count = 0  # of frames since the beginning
        self._failed: set[int] = set()  # places of packets

    def _survey(self) -> tuple[Film, str | None]:
        film = self._feed.survey()
        told = video_faults.incomplete(
            film,
            film.source.claimed_s,
            alone=len(self._feed.container.streams) == 1,
            data_end_s=self._feed.data_end_s,
        )
        return film, told

    def close(self) -> None:
        """Close the file."""
        self._feed.close()

    def pictures(
        self, numbers: Iterable[int], longest: int | None, about: About
    ) -> Iterator[tuple[int, Image]]:
        """Yield (number of the frame, picture) for frames in order; tell `about` the size."""
        upright, damaged = Upright(self._feed.size, longest), 0
        ordered = list(numbers)
        self._wanted = frozenset(self.film.ticks[ordered].tolist())
        self._start(0)
        for number in ordered:
            found = self._frame(number)
            if found is None:
                break
            image = upright(found[1])
            damaged += found[1].is_corrupt
            about.width, about.height = upright.size or (0, 0)
            yield self.film.number(found[0]), image
        failed = f"{len(self._failed)} damaged packets left out" if self._failed else None
        part = f"{damaged} of the frames are damaged" if damaged else None
        self.warnings += [failed, part, video_faults.of_sizes(len(upright.sizes))]

    def _frame(self, number: int) -> Found | None:
        """Return the frame with a number, or the last that could be decoded before it."""
        wanted, lead = int(self.film.ticks[number]), self.film.leads(number)
        if lead > self._feed.place:
            self._start(lead)
        found = self._sought(wanted, spare=True)
        for place in (lead, 0):
            if found is None or found[0] != wanted:
                self._start(place)
                found = self._sought(wanted, spare=False)
        return found

    def _start(self, place: int) -> None:
        """Begin to decode at a place."""
        self._feed.go(place, self.film)
        self._feed.flush()
        self._frames.clear()
        self._last: Found | None = None
        self._count = 0
        self._ended = False

    def _sought(self, wanted: int, *, spare: bool) -> Found | None:
        """Decode up to a tick; return the last frame up to it, or else the first after it."""
        while self._last is None or self._last[0] < wanted:
            if not self._frames and not self._more(spare=spare):
                break
            if self._frames and self._frames[0][0] > wanted:
                break
            if self._frames:
                found = self._frames.popleft()
                if self._last is None or found[0] > self._last[0]:  # else it is never on screen
                    self._last = found
        return self._last or next(iter(self._frames), None)

    def _more(self, *, spare: bool) -> bool:
        """Decode the next packet; say whether there was any.

        To spare time, frames that are not wanted are left out if no other frame needs them.
        """
        import av

        if self._ended:
            return False
        packet = self._feed.next()
        self._ended = packet is None
        context = self._feed.stream.codec_context
        if context.name in SPARE and not self.film.by_number:
            left_out = spare and packet is not None and packet.pts not in self._wanted
            context.skip_frame = "NONREF" if left_out else "DEFAULT"
        try:
            frames = context.decode(packet)
        except av.error.FFmpegError:
            self._failed.add(self._feed.place)
            return True
        for frame in frames:
            tick = self._count if self.film.by_number else frame.pts
            self._count += 1
            if tick is not None:
                self._frames.append((tick, frame))
        return True
