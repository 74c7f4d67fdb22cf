"""Read the audio of a media file of any length block by block: the samples of `audio.read`.

`audio.read` may decode a small file with PyAV, whose version of FFmpeg may round otherwise.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from emocli.errors import RecordError
from emocli.signals import audio, chunk_lengths, ffmpeg_blocks, ogg_pages, sound_files
from emocli.signals.flows import About, Values


def blocks(path: str, about: About) -> Iterator[Values]:
    """Yield the 16-bit samples (time,) of a file; tell `about` what is known of their source.

    What cannot be decoded any more is left out, and told in `about`. Raises RecordError as
    `audio.read` does.
    """
    head = audio.head_of(path)
    pages = ogg_pages.survey(path) if head.startswith(ogg_pages.CAPTURE) else None
    given = 0
    if sound_files.known(head) and (pages is None or pages.regular):
        try:
            for values in sound_files.blocks(path, about):
                given += len(values)
                yield values
            about.warnings.append(pages.warning if pages else None)
            return
        except sound_files.DamagedError:
            about.warnings.clear()  # ffmpeg finds the same, and more
    chained = pages is not None and pages.chained
    try:
        yield from ffmpeg_blocks.blocks(path, about, skip=given, in_order=not chained)
    except RecordError as error:
        if given:  # what there is has been read
            about.warnings.append(f"decoded in part: {error.message}")
        else:
            raise audio.explained(error, head) from None
    with contextlib.suppress(OSError):  # the file may be gone by now
        about.warnings.append(chunk_lengths.warning(path) if head else None)
    about.warnings.append(pages.warning if pages else None)
