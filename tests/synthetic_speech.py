"""Speech whose phone times are known, since espeak-ng, who says it, tells when each one begins."""

from __future__ import annotations

import ctypes
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import soxr

from emocli.signals import phones, pronunciation

RATE_HZ = 16_000

# espeak-ng/speak_lib.h
PHONEME_EVENTS = 0x0001
PHONEME_IPA = 0x0002
EVENT_END, EVENT_PHONEME = 0, 7
RATE, PITCH = 1, 3  # espeak_PARAMETER


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


class Speech(NamedTuple):
    """Samples (time,) at 16 kHz, and the sounds with the second each begins at."""

    samples: npt.NDArray[np.float32]
    sounds: list[tuple[str, float]]  # IPA
    end: float  # of the last sound


def say(text: str, voice: str = "en-us", words_per_minute: int = 160, pitch: int = 50) -> Speech:
    """Return the text as espeak-ng says it, from 0.2 s of silence to another."""
    library, rate_hz = _library()
    waves: list[Any] = []
    events: list[tuple[str, int]] = []

    def take(wave: Any, count: int, event: Any) -> int:
        if count > 0:
            waves.append(np.ctypeslib.as_array(wave, (count,)).copy())
        place = 0
        while event[place].type != EVENT_END:
            if event[place].type == EVENT_PHONEME:
                name = event[place].id.string.decode("utf-8", "ignore")
                events.append((name, event[place].sample))
            place += 1
        return 0

    kind = ctypes.CFUNCTYPE(
        ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
    )
    callback = kind(take)
    library.espeak_SetSynthCallback(callback)
    pronunciation._speak_as.cache_clear()  # the voice is changed behind its back
    assert library.espeak_SetVoiceByName(voice.encode()) == 0, voice
    library.espeak_SetParameter(RATE, words_per_minute, 0)
    library.espeak_SetParameter(PITCH, pitch, 0)
    said = text.encode() + b"\0"
    library.espeak_Synth(said, len(said), 0, 0, 0, pronunciation.UTF8, None, None)
    return _speech(np.concatenate(waves), events, rate_hz)


def _library() -> tuple[Any, int]:
    """Return espeak-ng, told to tell of phonemes."""
    library = pronunciation._library()
    _, data = pronunciation._places()
    flags = pronunciation.DO_NOT_EXIT | PHONEME_EVENTS | PHONEME_IPA
    folder = None if data is None else data.encode()
    rate_hz = library.espeak_Initialize(pronunciation.SYNCHRONOUS, 0, folder, flags)
    return library, rate_hz


def _speech(wave: Any, events: list[tuple[str, int]], rate_hz: int) -> Speech:
    """Return the samples at 16 kHz; a symbol that is two sounds counts as its first one."""
    margin_s = 0.2
    samples = soxr.resample(wave.astype(np.float32) / 32768, rate_hz, RATE_HZ)
    silence = np.zeros(round(margin_s * RATE_HZ), np.float32)
    sounds, end = [], 0.0
    for name, sample in events:
        time = sample / rate_hz + margin_s
        known = phones.sounds(name)
        sounds += [(known[0].ipa, time)] if known else []
        end = time if sounds and not known and not end else end
    return Speech(np.concatenate([silence, samples, silence]), sounds, end)


def matched(truth: list[str], found: list[str]) -> list[tuple[int, int]]:
    """Return which sounds of two sequences belong together (least edits; vowels with vowels)."""
    rows, columns = len(truth) + 1, len(found) + 1
    cost = np.zeros((rows, columns))
    cost[:, 0], cost[0] = np.arange(rows), np.arange(columns)
    for i in range(1, rows):
        for j in range(1, columns):
            change = cost[i - 1, j - 1] + _unlike(truth[i - 1], found[j - 1])
            cost[i, j] = min(change, cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    pairs = []
    i, j = rows - 1, columns - 1
    while i and j:
        if cost[i, j] == cost[i - 1, j - 1] + _unlike(truth[i - 1], found[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def _unlike(one: str, other: str) -> float:
    one, other = phones.base(one), phones.base(other)
    if one == other:
        return 0.0
    if phones.is_vowel(one) != phones.is_vowel(other):
        return 2.5  # never: leaving one out and adding the other is less
    return 0.5 if phones.nearest(one) == phones.nearest(other) else 0.9
