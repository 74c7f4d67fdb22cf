"""Video: the faces or the frames of a film, read from its file or kept in the store.

An encoder of faces (its family states FACES) takes the crops of the face that is judged, another
one whole frames. How they are `sampled` is part of a stream, as is whose face it is; a record that
was extracted before keeps what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from emocli.errors import AbsentError, RecordError
from emocli.io.store import Store
from emocli.modalities import ahead_key, video_faces, video_sampling, video_speech, video_stored
from emocli.modalities.audio import span_of
from emocli.modalities.video_sampling import about_of
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.records.modality import in_file, names_other

if TYPE_CHECKING:
    from emocli.encoders.face_detector import Detector
    from emocli.signals.faces import Picture
    from emocli.signals.video import About

PLAIN: Record = {"encoder": "face-expression", "layer": None, "pooling": "frames"}
SEVERAL_LAYERS = True
BATCH = 4
BUDGET = 120.0  # seconds of film in a batch at most: 160 MB of whole frames at 2 a second
FLAGS = {
    "rate": "--rate needs --modality video",
    "frames": "--frames needs --modality video",
    "key_frame": "--key-frame needs --modality video",
    "face": "--face needs --modality video",
}

NO_FACE, NO_VIDEO = "no_face", "no_video"
NO_FILM = "the record names no film; in a pipe films are only heard"


class Wants(NamedTuple):
    """What an encoder looks at: `sampled`, and what finds the faces if it looks at faces."""

    sampled: Record
    detect: Detector | None = None


class Looked(NamedTuple):
    """What was found in a film: what its file says, and the faces in its frames."""

    told: About
    watched: video_faces.Watched


@dataclass(frozen=True)
class Seen:
    """Pictures (height, width, 3), uint8 RGB, with their times in seconds of the film."""

    images: Any
    times: Any


def settings(flags: Record) -> Record:
    """Return what flags of `encode` add to a spec: how films are sampled."""
    given = video_sampling.of_flags(flags["rate"], flags["frames"], flags["key_frame"])
    face = video_sampling.face(flags["face"])
    given |= {} if face is None else {"face": face}
    return {"sampled": given} if given else {}


def length(record: Record) -> float:
    """Return the seconds of a film, as far as its record says them."""
    about = record.get("video") or {}
    start, end = span_of(record)
    known = about.get("duration") if isinstance(about, dict) else None  # of the whole film
    return max(0.0, float(end or known or 1.0) - (start or 0.0))


def wants(context: Context, spec: Record) -> Wants:
    """Return what the encoder of a stream looks at; ModelError if it or its detector is absent."""
    from emocli import encoders, hub

    name = spec["encoder"]
    default = video_sampling.DEFAULT
    if encoders.is_measured(name, "video"):
        family = encoders.load(name)
    else:
        folder, _ = hub.locate(name, offline=context.offline)
        family = encoders.of_folder(folder, "video", spec["pooling"])
        if hasattr(family, "sampled"):
            default = family.sampled(folder, spec["pooling"])
    faces, given = getattr(family, "FACES", False), dict(spec.get("sampled") or {})
    sampled = video_sampling.complete(given, default, faces=faces)
    if not faces:
        return Wants(sampled)
    detect, revision = video_faces.detector(context.device, context.offline)
    return Wants(sampled | {"detector": revision}, detect)


def reader(context: Context, spec: Record) -> Callable[[Record, Record, Store], Any]:
    """Return `material` for a stream, with what it needs besides the record."""
    return partial(_material, wants(context, spec))


def material(record: Record, spec: Record, store: Store) -> Any:
    """Return the pictures that an encoder takes of a record, and their times.

    A record that has no film, and a film in which the encoder's faces are not, raise AbsentError.
    """
    return _material(wants(Context(store=store), spec), record, spec, store)


def _material(wanted: Wants, record: Record, spec: Record, store: Store) -> Any:
    about = about_of(record)
    if not in_file(record, "video") and not video_stored.holds_any(about):
        raise without(record)
    if wanted.detect is None:
        return _frames(wanted, record, about, store)
    if video_stored.holds_faces(about):
        found: Any = video_stored.faces(about, store)
    else:
        found = look(record, wanted, store, record.pop(ahead_key(spec), None))
    if not found.images:
        raise _no_face(record, wanted, spec)
    return found


def _frames(wanted: Wants, record: Record, about: Record, store: Store) -> Seen:
    """Return whole frames, from the store if they are there."""
    import numpy as np

    if video_stored.holds_frames(about):
        return Seen(*video_stored.frames(about, store))
    told = nothing_told()
    found = list(video_sampling.frames(record, wanted.sampled, told))
    times = [time for time, _ in found]
    record["video"] = about | video_sampling.described(told, wanted.sampled, times)
    return Seen(np.stack([image for _, image in found]), np.array(times))


def ahead(context: Context, spec: Record, record: Record) -> Looked | None:
    """Return what is found in a film, for `material` to use; None if it has to see for itself."""
    wanted, about = wants(context, spec), about_of(record)
    if wanted.detect is None or not in_file(record, "video") or video_stored.holds_any(about):
        return None
    return _looked(record, about, wanted, context.store)


def _looked(record: Record, about: Record, wanted: Wants, store: Store) -> Looked:
    assert wanted.detect is not None
    told = nothing_told()
    frames = _pictures(record, about, wanted, store, told)
    return Looked(told, video_faces.watch(frames, wanted.detect, store.root))


def look(
    record: Record, wanted: Wants, store: Store, looked: Looked | None = None
) -> video_faces.Faces:
    """Return the faces of a film that are judged; describe all of them in `video`."""
    about = about_of(record)
    sampled = wanted.sampled
    told, watched = looked or _looked(record, about, wanted, store)
    film_s = told.duration or about.get("duration")
    hear = partial(video_speech.speech, record, store, film_s)
    found = video_faces.judged(watched, sampled["face"], hear)
    if video_stored.holds_frames(about):
        made = about.get("sampled") or {}
        kept = {key: made.get(key) for key in (*video_sampling.WAYS, "longest_px")}
        own = {key: sampled[key] for key in ("face", "detector")}
        said: Record = {"sampled": {k: v for k, v in kept.items() if v is not None} | own}
    else:
        said = video_sampling.described(told, sampled, watched.times)
    width = told.width or about.get("width") or watched.width
    faces = video_faces.described(watched, found.judged, width)
    record["video"] = about | said | {"faces": faces}
    return found


def _pictures(
    record: Record, about: Record, wanted: Wants, store: Store, told: About
) -> Iterator[tuple[float, Picture]]:
    if video_stored.holds_frames(about):
        images, times = video_stored.frames(about, store)
        return zip(times.tolist(), images, strict=True)
    return video_sampling.frames(record, wanted.sampled, told)


def nothing_told() -> About:
    """Return what is known of a film before it is read."""
    from emocli.signals.video import About

    return About()


def made(record: Record, spec: Record) -> Record:
    """Return how the film of a record was sampled: what its features say of it."""
    about = record.get("video") or {}
    return {"sampled": about.get("sampled") or spec.get("sampled")}


def without(record: Record) -> RecordError:
    """Return why a record has no video: no failure if it is about other modalities."""
    if names_other(record, "video"):
        return AbsentError(NO_VIDEO, "no video", hint=NO_FILM)
    return RecordError(NO_VIDEO, "no file and no video", hint="a record needs a path")


def _no_face(record: Record, wanted: Wants, spec: Record) -> AbsentError:
    """Return the note that nobody is seen, which other streams of the film are not lost by."""
    about = about_of(record)
    face = (about.get("sampled") or {}).get("face") or wanted.sampled["face"]
    count, looked = (about.get("faces") or {}).get("count") or 0, about.get("times")
    text = f"no face {face}: there are {count}" if count else "no face in the frames"
    error = AbsentError(NO_FACE, f"{text} ({len(looked)} looked at)" if looked else text)
    error.only_stream = spec.get("stream")  # type: ignore[attr-defined]
    return error
