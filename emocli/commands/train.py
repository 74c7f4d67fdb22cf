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

import contextlib
from pathlib import Path
from typing import Annotated, Any

import typer

from emocli import records
from emocli.bundles.heads import KINDS
from emocli.cli import options
from emocli.errors import ExitStatus, UsageError
from emocli.io import inputs

MODELS = sorted(
    path.stem.replace("_", "-")
    for path in Path(__file__).parents[1].joinpath("models").glob("[a-z]*.py")
)
BATCH = 64  # records

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
    folder = run.flags["output"]
    if folder is None and cv is None:
        raise UsageError("train needs --output DIR, the folder of the bundle, or --cv FIELD")
    if run.flags["resume"] and folder is None:
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
        "batch_size": run.batch_size(BATCH) if run.flags["batch_size"] != "auto" else None,
    }
    return _train(run, _given(config, {"hidden": hidden}, flags))


def _train(run: options.Run, given: dict[str, Any]) -> int:
    from emocli.bundles import bundle
    from emocli.training import distributed, folds
    from emocli.training import place as _training_place
    from emocli.training import plan as _training
    from emocli.training.examples import Examples, collect, counts
    from emocli.training.progress import Epochs, opened
    from emocli.training.targets import named

    folder, own = run.flags["output"], run.own
    if folder is not None:
        bundle.require_free(Path(folder))
    place = _training_place.of(run)
    names = named(own["target"])
    wanted = own["streams"].split(",") if own["streams"] else None
    with contextlib.ExitStack() as files:
        examples = files.enter_context(contextlib.closing(Examples(names)))
        collect(run, run.source(), examples, wanted, own["cv"])
        held = None
        if own["dev"]:
            held = files.enter_context(contextlib.closing(Examples(names)))
            held.specs, held.streams = dict(examples.specs), examples.empty()
            source = inputs.Source([str(own["dev"])], run.world.stdin)
            collect(run, source, held, list(examples.specs))
        for part in (examples, held):
            if part and (left := counts(part)) and not distributed.world()[0]:
                run.world.stderr.write(f"emocli train: {left}\n")
        plan = _training.plan(examples, held, own["model"], given, place)
        epochs = Epochs(run, plan.settings.epochs, files.enter_context(opened(own["log"])))
        if own["cv"]:
            for record in folds.out_of_fold(plan, examples, run, epochs):
                run.world.stdout.write(records.dumps(record))
            run.world.stdout.flush()
        if folder is not None:
            _training.train(run, plan, examples, held, epochs)
    distributed.finish()
    return ExitStatus.OK


def _given(config: Path | None, model: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """Return the tables model and training: a flag wins over the file."""
    tables: dict[str, Any] = {}
    if config:
        import tomllib

        try:
            tables = tomllib.loads(config.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"--config {config}: {error}") from None
        if unknown := set(tables) - {"model", "training"}:
            raise UsageError(f"--config {config}: no table {', '.join(sorted(unknown))}")
    flags = {"model": model, "training": training}
    return {
        name: tables.get(name, {}) | {k: v for k, v in flags[name].items() if v is not None}
        for name in flags
    }
