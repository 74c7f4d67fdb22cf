"""Where a training run works: its device, its numbers, its checkpoints."""

from __future__ import annotations

from pathlib import Path

from emocli.cli import options
from emocli.errors import UsageError
from emocli.pipeline import devices
from emocli.training import distributed
from emocli.training.loop import Place


def of(run: options.Run) -> Place:
    """Return the place that the flags name; several processes find each other here."""
    device = devices.pick(run.flags["device"])
    dtype = devices.numbers(run.flags["dtype"], device)
    if dtype == "float16":
        hint = "--dtype bfloat16, or float32"
        raise UsageError("--dtype float16: its numbers end at 65504, too soon to train", hint=hint)
    _, count = distributed.world()
    if count > 1:
        if not run.arguments or "-" in run.arguments:
            raise UsageError(
                f"{count} processes cannot all read stdin", hint="name the files of records"
            )
        if run.own["cv"]:
            raise UsageError("--cv is for one process: every fold is a small model of its own")
    device = distributed.local(device)
    distributed.start(device)
    return Place(device, dtype, checkpoint=_checkpoints(run), resume=run.flags["resume"])


def _checkpoints(run: options.Run) -> Path | None:
    """Return the folder beside the output where the states of its seeds are kept."""
    output = run.flags["output"]
    return None if output is None else Path(f"{Path(output)}.part")
