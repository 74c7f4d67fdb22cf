"""Standardise features by speaker: how each record differs from the speaker's mean.

Reads records with `features`, vectors and sequences. Writes the same records with every number
as its distance from the speaker's mean, in standard deviations of the speaker; `normalized` in the
feature says so. The mean is over all records of the speaker, and for sequences over all their
frames (the first step of VowelPrompt, Wang et al. 2026, https://arxiv.org/abs/2602.06270). Labels
are not used, so include the records to be predicted; a single record cannot be normalised.

--by takes another field, such as dataset. --split train takes means of the speaker's records of
that split only, where the others must not be known in training; `normalized` says so. --streams
leaves other streams unchanged. Where a speaker has fewer than --least records with a stream, or a
record has no speaker, the stream is removed, `missing` gives the reason, and the exit status is 1.

A model that was trained on normalised streams needs them: predict and fuse refuse others (exit 3)
and do not compute them, but for windows of a recording of EEG, which they take relative to the
recording itself (`normalized` is recording). Buffers all records, with --shard those of the shard;
--resume is refused, since the means need every record.

Example:
    emocli encode clips --modality audio | emocli normalize | emocli train --model mlp -o BUNDLE
    emocli encode new --model BUNDLE | emocli normalize | emocli predict --model BUNDLE
"""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import options
from emocli.pipeline import windows
from emocli.stages import normalize
from emocli.stages.normalize import Plan

By = Annotated[str, typer.Option(metavar="FIELD", help="Field that means are taken by.")]
Streams = Annotated[
    str | None, typer.Option(metavar="NAME[,NAME]", help="Streams to normalise (default: all).")
]
Least = Annotated[int, typer.Option(min=2, help="Least number of records for a mean.")]


Split = Annotated[
    str | None, typer.Option(metavar="NAME", help="Means of the records of this split only.")
]


@options.filter("store", without=("shard",))
def command(
    run: options.Run,
    by: By = "speaker",
    streams: Streams = None,
    least: Least = 5,
    split: Split = None,
) -> int:
    """Standardise features by speaker: how each record differs from the speaker's mean."""
    names = tuple(streams.split(",")) if streams else None
    work = normalize.stage(run.context, Plan(by, names, least, split))
    return run.through(work, window=windows.ALL)
