"""Predict the emotion of a clip, a sentence or a record, with a probability for each label.

Reads media files, text, or records from any stage of the pipe; what the model needs and a record
lacks is computed in this process. Adds `prediction`: emotion, probabilities, confidence, entropy
(in nats: how much people would disagree), modalities (the weight of each stream used), model.
Streams, in batches.

A model of blends adds `blend` in per cent, and `emotion` is the emotion with the larger share. A
model of valence, arousal, dominance or sentiment adds these; if it has no labels at all, `emotion`
is null. For models that also predict from each stream alone (`unimodal`), `disagreement` is the
distance of each of these predictions from `prediction`: the Jensen-Shannon divergence in bits, 0
where they are equal and 1 where they exclude each other.

On a terminal up to four records are drawn with bars, more on a line each. The utterances of a
recording are lines with their times, and after the last one follows a strip of the whole. In a
pipe, or with --json, records are written. A pipe that idles gets its answers at once.

Example:
    emocli predict clip.mp4
    echo "I can't believe it" | emocli predict --text -
"""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.bundles import bundle
from emocli.cli import flags, options
from emocli.errors import UsageError
from emocli.stages import predict


@options.filter("store", "device")
def command(
    run: options.Run,
    model: flags.Model = "default",
    text: Annotated[
        str | None,
        typer.Option(
            "--text", metavar="TEXT|-", help="A sentence; '-' reads one sentence per line."
        ),
    ] = None,
    abstain: Annotated[
        float, typer.Option(metavar="P", help="No emotion where the confidence is below P.")
    ] = 0.0,
    strict_modalities: flags.Strict = False,
    json: Annotated[bool, typer.Option("--json", help="Write records even on a terminal.")] = False,
) -> int:
    """Predict the emotion of a clip, a sentence or a record, with a probability for each label."""
    if not 0.0 <= abstain <= 1.0:
        raise UsageError(f"--abstain {abstain}: not between 0 and 1")
    trained = bundle.read(model)
    show = None
    if run.streams.stdout.isatty() and not json and not run.common.output:
        from emocli.cli.drawing import Drawing

        show = Drawing(trained.labels, told=run.streams.stderr.isatty())
    work = predict.stage(run.context, trained, strict=strict_modalities, abstain=abstain)
    window, turns = predict.window(run.context, trained), predict.turns(trained)
    return run.through(work, window=window, show=show, turns=turns)
