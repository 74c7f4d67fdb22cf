"""Flags about published classifiers, and the predictor that --model names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emocli.cli import language_flags
from emocli.errors import UsageError

if TYPE_CHECKING:
    from emocli.bundles.bundle import Bundle
    from emocli.pipeline.context import Context

Model = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="BUNDLE|ORG/NAME",
        help="A trained model's folder, a published classifier, or 'default'.",
    ),
]
LabelNames = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="What a published classifier calls LABEL_0, LABEL_1, ..."),
]


def predictor(
    context: Context,
    model: str,
    labels: str | None = None,
    names: str | None = None,
    prior: str | None = None,
) -> Bundle:
    """Return the predictor that --model names: a bundle, or a published classifier.

    Raises UsageError for flags that another one takes, ConfigError for one that is broken,
    ModelError for a classifier that is not installed.
    """
    from emocli.bundles import checkpoint

    if not checkpoint.is_checkpoint(model):
        if names is not None:
            hint = "--model names it by its folder or its hub id"
            raise UsageError("--label-names: only of a published classifier", hint=hint)
        language_flags.require_unsaid(model, but="labels", prior=prior)
        trained = checkpoint.read(model)
        if labels is not None and trained.kind == "checkpoint":
            hint = "take the checkpoint itself, or calibrate it again"
            raise UsageError(f"--labels: {model} has the labels it was calibrated with", hint=hint)
        language_flags.require_unsaid(model)
        return trained
    language_flags.require_unsaid(model, but="labels", prior=prior)
    listed = None if names is None else language_flags.listed(names)
    return checkpoint.opened(model, offline=context.offline, labels=labels, names=listed)
