"""Make new records: copies without some modalities, or mixtures of two records of a rare class.

New records have `augmented` (the method, and the records that they come from) and ids of their own.
`modalities` is for test records, and shows how a model performs when a modality is missing; `dime`
is for training records.

Example:
    emocli augment modalities test.jsonl | emocli predict -m BUNDLE | emocli score --by modalities
    emocli augment dime train.jsonl | emocli encode | emocli train --dev dev.jsonl -o BUNDLE
"""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import options
from emocli.errors import UsageError

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True, help=__doc__)

SUBSETS, DROPOUT, FRAMES = PROTOCOLS = ("subsets", "dropout", "frames")
RATES = "0,0.1,0.2,0.3,0.4,0.5,0.6,0.7"
MIXES = ("auto", "audio", "features")

Protocol = Annotated[
    str, typer.Option(metavar="NAME[,NAME]", help=f"Which copies to write: {', '.join(PROTOCOLS)}.")
]
Rates = Annotated[
    str, typer.Option(metavar="R[,R]", help="Rates of dropout and frames, from 0 to 1.")
]
Seed = Annotated[int, typer.Option(help="Random seed.")]
Rho = Annotated[
    float, typer.Option(metavar="SHARE", help="Fill classes up to this share of the largest.")
]
Mix = Annotated[
    str, typer.Option(metavar="|".join(MIXES), help="What to mix; auto: audio, where available.")
]
AssumeTrain = Annotated[
    bool, typer.Option("--assume-train", help="Treat records without a split as training records.")
]


@app.command()
@options.filter("store")
def modalities(
    run: options.Run,
    protocol: Protocol = f"{SUBSETS},{DROPOUT}",
    rates: Rates = RATES,
    seed: Seed = 0,
) -> int:
    """Write copies of each record with modalities left out.

    Reads records with `features`. Writes, instead of each record, one copy per condition, with
    `condition` and an id that names it ("u1#modalities=audio+text"). The features of modalities
    that are left out are removed and noted in `missing`, which is not a failure; `prediction`,
    `unimodal` and `features.fused`, which depend on all modalities, are removed as well. A modality
    without features counts as left out, so that predict does not compute it. All streams of a
    modality, such as those of encode --as prosody, are left out together. Labels never change.
    Streams.

    subsets: every non-empty subset of the record's modalities.

    dropout: each modality is left out with probability R, but never all of them (the share left out
    is R - R^M/M with M modalities). Draws depend only on --seed and the id, not on order or shard,
    and what is left out at one rate is left out at all higher rates.

    frames: each frame of a sequence is lost with probability R, but never all of them. Lost frames
    are removed from the sequence, not set to zero. The condition is named frame_loss.

    Example:
        emocli augment modalities test.jsonl > copies.jsonl
        emocli predict -m BUNDLE copies.jsonl | emocli score --by modalities
        emocli augment modalities test.jsonl --protocol dropout --rates 0.2,0.5 --seed 1
    """
    from emocli.stages.augment import modalities as copies

    protocols = protocol.split(",")
    if unknown := set(protocols) - set(PROTOCOLS):
        listed = ", ".join(sorted(unknown))
        raise UsageError(f"--protocol {listed}: not one of {', '.join(PROTOCOLS)}")
    plan = copies.Plan(tuple(protocols), _rates(rates), seed)
    return run.through(copies.in_copies(run.context, plan))


def _rates(text: str) -> tuple[float, ...]:
    try:
        numbers = tuple(float(rate) for rate in text.split(","))
    except ValueError:
        raise UsageError(f"--rates {text}: not numbers such as 0.1,0.2") from None
    if not all(0 <= rate <= 1 for rate in numbers):
        raise UsageError(f"--rates {text}: not between 0 and 1")
    return numbers


@app.command()
@options.filter("jobs", "store", without=("resume", "shard"))
def dime(
    run: options.Run,
    rho: Rho = 0.3,
    mix: Mix = "auto",
    seed: Seed = 0,
    assume_train: AssumeTrain = False,
) -> int:
    r"""Fill up rare classes with mixtures of neighbouring records.

    Reads training records with `label.distribution`, `label.votes` or `label.emotion`; the first of
    these that a record has is used. Writes them all, unchanged and in order, then the new ones.
    Buffers: no record is written before all are read, and none at all if any record is not of the
    split train; features and references are kept in memory, samples are not.

    The method is DiME-Aug of Zhang, Jin, Wang, Wei and Dang. The class of a record is its most
    probable label; a class with fewer records than --rho of the largest is filled up to that
    number. A new record mixes a random record with one of its two nearest neighbours in the class
    (72 acoustic features and 10 word counts, standardised within the class): audio and labels are
    interpolated by alpha, and the text is that of the nearer one. A class of one record is left as
    it is, with a warning.

    New records have `audio` (FLAC in the store), `text`, `label`, and `augmented`: method, rho,
    seed, from, speakers, alpha. `speaker` is null where two speakers are mixed, so that `train --cv
    speaker` refuses them: hold records out before augmentation, and give them to train with --dev.

    --mix features mixes pooled vectors instead, for records with features and no audio. This is our
    extension; neighbours are then found by the vectors.

    Example:
        emocli dataset crema-d DIR | emocli augment dime --assume-train -o more.jsonl
        emocli augment dime train.jsonl --rho 0.5 -o more.jsonl
        emocli encode more.jsonl | emocli train --dev dev.jsonl -o BUNDLE
    """
    from emocli.stages.augment import dime as mixtures

    if not 0 < rho <= 1:
        raise UsageError(f"--rho {rho}: must be above 0 and at most 1")
    if mix not in MIXES:
        raise UsageError(f"--mix {mix}: not one of {', '.join(MIXES)}")
    plan = mixtures.Plan(rho, mix, seed, assume_train)
    return run.write(mixtures.records(run.context, run.marking_source(), plan))
