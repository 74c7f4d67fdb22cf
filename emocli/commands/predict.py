"""Predict the emotion of a clip, a sentence or a record, with a probability for each label.

Reads media files, text, or records from any stage of the pipe; what the model needs and a record
lacks is computed in this process. Adds `prediction`: emotion, probabilities, confidence, entropy
(in nats: how much people would disagree), modalities (the weight of each stream used), model; where
there are any, gates of the model, masked_frames and warnings by stream. Streams, in batches.

A model of blends adds `blend` in per cent, and `emotion` is the emotion with the larger share. A
model of valence, arousal, dominance or sentiment adds these; if it has no labels at all, `emotion`
is null. For models that also predict from each stream alone (`unimodal`), `disagreement` is the
distance of each of these predictions from `prediction`: the Jensen-Shannon divergence in bits, 0
where they are equal and 1 where they exclude each other.

Writes bars on a terminal, and one record per line in a pipe or with --json. Vectors that are
computed on the way are left out; --keep-features writes them too.

--format csv and tsv write a table instead: id, path, start, end, speaker, text, emotion,
confidence, p_LABEL for each label, valence and so on where the model has them, error; null is an
empty cell. Every cell is the value itself: a text that begins with =, +, - or @ is no formula, so
let a spreadsheet import the columns as text. predict and score read such a table again, its emotion
as a prediction. --format srt and vtt write subtitles of one recording, with [joy 64 %] before the
text. A suffix of --output (.csv, .tsv, .srt, .vtt) does as well; --format is stronger.

Example:
    emocli predict clip.mp4
    echo "I can't believe it" | emocli predict --text -
    emocli predict clips/*.wav --output answers.csv
"""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from emocli.bundles import bundle, heads
from emocli.cli import flags, options, output_format
from emocli.errors import UsageError
from emocli.io import formats
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
    keep_features: Annotated[
        bool, typer.Option("--keep-features", help="Also write the vectors computed here.")
    ] = False,
    form: flags.Format = None,
    json: Annotated[bool, typer.Option("--json", help="Write records even on a terminal.")] = False,
) -> int:
    """Predict the emotion of a clip, a sentence or a record, with a probability for each label."""
    if not 0.0 <= abstain <= 1.0:
        raise UsageError(f"--abstain {abstain}: not between 0 and 1")
    name = output_format.chosen(run, form, json=json)
    trained = bundle.read(model)
    show = None
    if run.streams.stdout.isatty() and not name and not run.common.output:
        from emocli.cli.prediction import show_prediction

        show = functools.partial(show_prediction, labels=trained.labels)
    work = predict.stage(
        run.context,
        trained,
        strict=strict_modalities,
        abstain=abstain,
        keep_features=keep_features,
    )
    window, turns = predict.window(run.context, trained), predict.turns(trained)
    columns = _columns(trained) if name in formats.DELIMITERS else []
    written = formats.made(name or "jsonl", columns, answers=True)
    return run.through(work, window=window, show=show, turns=turns, form=written)


def _columns(trained: bundle.Bundle) -> list[formats.Column]:
    """Return the columns of a table of the predictions of a model."""
    known = trained.heads if trained.contents.keys() & {"heads", "labels"} else []
    numbers = [head.target for head in known if head.kind == heads.NUMBER]
    labels = [label for head in known for label in head.labels]
    blend = any(head.kind == heads.BLEND for head in known)
    return formats.utterances(*formats.predictions(labels, numbers, blend=blend))
