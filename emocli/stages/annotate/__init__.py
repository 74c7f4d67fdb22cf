"""Add `annotations`: labels by a panel of raters, and merge them with the votes of people."""

from __future__ import annotations

from collections.abc import Callable

from emocli import pipeline
from emocli.bundles import bundle
from emocli.errors import ConfigError, UsageError
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.records.labels import EMOTIONS
from emocli.stages.annotate import merging, raters
from emocli.stages.annotate.raters import Annotator, Panel
from emocli.stages.annotate.sampled import Sampled, predicting


def stage(context: Context, annotator: Annotator, panel: Panel, window: Window) -> pipeline.Stage:
    """Return the stage that adds `annotations`."""
    work = pipeline.each(raters.work(annotator, panel), name="annotate")
    if isinstance(annotator, Sampled):
        return pipeline.chain(predicting(context, annotator, panel.n, window), work)
    return work


def window(context: Context, annotator: Annotator) -> Window:
    """Return the window of records that are processed together; more than one for a model."""
    from emocli.stages import predict

    if not isinstance(annotator, Sampled):
        return Window()
    return predict.window(context, annotator.trained)


def turns(annotator: Annotator) -> int:
    """Return how many preceding turns of a dialogue a record needs; none if no model is named."""
    from emocli.stages import predict

    if not isinstance(annotator, Sampled) or not annotator.named:
        return 0
    return predict.turns(annotator.trained)


def merging_stage(rule: str, weight: float | None, say: Callable[[str], None]) -> pipeline.Stage:
    """Return the stage that merges the votes of people and of annotators."""
    if rule == "shrinkage" and weight is None:
        return merging.shrinkage(say)
    return merging.with_weight(rule, 1.0 if weight is None else weight)


def annotator(
    context: Context,
    *,
    model: str | None = None,
    command: str | None = None,
    audio_lm: str | None = None,
    labels: list[str] | None = None,
    timeout_s: float = 60.0,
) -> Annotator:
    """Return the annotator that is named; without a name labels are drawn from any prediction.

    Raises UsageError where several are named, ConfigError for a model without labels.
    """
    flags = {"--model": model, "--command": command, "--audio-lm": audio_lm}
    if len(named := [flag for flag, value in flags.items() if value is not None]) > 1:
        raise UsageError(f"{' and '.join(named)}: one annotator at a time")
    if not timeout_s > 0:
        raise UsageError(f"--timeout {timeout_s:g}: not a positive number of seconds")
    if command is not None:
        from emocli.stages.annotate.command import Command

        return Command(command, labels or list(EMOTIONS), timeout_s, context.stderr)
    if audio_lm is not None:
        from emocli.stages.annotate.audio import AudioModel

        return AudioModel(context, audio_lm, labels or list(EMOTIONS))
    trained = bundle.read(model or "default")
    if not trained.labels:
        raise ConfigError(f"{trained.name} has regression heads only: no labels to draw from")
    return Sampled(trained, model is not None, labels)
