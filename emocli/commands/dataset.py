"""Write the records of a published dataset, or of a folder of your own."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from emocli import datasets
from emocli.cli import flags, options
from emocli.errors import EmptyInputError, UsageError, printable
from emocli.io import inputs, shards, tables
from emocli.records import Record

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The format: " + ", ".join(datasets.names()))
]
Place = Annotated[str, typer.Argument(metavar="PATH", help="The folder or file of the dataset.")]
Labels = Annotated[
    str,
    typer.Option(metavar="common|original", help="The seven labels, or those of the source."),
]
Split = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Only this published split; repeatable."),
]
Speaker = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Only this speaker; repeatable.")
]
Media = Annotated[
    str | None,
    typer.Option(
        metavar="audio|video",
        help="What to read of a clip that is there as sound and as a film (default: the film).",
    ),
]
Limit = Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N records.")]


@options.filter("store", reads=False, without=("resume",))
def command(
    run: options.Run,
    name: Name,
    path: Place,
    labels: Labels = "common",
    split: Split = None,
    speaker: Speaker = None,
    media: Media = None,
    limit: Limit = None,
    column: flags.Column = None,
    separator: flags.Separator = None,
) -> int:
    """Write the records of a published dataset, or of a folder of your own.

    Reads PATH in the format in which the dataset NAME is published. Adds label, dataset, speaker,
    split, language, text and path where the source has them. Streams. Splits are those published by
    the authors of the dataset.

    Of EEG, speaker is the subject, stimulus what was shown or played, trial its presentation;
    start and end are the part of the file, and eeg says what the file does not: which variable
    holds the samples, their rate, unit and channels, and which channels are bad.

    Features that are published with a corpus (mmeverse) are copied into the store.

    A clip that a corpus has both as a film and as sound is one record; path is the film, whose
    sound is heard as well, or with --media audio the sound.

    label.emotion is neutral (calm included), joy, sadness, anger, fear, disgust or surprise, or
    null where the source's label is none of these. label.original is the source's label; --labels
    original makes it label.emotion. Where there are several labels, label.multi has all of them, in
    the order listed, and label.emotion the first.

    Example:

        emocli dataset ravdess Audio_Speech_Actors_01-24 --speaker ravdess-03 | emocli predict
    """
    if labels not in ("common", "original"):
        raise UsageError(f"--labels {labels}: not common or original")
    place = Path(inputs.named([path])[0])
    layout = tables.layout(column, separator)
    if layout != tables.PLAIN and name != "folder":
        raise UsageError("--column, --separator: only a table of `dataset folder` takes these")
    read = datasets.load(name).read
    given = _media(name, read, media) | ({"layout": layout} if name == "folder" else {})
    if "store" in inspect.signature(read).parameters:
        given["store"] = run.context.store
    records: Iterable[Record] = _told(read(place, **given), run)
    for flag, values in (("split", split), ("speaker", speaker)):
        if values:
            records = _only(records, flag, values)
    if shard := shards.shard(run.common.shard):
        records = (record for record in records if shards.in_shard(record, *shard))
    records = islice(records, limit)
    return run.write(_original(records) if labels == "original" else _noted(records, run))


def _media(name: str, read: Callable[..., object], media: str | None) -> dict[str, Any]:
    """Return what --media says to a reader; UsageError where a dataset does not have both kinds."""
    if media is None:
        return {}
    if media not in datasets.KINDS:
        raise UsageError(f"--media {media}: not {' or '.join(datasets.KINDS)}")
    if "media" not in inspect.signature(read).parameters:
        raise UsageError(f"--media: {name} does not come as films and as sounds")
    return {"media": media}


def _told(records: Generator[Record, None, list[str] | None], run: options.Run) -> Iterator[Record]:
    """Report on stderr what a reader says at its end: what it left out."""
    sentences = yield from records
    for sentence in sentences or ():
        run.say(printable(sentence))


def _only(records: Iterable[Record], field: str, values: list[str]) -> Iterator[Record]:
    """Yield the records with one of the values; EmptyInputError for a value that no record has."""
    seen: dict[str, bool] = {}
    for record in records:
        value = record.get(field)
        if value in values:
            yield record
        if value is not None:
            seen[value] = True
    if unknown := [value for value in values if value not in seen]:
        known = ", ".join(sorted(seen)[:20]) or f"no record has a {field}"
        raise EmptyInputError(f"unknown {field} {unknown[0]}", hint=f"known: {known}")


def _original(records: Iterable[Record]) -> Iterator[Record]:
    """Yield records with the source's own labels as label.emotion."""
    for record in records:
        label = record.get("label", {})
        if "original" in label:  # records that have only ratings have no such label
            label["emotion"] = label["original"]
            if "multi_original" in label:
                label["multi"] = label.pop("multi_original")
        yield record


def _noted(records: Iterable[Record], run: options.Run) -> Iterator[Record]:
    """Report on stderr how many records have a label that is none of the seven."""
    unmapped: Counter[str] = Counter()
    for record in records:
        label = record.get("label", {})
        if "original" in label and label["emotion"] is None:
            unmapped[label["original"]] += 1
        yield record
    if unmapped:
        words = ", ".join(f"{count} {word}" for word, count in unmapped.most_common(10))
        run.say(
            f"label.emotion is null where none of the seven labels applies: {words} "
            "(--labels original keeps the source's labels)"
        )


# The list of datasets is made from their files; \b makes click keep its lines.
command.__doc__ = f"{command.__doc__}\n    Datasets:\n\n    \b\n" + "\n".join(
    f"    {name:<12}{datasets.title(name)}" for name in datasets.names()
)
