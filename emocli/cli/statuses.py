"""What each exit status means: the one table that --help and the man pages are made from."""

from __future__ import annotations

from typing import NamedTuple

from emocli.errors import ExitStatus


class Meaning(NamedTuple):
    """What an exit status means: a few words for --help, a sentence for the man pages."""

    words: str
    sentence: str


MEANINGS = {
    ExitStatus.OK: Meaning("all records succeeded", "All records succeeded."),
    ExitStatus.FAILED: Meaning(
        "some records failed",
        "Some records failed; they were written with `error` or `missing` (`--exit-zero` makes "
        "that 0).",
    ),
    ExitStatus.USAGE: Meaning(
        "usage error or malformed input",
        "A flag or an argument is not valid, or a line of the input is not a record.",
    ),
    ExitStatus.CONFIG: Meaning(
        "config or model mismatch",
        "A config file, a trained model and features do not match.",
    ),
    ExitStatus.MODEL: Meaning(
        "model not installed",
        "A pretrained model is not installed; the message has the command that fetches it.",
    ),
    ExitStatus.EMPTY: Meaning(
        "no input", "There was no input record (--allow-empty makes that 0)."
    ),
    ExitStatus.THRESHOLD: Meaning("threshold missed", "A score missed its threshold."),
    ExitStatus.MEMORY: Meaning("out of memory", "Out of memory, even with a batch of one."),
    ExitStatus.INTERRUPTED: Meaning(
        "interrupted", "Interrupted (SIGINT); every record written is complete."
    ),
    ExitStatus.CLOSED_PIPE: Meaning("closed pipe", "The reader of the pipe closed it."),
    ExitStatus.TERMINATED: Meaning(
        "terminated", "Terminated (SIGTERM); every record written is complete."
    ),
}


def epilogue() -> str:
    """Return the last paragraph of every --help."""
    parts = (f"{status:d} {meaning.words}" for status, meaning in MEANINGS.items())
    return f"Exit status: {'; '.join(parts)}."


def sentences() -> dict[str, str]:
    """Return the sentence for each exit status, by its number."""
    return {f"{status:d}": meaning.sentence for status, meaning in MEANINGS.items()}
