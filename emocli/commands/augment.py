"""Make records out of records: with modalities left out, or mixed of two of a rare class.

What is made has `augmented` (how, and of which records), and ids of its own. `modalities` is for
test records, and tells how a model does when a modality is missing; `dime` is for training records.

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
    str, typer.Option(metavar="NAME[,NAME]", help=f"Which copies to make: {', '.join(PROTOCOLS)}.")
]
Rates = Annotated[str, typer.Option(metavar="R[,R]", help="Of dropout and frames, each 0 to 1.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Rho = Annotated[
    float, typer.Option(metavar="SHARE", help="Fill each class up to this share of the largest.")
]
Mix = Annotated[
    str, typer.Option(metavar="|".join(MIXES), help="What to mix; auto: audio, where there is any.")
]
AssumeTrain = Annotated[
    bool, typer.Option("--assume-train", help="Records without a split are training records.")
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

    Reads records with `features`. Writes, instead of each, one copy per condition, with `condition`
    and an id that names it ("u1#modalities=audio+text"). The features of what is left out are gone,
    and `missing` says so, which is no failure; `prediction`, `unimodal` and `features.fused`, which
    knew all modalities, are gone as well. A modality without features counts as left out, so that
    predict does not compute it. What is measured of the same sound or text (encode --as prosody)
    goes with it: it is one modality. Labels never change. Streams.

    subsets: every choice of the record's modalities, one at least.

    dropout: each modality is left out with probability R, but never the last (the share left out is
    R - R^M/M with M modalities). Draws depend on --seed and the id alone, not on order or shard,
    and what is left out at a rate is left out at all higher ones.

    frames: each frame of a sequence is lost with probability R, but never the last. Lost frames are
    taken out of the sequence; they are not zeros that pass for data. It is condition.frame_loss.

    Example:
        emocli augment modalities test.jsonl > copies.jsonl
        emocli predict -m BUNDLE copies.jsonl | emocli score --by modalities
        emocli augment modalities test.jsonl --protocol dropout --rates 0.2,0.5 --seed 1
    """
    from emocli.stages.augment import modalities as copies

    chosen = protocol.split(",")
    if unknown := set(chosen) - set(PROTOCOLS):
        named = ", ".join(sorted(unknown))
        raise UsageError(f"--protocol {named}: none of {', '.join(PROTOCOLS)}")
    plan = copies.Plan(tuple(chosen), _rates(rates), seed)
    return run.through(copies.stage(run.context, plan), one_to_one=False)


def _rates(text: str) -> tuple[float, ...]:
    try:
        found = tuple(float(rate) for rate in text.split(","))
    except ValueError:
        raise UsageError(f"--rates {text}: not numbers like 0.1,0.2") from None
    if not all(0 <= rate <= 1 for rate in found):
        raise UsageError(f"--rates {text}: not between 0 and 1")
    return found


@app.command()
@options.filter("jobs", "store")
def dime(
    run: options.Run,
    rho: Rho = 0.3,
    mix: Mix = "auto",
    seed: Seed = 0,
    assume_train: AssumeTrain = False,
) -> int:
    r"""Fill up rare classes with mixtures of neighbours.

    Reads training records with `label.distribution`, `label.votes` or `label.emotion`, the first of
    them that is there. Writes them all, unchanged and in order, then the new ones. Buffers: no
    record is written before all are read, none at all when one is not of the split train; features
    and references are kept in memory, samples are not.

    DiME-Aug of Zhang, Jin, Wang, Wei and Dang: a record's class is the likeliest of its labels; a
    class with fewer than --rho of the largest is filled up to it. A new record mixes a random one
    with one of its two nearest in the class (72 acoustic features, 10 counts of words, standardised
    within the class): audio and labels alpha of the way from one to the other, the text of the
    nearer. A class of one is left as it is, and that is said.

    New records have `audio` (FLAC in the store), `text`, `label`, and `augmented`: method, rho,
    seed, from, speakers, alpha. `speaker` is null where two are mixed, so that `train --cv speaker`
    refuses them: hold records out before you augment, and give them to train with --dev.

    --mix features mixes pooled vectors instead, for records with features and no audio: an
    extension of ours, where neighbours are those of the vectors.

    Example:
        emocli dataset crema-d DIR | emocli augment dime --assume-train -o more.jsonl
        emocli augment dime train.jsonl --rho 0.5 -o more.jsonl
        emocli encode more.jsonl | emocli train --dev dev.jsonl -o BUNDLE
    """
    from emocli.stages.augment import dime as mixtures

    if not 0 < rho <= 1:
        raise UsageError(f"--rho {rho}: not above 0 and at most 1")
    if mix not in MIXES:
        raise UsageError(f"--mix {mix}: none of {', '.join(MIXES)}")
    if run.flags["shard"]:
        raise UsageError("--shard: dime looks for neighbours among all records")
    plan = mixtures.Plan(rho, mix, seed, assume_train)
    return run.write(mixtures.records(run.context, run.marking_source(), plan))
