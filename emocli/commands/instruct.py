"""Turn records into instructions for language models: questions, answers, reasons.

Reads records with a `label`, and what is to be told of them: `text`, `context`, `prosody`. Adds
`instruction`: task, messages (system, user, assistant), answer, labels (those to choose from),
streams (features that go with the question), rationale (where the thought comes from), and in
`made` what it was made with: the pool of wordings by digest and the number of the wording, seed,
epoch, the labels that were left out. Streams. A record without an answer, or of which there is
nothing to tell, fails.

Tasks: emotion (label.emotion, one of seven), sentiment (label.polarity, else the sign of
label.sentiment), valence (label.valence, a number on the scale of the dataset), open (label.multi,
else label.emotion, in words without a list), intent (label.intent), multi (label.multi, of a list),
explanation (label.emotion with reasons), think (label.emotion or polarity after a description that
a machine wrote), reason, audio, image (such a description: of all, of the voice, of a picture). Of
several tasks, one of those that the record can answer is drawn. Each has eight wordings or more.
--labels A,B replaces the list of a task; without it a record of `dataset mmeverse` has the list of
its corpus (label_space) and its words.

Descriptions are those of `descriptions`; made.described_by says which machine wrote it. Where a
record has none, or one of more than 120 words, the label is asked for instead, with all streams,
and made.instead_of says what was drawn. Of --streams, audio and image get those of their own name
or modality alone, and image is told nothing of the voice.

--curriculum draws the task of each record by the weights of its corpus (`corpus`, else `dataset`):
perception and cognition are the two stages of Emotion-LLaMAv2, first a label, the voice or the
picture alone, then a label, its reason, or both; a TOML file, such as those in
emocli/llm/curricula, is one of your own. Streams are then all of a record, unless --streams names
some; where none is left to describe, the label is asked for. --draw N writes N records: a corpus by
its weight, then one of its records, with #drawn-K behind its id, in an order that depends on --seed
and --epoch alone. It reads all records first, and passes on failed ones undrawn.

Where the answer is not neutral, neutral is left out of half of the lists, as in MMEVerse (0.8 of
those of mer2023 with reasons): published for mer2023, dfew, iemocap, mosei, mosi and meld, and our
choice for others; --neutral-out P sets another share. What is drawn depends on --seed, --epoch and
the id: other shards and orders give the same, another epoch gives other wordings.

The voice is told by its summary, where the record has one; --prosody full adds the vowels, terse
what is very unusual of them, none says nothing, and all but none make a record without it fail.
--rationale template puts a thought before the answer, <think>...</think><answer>...</answer>, made
of the levels that prosody measured: all true, and marked in `rationale`; a name is the field of a
record with a thought (label.explanation), descriptions what a machine wrote. Unless another is
named, explanation has a template and think has descriptions.

--to trl writes rows of prompt and completion, --to sharegpt of conversations and system, both with
id, task, answer, labels and streams; the row of a record that failed has only id and error (jq
'select(.error|not)' leaves it out).

Example:
    emocli dataset meld MELD | emocli instruct --context 3 --task emotion,sentiment > sft.jsonl
    emocli align clips.jsonl | emocli prosody | emocli instruct --prosody full --rationale template
    emocli instruct described.jsonl --curriculum perception --draw 5000 > stage1.jsonl
"""

from __future__ import annotations

from typing import Annotated

import typer

from emocli.cli import options
from emocli.errors import UsageError
from emocli.llm import curricula
from emocli.pipeline import windows
from emocli.pipeline.windows import Window
from emocli.stages import instruct

TASKS = "emotion|sentiment|valence|intent|multi|open|explanation|think|reason|audio|image"
Task = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar=f"{TASKS},...",
        help="What is asked (default: emotion).",
        show_default=False,
    ),
]
Curriculum = Annotated[
    str | None,
    typer.Option(
        "--curriculum",
        metavar="perception|cognition|FILE",
        help="Draw tasks by their weights.",
    ),
]
Draw = Annotated[
    int | None,
    typer.Option("--draw", metavar="N", min=1, help="Draw N records by the weights of corpora."),
]
Labels = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="Labels to choose from.", show_default=False),
]
Prosody = Annotated[
    str | None,
    typer.Option(
        metavar="none|summary|terse|full",
        help="What is told of the voice (default: the summary, if any).",
        show_default=False,
    ),
]
Context = Annotated[int, typer.Option(metavar="K", min=0, help="Preceding turns that are told.")]
Streams = Annotated[
    str | None,
    typer.Option(metavar="NAME,...", help="Features that go with it.", show_default=False),
]
Rationale = Annotated[
    str | None,
    typer.Option(
        metavar="template|FIELD|none", help="The thought before the answer.", show_default=False
    ),
]
Neutral = Annotated[
    float | None,
    typer.Option(
        "--neutral-out",
        metavar="P",
        min=0,
        max=1,
        help="Share of lists without neutral (default: published).",
        show_default=False,
    ),
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="trl|sharegpt", help="Write rows for another program."),
]
Seed = Annotated[int, typer.Option(metavar="N", min=0, help="Seed of what is drawn.")]
Epoch = Annotated[int, typer.Option(metavar="N", min=0, help="Number of the pass over the data.")]


@options.filter()
def command(
    run: options.Run,
    task: Task = None,
    curriculum: Curriculum = None,
    draw: Draw = None,
    labels: Labels = None,
    prosody: Prosody = None,
    context: Context = 0,
    streams: Streams = None,
    rationale: Rationale = None,
    neutral_out: Neutral = None,
    to: To = None,
    seed: Seed = 0,
    epoch: Epoch = 0,
) -> int:
    """Turn records into instructions for language models: questions, answers, reasons."""
    _require_alone(run, task, curriculum, draw)
    plan = instruct.Plan(
        tasks=_words("--task", task or "emotion"),
        curriculum=None if curriculum is None else curricula.curriculum(curriculum),
        labels=None if labels is None else _words("--labels", labels),
        prosody=prosody,
        context=context,
        streams=() if streams is None else _words("--streams", streams),
        rationale=rationale,
        neutral=neutral_out,
        seed=seed,
        epoch=epoch,
    )
    work = instruct.stage(run.context, plan, to, draw)
    return run.through(work, turns=context, window=Window() if draw is None else windows.ALL)


def _require_alone(
    run: options.Run, task: str | None, curriculum: str | None, draw: int | None
) -> None:
    """Raise UsageError for flags that exclude each other."""
    if curriculum is not None and task is not None:
        raise UsageError("--task: --curriculum draws the tasks", hint="leave one out")
    if draw is not None and (run.common.shard or run.common.resume):
        flag = "--shard" if run.common.shard else "--resume"
        raise UsageError(f"{flag}: --draw reads all records first", hint="leave it out")


def _words(flag: str, value: str) -> tuple[str, ...]:
    """Return the words of a flag; UsageError for an empty or a repeated one."""
    words = [word.strip() for word in value.split(",")]
    if not all(words) or len({word.casefold() for word in words}) < len(words):
        raise UsageError(f"{flag} {value:.80}: an empty or a repeated word")
    return tuple(words)
