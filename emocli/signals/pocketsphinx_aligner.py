"""Align words and their sounds with a recording, by Pocketsphinx's acoustic model of US English.

D. Huggins-Daines et al., "Pocketsphinx: A Free, Real-Time Continuous Speech Recognition System for
Hand-Held Devices", ICASSP 2006, https://doi.org/10.1109/ICASSP.2006.1659988; model and dictionary
(134,000 words) come with the wheel. Two passes: the words, each in the pronunciation that fits
best, with the pauses between them; then the sounds within the words.

The settings differ from a recogniser's: all states are scored and the beam is wide, since a narrow
one loses the end of every fourth sentence. A score is then relative to the best of all states in
that frame: 0 is as good as the best sound.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from emocli.errors import ModelError, RecordError

Samples = npt.NDArray[np.float32]

SAMPLE_RATE_HZ = 16000
FRAME_S = 0.010
WINDOW_S = 410 / SAMPLE_RATE_HZ
# A boundary between two frames lies half way between the centres of their windows.
CENTRE_S = (WINDOW_S - FRAME_S) / 2
STATES = 3  # of each sound, one frame at least
BEAM = 1e-300  # practically unlimited: 1e-100 loses the right path in some sentences
NATS = 1024 * math.log(1.0001)  # a unit of the scores: log base 1.0001, shifted by 10 bits
MOST_ADDED = 50_000  # words, then the dictionary is reloaded: memory stays bounded
FULL_SCALE = 32767
DITHER = 4  # of 32767, at most: 82 dB below full scale (our choice)
MODEL = "en-us"


class Piece(NamedTuple):
    """One sound: ARPABET without stress, seconds, and nats below the best state, in total."""

    symbol: str
    start: float
    end: float
    score: float


class Aligned(NamedTuple):
    """The sounds of each word, and how well they fit: nats per frame below the best state."""

    words: list[list[Piece]]
    misfit: float


class Aligner:
    """A decoder without a language model, restricted to given words."""

    def __init__(self) -> None:
        pocketsphinx = _pocketsphinx()
        self.decoder: Any = pocketsphinx.Decoder(
            lm=None,
            loglevel="FATAL",
            beam=BEAM,
            pbeam=BEAM,
            wbeam=BEAM,
            compallsen=True,
            bestpath=False,
        )
        self.added: set[str] = set()

    def knows(self, word: str) -> bool:
        """Say whether a word is in the dictionary."""
        return word[:1] not in "<[+~" and self.decoder.lookup_word(word) is not None

    def add(self, symbols: Sequence[str]) -> str:
        """Return the dictionary's name of a word with this pronunciation (ARPABET)."""
        name = "~" + "~".join(symbols)
        if name not in self.added:
            self.decoder.add_word(name, " ".join(symbols), False)
            self.added.add(name)
        return name

    def align(self, samples: Samples, words: Sequence[str]) -> Aligned:
        """Return the sounds, with times, of words named as in the dictionary.

        `samples` (time,) at 16 kHz. Raises RecordError cannot_align where the words do not fit
        into the recording.
        """
        if not words:
            return Aligned([], 0.0)
        values = _dithered(samples)
        try:
            self.decoder.set_align_text(" ".join(words))
            self._decode(values)
            self.decoder.set_alignment()
            self._decode(values)
            aligned = list(_pieces(self.decoder.get_alignment(), len(samples) / SAMPLE_RATE_HZ))
        except (RuntimeError, TypeError):  # TypeError: no alignment
            raise RecordError(
                "cannot_align", f"{len(words)} words do not fit into the recording", hint=HINT
            ) from None
        if len(aligned) != len(words):
            message = f"only {len(aligned)} of {len(words)} words fit into the recording"
            raise RecordError("cannot_align", message, hint=HINT)
        return Aligned(aligned, _misfit(aligned))

    def _decode(self, values: bytes) -> None:
        # Otherwise earlier audio stays in the noise estimate and changes the result.
        self.decoder.reinit_feat()
        self.decoder.start_utt()
        try:
            self.decoder.process_raw(values, full_utt=True)
        finally:
            self.decoder.end_utt()


HINT = "do the text and the language match the audio? emocli transcribe makes a transcript"


def _pocketsphinx() -> Any:
    try:
        import pocketsphinx  # type: ignore[import-untyped]
    except ImportError:
        raise ModelError(
            "pocketsphinx is not installed", hint="pip install 'emocli[align]'"
        ) from None
    return pocketsphinx


def version() -> str:
    """Return the version of Pocketsphinx."""
    from importlib.metadata import version

    return version("pocketsphinx")


@functools.lru_cache(1)
def _shared() -> list[Aligner]:
    return [Aligner()]


def aligner() -> Aligner:
    """Return this process's aligner."""
    shared = _shared()
    if len(shared[0].added) > MOST_ADDED:
        shared[0] = Aligner()
    return shared[0]


def shortest(sounds: int) -> float:
    """Return the shortest duration in seconds of a number of sounds."""
    return sounds * STATES * FRAME_S


def _dithered(samples: Samples) -> bytes:
    """Return 16-bit samples with a little noise from a fixed seed.

    The model has never seen features of digital silence, so any text fits there.
    """
    noise = np.random.default_rng(0).integers(-DITHER, DITHER + 1, len(samples))
    values = np.clip(samples * FULL_SCALE + noise, -FULL_SCALE, FULL_SCALE)
    return values.astype(np.int16).tobytes()


def _pieces(alignment: Any, duration_s: float) -> Iterator[list[Piece]]:
    # Items are only valid during the iteration.
    for word in alignment:
        pieces = [_piece(phone, duration_s) for phone in word]
        if word.name[0] not in "<[+":  # pauses and noises
            yield pieces


def _piece(phone: Any, duration_s: float) -> Piece:
    start, end = phone.start, phone.start + phone.duration
    return Piece(
        phone.name, _seconds(start, duration_s), _seconds(end, duration_s), phone.score * NATS
    )


def _seconds(frame: int, duration_s: float) -> float:
    """Return the start of a frame; the first begins at 0."""
    return min(round(frame * FRAME_S + CENTRE_S, 4), duration_s) if frame else 0.0


def _misfit(words: list[list[Piece]]) -> float:
    pieces = [piece for word in words for piece in word]
    length = sum(piece.end - piece.start for piece in pieces)
    return -sum(piece.score for piece in pieces) / max(length / FRAME_S, 1.0)
