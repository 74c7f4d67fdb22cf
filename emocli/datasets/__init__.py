"""Convert published file formats to records: one file per dataset, named after the dataset.

On the command line `_` is `-`: `crema_d.py` is `crema-d`.

Each file has `read(path) -> Iterator[dict]`, a generator that may return sentences to tell: what it
left out, what to know about these records. The id of a recording is the path from the command
line, joined with the path below it; a line of text is named after its dataset and split
("meld/train/dia0_utt3"). Numbered speakers get the name of their dataset ("ravdess-03"), so that
corpora can be joined. Files whose names begin with `_` are what readers share.

Where a corpus has a clip as a film and as sound, `read(path, media)` yields one record of it: of
the film, which has both, or of the sound where `media` is "audio".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from emocli.errors import EmptyInputError, UsageError
from emocli.io import walk
from emocli.records.modality import MEDIA as MEDIA
from emocli.records.modality import MODALITIES, PICTURES

FILMS = MODALITIES["video"].suffixes - PICTURES
CLIPS = MODALITIES["audio"].suffixes  # films and sounds
KINDS = ("audio", "video")  # what `read` may be asked to prefer


def names() -> list[str]:
    """Return the names of all datasets, in order."""
    files = (module.name for module in iter_modules(__path__))
    return sorted(name.replace("_", "-") for name in files if not name.startswith("_"))


def load(name: str) -> ModuleType:
    """Return the module of a dataset, or raise UsageError with the names that exist."""
    if name not in names():
        raise UsageError(f"unknown dataset '{name}'", hint=f"one of {', '.join(names())}")
    return import_module(f"{__name__}.{name.replace('-', '_')}")


def title(name: str) -> str:
    """Return the first line of a dataset's documentation, read without importing it."""
    file = Path(__file__).with_name(f"{name.replace('-', '_')}.py")
    source = file.read_text(encoding="utf-8")
    return source.split('"""', 2)[1].split("\n", 1)[0]


def exists(path: Path, expected: str) -> Path:
    """Return the path, or raise UsageError saying what was expected there."""
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder", hint=f"expected {expected}")
    return path


def media(path: Path, expected: str) -> Iterator[Path]:
    """Yield the media files at or below a path, as a filter finds them there.

    Raises UsageError if the path does not exist or a folder in it cannot be read, EmptyInputError
    if it has no media file.
    """
    if exists(path, expected).is_file():
        yield path
        return
    found = walk.media(str(path))
    for file, error in found.files:
        if error is not None:
            raise UsageError(f"cannot read {file}: {error.strerror}")
        yield Path(file)
    if not found.files:
        raise EmptyInputError(f"{path}: no media file here", hint=f"expected {expected}")


def takes(
    files: Iterable[Path], *, key: Callable[[Path], str] = lambda file: file.name, prefer: str = ""
) -> tuple[list[Path], list[str]]:
    """Return the files of a corpus in which a name stands for one take, and what was left out.

    A second file of a name is a copy, or something else than the corpus. The first is kept, but
    rather one in a folder that is called `prefer`.
    """
    kept: dict[str, Path] = {}
    copies = []
    for file in files:
        first = kept.setdefault(key(file), file)
        if first is not file and first.parent.name != prefer == file.parent.name:
            kept[key(file)], file = file, first
            copies.append(file)
        elif first is not file:
            copies.append(file)
    return list(kept.values()), left_out(copies, "as second files of takes that are there")


def is_film(file: Path) -> bool:
    """Return whether a file is a film, by its name; other media files of a corpus are sounds."""
    return file.suffix.lower() in FILMS


def one_kind(media: str) -> Callable[[Path], int]:
    """Return the rank of a file for `one_each`: films first, or sounds for "audio"."""
    return lambda file: int(is_film(file) == (media == "audio"))


def one_each(
    files: Iterable[Path], key: Callable[[Path], str], rank: Callable[[Path], int]
) -> tuple[list[Path], list[str]]:
    """Return the files of the least rank of each clip, in order, and what to tell of the others."""
    listed = list(files)
    least: dict[str, int] = {}
    for file in listed:
        least[key(file)] = min(rank(file), least.get(key(file), rank(file)))
    kept = [file for file in listed if rank(file) == least[key(file)]]
    others = [file for file in listed if rank(file) > least[key(file)]]
    return kept, left_out(others, "since another file of the same clip is read (see --media)")


def left_out(files: Sequence[Path], why: str) -> list[str]:
    """Return what to tell about files that are not read: nothing, or a sentence."""
    if not files:
        return []
    count = f"{len(files)} files are" if len(files) > 1 else "1 file is"
    return [f"{count} left out {why}, such as {files[0]}"]


def same_takes(count: int, takes: set[str], kinds: str) -> list[str]:
    """Return what to tell where several records are of one take: nothing, or a sentence."""
    if count == len(takes):
        return []
    advice = "keep those of a speaker in one split"
    return [f"{count} records show {len(takes)} different takes, in several {kinds}: {advice}"]
