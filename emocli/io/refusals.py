"""Why an argument or a line of a list gives a failed record: what it is instead of media."""

from __future__ import annotations

import os
import re
from pathlib import Path

from emocli.errors import printable
from emocli.io import tables, walk
from emocli.records.failures import Failure

OPEN_ERRORS = {  # why a file cannot be opened; with the codes and messages of media files
    FileNotFoundError: ("not_found", "no such file"),
    NotADirectoryError: ("not_found", "no such file"),
    IsADirectoryError: ("is_a_directory", "a directory, not a file"),
}
SUFFIX = re.compile(r"\.\w{1,5}$")  # how the names of media files end, and sentences do not
LISTED = "a path is expected; emocli predict --text - reads a sentence per line"
GIVEN = "check the path; emocli predict --text '...' is for a sentence"


def unopened(name: str, error: OSError) -> Failure:
    """Return the problem of a list, a table or a folder that cannot be opened."""
    code, message = OPEN_ERRORS.get(
        type(error), ("not_readable", f"cannot be read ({error.strerror})")
    )
    hint = "is the path right here?" if code == "not_found" else ""
    return _problem(code, f"{message}: {name}", hint)


def no_media(found: walk.Found) -> Failure:
    """Return the problem of a folder without media: it may be something else."""
    hint = f"it has {found.left_out}; name files of text or records themselves"
    if found.is_bundle:
        hint = f"it is a trained model: emocli predict --model {found.folder} uses it"
    message = f"no media files in this folder: {found.folder}"
    return _problem("no_media", message, hint if found.others else "the folder is empty")


def not_media(path: str, sentence: str) -> Failure | None:
    """Return the problem of a path that names no media: a JSON document, or a line of text.

    `sentence` is the hint where a sentence may have been meant; "" where a path is certain.
    """
    if path.lower().endswith(".json") and Path(path).is_file():
        hint = f"an object per line: jq -c . {path} | emocli ..."
        return _problem("not_media", "a JSON document, neither media nor JSON Lines", hint)
    if path.lower().endswith(tables.OTHERS) and Path(path).is_file():
        hint = "save it as .xlsx or as CSV"
        return _problem("not_media", "a spreadsheet in a format that is not read", hint)
    if sentence and not SUFFIX.search(path) and not os.path.lexists(path):
        return _problem("not_found", f"no such file: {path}", sentence)
    return None


def _problem(code: str, message: str, hint: str) -> Failure:
    words = {"message": printable(message), "hint": printable(hint)}
    return Failure({"stage": "input", "code": code, **words})
