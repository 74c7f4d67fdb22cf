"""Which language is spoken in a recording, and which model transcribes it.

A model that knows English alone makes fluent English of any language, with probable words. So it
is told the language, by the record or by a multilingual model that listens first; what is not
English the default model leaves to that one. Our choice, by measuring: `examples/languages.py`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from threading import Lock, Thread
from typing import TYPE_CHECKING, NamedTuple

from emocli import pipeline
from emocli.errors import AbsentError, UsageError
from emocli.records import Record

if TYPE_CHECKING:
    from emocli.encoders.decoding import Detected
    from emocli.encoders.speech_to_text import Model
    from emocli.encoders.speech_windows import Samples, Span

CODE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*")  # BCP 47: a language, perhaps its region
MULTILINGUAL = "faster-whisper-base"  # listens, and transcribes what the default model cannot
Loaded = tuple["Model", Record]  # with the `transcript` fields that describe it


class Models(NamedTuple):
    """The model of the user's choice, and the multilingual one, which is loaded where needed."""

    chosen: Loaded
    multilingual: Callable[[], Loaded]
    helps: bool  # whether the multilingual one transcribes what the chosen one cannot

    def of(self, language: str | None) -> Loaded:
        """Return the model for a language; raise AbsentError if there is none."""
        known = self.chosen[0].languages
        if not language or language in known:
            return self.chosen
        if self.helps and language in self.multilingual()[0].languages:
            return self.multilingual()
        names = ", ".join(sorted(known)) if len(known) < 5 else "other languages"
        message = f"the model knows {names}, not {language}"
        raise AbsentError("language", message, hint="--model names one that does")


def stated(code: str) -> pipeline.Stage:
    """Return the stage that gives a language to the records that say none.

    Raises UsageError for what is no code of a language.
    """
    if not CODE.fullmatch(code):
        raise UsageError(f"--language {code:.20}: not a code such as en, de or pt-BR")

    def run(records: Iterator[Record]) -> Iterator[Record]:
        for record in records:
            said = record.get("language") or record.get("error")
            yield record if said else {**record, "language": code}

    return run


def once(load: Callable[[], Loaded]) -> Callable[[], Loaded]:
    """Return a function that loads a model at its first call, whatever threads call it."""
    lock, cached = Lock(), cache(load)

    def get() -> Loaded:
        with lock:
            return cached()

    return get


def ahead(load: Callable[[], Loaded]) -> None:
    """Begin to load a model, while another thread loads the other one."""

    def attempt() -> None:
        with contextlib.suppress(Exception):  # raised again where it is needed
            load()

    Thread(target=attempt, daemon=True).start()


def told(record: Record) -> str | None:
    """Return the language of a record without its region ("en-GB" is "en"), or None."""
    language = record.get("language")
    return language.split("-")[0].lower() if isinstance(language, str) and language else None


def heard(models: Models, samples: Samples, spans: Sequence[Span]) -> Detected | None:
    """Return the language that is spoken in samples (time,); None where nobody speaks."""
    from emocli.encoders import speech_to_text

    if not spans:
        return None
    model = models.chosen[0]
    listener = models.multilingual()[0] if model.only_language else model
    return speech_to_text.detect(listener, samples, spans, model.only_language)
