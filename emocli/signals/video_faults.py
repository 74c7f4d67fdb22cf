"""What is wrong with a film as a whole, and the bounds that keep a damaged one from memory."""

from __future__ import annotations

from collections.abc import Callable

from emocli.errors import RecordError
from emocli.signals import sound_faults
from emocli.signals.video_film import Film

# Twice 8K (7680 x 4320): a larger frame is refused before memory is asked for it. Our choice.
MAX_PIXELS = 2**26
MAX_BYTES = 2**32  # of the frames that are returned together. Our choice.

HINT = "the file may be truncated; does it play?"

# Formats that are read. None opens a second file (playlists, lists of numbered pictures), none
# draws text.
FORMATS = (
    "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,mxf,nut,ivf,wtv,dv,rm,gif,apng,webp_anim,"
    "h264,hevc,m4v,obu,mjpeg,yuv4mpegpipe,"
    "png_pipe,jpeg_pipe,webp_pipe,bmp_pipe,tiff_pipe,gif_pipe,jpegxl_pipe,j2k_pipe,"
    "ppm_pipe,pgm_pipe,pbm_pipe,pam_pipe"
)


class NoVideoStreamError(RecordError):
    """The file has sound but no picture: its other modalities can still be used."""

    others_can_go_on = True


def no_picture(*, sound: bool, cover: bool) -> RecordError:
    """Return the error of a file without a film or a picture in it."""
    if cover:
        return NoVideoStreamError("no_video_stream", "a cover picture, but no video")
    if sound:
        return NoVideoStreamError("no_video_stream", "sound without a picture")
    return RecordError("not_media", "neither video nor a picture")


def tiled() -> RecordError:
    """Return the error of a picture that is stored as tiles."""
    message = "a picture in tiles (HEIC) is not put together"
    return RecordError("decode_failed", message, hint="convert it to JPEG or PNG")


def require_size(width: int, height: int) -> None:
    """Raise RecordError decode_failed for a size that no frame has, or none that is read."""
    if width <= 0 or height <= 0:
        message = f"the header says {width} x {height} pixels"
        raise RecordError("decode_failed", message, hint="is the header damaged?")
    if width * height > MAX_PIXELS:
        hint = f"up to {MAX_PIXELS:,} pixels a frame are read"
        message = f"the header says {width} x {height} pixels"
        raise RecordError("decode_failed", message, hint=hint)


def require_room(frames: int, width: int, height: int) -> None:
    """Raise RecordError too_large for more frames than may be returned together."""
    if 3 * frames * width * height > MAX_BYTES:
        message = f"{frames} frames of {width} x {height} pixels need more than 4 GiB"
        raise RecordError("too_large", message, hint="take fewer, smaller or one by one")


def incomplete(
    film: Film, claimed_s: float | None, *, alone: bool, data_end_s: Callable[[], float]
) -> str | None:
    """Return a warning if clearly less of a picture is there than a header claims of the file.

    Less than a frame is nothing: an edit list may begin in the midst of one. Where the picture is
    not alone, another stream may just be longer: `data_end_s` looks.
    """
    frame_s = 1 / film.frame_rate if film.frame_rate else 0.0
    if claimed_s is None or film.end_s + frame_s >= claimed_s:
        return None
    told = sound_faults.missing(film.end_s, claimed_s)
    if told is None or alone:
        return told
    return None if data_end_s() >= claimed_s - sound_faults.TOLERANCE_S else told


def nothing_decoded(reason: str | None) -> RecordError:
    """Return the error of a film that gave no frame."""
    return RecordError("decode_failed", reason or "no frame could be decoded", hint=HINT)


def of_sizes(count: int) -> str | None:
    """Return a warning if the frames of a film have several sizes, of which one is returned."""
    return f"frames of {count} sizes, scaled to that of the header" if count > 1 else None


def fitted(width: int, height: int, longest: int | None) -> tuple[int, int]:
    """Return a size whose longer side is at most `longest`, in proportion; never a larger one.

    >>> fitted(7680, 4320, 640), fitted(100, 50, 640), fitted(9000, 1, 640)
    ((640, 360), (100, 50), (640, 1))
    """
    if longest is None or max(width, height) <= longest:
        return width, height
    share = longest / max(width, height)
    return max(1, int(width * share + 0.5)), max(1, int(height * share + 0.5))
