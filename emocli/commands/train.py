"""Train a model on encoded records and write it as a bundle.

Reads records with `features` and `label`. Writes the folder given with --output: config.json,
model.safetensors and card.md. Vectors and sequences stay in files, so the number of records is not
limited by memory.

--target names what is learned: emotion, distribution (label.distribution, or the shares of
label.votes), blend, and the numbers valence, arousal, dominance and sentiment; several, separated
by commas, give as many heads. Several streams are fused by --model; linear and mlp concatenate
them. Records that fail, have no label or none of the streams are counted and reported. Without
--dev a fifth of the speakers (or of the dialogues or records, where there are no speakers) is held
out for early stopping and calibration.

--cv FIELD writes every record with its `fold` and the `prediction` of a model that has not seen its
FIELD, for scoring; with --output a model of all records is trained as well. FIELD is speaker,
trial, stimulus or any other that all records have. Windows of one trial (records with the same
`trial` and `speaker`) are never on both sides of a split, whatever FIELD is: where they are of
several groups, these become one. --cv speaker,stimulus holds both out at once: for each fold of
speakers and each fold of stimuli (25, or --folds 10,3) there is a model, trained and stopped early
on records that share neither with those it predicts. What shares one of the two is left out, so a
model learns from fewer records than with --cv speaker; how many is reported.

--seeds N trains N times and keeps the model with the best dev loss; with --cv every record is
written N times. With --output the state is saved beside it after every epoch (OUTPUT.part), and
--resume continues from there to the same weights. `torchrun --nproc-per-node N -m emocli train ...`
splits every batch among N processes (with --log write `-m -- emocli`, else torchrun takes the flag
for its own). Losses equal those of one process, including dropout and terms that compare the
records of a batch (miar, stars).

A file given with --config has the fields of the model's config in [model] and those of the training
loop in [training]: epochs, patience, learning_rate, weight_decay, batch_size, label_smoothing,
modality_dropout, balanced, even, loss, squared, clip_norm, seed. --log and `emocli plot training`
show the progress.

--model language trains an adapter (LoRA) of a language model instead, which --backbone names, on
records with text and, with --prosody, the voice in words (transcribed and measured where they are
missing). A record becomes the question that `emocli predict` asks by --template, with --context
turns and --labels (default: those of the records), and only the answer is learned: its label, or
with --rationale template a thought made of the measured levels before it, with --rationale FIELD
the text of a field. --objective grpo goes on from such a bundle (--start) by rewards: of the label,
of the form, and of the truth of what the thought cites. --budget MINUTES ends all trainings in
time; the learning rate falls to nothing by then. A [training] table may set epochs, learning_rate,
weight_decay, batch_size, part_size (records computed at a time), warm_up, clip_norm, rank, alpha,
dropout, balanced, evaluations, patience, dev_records, recompute, shard, seed, and for grpo group,
clip, kl, temperature, length, updates and the weights accuracy, format, truth. Under torchrun,
shard = true divides the backbone among the processes, for one of 7B and more that does not fit a
GPU while it is trained (it is slower, so not for one that does); recompute = true saves more.

--soft puts features into the prompt of --model language as soft tokens: vectors among the words, at
the width and norm of the model's embeddings; rank = 0 in [training] trains them without an adapter.
--soft audio=4 gives four to features.audio; a system (emotion-llama, emotion-llama-v1, egmf,
e2-llm) is a layout of several with a fusion inside, emotion-llama=16 a smaller one, e2-llm:BUNDLE
begins with a trained first stage. A TOML file is your own: `prompt` with placeholders such as
<audio>, `words` (whether the transcript is told), and for each [slots.NAME] with tokens, streams,
projector (linear, mlp, low-rank), merge, fusion, settings, start (a bundle; frozen unless told
otherwise), frozen, like, auxiliary. A stream that a record lacks is left out of its prompt, and
modality_dropout in [training] leaves some out. Records of `instruct` learn from the streams of
their question.

Example:
    emocli dataset ravdess DIR | emocli encode --modality audio | emocli train -o model
    emocli predict --model model clip.wav
    emocli train features.jsonl --model gated --cv speaker | emocli score
    emocli train meld.jsonl --model language --backbone smollm2-135m-instruct --context 3 -o model
    emocli train clips.jsonl --model language --backbone smollm2-135m-instruct --soft audio=4 -o m
    emocli train eeg.jsonl --cv speaker,stimulus --folds 5,5 --seeds 3 | emocli score --by seed
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from emocli import models
from emocli.bundles.heads import KINDS
from emocli.cli import language_flags, language_training_flags, options
from emocli.errors import ExitStatus, UsageError
from emocli.io import inputs
from emocli.training import tables
from emocli.training.request import Request

LANGUAGE = "language"  # no model of ours: an adapter of one
MODELS = sorted([*models.names(), LANGUAGE])

Name = Annotated[
    str, typer.Option("--model", "-m", metavar="NAME", help=f"One of {', '.join(MODELS)}.")
]
Target = Annotated[
    str, typer.Option(metavar="NAME[,NAME]", help=f"What to learn: {', '.join(KINDS)}.")
]
Loss = Annotated[
    str | None,
    typer.Option(metavar="cross-entropy|kl|js", help="Loss of labels (default: by the target)."),
]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="TOML with the tables [model], [training].")
]
Streams = Annotated[
    str | None, typer.Option(metavar="NAME[,NAME]", help="Streams to use (default: all).")
]
Dev = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Records for early stopping and calibration.")
]
Cv = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD[,FIELD]", help="Predict each FIELD (speaker) with a model without it."
    ),
]
Folds = Annotated[
    str, typer.Option(metavar="N[,N]", help="Folds of --cv, at most; or of each of its fields.")
]
Log = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a JSON line per epoch.")]


@options.filter("store", "device", without=("max_errors", "fail_fast", "exit_zero", "allow_empty"))
def command(
    run: options.Run,
    model: Name = "mlp",
    target: Target = "emotion",
    loss: Loss = None,
    config: Config = None,
    streams: Streams = None,
    dev: Dev = None,
    cv: Cv = None,
    folds: Folds = "5",
    hidden: Annotated[int | None, typer.Option(help="Hidden units.", min=1)] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs, at most.", min=1)] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without improvement before stopping.", min=1)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Learning rate of AdamW.", min=0.0)
    ] = None,
    modality_dropout: Annotated[
        float | None, typer.Option(help="Probability of leaving a stream out.", min=0.0, max=1.0)
    ] = None,
    balanced: Annotated[
        bool | None,
        typer.Option("--balanced/--unbalanced", help="Whether all classes have the same weight."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed.")] = None,
    seeds: Annotated[int, typer.Option(help="Number of seeds to train with.", min=1)] = 1,
    log: Log = None,
    backbone: language_training_flags.Backbone = None,
    objective: language_training_flags.Objective = None,
    template: language_training_flags.Template = None,
    labels: language_training_flags.Labels = None,
    context: language_training_flags.Context = None,
    prosody: language_training_flags.Prosody = None,
    soft: language_training_flags.Soft = None,
    rationale: language_training_flags.Rationale = None,
    start: language_training_flags.Start = None,
    budget: language_training_flags.Budget = None,
) -> int:
    """Train a model on encoded records and write it as a bundle."""
    folder, resume = run.common.output, run.common.resume
    _require_possible(model, folder, cv, resume=resume)
    asked = {
        "backbone": backbone,
        "objective": objective,
        "template": template,
        "labels": labels and tuple(language_flags.listed(labels)),
        "context": context,
        "prosody": prosody,
        "soft": soft,
        "rationale": rationale,
        "start": start,
        "budget": budget,
    }
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
    named = _named(model, asked, flags)
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

    work, turns = _work(model, named, offline=run.context.offline)
    source = reading.complete(run.source(turns=turns))
    held = reading.complete(_source(run, str(dev), turns)) if dev else None
    work(run.context, request, source, dev=held, emit=run.emit)
    return ExitStatus.OK


def _require_possible(model: str, folder: Path | None, cv: str | None, *, resume: bool) -> None:
    """Raise UsageError for an unknown model, or where nothing is to be written."""
    if folder is None and cv is None:
        raise UsageError("train needs --output DIR, the folder of the bundle, or --cv FIELD")
    if resume and folder is None:
        raise UsageError("--resume needs --output DIR: folds of --cv cannot be resumed")
    if model not in MODELS:
        raise UsageError(f"unknown model {model}", hint=f"known: {', '.join(MODELS)}")


def _named(model: str, flags: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Return the flags that were given; UsageError for those of another model."""
    if model == LANGUAGE:
        language_training_flags.require_unsaid(shared)
    named = {name: value for name, value in flags.items() if value is not None}
    if model != LANGUAGE and named:
        raise UsageError(f"--{min(named)} is for --model language")
    return named


def _work(model: str, named: dict[str, Any], *, offline: bool) -> tuple[Callable[..., object], int]:
    """Return what trains a model of this name, and the preceding turns that it reads."""
    if model != LANGUAGE:
        from emocli.training.run import train

        return train, 0
    from emocli.stages.language_predictor import answering
    from emocli.training.language.settings import Request as Asked

    asked = Asked(**named)
    if asked.backbone is not None:
        answering.require(asked.backbone, offline=offline)
    from emocli.training.language import run as language  # torch

    return partial(language.train, asked=asked), language.begun(asked)["context"]


def _source(run: options.Run, file: str, turns: int) -> inputs.Source:
    """Return the records of a further file, whose tables are as those of the input."""
    return inputs.Source([file], run.streams.stdin, layout=run.layout(), turns=turns)
