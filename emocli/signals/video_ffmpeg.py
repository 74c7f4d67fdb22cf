"""Read films through ffmpeg's program: the frames of `video_libav` where PyAV is not installed.

One process lists the packets without decoding them. From the list follows which frames are wanted,
and from which key frame on; a process decodes each stretch and gives the frames with these times
alone. Frames that do not come as the list says (a codec hides some, or they are damaged) are looked
up by decoding everything once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from emocli.errors import RecordError
from emocli.signals import ffmpeg_process, video_faults, video_log, video_program
from emocli.signals.ffmpeg_process import PATIENCE_S, Running
from emocli.signals.video_about import About, Image, Surveys
from emocli.signals.video_film import NO_TICKS, Film
from emocli.signals.video_log import Frame
from emocli.signals.video_program import Survey
from emocli.signals.video_upright import scaling

# Decoding so many pixels takes as long as a start of ffmpeg: 60 ms, 45 frames of 720p. Measured.
START_PIXELS = 40_000_000
MOST = 2000  # frames of one process: what fits on a command line


class Stretch(NamedTuple):
    """Frames that one process decodes, from `start_s` on."""

    start_s: float | None  # None: from the beginning
    ticks: list[int]


_surveys: Surveys[Survey] = Surveys()


class Reading:
    """A film that ffmpeg's program decodes."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._survey = _surveys.of(path, lambda: video_program.of(path), ffmpeg_process.binary())
        self.film = self._survey.film
        self.warnings: list[str | None] = [self._survey.told]
        self._sizes: set[tuple[int, int]] = set()

    def close(self) -> None:
        """Nothing is open between two processes."""

    def pictures(
        self, numbers: Iterable[int], longest: int | None, about: About
    ) -> Iterator[tuple[int, Image]]:
        """Yield (number of the frame, picture) for frames in order; tell `about` the size."""
        wanted, done = list(numbers), 0
        for stretch in stretches(self.film, wanted):
            before = done
            for image in self._decoded(stretch, longest):
                self._tell(about)
                yield wanted[done], image
                done += 1
            if done - before < len(stretch.ticks):
                break
        if done < len(wanted):
            for number, image in self._looked_up(wanted[done:], longest):
                self._tell(about)
                yield number, image
        self.warnings.append(video_faults.of_sizes(len(self._sizes)))

    def _tell(self, about: About) -> None:
        size = next(iter(self._sizes)) if self.film.still else self._survey.header.size
        about.width, about.height = size

    def _looked_up(
        self, numbers: Sequence[int], longest: int | None
    ) -> Iterator[tuple[int, Image]]:
        """Yield frames that a full decoding has, each the last one up to the one that is wanted."""
        there = self._ticks_by_decoding()
        if not there:
            return
        ticks = self.film.ticks[list(numbers)]
        nearest = np.maximum(np.searchsorted(there, ticks, "right") - 1, 0)
        found = [int(there[place]) for place in nearest]
        unique = list(dict.fromkeys(found))
        for first in range(0, len(unique), MOST):
            part = unique[first : first + MOST]
            for tick, image in zip(part, self._decoded(Stretch(None, part), longest), strict=False):
                for _ in range(found.count(tick)):
                    yield self.film.number(tick), image

    def _ticks_by_decoding(self) -> list[int]:
        """Return the ticks of all frames that can be decoded, without those that go backwards."""
        command = [*video_program.given(["-copyts"]), "-map", "0:V:0", "-vf", "showinfo"]
        command += [*video_program.passed_through(self._survey.old), "-f", "null", "-"]
        log = video_program.finished(command, self.path).log
        self.warnings.append(video_log.damage(log))
        shown = video_log.frames(log)
        if self.film.by_number:
            return list(range(len(shown)))
        ticks = np.array([frame.pts for frame in shown if frame.pts != NO_TICKS], np.int64)
        highest = np.maximum.accumulate(ticks)
        return list(dict.fromkeys(highest.tolist()))

    def _decoded(self, stretch: Stretch, longest: int | None) -> Iterator[Image]:
        """Yield the pictures of a stretch in order, as long as they are those that are wanted."""
        command = self._command(stretch, longest)
        with (
            Path(self.path).open("rb") as file,
            ffmpeg_process.running(command, stdin=file.fileno()) as process,
        ):
            pictures = _Pictures(process)
            for tick in stretch.ticks:
                found = pictures.next()
                if found is None:
                    break
                frame, image = found
                if not self.film.by_number and frame.pts != tick:
                    break
                self._sizes.add((frame.width, frame.height))
                yield image
            if stretch.start_s is None:  # after a jump, errors are of what is before the key frame
                self.warnings.append(video_log.damage(process.log))

    def _command(self, stretch: Stretch, longest: int | None) -> list[str]:
        """Return the command line that decodes a stretch."""
        before = ["-copyts"]
        if stretch.start_s is not None:
            before += ["-noaccurate_seek", "-ss", f"{stretch.start_s:.6f}"]
        header = self._survey.header
        if not header.quarters:
            before.append("-noautorotate")
        if self.film.by_number:  # a filter that is set up again would begin to count again
            before += ["-reinit_filter", "0"]
        wanted = among("n", stretch.ticks) if self.film.by_number else later(stretch.ticks)
        filters = [f"select='{wanted}'", "showinfo", self._scaling(longest)]
        command = [*video_program.given(before), "-map", "0:V:0", "-vf", ",".join(filters)]
        command += video_program.passed_through(self._survey.old)
        # the last frame comes when the end is known
        command += ["-frames:v", str(len(stretch.ticks))]
        return [*command, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]

    def _scaling(self, longest: int | None) -> str:
        """Return the filters that make RGB pictures: all of a film have the size of its header."""
        if not self.film.still:
            width, height = video_faults.fitted(*self._survey.header.size, longest)
            return scaling(str(width), str(height))
        share = "1" if longest is None else f"min(1,{longest}/max(iw,ih))"  # turned by what it says
        return scaling(*(f"'max(1,trunc({side}*{share}+0.5))'" for side in ("iw", "ih")))


class _Pictures:
    """The frames that a process writes, with what its log says of them."""

    def __init__(self, process: Running) -> None:
        self._process = process
        self._size: tuple[int, int] | None = None
        self._place = 0  # in the log
        self._lines = b""
        self._frames: list[Frame] = []

    def next(self) -> tuple[Frame, Image] | None:
        """Return the next frame and its picture; None at the end."""
        data = self._process.read(PATIENCE_S, 1)
        if not data:
            return None
        if self._size is None:
            self._size = video_log.output_size(self._process.log)
        width, height = self._size
        image = np.empty((height, width, 3), np.uint8)
        view = memoryview(image.reshape(-1))  # type: ignore[arg-type]
        view[:1], place = data, 1
        while place < len(view):
            data = self._process.read(PATIENCE_S, len(view) - place)
            if not data:
                return None
            view[place : place + len(data)] = data
            place += len(data)
        return self._told(), image

    def _told(self) -> Frame:
        """Return what the log says of the next frame, which it says before the frame is out."""
        if not self._frames:
            more = self._process.log_from(self._place)
            self._place += len(more)
            lines, _, self._lines = (self._lines + more).rpartition(b"\n")
            self._frames = video_log.frames(lines.decode("utf-8", "replace"))
        if not self._frames:
            raise RecordError("decode_failed", "ffmpeg does not say when a frame is shown")
        return self._frames.pop(0)


def stretches(film: Film, numbers: Sequence[int]) -> list[Stretch]:
    """Return frames in order as stretches: a new one where skipping saves more than a start costs.

    Frames of 1280 x 720, a key frame every 10 s: each wanted frame is a stretch from 2 s on.
    """
    found: list[Stretch] = []
    pixels, at = film.source.width * film.source.height, 0
    for number in numbers:
        lead = film.leads(number)
        far = (lead - at) * pixels > START_PIXELS
        if not found or far or len(found[-1].ticks) == MOST:
            found.append(Stretch(_start_s(film, lead) if lead else None, []))
        found[-1].ticks.append(int(film.ticks[number]))
        at = int(film.places[number])
    return found


def _start_s(film: Film, lead: int) -> float | None:
    """Return the time of a key frame as ffmpeg seeks it; None for the beginning."""
    key = int(np.searchsorted(film.key_places, lead))
    ticks = int(film.key_ticks[key]) * film.source.time_base
    start_s = float(ticks - Fraction(film.source.start_us, 1_000_000))
    if film.source.format in video_program.SEARCHED:
        start_s -= video_program.EARLIER_S
    elif (_next_s(film, key) or math.inf) > start_s + video_program.LATER_S:
        start_s += video_program.LATER_S
    return start_s if start_s > 0 else None


def _next_s(film: Film, key: int) -> float | None:
    """Return the time of the next key frame; None for the last."""
    if key + 1 == len(film.key_ticks):
        return None
    return float(int(film.key_ticks[key + 1]) * film.source.time_base) - film.source.start_us / 1e6


def later(ticks: Sequence[int]) -> str:
    """Return an expression that is 1 at times among `ticks`, but not where they go backwards."""
    return f"{among('pts', ticks)}*(isnan(prev_selected_pts)+gt(pts,prev_selected_pts))"


def among(name: str, ticks: Sequence[int]) -> str:
    """Return an expression of ffmpeg that is 1 if a value is one of `ticks`, in log2(n) steps.

    >>> among("n", [3, 5, 8])
    'if(lt(n,5),eq(n,3),if(lt(n,8),eq(n,5),eq(n,8)))'
    """
    if len(ticks) == 1:
        return f"eq({name},{ticks[0]})"
    half = len(ticks) // 2
    return f"if(lt({name},{ticks[half]}),{among(name, ticks[:half])},{among(name, ticks[half:])})"
