"""Fit a model on encoded records and write it as a bundle.

Reads records with `features` and `label.emotion`. Writes the folder given with --output:
config.json, model.safetensors and card.md. Buffers: all vectors are kept in memory.

Several streams are fused as --model does it; linear and mlp concatenate them. Records that fail,
have no label or none of the streams are counted and said. Without --dev a fifth of the speakers is
held out (or dialogues, or records where there are no speakers), to stop early and to calibrate.

--cv FIELD writes every record with the `prediction` of a model that never saw its FIELD, which is
what to score; with --output a model of all records is trained as well. A file given with --config
has the fields of the model's config in [model] and of the loop (epochs, patience, learning_rate,
weight_decay, batch_size, label_smoothing, modality_dropout, balanced, seed) in [training].

Example:
    emocli dataset ravdess DIR | emocli encode --modality audio | emocli train -o model
    emocli predict --model model clip.wav
    emocli train features.jsonl --model gated --cv speaker | emocli score
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emocli import options, records
from emocli.errors import ExitStatus, UsageError

# Every model but late-fusion, whose heads are trained one by one.
MODELS = sorted(
    path.stem.replace("_", "-")
    for path in Path(__file__).parents[1].joinpath("models").glob("[a-z]*.py")
    if path.stem != "late_fusion"
)

Streams = Annotated[
    str | None, typer.Option(metavar="NAME[,NAME]", help="Which streams (default: all there are).")
]


@options.filter("store")
def command(
    run: options.Run,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME", help=f"One of {', '.join(MODELS)}.")
    ] = "mlp",
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML with the tables [model], [training].")
    ] = None,
    streams: Streams = None,
    dev: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Records to stop early and calibrate on.")
    ] = None,
    cv: Annotated[
        str | None,
        typer.Option(metavar="FIELD", help="Predict each FIELD (speaker) by a model without it."),
    ] = None,
    folds: Annotated[int, typer.Option(help="Of --cv, at most.", min=2)] = 5,
    hidden: Annotated[int | None, typer.Option(help="Hidden units.", min=1)] = None,
    epochs: Annotated[int | None, typer.Option(help="At most so many.", min=1)] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of AdamW.", min=0.0)] = None,
    batch_size: Annotated[int | None, typer.Option(help="Records per step.", min=1)] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.")] = None,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="A JSON line per epoch.")] = None,
) -> int:
    """Fit a model on encoded records and write it as a bundle."""
    folder = run.flags["output"]
    if folder is None and cv is None:
        raise UsageError("train needs --output DIR, the folder of the bundle, or --cv FIELD")
    if model not in MODELS:
        raise UsageError(f"--model {model}: none of {', '.join(MODELS)}")
    from emocli import bundle
    from emocli.commands import _training

    if folder is not None:
        bundle.require_free(Path(folder))
    flags = {"epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size}
    given = _given(config, {"hidden": hidden}, flags | {"seed": seed})
    wanted = streams.split(",") if streams else None
    examples = _training.collect(run, run.source(), wanted, cv)
    held = _training.collect(run, _dev_source(run, dev), list(examples.specs)) if dev else None
    plan = _training.plan(examples, held, model, given)
    if cv:
        from emocli.commands import _training_folds

        for record in _training_folds.out_of_fold(plan, examples, folds):
            run.world.stdout.write(records.dumps(record))
        run.world.stdout.flush()
    return _training.train(run, plan, examples, held, log) if folder is not None else ExitStatus.OK


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


def _dev_source(run: options.Run, dev: Path) -> Any:
    from emocli import inputs

    return inputs.Source([str(dev)], run.world.stdin)
