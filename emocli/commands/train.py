"""Fit a model on encoded records and write it as a bundle.

Reads records with `features` and `label`. Writes the folder given with --output: config.json,
model.safetensors and card.md. Vectors and sequences stay in files, however many records there are.

--target says what is learned: emotion, distribution (label.distribution or the shares of
label.votes), blend, and the numbers valence, arousal, dominance and sentiment; several with commas
between, for as many heads. Several streams are fused as --model does it; linear and mlp concatenate
them. Records that fail, have no label or none of the streams are counted and said. Without --dev a
fifth of the speakers is held out (or dialogues, or records where there are no speakers), to stop
early and to calibrate.

--cv FIELD writes every record with the `prediction` of a model that never saw its FIELD, which is
what to score; with --output a model of all records is trained as well. --seeds N trains N times and
keeps the one of the best dev loss; with --cv every record comes N times. With --output the state is
kept beside it after every epoch (OUTPUT.part), and --resume goes on from there to the same weights.
`torchrun --nproc-per-node N -m emocli train ...` splits every batch among N processes (with --log
write `-m -- emocli`, else torchrun takes the flag for its own): losses are those of one process,
dropout and terms that compare the records of a batch (miar, stars) included.

A file given with --config has the fields of the model's config in [model] and those of the loop in
[training]: epochs, patience, learning_rate, weight_decay, batch_size, label_smoothing,
modality_dropout, balanced, even, loss, squared, clip_norm, seed. --log and `emocli plot training`
show how it went.

Example:
    emocli dataset ravdess DIR | emocli encode --modality audio | emocli train -o model
    emocli predict --model model clip.wav
    emocli train features.jsonl --model gated --cv speaker | emocli score
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emocli import models
from emocli.bundles.heads import KINDS
from emocli.cli import options
from emocli.errors import ExitStatus, UsageError
from emocli.io import inputs
from emocli.training import tables
from emocli.training.request import Request

MODELS = models.names()

Name = Annotated[
    str, typer.Option("--model", "-m", metavar="NAME", help=f"One of {', '.join(MODELS)}.")
]
Target = Annotated[
    str, typer.Option(metavar="NAME[,NAME]", help=f"What is learned: {', '.join(KINDS)}.")
]
Loss = Annotated[
    str | None,
    typer.Option(metavar="cross-entropy|kl|js", help="Of labels (default: by the target)."),
]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="TOML with the tables [model], [training].")
]
Streams = Annotated[
    str | None, typer.Option(metavar="NAME[,NAME]", help="Which streams (default: all there are).")
]
Dev = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Records to stop early and calibrate on.")
]
Cv = Annotated[
    str | None,
    typer.Option(metavar="FIELD", help="Predict each FIELD (speaker) by a model without it."),
]
Log = Annotated[Path | None, typer.Option(metavar="FILE", help="A JSON line per epoch.")]


@options.filter("store", "device")
def command(
    run: options.Run,
    model: Name = "mlp",
    target: Target = "emotion",
    loss: Loss = None,
    config: Config = None,
    streams: Streams = None,
    dev: Dev = None,
    cv: Cv = None,
    folds: Annotated[int, typer.Option(help="Of --cv, at most.", min=2)] = 5,
    hidden: Annotated[int | None, typer.Option(help="Hidden units.", min=1)] = None,
    epochs: Annotated[int | None, typer.Option(help="At most so many.", min=1)] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better one.", min=1)
    ] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of AdamW.", min=0.0)] = None,
    modality_dropout: Annotated[
        float | None, typer.Option(help="Chance to leave a stream out.", min=0.0, max=1.0)
    ] = None,
    balanced: Annotated[
        bool | None, typer.Option("--balanced/--unbalanced", help="Whether classes weigh the same.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    seeds: Annotated[int, typer.Option(help="Train with so many seeds.", min=1)] = 1,
    log: Log = None,
) -> int:
    """Fit a model on encoded records and write it as a bundle."""
    folder, resume = run.flags["output"], run.flags["resume"]
    if folder is None and cv is None:
        raise UsageError("train needs --output DIR, the folder of the bundle, or --cv FIELD")
    if resume and folder is None:
        raise UsageError("--resume needs --output DIR: folds are begun again")
    if model not in MODELS:
        raise UsageError(f"--model {model}: none of {', '.join(MODELS)}")
    flags = {
        "epochs": epochs,
        "patience": patience,
        "learning_rate": learning_rate,
        "modality_dropout": modality_dropout,
        "balanced": balanced,
        "loss": loss,
        "seed": seed,
        "batch_size": run.context.batch_size,
    }
    fields, settings = tables.read(config, model={"hidden": hidden}, training=flags)
    request = Request(
        model=model,
        target=target,
        config=fields,
        settings=settings,
        streams=streams.split(",") if streams else None,
        output=folder,
        cv=cv,
        folds=folds,
        seeds=seeds,
        log=log,
        resume=resume,
        reads_stdin=not run.arguments or "-" in run.arguments,
    )
    from emocli.training import reading
    from emocli.training.run import train

    train(
        run.context,
        request,
        reading.whole(run.source()),
        dev=reading.whole(inputs.Source([str(dev)], run.streams.stdin)) if dev else None,
        emit=run.emit,
    )
    return ExitStatus.OK
