"""Sample films, find the faces in them, and keep the faces or the frames in the store.

Reads `path`, with `start` and `end` for records of a part of a film: films of any format, and
pictures. Adds `video`: times of the frames in seconds from the start of the film, duration, width,
height, frame_rate, decoder, sampled, faces, and a `warning` where the film is damaged or cut short.
Streams.

The frame at t is the one on screen at t. Frames are taken 2 a second (--rate), or --frames N of
them spread evenly, or only the middle one (--key-frame). A face is followed from frame to frame:
`faces.tracks` has when and where each is seen (boxes: x, y, width, height in pixels of the film),
the most visible first; `count` how many there are (who leaves and comes back counts twice: cut long
films with --segment auto); `judged` whose face is judged and `why`: the one
that is most visible while somebody speaks (--face largest), each, or the N-th. Its crops, without a
margin, are in the store: `faces.array` (faces, side, side, 3), each in the upper left corner of a
black square, and `faces.sizes`, the height and width of each. No face is no failure: `count` is
then 0.

With --no-faces the frames are kept: `array` (frames, height, width, 3), for encoders of whole
frames.

Without this command `encode` and `predict` look at films themselves, as each encoder wants them.

Example:
    emocli extract-video clip.mp4 | emocli encode --modality video
    emocli extract-video clip.mp4 --rate 5 | jq .video.faces.judged
    emocli extract-video film.mkv --no-faces --frames 16
"""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import options
from emocli.errors import UsageError
from emocli.modalities import video_sampling
from emocli.modalities.video_faces import DETECTOR
from emocli.stages import extract_video


@options.filter("jobs", "store", "device", "segment_none")
def command(
    run: options.Run,
    rate: Annotated[
        float | None, typer.Option(min=0.001, metavar="HZ", help="Frames a second (default: 2).")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="So many frames, spread evenly.")
    ] = None,
    key_frame: Annotated[
        bool | None, typer.Option("--key-frame", help="The frame in the middle only.")
    ] = None,
    faces: Annotated[
        bool, typer.Option("--faces/--no-faces", help="Keep faces, or whole frames.")
    ] = True,
    face: Annotated[
        str | None, typer.Option(metavar="largest|each|N", help="Whose face (default: largest).")
    ] = None,
    detector: Annotated[
        str, typer.Option(metavar="NAME", help="What finds faces: of the catalog, or a folder.")
    ] = DETECTOR,
    longest: Annotated[
        int | None,
        typer.Option(min=1, metavar="PX", help="Longer side at most (default: 1280; frames 640)."),
    ] = None,
) -> int:
    """Sample films, find the faces in them, and keep the faces or the frames in the store."""
    if face is not None and not faces:
        raise UsageError(f"--face {face:.30} and --no-faces: no face is looked for")
    sampled = video_sampling.of_flags(rate, frames, key_frame, longest)
    chosen = video_sampling.face(face)
    sampled |= {} if chosen is None else {"face": chosen}
    return run.through(extract_video.stage(run.context, sampled, detector if faces else None))
