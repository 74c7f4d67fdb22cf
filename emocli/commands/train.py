"""Fit a model on encoded records and write it as a bundle.

Reads records with `features` and `label.emotion`. Writes the folder given with --output:
config.json, model.safetensors and card.md. Buffers: all vectors are kept in memory.

Several streams are concatenated. Records that fail, have no label or none of the streams are
counted and said. Without --dev a fifth of the speakers is held out (or dialogues, or records
where there are no speakers), to stop early and to calibrate.

Example:
    emocli dataset ravdess DIR | emocli encode --modality audio | emocli train -o model
    emocli predict --model model clip.wav
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emocli import options
from emocli.errors import UsageError

Streams = Annotated[
    str | None, typer.Option(metavar="NAME[,NAME]", help="Which streams (default: all there are).")
]


@options.filter("store")
def command(
    run: options.Run,
    model: Annotated[str, typer.Option("--model", "-m", help="linear or mlp.")] = "mlp",
    streams: Streams = None,
    dev: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Records to stop early and calibrate on.")
    ] = None,
    hidden: Annotated[int, typer.Option(help="Hidden units of mlp.", min=1)] = 128,
    epochs: Annotated[int, typer.Option(help="At most so many.", min=1)] = 300,
    learning_rate: Annotated[float, typer.Option(help="Of AdamW.", min=0.0)] = 1e-3,
    batch_size: Annotated[int, typer.Option(help="Records per step.", min=1)] = 64,
    seed: Annotated[int, typer.Option(help="Of everything random.")] = 0,
    log: Annotated[Path | None, typer.Option(metavar="FILE", help="A JSON line per epoch.")] = None,
) -> int:
    """Fit a model on encoded records and write it as a bundle."""
    folder = run.flags["output"]
    if folder is None:
        raise UsageError("train needs --output DIR, the folder of the bundle")
    from emocli import bundle
    from emocli.commands import _training

    bundle.require_free(Path(folder))
    wanted = streams.split(",") if streams else None
    examples = _training.collect(run, run.source(), wanted)
    held = _training.collect(run, _dev_source(run, dev), list(examples.specs)) if dev else None
    settings: dict[str, Any] = {
        "epochs": epochs,
        "learning_rate": learning_rate,
        "batch_size": batch_size,
        "seed": seed,
    }
    return _training.train(run, model, examples, held, settings, hidden=hidden, log=log)


def _dev_source(run: options.Run, dev: Path) -> Any:
    from emocli import inputs

    return inputs.Source([str(dev)], run.world.stdin)
