"""Which frames of a film are looked at: what a stream says in `sampled`, and the frames themselves.

`sampled` is an object: one of `rate_hz` (frames a second), `count` (spread evenly) and `middle`
(one frame); `longest_px`, the longer side to which larger frames are scaled down; of faces `face`
(largest, each, or 1, 2, ... by how much they are seen) and the revision of the `detector`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emocli import records
from emocli.errors import UsageError
from emocli.modalities.audio import span_of
from emocli.records import Record, validation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from emocli.signals.video import About, Image, Wanted

# Our choices: an expression lasts 0.5 to 4 s; a face of a tenth of the width still has the 112
# pixels that the expression net takes; networks of whole frames take 224 to 384.
RATE_HZ = 2.0
FACES_PX, FRAMES_PX = 1280, 640
WAYS = ("rate_hz", "count", "middle")  # of which there is one
LARGEST, EACH = "largest", "each"

DEFAULT: Record = {"rate_hz": RATE_HZ}


def complete(given: Record, default: Record, *, faces: bool) -> Record:
    """Return `sampled` with all that it leaves open, for an encoder of faces or of frames."""
    way = given if any(given.get(key) is not None for key in WAYS) else default
    found: Record = {key: way[key] for key in WAYS if way.get(key) is not None}
    found["longest_px"] = given.get("longest_px") or (FACES_PX if faces else FRAMES_PX)
    return found | ({"face": given.get("face") or LARGEST} if faces else {})


def of_flags(
    rate: float | None, frames: int | None, middle: bool | None, longest: int | None = None
) -> Record:
    """Return what flags say of the frames; UsageError if they say it twice."""
    said = {"rate_hz": rate, "count": frames, "middle": middle or None}
    found: Record = {key: value for key, value in said.items() if value is not None}
    if len(found) > 1:
        flags = {"rate_hz": "--rate", "count": "--frames", "middle": "--key-frame"}
        raise UsageError(f"{' and '.join(flags[key] for key in found)}: one of them says it")
    return found | ({"longest_px": longest} if longest else {})


def face(text: str | None) -> str | int | None:
    """Return which faces are judged, by a flag: largest, each or N from 1."""
    if text is None or text in (LARGEST, EACH):
        return text
    if not text.isascii() or not text.isdigit() or not int(text):
        raise UsageError(f"--face {text:.30}: not {LARGEST}, {EACH} or a number from 1")
    return int(text)


def wanted(sampled: Record) -> Wanted:
    """Return which frames are read."""
    from emocli.signals import video

    if sampled.get("count") is not None:
        return video.Uniform(int(sampled["count"]))
    if sampled.get("middle"):
        return video.Middle()
    return video.Rate(float(sampled.get("rate_hz") or RATE_HZ))


def frames(record: Record, sampled: Record, about: About) -> Iterator[tuple[float, Image]]:
    """Yield (time in seconds, picture) of a record's part of its film, one by one."""
    from emocli.signals import video

    path = records.path_of(record)
    start, end = span_of(record)
    longest = sampled.get("longest_px")
    yield from video.frames(path, wanted(sampled), start, end, longest=longest, about=about)


def described(about: About, sampled: Record, times: NDArray[Any] | list[float]) -> Record:
    """Return the `video` of a record: what was looked at, and of what."""
    from emocli.signals import sound_faults

    warning = sound_faults.told(about.warnings)
    found: Record = {
        "times": seconds(times),
        "duration": None if about.duration is None else round(about.duration, 6),
        "width": about.width,
        "height": about.height,
        "frame_rate": None if about.frame_rate is None else round(about.frame_rate, 6),
        "decoder": about.decoder,
        "sampled": sampled,
    }
    found = {key: value for key, value in found.items() if value is not None}
    return found | ({"warning": warning} if warning else {})


def seconds(times: NDArray[Any] | list[float]) -> list[float]:
    """Return times as they are written, to a microsecond."""
    return [round(float(time), 6) for time in times]


def about_of(record: Record) -> Record:
    """Return what a record says of its film; RecordError where a field of it is of a wrong type."""
    return validation.value(record, "video", code="bad_video") or {}
