"""Write the records of a published dataset, or of a folder of your own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from emocli import datasets
from emocli.cli import options
from emocli.errors import EmptyInputError, UsageError
from emocli.io import inputs
from emocli.records import Record

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The format: " + ", ".join(datasets.names()))
]
Place = Annotated[str, typer.Argument(metavar="PATH", help="A folder or a file of it.")]
Labels = Annotated[
    str,
    typer.Option(metavar="common|original", help="Seven labels, or the source's own words."),
]
Split = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Only this published split; repeatable."),
]
Speaker = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Only this speaker; repeatable.")
]
Limit = Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first N records.")]


@options.filter(reads=False)
def command(
    run: options.Run,
    name: Name,
    path: Place,
    labels: Labels = "common",
    split: Split = None,
    speaker: Speaker = None,
    limit: Limit = None,
) -> int:
    """Write the records of a published dataset, or of a folder of your own.

    Reads PATH as the dataset NAME publishes it. Adds label, dataset, speaker, split, language, text
    and path where the source has them. Streams. Splits are those its authors published.

    label.emotion is neutral, joy, sadness, anger, fear, disgust or surprise, and calm counts as
    neutral; it is null where the source's word is none of these. label.original is that word;
    --labels original makes it label.emotion. Of several labels label.multi has all, in the order
    listed, and label.emotion the first.

    Example:

        emocli dataset ravdess Audio_Speech_Actors_01-24 --speaker ravdess-03 | emocli predict
    """
    if labels not in ("common", "original"):
        raise UsageError(f"--labels {labels}: neither common nor original")
    records: Iterable[Record] = datasets.load(name).read(Path(inputs.named([path])[0]))
    for flag, values in (("split", split), ("speaker", speaker)):
        if values:
            records = _only(records, flag, values)
    if shard := inputs.shard(run.flags["shard"]):
        records = (record for record in records if inputs.in_shard(record, *shard))
    records = islice(records, limit)
    return run.write(_original(records) if labels == "original" else _noted(records, run))


def _only(records: Iterable[Record], field: str, wanted: list[str]) -> Iterator[Record]:
    """Yield the records whose field is wanted; raise EmptyInputError naming what there is."""
    seen: dict[str, bool] = {}
    for record in records:
        value = record.get(field)
        if value in wanted:
            yield record
        if value is not None:
            seen[value] = True
    if absent := [value for value in wanted if value not in seen]:
        there = ", ".join(sorted(seen)[:20]) or f"no record has a {field}"
        raise EmptyInputError(f"no record with --{field} {absent[0]}", hint=f"there are: {there}")


def _original(records: Iterable[Record]) -> Iterator[Record]:
    """Make the source's own words the labels."""
    for record in records:
        label = record.get("label", {})
        if "original" in label:  # ratings alone have no words
            label["emotion"] = label["original"]
            if "multi_original" in label:
                label["multi"] = label.pop("multi_original")
        yield record


def _noted(records: Iterable[Record], run: options.Run) -> Iterator[Record]:
    """Say on stderr how many records have a word that is none of the seven labels."""
    homeless: Counter[str] = Counter()
    for record in records:
        label = record.get("label", {})
        if "original" in label and label["emotion"] is None:
            homeless[label["original"]] += 1
        yield record
    if homeless:
        words = ", ".join(f"{count} {word}" for word, count in homeless.most_common(10))
        run.say(
            f"label.emotion is null, as none of the seven labels means: {words} "
            "(--labels original keeps the words)"
        )


# The datasets are listed from their files; \b keeps their lines apart.
command.__doc__ = f"{command.__doc__}\n    Datasets:\n\n    \b\n" + "\n".join(
    f"    {name:<12}{datasets.title(name)}" for name in datasets.names()
)
