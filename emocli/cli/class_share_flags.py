"""The flag that says how frequent classes are: `predict --prior`."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.bundles import class_shares
from emocli.bundles.bundle import Bundle
from emocli.cli import options
from emocli.errors import UsageError

Prior = Annotated[
    str | None,
    typer.Option(
        metavar="train|uniform|FILE|estimate",
        help="How frequent the classes are; of --llm: sentences, content-free or none.",
    ),
]


def asked(run: options.Run, trained: Bundle, prior: str | None) -> Bundle:
    """Return a predictor with a prior; UsageError where all records are needed and not there."""
    if prior == class_shares.ESTIMATE and (run.common.shard or run.common.resume):
        flag = "--shard" if run.common.shard else "--resume"
        raise UsageError(f"{flag}: --prior estimate reads all records first", hint="leave it out")
    return class_shares.asked(trained, prior, run.streams.stdin)
