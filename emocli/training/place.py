"""Where a training run works: its device, its dtype, its checkpoints."""

from __future__ import annotations

from pathlib import Path

from emocli.errors import UsageError
from emocli.pipeline import devices
from emocli.pipeline.context import Context
from emocli.training import distributed
from emocli.training.loop import Place
from emocli.training.request import Request


def of(context: Context, request: Request) -> Place:
    """Return the place that a request names; of several processes, join the others."""
    device = devices.pick(context.device)
    dtype = devices.pick_dtype(context.dtype, device)
    if dtype == "float16":
        hint = "--dtype bfloat16, or float32"
        raise UsageError("--dtype float16: training overflows its largest value, 65504", hint=hint)
    _, count = distributed.world()
    if count > 1:
        if request.reads_stdin:
            raise UsageError(
                f"{count} processes cannot all read stdin", hint="name the files of records"
            )
        if request.cv:
            raise UsageError("--cv runs in one process: every fold is a small model")
    device = distributed.local(device)
    distributed.start(device)
    return Place(device, dtype, checkpoint=_checkpoints(request.output), resume=request.resume)


def _checkpoints(output: Path | None) -> Path | None:
    """Return the folder for checkpoints of the seeds, beside the output."""
    return None if output is None else Path(f"{Path(output)}.part")
