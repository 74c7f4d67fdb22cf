"""Ask an annotator for N labels of each record, and merge them with people's votes."""

from __future__ import annotations

from typing import Annotated

import typer

from emocli import pipeline
from emocli.cli import options
from emocli.errors import UsageError
from emocli.pipeline.windows import Window
from emocli.stages import annotate
from emocli.stages.annotate import merging
from emocli.stages.annotate.raters import Panel

Model = Annotated[
    str | None,
    typer.Option(
        "--model", "-m", metavar="BUNDLE", help="Draw labels from what this trained model predicts."
    ),
]
CommandLine = Annotated[
    str | None,
    typer.Option("--command", metavar="CMD", help="Ask this command: a line in, a line out."),
]
AudioLm = Annotated[
    str | None, typer.Option("--audio-lm", metavar="NAME", help="Ask this audio language model.")
]
Number = Annotated[int, typer.Option("--n", "-n", metavar="N", min=0, help="Labels per record.")]
Merge = Annotated[str, typer.Option(metavar="|".join(merging.RULES), help="How votes are merged.")]
Weight = Annotated[
    float | None,
    typer.Option(metavar="W", min=0.0, help="What a synthetic vote weighs, for shrinkage."),
]
Labels = Annotated[
    str | None, typer.Option(metavar="A,B,...", help="What raters choose from.", show_default=False)
]
Timeout = Annotated[float, typer.Option(metavar="SECONDS", help="How long an answer may take.")]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the answers.")]


@options.filter("store", "device")
def command(
    run: options.Run,
    model: Model = None,
    command: CommandLine = None,
    audio_lm: AudioLm = None,
    n: Number = 8,
    merge: Merge = "count",
    weight: Weight = None,
    labels: Labels = None,
    timeout: Timeout = 60.0,
    seed: Seed = 0,
) -> int:
    """Ask an annotator for N labels of each record, and merge them with people's votes.

    Reads records or files. Adds `annotations`, one per rater: annotator, rater, persona,
    temperature, seed, prompt, raw, label, cost; and to `label` votes_by_source (human, synthetic),
    distribution and merged (rule, weight, how many votes). label.votes stays people's. Rater 0, 1,
    ... attends to the voice, the words, ... in turn and is cold or hot in turn. Raters that are
    there already are not asked again, so --n 20 after --n 8 asks twelve; --n 0 only merges.

    Annotators: --model, or nothing, draws labels from `prediction` (which is made where there is
    none; without --model any model's is taken), sharpened by the rater's temperature and leaning to
    what the persona's modality says alone. --command starts a process that reads a record per line,
    with persona, temperature, seed, labels and prompt in `annotate` and without `label`, and prints
    an answer per line, flushed; there is no shell (sh -c '...' is one). --audio-lm is a Qwen2-Audio
    from the cache or a folder; it hears 30 s. An answer that names no label is kept with label null
    and counts nowhere; a record without any label fails.

    --merge count adds the votes up. shrinkage gives a synthetic vote the weight that foretells each
    person's vote best from all others (--weight sets it); none leaves label.distribution to people.
    Streams; but to choose a weight it buffers all records (of a --shard, those of the shard), and
    --resume is refused: annotate with --merge none first, then merge the file with --n 0. Records
    of the splits test and dev choose no weight and keep people's distribution: score against people
    alone. Seconds in `cost` differ from run to run, all else is the same for the same seed.

    Example:

        emocli annotate train.jsonl --merge shrinkage | emocli train --target distribution -o m
        emocli annotate clips.jsonl --command "python3 ask.py" --labels anger,joy,neutral,sadness
    """
    if merge not in merging.RULES:
        raise UsageError(f"--merge {merge}: none of {', '.join(merging.RULES)}")
    if weight is not None and merge != "shrinkage":
        raise UsageError(f"--weight {weight:g} with --merge {merge}: shrinkage alone has a weight")
    chooses = merge == "shrinkage" and weight is None
    if chooses and run.flags["resume"]:
        raise UsageError(
            "--resume with --merge shrinkage: the weight needs every record",
            hint="--merge none to a file first, then --n 0 --merge shrinkage; or --weight",
        )
    annotator = annotate.annotator(
        run.context,
        model=model,
        command=command,
        audio_lm=audio_lm,
        labels=_words(labels),
        timeout_s=timeout,
    )
    window = annotate.window(run.context, annotator)
    panel = Panel(n, seed)
    asking = annotate.stage(run.context, annotator, panel, window)
    work = pipeline.chain(asking, annotate.merging_stage(merge, weight, run.say))
    try:
        return run.through(work, window=Window(float("inf")) if chooses else window)
    finally:
        annotator.close()
        if panel.dropped:
            run.say(panel.text())


def _words(labels: str | None) -> list[str] | None:
    """Return the labels of a flag; raise UsageError where they are no choice."""
    if labels is None:
        return None
    words = [word.strip() for word in labels.split(",")]
    if len(words) < 2 or not all(words) or len({w.casefold() for w in words}) < len(words):
        raise UsageError(f"--labels {labels}: not two words or more, each once", hint="anger,joy")
    return words
