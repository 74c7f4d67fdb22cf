"""What `extract-video` has put into the store: frames, or the faces that are judged.

Frames are an array (frames, height, width, 3). Faces are an array (faces, side, side, 3), each in
the upper left corner of a black square; `sizes` says how high and wide each is.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from emocli.errors import RecordError
from emocli.io.store import Store
from emocli.modalities.video_faces import Faces
from emocli.records import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from emocli.signals.faces import Picture


LONGEST_S = 1e7  # of a film: four months, our choice


def holds_frames(about: Record) -> bool:
    """Say whether a record's `video` has frames."""
    return bool(about.get("array"))


def holds_faces(about: Record) -> bool:
    """Say whether a record's `video` has the faces that are judged, be it none."""
    found = about.get("faces")
    return isinstance(found, dict) and "sizes" in found


def holds_any(about: Record) -> bool:
    """Say whether there is anything of a film in the store."""
    return holds_frames(about) or holds_faces(about)


def put_faces(store: Store, images: Sequence[Picture]) -> Record:
    """Keep crops; return `array` and `sizes`, without crops only `sizes`."""
    import numpy as np

    sizes = [list(image.shape[:2]) for image in images]
    if not sizes:
        return {"sizes": []}
    side = max(map(max, sizes))

    def squares() -> Iterator[Picture]:
        for image in images:
            square = np.zeros((side, side, 3), np.uint8)
            square[: image.shape[0], : image.shape[1]] = image
            yield square

    return {"array": _put(store, squares()), "sizes": sizes}


def put_frames(store: Store, frames: Iterable[tuple[float, Picture]]) -> tuple[Record, list[float]]:
    """Keep frames (time, picture) of one size, one by one; return their array and their times."""
    times: list[float] = []

    def pictures() -> Iterator[Picture]:
        for time, picture in frames:
            times.append(time)
            yield picture

    return _put(store, pictures()), times


def _put(store: Store, pictures: Iterable[Picture]) -> Record:
    """Keep pictures of one size, one by one, as an array; return its reference."""
    import numpy as np

    count, shape = 0, (0, 0, 3)
    store.root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=store.root) as file:  # not /tmp, which may be in memory
        for count, picture in enumerate(pictures, 1):  # noqa: B007
            shape = picture.shape
            file.write(np.ascontiguousarray(picture).data)
        file.flush()
        kept = np.memmap(file, np.uint8, "r", shape=(count, *shape))
        return store.put_array(kept)


def frames(about: Record, store: Store) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return the frames and their times; RecordError bad_video if they are not what was written."""
    import numpy as np

    images = _array(about, store)
    times = np.array(_numbers("times", about.get("times") or [], len(images), LONGEST_S))
    return images, times


def faces(about: Record, store: Store) -> Faces:
    """Return the crops and their times; RecordError bad_video if they are not what was written."""
    found = about["faces"]
    if not found["sizes"]:
        return Faces([], [], [])
    kept = _array(found, store)
    try:
        by_id = {track["id"]: track for track in found["tracks"]}
        judged = [by_id[number] for number in found["judged"]]
        times, scores = (
            _numbers(f"faces.tracks.{key}", [v for t in judged for v in t[key]], len(kept), most)
            for key, most in (("times", LONGEST_S), ("scores", 1.0))
        )
    except KeyError as error:
        raise _broken(f"faces has no {error}") from None
    return Faces(_crops(kept, found["sizes"]), times, scores)


def _crops(kept: NDArray[np.uint8], sizes: Any) -> list[Picture]:
    """Return the crops in squares (faces, side, side, 3), by their heights and widths."""
    side = kept.shape[1]
    fits = len(sizes) == len(kept) and all(
        len(size) == 2 and all(int(px) == px and 0 < px <= side for px in size) for size in sizes
    )
    if not fits:
        raise _broken(f"faces.sizes is not {len(kept)} pairs from 1 to {side}: {sizes!r:.60}")
    return [image[: int(h), : int(w)] for image, (h, w) in zip(kept, sizes, strict=True)]


def _array(about: Record, store: Store) -> Any:
    try:
        found = store.array(about["array"])
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise _broken(str(error)) from None
    if found.ndim != 4 or found.shape[3] != 3 or found.dtype != "uint8":
        raise _broken(f"{found.shape} {found.dtype} are no pictures")
    return found


def _numbers(name: str, values: Sequence[float], count: int, most: float) -> list[float]:
    """Return numbers from 0 to `most`, one for each picture."""
    found = [float(value) for value in values]
    if len(found) != count:
        raise _broken(f"{name} has {len(found)} numbers, there are {count} pictures")
    if wrong := [value for value in found if not 0 <= value <= most]:
        raise _broken(f"{name} has {wrong[0]:g}")
    return found


def _broken(text: str) -> RecordError:
    message = f"video is not what extract-video adds: {text}"
    return RecordError("bad_video", message[:200], hint="extract it again")
