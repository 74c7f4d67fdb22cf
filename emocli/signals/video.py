"""Read frames of any film or picture as upright RGB, at exact times.

The frame at t is the one on screen at t: the last whose time is not after t; the first frame where
there is none before. Times are compared to a microsecond, and count from the start of the file, as
those of its sound. Films are decoded in this process if PyAV is installed (`video_libav`), else
through ffmpeg (`video_ffmpeg`), with the same pixels and times.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emocli.errors import RecordError
from emocli.signals import (
    audio,
    sound_faults,
    video_endings,
    video_faults,
    video_ffmpeg,
    video_libav,
    video_wanted,
)
from emocli.signals.video_about import About as About
from emocli.signals.video_about import Image as Image
from emocli.signals.video_about import LeftError, Opened
from emocli.signals.video_faults import NoVideoStreamError as NoVideoStreamError
from emocli.signals.video_wanted import Middle as Middle
from emocli.signals.video_wanted import Rate as Rate
from emocli.signals.video_wanted import Times as Times
from emocli.signals.video_wanted import Uniform as Uniform
from emocli.signals.video_wanted import Wanted as Wanted


@dataclass(frozen=True)
class Clip:
    """Frames of a film, and their source (see `About`)."""

    images: npt.NDArray[np.uint8]  # (frames, height, width, 3) RGB, upright
    times: npt.NDArray[np.float64]  # (frames,) seconds from the start of the film
    duration: float | None
    width: int
    height: int
    frame_rate: float | None
    decoder: str
    warning: str | None = None


def read(
    path: str | bytes | os.PathLike[str],
    wanted: Wanted,
    start: float | None = None,
    end: float | None = None,
    *,
    longest: int | None = None,
) -> Clip:
    """Read the frames of a film that are wanted between two times in seconds.

    With `longest`, frames are scaled down while they are decoded, so that their longer side has at
    most so many pixels. What can be decoded of a damaged file is kept, with a warning. Raises
    NoVideoStreamError for sound alone (a cover picture is no film), and RecordError not_found,
    is_a_directory, not_readable, empty_file, bad_span, bad_wanted, no_such_span, not_media,
    decode_failed, too_large or no_ffmpeg.
    """
    about, times, images = About(), [], []
    for time, image in frames(path, wanted, start, end, longest=longest, about=about):
        video_faults.require_room(about.most, image.shape[1], image.shape[0])
        times.append(time)
        images.append(image)
    warning = sound_faults.told(about.warnings)
    size = (about.duration, about.width, about.height, about.frame_rate)
    return Clip(_joined(images), np.array(times), *size, about.decoder, warning)


def _joined(images: list[Image]) -> npt.NDArray[np.uint8]:
    """Return images as (frames, height, width, 3); each is given back once it is there."""
    joined = np.empty((len(images), *images[0].shape), np.uint8)
    for place in reversed(range(len(images))):
        joined[place] = images.pop()
    return joined


def frames(
    path: str | bytes | os.PathLike[str],
    wanted: Wanted,
    start: float | None = None,
    end: float | None = None,
    *,
    longest: int | None = None,
    about: About | None = None,
) -> Iterator[tuple[float, Image]]:
    """Yield (time in seconds, image) one by one, in memory that does not grow with the film.

    `about` is told of the source; for the rest see `read`.
    """
    name, about = os.fsdecode(path), About() if about is None else about
    video_wanted.check(wanted, start, end)
    head = audio.head_of(name)
    if not stat.S_ISREG(Path(name).stat().st_mode):
        raise RecordError("not_readable", "a film is read from a file, not from a pipe")
    source = video_libav.opened(name)
    if source is not None:
        with contextlib.suppress(LeftError), contextlib.closing(source):
            yield from _frames(source, wanted, (start, end), longest, about)
            return
    try:
        program = video_ffmpeg.Reading(name)
    except RecordError as error:
        raise audio.explained(error, head) from None
    yield from _frames(program, wanted, (start, end), longest, about)


def _frames(
    source: Opened,
    wanted: Wanted,
    span: tuple[float | None, float | None],
    longest: int | None,
    about: About,
) -> Iterator[tuple[float, Image]]:
    """Yield (time, image) of a film that is open."""
    film, shown = source.film, -1
    numbers = video_wanted.chosen(wanted, film, *span)
    about.most = len(numbers)
    about.duration = None if film.still else film.end_s
    about.frame_rate, about.decoder = film.frame_rate, film.source.decoder
    order = sorted(set(numbers))
    pictures = source.pictures(order, longest, about)
    for number, image in pictures if order == numbers else _again(pictures, order, numbers):
        if number != shown or isinstance(wanted, Times):  # another may stand for a damaged one
            yield float(film.seconds[number]), image
        shown = number
    if not about.width:
        raise video_faults.nothing_decoded(sound_faults.told(source.warnings))
    cut = video_endings.cut(source.path, film.source.format)
    backwards = "times in the file go backwards" if film.backwards else None
    about.warnings += [*source.warnings, cut, backwards, video_wanted.short(film, span[1])]


def _again(
    pictures: Iterator[tuple[int, Image]], order: list[int], numbers: list[int]
) -> Iterator[tuple[int, Image]]:
    """Yield pictures in the order in which they are wanted, again where they are wanted again."""
    found = dict(zip(order, pictures, strict=False))
    yield from (found[number] for number in numbers if number in found)
