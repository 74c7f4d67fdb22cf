"""Let a model's probabilities mean what they say: fit its calibration on labelled records.

Reads what `predict` reads, with labels, of people the model was not trained on: label.emotion, or
label.distribution, votes or blend where the model answers in these. Writes the calibration into the
bundle, a line into its card, and one record of log loss and calibration error before and after.
Buffers: the logits are kept in memory, not the records.

--method temperature divides all logits by one number; vector gives each class a factor and an
offset, held near the temperature where records are few (Guo et al. 2017). For late-fusion the fused
log-probabilities are the logits. Records that fail, have no label, or one the model does not know,
are counted and said.

The shares of a model of blends are decoded anew: --decoder published chooses the two thresholds of
BLEMORE, expected a prior and a sharpness. All that is chosen here flatters on these records: score
others, of other people. Hold out a part of the training speakers for it, not of the test's.

Example:
    emocli encode dev.jsonl | emocli calibrate --model bundle --output calibrated
"""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.bundles import bundle
from emocli.cli import options
from emocli.errors import ExitStatus, UsageError

METHODS, RULES = ("temperature", "vector"), ("published", "expected")


@options.filter("store", "device")
def command(
    run: options.Run,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="BUNDLE", help="A trained model's folder.")
    ],
    method: Annotated[
        str, typer.Option(metavar="temperature|vector", help="How logits are scaled.")
    ] = METHODS[0],
    decoder: Annotated[
        str | None,
        typer.Option(metavar="published|expected", help="Of blends (default: the bundle's rule)."),
    ] = None,
) -> int:
    """Let a model's probabilities mean what they say: fit its calibration on labelled records."""
    for flag, value, known in (("method", method, METHODS), ("decoder", decoder, RULES)):
        if value not in (None, *known):
            raise UsageError(f"--{flag} {value}: neither {' nor '.join(known)}")
    trained = bundle.read(model)
    if run.flags["resume"]:
        raise UsageError("--resume: calibrate reads all records and writes one bundle")
    from emocli.stages import fuse
    from emocli.training import calibrating, reading

    row = calibrating.calibrate(
        run.context,
        trained,
        reading.whole(run.source(turns=fuse.turns(trained))),
        method=method,
        decoder=decoder,
        output=run.flags["output"],
    )
    run.emit([row])
    return ExitStatus.OK
