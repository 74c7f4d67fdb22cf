"""Add `annotations`: labels by a panel of raters, and merge them with the votes of people."""

from __future__ import annotations

from collections.abc import Callable

from emocli import pipeline
from emocli.bundles import checkpoint
from emocli.errors import ConfigError, UsageError
from emocli.pipeline import windows
from emocli.pipeline.context import Context
from emocli.pipeline.windows import Window
from emocli.records.labels import EMOTIONS
from emocli.stages.annotate import merging, raters
from emocli.stages.annotate.asking import Annotator
from emocli.stages.annotate.raters import Panel
from emocli.stages.annotate.sampled import Sampled, predicting

BATCH = 4096  # records of a window that are asked about together; its questions are the bound
ROUNDS = 8  # of as many questions as there are at once, in a window; our choice


def stage(context: Context, annotator: Annotator, panel: Panel, window: Window) -> pipeline.Stage:
    """Return the stage that adds `annotations`."""
    size = 1 if annotator.concurrency == 1 else BATCH
    work = pipeline.batched(raters.work(annotator, panel), name="annotate", size=size)
    if isinstance(annotator, Sampled):
        return pipeline.chain(predicting(context, annotator, panel.n, window), work)
    return work


def window(context: Context, annotator: Annotator, n: int) -> Window:
    """Return the window of records that are processed together; more than one for a model.

    Of a server it is eight rounds of questions, n about each record.
    """
    from emocli.stages import predict

    if annotator.concurrency > 1:
        cost = windows.WORK * n / (ROUNDS * annotator.concurrency)
        return windows.of(context.batch(BATCH), lambda _: cost)
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
    llm: str | None = None,
    llm_url: str | None = None,
    labels: list[str] | None = None,
    timeout_s: float = 60.0,
    concurrency: int = 1,
) -> Annotator:
    """Return the annotator that is named; without a name labels are drawn from any prediction.

    Raises UsageError where several are named, ConfigError for a model without labels, ModelError
    for a server that is down or has other models.
    """
    flags = {"--model": model, "--command": command, "--audio-lm": audio_lm, "--llm": llm}
    if llm_url is not None and llm is None and audio_lm is None:
        flags["--llm-url"] = llm_url  # else it says where they are
    if len(named := [flag for flag, value in flags.items() if value is not None]) > 1:
        raise UsageError(f"{' and '.join(named)}: one annotator at a time")
    if not timeout_s > 0:
        raise UsageError(f"--timeout {timeout_s:g}: not a positive number of seconds")
    chosen = labels or list(EMOTIONS)
    if command is not None:
        from emocli.stages.annotate.command import Command

        return Command(command, chosen, timeout_s, context.stderr)
    if llm_url is not None:
        from emocli.stages import language_server
        from emocli.stages.annotate.served import ServedModel

        served = language_server.connect(
            context, llm_url, llm or audio_lm, timeout_s=timeout_s, concurrency=concurrency
        )
        return ServedModel(served, chosen, context.store if audio_lm else None)
    if audio_lm is not None:
        from emocli.stages.annotate.audio import AudioModel

        return AudioModel(context, audio_lm, chosen)
    if llm is not None:
        from emocli.stages.annotate.text import TextModel

        return TextModel(context, llm, chosen)
    if model and checkpoint.is_checkpoint(model):
        trained = checkpoint.opened(model, offline=context.offline)
    else:
        trained = checkpoint.read(model or "default")
    if not trained.labels:
        raise ConfigError(f"{trained.name} has regression heads only: no labels to draw from")
    return Sampled(trained, model is not None, labels)
