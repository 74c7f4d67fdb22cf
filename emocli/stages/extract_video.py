"""Sample the film of records, find its faces, and keep frames or faces in the store."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from emocli import pipeline
from emocli.errors import RecordError
from emocli.io.store import Store
from emocli.modalities import video, video_faces, video_sampling, video_stored
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.records.missing import lost
from emocli.records.modality import MODALITIES, in_file, names_other

NAME = "extract-video"


class Search(NamedTuple):
    """Where the detector of faces runs, whether there is a network, and its name."""

    device: str
    offline: bool
    name: str = video_faces.DETECTOR


def stage(
    context: Context, sampled: Record, detector: str | None = video_faces.DETECTOR
) -> pipeline.Stage:
    """Return the stage that adds `video`, and keeps the faces or, without a detector, frames."""
    faces = detector is not None
    sampled = video_sampling.complete(sampled, video_sampling.DEFAULT, faces=faces)
    search = Search(context.device, context.offline, detector) if detector else None
    work = partial(extract, context.store, sampled, search)
    return pipeline.each(work, name=NAME, modality="video", jobs=context.jobs)


def extract(store: Store, sampled: Record, search: Search | None, record: Record) -> Record:
    """Sample the film of a record and describe it in `video`."""
    about = video_sampling.about_of(record)
    if lost(record, "video") is not None or _is_stored(about, store, faces=search is not None):
        return record
    if not in_file(record, "video"):
        raise _without(record)
    if search is None:
        told = video.nothing_told()
        frames = video_sampling.frames(record, sampled, told)
        array, times = video_stored.put_frames(store, frames)
        record["video"] = about | {"array": array} | video_sampling.described(told, sampled, times)
        return record
    detect, revision = video_faces.detector(*search)
    wanted = video.Wants(sampled | {"detector": revision}, detect)
    found = video.look(record, wanted, store)
    record["video"]["faces"] |= video_stored.put_faces(store, found.images)
    return record


def _is_stored(about: Record, store: Store, *, faces: bool) -> bool:
    """Say whether what is wanted of a film is in the store."""
    if not (video_stored.holds_faces if faces else video_stored.holds_frames)(about):
        return False
    array = (about["faces"] if faces else about).get("array") or {}
    path = array.get("path") if isinstance(array, dict) else None
    return not array or (isinstance(path, str) and (store.root / path).exists())


def _without(record: Record) -> RecordError:
    """Return why a record has no video: no failure if it is about other modalities."""
    if record.get("path") and not names_other({**record, "path": None}, "video"):
        names = " ".join(sorted(MODALITIES["video"].suffixes))
        message = "the file is neither film nor picture by its name"
        return RecordError(
            video.NO_VIDEO, message, hint=f"in a file, not in a pipe: one of {names}"
        )
    return video.without(record)
