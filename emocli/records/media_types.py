"""The types of `audio`, `eeg` and `video`: recordings, and what was taken of them."""

from __future__ import annotations

from typing import Any, TypedDict


class ArrayReference(TypedDict):
    """A reference to an array in the store; `path` is relative to it."""

    path: str
    shape: list[int]
    dtype: str
    sha256: str


class Audio(TypedDict, total=False):
    """Decoded audio; `path` is relative to the store, absent if the audio was not kept.

    `warning` says what is wrong with the sound: it is a part of what its header claims, samples
    are clipped, channels cancel each other. Stages that decode by themselves add `audio` only then.
    """

    path: str
    sample_rate_hz: int
    duration: float
    channels: int  # of the source; the samples are mono
    decoder: str
    warning: str
    speech_s: float  # seconds in which a voice is certain, where a stage has listened for one


class Prepared(TypedDict, total=False):
    """How recordings of EEG were cleaned for a feature."""

    rate_hz: float
    band_hz: list[float]  # from and to; null: to the highest
    notch_hz: float
    reference: str
    window_s: float
    overlap_s: float
    artifact_uv: float


class Eeg(TypedDict, total=False):
    """Cleaned EEG, (channels, time) in the store at `path`, absent if it was not kept.

    A record of a corpus says before which electrodes its file has (`channels`, `bad`), their
    `unit`, and where in a file of arrays they are (`variable`, `index`).
    """

    path: str
    mask: ArrayReference  # (windows, channels): 1 where a channel is wrong
    sample_rate_hz: float
    duration: float
    channels: list[str]
    bad: list[str]
    unit: str
    variable: str
    index: list[int]
    reference: str
    band_hz: list[float]
    notch_hz: float
    window_s: float
    overlap_s: float
    artifact_uv: float
    flagged: dict[str, Any]  # faults of `channels`, by name, and of `windows`, by kind: how many
    normalized: str  # features of it are z-scores by this
    decoder: str
    warning: str


class Sampled(TypedDict, total=False):
    """Which frames were looked at (one of the first three), and for whose face."""

    rate_hz: float  # so many a second
    count: int  # so many, spread evenly
    middle: bool  # the one in the middle
    longest_px: int  # longer side of the frames at most
    face: str | int  # largest, each, or the number of a face
    detector: str  # its revision


class Track(TypedDict, total=False):
    """One face that was followed from frame to frame."""

    id: int  # from 1, the most visible first
    times: list[float]  # seconds from the start of the film
    boxes: list[list[float]]  # x, y, width, height in pixels of the film
    scores: list[float]


class Faces(TypedDict, total=False):
    """The faces of a film; `array` (faces, side, side, 3) has the crops of those that are judged.

    Each crop is in the upper left corner of a black square, by face and then by time.
    """

    count: int
    judged: list[int]
    why: str
    left_out: int  # faces of frames that have too many
    tracks: list[Track]
    array: ArrayReference
    sizes: list[list[int]]  # of each crop: height, width


class Peak(TypedDict, total=False):
    """Where a face shows most: the largest probability of another expression than neutral."""

    time: float  # seconds from the start of the film
    index: int  # of the frame in `times` of `video`
    intensity: float
    emotion: str


class Video(TypedDict, total=False):
    """A film or a picture, which has no duration; `array` has whole frames if they were kept.

    `warning` says what is wrong with the film: it is cut off, packets are damaged, times go back.
    """

    times: list[float]  # of the frames, in seconds from the start of the film
    duration: float  # of the whole film
    width: int
    height: int
    frame_rate: float
    decoder: str
    sampled: Sampled
    array: ArrayReference  # (frames, height, width, 3)
    faces: Faces
    peak: Peak
    warning: str
