"""A film as it is read: what is known of its source, before and after its frames."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from emocli.signals.video_film import Film

KNOWN_FILMS = 8  # surveys that are kept, some MB for hours of film. Our choice.

T = TypeVar("T")

Image = npt.NDArray[np.uint8]  # (height, width, 3) RGB


@dataclass
class About:
    """The source of frames. All but `warnings` is known from the first frame on.

    Width and height are those of the upright picture as it is stored, whatever size is returned;
    `duration` is when the last frame ends, from the start of the film. A still picture has neither
    duration nor frame rate. After the last frame `warnings` says what is wrong with the film.
    """

    most: int = 0  # how many frames come, if all of them are there
    duration: float | None = None
    width: int = 0
    height: int = 0
    frame_rate: float | None = None
    decoder: str = ""
    warnings: list[str | None] = field(default_factory=list)


class Surveys(Generic[T]):
    """The last films that were surveyed: many spans are read of one."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str | int, ...], T] = OrderedDict()

    def of(self, path: str, survey: Callable[[], T], by: str = "") -> T:
        """Return what a survey by a program says of a file: its identity, size and time."""
        status = Path(path).stat()
        key = (by, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        if key not in self._known:
            self._known[key] = survey()
            while len(self._known) > KNOWN_FILMS:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        return self._known[key]


class LeftError(Exception):
    """A film is left to another decoder, before any of its frames."""


class Opened(Protocol):
    """A film that is open, whoever decodes it."""

    path: str
    film: Film
    warnings: list[str | None]  # complete after the last picture

    def pictures(
        self, numbers: Iterable[int], longest: int | None, about: About
    ) -> Iterator[tuple[int, Image]]:
        """Yield (number of the frame, picture) for frames in order; tell `about` the size."""
        ...

    def close(self) -> None:
        """Give back what is open."""
        ...
