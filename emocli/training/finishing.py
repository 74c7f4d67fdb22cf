"""What a finished run leaves: its bundle, which says of which run it is, and no checkpoints."""

from __future__ import annotations

from pathlib import Path

from emocli.bundles import bundle
from emocli.bundles.bundle import Bundle
from emocli.errors import ConfigError
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.training import distributed
from emocli.training.state import Place


def about(place: Place, seeds: int, held_out: int) -> Record:
    """Return what a bundle says of its run: which one it is, and how many records were held out.

    These are among its records; none if others were given for it.
    """
    return {"held_out": held_out, "run": f"{place.run}-{seeds}"}


def finished(context: Context, output: Path, place: Place, seeds: int) -> Bundle | None:
    """Return the bundle that a resumed run has written already, None if there is work to do.

    Raises ConfigError for a bundle of another run, which would be overwritten.
    """
    if not place.resume or not (output / "config.json").exists():
        return None
    if place.checkpoint is not None and place.checkpoint.exists():
        return None
    written = bundle.read(output)
    known = (written.contents.get("training") or {}).get("run")
    if known != about(place, seeds, 0)["run"]:
        hint = "train without --resume to replace it, or with the same records, model and flags"
        message = f"{output} is finished, and of other records, flags or another model"
        raise ConfigError(message, hint=hint)
    if not context.quiet and not distributed.world()[0]:
        context.say("train", f"{output} is finished: nothing to resume")
    return written


def clean(place: Place) -> None:
    """Delete the checkpoints of a finished run."""
    folder = place.checkpoint
    if folder is not None and folder.is_dir():
        for file in folder.glob("seed-*.safetensors*"):  # and partial files of a killed run
            file.unlink()
        folder.rmdir()
