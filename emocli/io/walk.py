"""The media files in a folder and the folders in it, in the order of their paths.

Hidden files and folders are passed over, links are followed, and a folder that several links lead
to is read once: a loop of links ends.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePath

from emocli.records.modality import MEDIA, PICTURES

BUNDLE = {"config.json", "model.safetensors"}  # what a trained model consists of
NAMED = 3  # suffixes of files that were left out, in a message


@dataclass
class Found:
    """What a folder holds: media files in order, each with None or why it cannot be read."""

    folder: str
    files: list[tuple[str, OSError | None]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)  # files left out, by their suffix
    is_bundle: bool = False

    @property
    def left_out(self) -> str:
        """What is told of the files that are no media: "3 other files (2 .txt, 1 .csv)", or ""."""
        count = self.others.total()
        if not count:
            return ""
        kinds = [f"{n} {suffix}" for suffix, n in self.others.most_common(NAMED) if suffix]
        shown = f" ({', '.join(kinds)}{', ...' if len(self.others) > NAMED else ''})"
        return f"{count} other file{'s' * (count > 1)}{shown if kinds else ''}"


def is_folder(path: str) -> bool:
    """Say whether a path leads to a folder."""
    return os.path.isdir(path)  # noqa: PTH112 - as given, and may not be UTF-8


def media(folder: str) -> Found:
    """Return the media files at or below a folder; a folder that cannot be read is one of them.

    Pictures count where there is nothing else: beside films and sounds they are left out.
    """
    found = Found(folder)
    seen: set[tuple[int, int]] = set()
    pending = [(folder, True)]
    while pending:
        path, inner = pending.pop()
        if not inner:
            _sort(path, found)
            continue
        try:
            status = os.stat(path)  # noqa: PTH116
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            pending += reversed(_entries(path))
        except OSError as error:
            found.files.append((path, error))
    _leave_covers(found)
    found.is_bundle = all(os.path.isfile(os.path.join(folder, name)) for name in BUNDLE)  # noqa: PTH113, PTH118
    return found


def _leave_covers(found: Found) -> None:
    """Count pictures beside other media as other files."""
    suffixes = [PurePath(path).suffix.lower() for path, _ in found.files]
    if not any(suffix in MEDIA - PICTURES for suffix in suffixes):
        return
    found.others.update(suffix for suffix in suffixes if suffix in PICTURES)
    pairs = zip(found.files, suffixes, strict=True)
    found.files = [file for file, suffix in pairs if suffix not in PICTURES]


def _entries(folder: str) -> list[tuple[str, bool]]:
    """Return the paths in a folder, and whether each is a folder, in the order of all paths."""
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                inner = entry.is_dir(follow_symlinks=False)
                inner = inner or (entry.is_symlink() and is_folder(entry.path))
                found.append((entry.path, inner))
    return sorted(found, key=lambda entry: entry[0] + "/" * entry[1])


def _sort(path: str, found: Found) -> None:
    """Take a file for media, or count it as another; a link to nothing will say so itself."""
    suffix = PurePath(path).suffix.lower()
    if suffix in MEDIA and (os.path.isfile(path) or not os.path.exists(path)):  # noqa: PTH110, PTH113
        found.files.append((path, None))
    else:
        found.others[suffix] += 1
