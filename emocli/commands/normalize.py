"""Standardise features by speaker: how each record differs from what is usual for its voice.

Reads records with `features`, vectors and sequences. Writes the same records with every number
as its distance from the speaker's mean, in the speaker's standard deviations; the feature says so
in `normalized`. The mean is over all records of the speaker, of sequences over all their frames
(as VowelPrompt's first step, Wang et al. 2026, https://arxiv.org/abs/2602.06270). No label is
looked at, so records that are to be judged belong in there; but one alone cannot be normalised.

--by takes another field, such as dataset. --streams leaves the others as they are. Where a speaker
has fewer than --least records with a stream, or a record has no speaker, the stream is gone,
`missing` says why, and the exit status is 1. A model that was trained on normalised streams wants
them: predict and fuse refuse others (exit 3) and do not compute them. Buffers all records, of a
--shard those of the shard; --resume is refused, since the means need every record.

Example:
    emocli encode clips --modality audio | emocli normalize | emocli train --model mlp -o BUNDLE
    emocli encode new --model BUNDLE | emocli normalize | emocli predict --model BUNDLE
"""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import options
from emocli.errors import UsageError
from emocli.pipeline.windows import Window
from emocli.stages import normalize
from emocli.stages.normalize import Plan

By = Annotated[str, typer.Option(metavar="FIELD", help="Whose mean it is.")]
Streams = Annotated[
    str | None, typer.Option(metavar="NAME[,NAME]", help="Of features (default: all).")
]
Least = Annotated[int, typer.Option(min=2, help="Records that make a mean, at least.")]


@options.filter("store")
def command(run: options.Run, by: By = "speaker", streams: Streams = None, least: Least = 5) -> int:
    """Standardise features by speaker: how each record differs from what is usual for its voice."""
    if run.flags["resume"]:
        raise UsageError("--resume: the means need every record")
    names = tuple(streams.split(",")) if streams else None
    work = normalize.stage(run.context, Plan(by, names, least))
    return run.through(work, window=Window(float("inf")))
