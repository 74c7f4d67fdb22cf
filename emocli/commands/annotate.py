"""Ask an annotator for N labels per record, and merge them with people's votes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from emocli import pipeline
from emocli.cli import flags, language_flags, options
from emocli.errors import ExitStatus, UsageError
from emocli.io.writing import is_special, place
from emocli.pipeline import windows
from emocli.stages import annotate
from emocli.stages.annotate import merging
from emocli.stages.annotate.kept import Kept
from emocli.stages.annotate.raters import Panel

Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="BUNDLE",
        help="Draw labels from the predictions of this trained model.",
    ),
]
CommandLine = Annotated[
    str | None,
    typer.Option("--command", metavar="CMD", help="Ask this command, which answers line by line."),
]
AudioLm = Annotated[
    str | None, typer.Option("--audio-lm", metavar="NAME", help="Ask this audio language model.")
]
Llm = Annotated[
    str | None,
    typer.Option(
        "--llm", metavar="NAME", help="Ask this language model: a name, a folder, a GGUF file."
    ),
]
Number = Annotated[int, typer.Option("--n", "-n", metavar="N", min=0, help="Labels per record.")]
Merge = Annotated[
    str, typer.Option(metavar="|".join(merging.RULES), help="Rule for merging votes.")
]
Weight = Annotated[
    float | None,
    typer.Option(metavar="W", min=0.0, help="Weight of a synthetic vote, for shrinkage."),
]
Labels = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="The labels that raters choose from.", show_default=False),
]
Price = Annotated[
    str | None,
    typer.Option(
        metavar="IN,OUT", help="Price of a million tokens, asked and answered, to be added up."
    ),
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of the answers.")]


@options.filter("store", "device")
def command(
    run: options.Run,
    model: Model = None,
    command: CommandLine = None,
    audio_lm: AudioLm = None,
    llm: Llm = None,
    llm_url: flags.LlmUrl = None,
    concurrency: flags.Concurrency = 8,
    n: Number = 8,
    merge: Merge = "count",
    weight: Weight = None,
    labels: Labels = None,
    timeout: flags.Timeout = 60.0,
    price: Price = None,
    seed: Seed = 0,
) -> int:
    """Ask an annotator for N labels per record, and merge them with people's votes.

    Reads records or files. Adds `annotations`, one per rater: annotator, rater, persona,
    temperature, seed, prompt, raw, label, cost. Adds to `label`: votes_by_source (human,
    synthetic), distribution and merged (rule, weight, number of votes); label.votes keeps only
    people's votes. Raters 0, 1, ... attend in turn to the voice, the words, ..., with temperatures
    from low to high in turn. Raters that a record already has are not asked again, so --n 20 after
    --n 8 asks twelve; --n 0 only merges.

    Annotators: by default and with --model, labels are drawn from `prediction`, sharpened by the
    rater's temperature and biased towards what the persona's modality predicts alone. A record
    without a prediction gets one first; without --model a prediction of any model is accepted.
    --command starts a process that reads one record per line, with persona, temperature, seed,
    labels and prompt in `annotate` and without `label`, and prints one answer per line, flushed. It
    is started without a shell (sh -c '...' is one).

    --audio-lm is a model of the hub or in a folder that hears and writes: Qwen2-Audio, the thinker
    of Qwen2.5-Omni, Audio Flamingo 3 and others of transformers that have a processor of sound and
    a chat template; it hears the first 30 s. --llm is a language model (a name, a folder, a GGUF
    file): it reads the words and, if `prosody` was run, `prosody.summary`. --llm-url asks a server
    of chat completions instead, --concurrency questions at once. --llm names one of its models, if
    it has several; --audio-lm names one that hears, which is sent the recording (input_audio). How
    a server is asked, tried again and given its key ($EMOCLI_LLM_KEY or $OPENAI_API_KEY) is as in
    emocli-predict(1). Temperature and seed of the rater go with each question.

    `cost` has the tokens of question and answer, as far as they are known, the seconds and, with
    --price IN,OUT (of a million tokens), the price; sums are said at the end. With --output F each
    answer is kept in F.part.answers until F is complete without a failure: --resume asks for none
    of them again, also where the run stopped in the midst of a record. An answer that names no
    label is kept with label null and is not counted; a record without any label fails.

    --merge count adds the votes up. shrinkage gives a synthetic vote the weight that best predicts
    each person's vote from all the others (--weight sets it instead); none keeps people's
    label.distribution. Streams; but choosing a weight buffers all records (with --shard, those of
    the shard), and then --resume is refused: annotate with --merge none first, then merge the file
    with --n 0. Records of the splits test and dev are not used to choose the weight, and keep
    people's distribution, so that scores are against people alone. The output is the same for the
    same seed, but for `cost.seconds`, and as far as a server keeps to its seeds.

    Example:

        emocli annotate train.jsonl --merge shrinkage | emocli train --target distribution -o m
        emocli annotate talks.jsonl --llm-url http://127.0.0.1:8000/v1 --n 8 -o votes.jsonl --resume
        emocli annotate clips.jsonl --command "python3 ask.py" --labels anger,joy,neutral,sadness
    """
    if merge not in merging.RULES:
        raise UsageError(f"--merge {merge}: not one of {', '.join(merging.RULES)}")
    if weight is not None and merge != "shrinkage":
        raise UsageError(f"--weight {weight:g} with --merge {merge}: only shrinkage has a weight")
    chooses_weight = merge == "shrinkage" and weight is None
    if chooses_weight and run.common.resume:
        raise UsageError(
            "--resume with --merge shrinkage: choosing the weight needs every record",
            hint="first --merge none to a file, then --n 0 --merge shrinkage; or --weight",
        )
    if llm_url is None:
        timed = () if command is not None else ("timeout",)
        language_flags.require_no_server("concurrency", *timed)
    prices = _prices(price)
    annotator = annotate.annotator(
        run.context,
        model=model,
        command=command,
        audio_lm=audio_lm,
        llm=llm,
        llm_url=llm_url,
        concurrency=concurrency,
        labels=_words(labels),
        timeout_s=timeout,
    )
    window = annotate.window(run.context, annotator, n)
    kept = Kept(_file(run.common.output), resume=run.common.resume)
    panel = Panel(n, seed, kept, prices)
    asking = annotate.stage(run.context, annotator, panel, window)
    work = pipeline.chain(asking, annotate.merging_stage(merge, weight, run.say))
    try:
        whole = windows.ALL if chooses_weight else window
        status = run.through(work, window=whole, turns=annotate.turns(annotator))
        if status == ExitStatus.OK:
            kept.done()
        return status
    finally:
        kept.close()
        annotator.close()
        for text in panel.texts(quiet=run.common.quiet):
            run.say(text)


def _file(output: Path | None) -> Path | None:
    """Return the regular file that is written, beside which answers can be kept."""
    target = place(output)
    return None if target is None or is_special(target) else target


def _prices(price: str | None) -> tuple[float, float] | None:
    """Return the prices of a flag; UsageError for what is no two numbers."""
    if price is None:
        return None
    try:
        asked, answered = map(float, price.split(","))
    except ValueError:
        asked = answered = -1.0
    if not (0 <= asked < math.inf and 0 <= answered < math.inf):
        raise UsageError(f"--price {price}: not two prices", hint="--price 0.15,0.6")
    return asked, answered


def _words(labels: str | None) -> list[str] | None:
    """Return the labels of a flag; UsageError for fewer than two different labels."""
    if labels is None:
        return None
    words = [word.strip() for word in labels.split(",")]
    if len(words) < 2 or not all(words) or len({w.casefold() for w in words}) < len(words):
        raise UsageError(f"--labels {labels}: not two or more different words", hint="anger,joy")
    return words
