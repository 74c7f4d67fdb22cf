"""Calibrate a model's probabilities on labelled records.

Reads what `predict` reads, with labels, of people the model was not trained on: label.emotion, or
label.distribution, votes or blend for a model that predicts these. Writes the calibration into the
bundle, a line into its card, and one record with log loss and calibration error before and after.
Buffers: the logits are kept in memory, the records are not.

--method temperature divides all logits by one number; vector gives each class a factor and an
offset, regularised towards the temperature where records are few (Guo et al. 2017). For late-fusion
the logits are the fused log-probabilities. Records that fail, have no label, or have one that the
model does not know are counted and reported.

A predictor that is a language model, of `emocli train --model language` or with --llm as in `emocli
predict` (--template, --labels, --context, --prosody), becomes a bundle with two things that are
fitted. From then on what it says to anything is subtracted (`prior`: fitted): the mean of its
log-probabilities over these records, less the logarithm of the share of each label, so that it says
on average what is true on average; a predictor that subtracts nothing, as a trained one, goes on
so. Then the temperature. No answer depends on the other records of a later run.

A published classifier (--model ORG/NAME, or its folder; see emocli predict) becomes a bundle that
refers to it by its name, its revision and the sha256 of its files, and holds no weights: predict
refuses it with other files.

For a model of blends the decoding of the shares is fitted again: --decoder published chooses the
two thresholds of BLEMORE, expected a prior and a sharpness. Scores on these records are
optimistic: score other records, of other people. Calibrate on a part of the training speakers, not
on test speakers.

Example:
    emocli encode dev.jsonl | emocli calibrate --model bundle --output calibrated
    emocli calibrate --model org/classifier dev.jsonl --output calibrated
    emocli calibrate --llm smollm2-135m-instruct --context 3 dev.jsonl --output zero-shot
"""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import checkpoint_flags, language_flags, options
from emocli.errors import ExitStatus, UsageError

METHODS, RULES = ("temperature", "vector"), ("published", "expected")


@options.filter(
    "store", "device", without=("resume", "max_errors", "fail_fast", "exit_zero", "allow_empty")
)
def command(
    run: options.Run,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="BUNDLE|ORG/NAME",
            help="A trained model's folder, or a published classifier.",
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="temperature|vector", help="How to scale the logits.")
    ] = METHODS[0],
    decoder: Annotated[
        str | None,
        typer.Option(metavar="published|expected", help="For blends (default: the bundle's rule)."),
    ] = None,
    llm: language_flags.Llm = None,
    template: language_flags.Template = "emotion",
    labels: language_flags.Labels = None,
    label_names: checkpoint_flags.LabelNames = None,
    context: language_flags.Context = 0,
    prosody: language_flags.Prosody = "none",
) -> int:
    """Calibrate a model's probabilities on labelled records."""
    for flag, value, known in (("method", method, METHODS), ("decoder", decoder, RULES)):
        if value not in (None, *known):
            raise UsageError(f"--{flag} {value}: not one of {', '.join(known)}")
    if llm is not None:
        if model is not None:
            raise language_flags.only(llm, model)
        if run.common.output is None:
            raise UsageError("--llm needs --output DIR: the bundle to write")
        trained = language_flags.predictor(llm, template, labels, context=context, prosody=prosody)
    elif model is None:
        raise UsageError(
            "--model BUNDLE names what is calibrated", hint="or --llm a language model"
        )
    else:
        trained = checkpoint_flags.predictor(run.context, model, labels, label_names)
        if trained.revision and run.common.output is None:
            raise UsageError(f"--model {model} needs --output DIR: the bundle to write")
    from emocli.stages import predict
    from emocli.training import calibrating, reading

    row = calibrating.calibrate(
        run.context,
        trained,
        reading.complete(run.source(turns=predict.turns(trained))),
        method=method,
        decoder=decoder,
        output=run.common.output,
    )
    run.emit([row])
    return ExitStatus.OK
