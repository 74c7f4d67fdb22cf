"""Identify the language of texts that say none: `language` and `language_probability`.

A bundle that knows one language asks for it (`text_rules`). What a record brought stays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from threading import Thread

from emocli import pipeline
from emocli.pipeline.context import Context
from emocli.records import Record


def stage(_context: Context, expected: str, done: Callable[[Record], bool]) -> pipeline.Stage:
    """Return the stage that identifies the language of the records that are not `done`.

    `expected` is the language that counts where a text says little.
    """
    wanted = partial(_wanted, done)
    return pipeline.each(partial(_identified, expected), name="fuse", wanted=wanted)


def ahead(done: Callable[[Record], bool]) -> pipeline.Stage:
    """Return the stage that loads the identifier, at the first text, while other models load."""

    def run(records: Iterator[Record]) -> Iterator[Record]:
        started = False
        for record in records:
            if not started and _wanted(done, record):
                started = True
                Thread(target=_load, daemon=True).start()
            yield record

    return run


def _load() -> None:
    from emocli.encoders import text_language

    with contextlib.suppress(Exception):  # raised again where it is needed
        text_language.identifier()


def _wanted(done: Callable[[Record], bool], record: Record) -> bool:
    text = record.get("text")
    here = isinstance(text, str) and bool(text.strip())
    return (
        here
        and record.get("language") in (None, "")
        and not record.get("error")
        and not done(record)
    )


def _identified(expected: str, record: Record) -> Record:
    from emocli.encoders import text_language

    if found := text_language.identify(record["text"], expected):
        record["language"] = found[0]
        record["language_probability"] = round(found[1], 4)
    return record
