"""Pronounce words in any language of espeak-ng.

espeak-ng (https://github.com/espeak-ng/espeak-ng, GPL-3.0-or-later) turns text into phonemes in
IPA; the wheel `espeakng-loader` has its library and data, else the system's is used. Its state
is global: one thread at a time.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from emocli.errors import RecordError
from emocli.signals import phones
from emocli.signals.phones import Sound

# espeak-ng/speak_lib.h
SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: to a callback, nothing is played
DO_NOT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT
UTF8 = 1  # espeakCHARS_UTF8
IPA = 0x02  # espeakPHONEMES_IPA
SEPARATOR = "_"  # between the phonemes of a word; its code goes into bits 8 and up

# Voices of languages whose code is not the name of a voice.
VOICES = {"en": "en-us", "english": "en-us", "zh": "cmn", "no": "nb", "iw": "he"}
SWITCH = re.compile(r"\([a-z-]+\)")  # marks a foreign word
HINT = "pip install 'emocli[align]'"


class NoPronunciationError(RecordError):
    """A word has no pronunciation, or the language no voice."""


@functools.cache
def _library() -> Any:
    """Return the initialised library; RecordError no_espeak if there is none."""
    name, data = _places()
    try:
        library = ctypes.CDLL(name)
        rate = library.espeak_Initialize(
            SYNCHRONOUS, 0, None if data is None else data.encode(), DO_NOT_EXIT
        )
    except (OSError, AttributeError) as error:
        raise NoPronunciationError(
            "no_espeak", f"espeak-ng cannot be loaded: {error}", hint=HINT
        ) from None
    if rate < 0:
        raise NoPronunciationError("no_espeak", "espeak-ng finds no data", hint=HINT)
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_TextToPhonemes.argtypes = [
        ctypes.POINTER(ctypes.c_char_p),
        ctypes.c_int,
        ctypes.c_int,
    ]
    library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
    library.espeak_Info.restype = ctypes.c_char_p
    return library


def _places() -> tuple[str, str | None]:
    """Return the library and the folder that holds its data."""
    try:
        import espeakng_loader  # type: ignore[import-untyped]
    except ImportError:
        return ctypes.util.find_library("espeak-ng") or "libespeak-ng.so.1", None
    return espeakng_loader.get_library_path(), str(Path(espeakng_loader.get_data_path()).parent)


def version() -> str:
    """Return espeak-ng's version."""
    return str(_library().espeak_Info(None).decode())


@functools.lru_cache(1)
def _speak_as(language: str) -> None:
    """Choose the voice of a language; RecordError unknown_language if there is none."""
    name = language.strip().lower().replace("_", "-")
    for voice in (VOICES.get(name, name), VOICES.get(name.split("-")[0], name.split("-")[0])):
        if voice and _library().espeak_SetVoiceByName(voice.encode()) == 0:
            return
    raise NoPronunciationError(
        "unknown_language",
        f"unknown language {language!r:.40} of espeak-ng",
        hint="--language takes a code such as de or pl",
    )


def pronounce(words: Sequence[str], language: str) -> list[list[Sound]]:
    """Return the sounds of each word, as pronounced in the sentence if possible.

    If espeak-ng joins or splits words ("in the", "1999"), each word is pronounced separately. A
    word without letters or digits has no sounds. Raises RecordError no_espeak or unknown_language.

    >>> [sound.ipa for sound in pronounce(["Tür"], "de")[0]]
    ['t', 'yː', 'ɾ']
    """
    _speak_as(language)
    if not any(re.search(r"\d", word) for word in words):
        groups = _phonemes(" ".join(words)).split()
        if len(groups) == len(words):
            return [_sounds(group) for group in groups]
    return [_sounds(_phonemes(word)) for word in words]


def _sounds(group: str) -> list[Sound]:
    symbols = group.replace(" ", SEPARATOR).split(SEPARATOR)
    return [sound for symbol in symbols for sound in phones.sounds(symbol)]


def _phonemes(text: str) -> str:
    """Return espeak-ng's phonemes, clause by clause, with spaces between words."""
    library = _library()
    pointer = ctypes.c_char_p(text.replace("\0", " ").encode("utf-8", "replace"))
    clauses = []
    while pointer.value:
        mode = IPA | ord(SEPARATOR) << 8
        part = library.espeak_TextToPhonemes(ctypes.byref(pointer), UTF8, mode)
        clauses.append((part or b"").decode("utf-8", "replace"))
    return SWITCH.sub("", " ".join(clauses))
