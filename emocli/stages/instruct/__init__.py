"""Add `instruction`: a question about a record and its answer, to train language models with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from random import Random

from emocli import pipeline
from emocli.errors import RecordError, UsageError
from emocli.io import features
from emocli.llm import answers as completions
from emocli.llm import instructions, rationales
from emocli.llm.curricula import Curriculum
from emocli.llm.instructions import Task
from emocli.llm.template_rules import PLAIN, THOUGHT
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages import telling, voice_levels
from emocli.stages.instruct import answers, descriptions, drawing, given, rows
from emocli.stages.instruct.answers import Gold

DESCRIPTIONS = "descriptions"  # of --rationale: what machines wrote, see `descriptions`
NONE = "none"  # of --rationale and --prosody


@dataclass(frozen=True)
class Plan:
    """What to ask, what to tell, and what decides the draws.

    A `curriculum` says which of its tasks a record is asked, instead of `tasks`. `labels` replaces
    the labels of a task, `neutral` the share of lists that lack neutral; `rationale` is template, a
    field or none, and None is what the task needs.
    """

    tasks: tuple[str, ...] = ("emotion",)
    curriculum: Curriculum | None = None
    labels: tuple[str, ...] | None = None
    prosody: str | None = None
    context: int = 0
    streams: tuple[str, ...] = ()
    rationale: str | None = None
    neutral: float | None = None
    seed: int = 0
    epoch: int = 0

    def __post_init__(self) -> None:
        for name in self.tasks:
            task = instructions.task(name)
            if task.explains and self.rationale == NONE:
                raise UsageError(f"--rationale none with --task {name}: it explains its answers")
        if self.prosody not in (None, *telling.VOICES):
            known = ", ".join(telling.VOICES)
            raise UsageError(f"--prosody {self.prosody:.40}: not one of {known}")

    def draws(self, identity: str) -> Random:
        """Return the generator of what is drawn for a record."""
        return instructions.draws(self.seed, self.epoch, identity)

    def weights(self, record: Record) -> Mapping[str, float]:
        """Return the tasks that a record may be asked, with their weights."""
        if self.curriculum is None:
            return dict.fromkeys(self.tasks, 1.0)
        return self.curriculum.tasks(answers.corpus_of(record))

    def streams_of(self, record: Record) -> tuple[str, ...]:
        """Return the streams that may go with a question: those that are named.

        With a curriculum, which hides streams, those of them that the record has; all without any.
        """
        if self.curriculum is None:
            return self.streams
        return tuple(n for n in features.checked(record) if n in (self.streams or (n,)))

    def rationale_of(self, task: Task) -> str | None:
        """Return where the thoughts of a task come from, None for answers without."""
        if task.kind == instructions.DESCRIPTION:
            return None
        own = (task.thought or rationales.TEMPLATED) if task.explains else NONE
        chosen = self.rationale or own
        return None if chosen == NONE else chosen


@dataclass(frozen=True)
class Drawn:
    """A task that was drawn for a record, its answer, and the task that it stands for."""

    task: Task
    gold: Gold
    instead_of: str | None = None


def stage(
    context: Context, plan: Plan, form: str | None = None, draw: int | None = None
) -> pipeline.Stage:
    """Return the stage that adds `instruction`, or writes rows in the form of another program.

    With `draw` it reads all records and writes as many, drawn from them by the curriculum.
    """
    work = pipeline.each(partial(instruct, plan), name="instruct")
    if draw is not None:
        work = pipeline.chain(drawing.from_all(context, plan.curriculum, draw, plan.draws), work)
    return work if form is None else pipeline.chain(work, rows.writing(form))


def instruct(plan: Plan, record: Record) -> Record:
    """Add `instruction` to a record; RecordError without a label, or without anything to tell."""
    draws = plan.draws(str(record.get("id")))
    drawn = _drawn(plan, record, draws)
    task, gold = drawn.task, drawn.gold
    wording, chance = draws.randrange(len(task.wordings)), draws.random()
    corpus = answers.corpus_of(record)
    labels = _choices(plan, drawn, corpus, chance)
    source = plan.rationale_of(task)
    thought, by = (None, gold.by) if source is None else _thought(record, source, plan)
    form = PLAIN if thought is None else THOUGHT
    system = task.system(wording, labels, answers.ends(task, corpus), form)
    streams = given.seen(record, plan.streams_of(record), task.name, task.sees)
    told = given.utterance(record, task.voice or plan.prosody, plan.context, streams)
    messages = task.messages(system, told, gold.text, thought)
    _require_readable(messages[-1]["content"], thought, labels)
    record["instruction"] = {
        "task": task.name,
        "messages": messages,
        "answer": gold.text,
        "labels": labels,
        "streams": list(streams),
        "rationale": source,
        "made": {
            "pool": task.digest,
            "wording": wording,
            "seed": plan.seed,
            "epoch": plan.epoch,
            "without": [label for label in gold.labels if label not in labels],
            **({"described_by": by} if by else {}),
            **({"instead_of": drawn.instead_of} if drawn.instead_of else {}),
            **({"curriculum": plan.curriculum.name} if plan.curriculum else {}),
        },
    }
    return record


def _choices(plan: Plan, drawn: Drawn, corpus: str | None, chance: float) -> list[str]:
    """Return the labels to choose from, without neutral where it is left out."""
    neutral, share = drawn.task.neutral(corpus)
    share = share if plan.neutral is None else plan.neutral
    return instructions.choices(drawn.gold.labels, drawn.gold.text, neutral, chance < share)


def _drawn(plan: Plan, record: Record, draws: Random) -> Drawn:
    """Return one of the tasks that a record answers, and the answer."""
    weights = plan.weights(record)
    tasks = [instructions.task(name) for name in weights]
    known: list[tuple[Drawn, float]] = []
    problem: RecordError | None = None
    for task in tasks:
        try:
            found = _answered(plan, record, task)
        except RecordError as error:
            problem = problem or error
        else:
            known += [] if found is None else [(found, weights[task.name])]
    if problem is not None and not known:
        raise problem
    if not known:
        fields = dict.fromkeys(field for task in tasks for field in answers.fields(task))
        message = f"no {' and no '.join(fields)} to answer with"
        raise RecordError("no_label", message, hint="--task chooses what is asked")
    if plan.curriculum is None:
        return draws.choice(known)[0]
    return draws.choices([d for d, _ in known], [weight for _, weight in known])[0]


def _answered(plan: Plan, record: Record, task: Task) -> Drawn | None:
    """Return a task with its answer, or the task that takes its place; None for no answer.

    Another one takes it where there is no description of use, and in a curriculum where none of the
    streams may go with it.
    """
    gold = answers.gold(record, task, plan.labels)
    describing = task.kind == instructions.DESCRIPTION or plan.rationale_of(task) == DESCRIPTIONS
    streams = plan.streams_of(record)
    is_seen = (
        plan.curriculum is None
        or not (streams and task.sees)
        or given.fitting(record, streams, task.sees)
    )
    if not describing or (gold and is_seen and descriptions.first(record, _keys(task))):
        return None if gold is None else Drawn(task, gold)
    for name in task.falls_back:
        other = instructions.task(name)
        if (gold := answers.gold(record, other, plan.labels)) is not None:
            return Drawn(other, gold, task.name)
    return None


def _keys(task: Task) -> tuple[str, ...]:
    return tuple(task.describes) or descriptions.KINDS


def _require_readable(said: str, thought: str | None, labels: list[str]) -> None:
    """Raise RecordError for an answer with a thought that no reader would accept."""
    if thought is not None and (problem := completions.parse(said, labels).problem):
        message = f"no rationale for <think>: {problem}: {thought!r:.60}"
        raise RecordError("bad_rationale", message, hint="at most 120 words, without tags")


def _thought(record: Record, source: str, plan: Plan) -> tuple[str, str | None]:
    """Return the thought of a record and the machine that wrote it, None where nothing says so.

    It is made by the template, or what `descriptions` or another field has.
    """
    if source == DESCRIPTIONS and (found := descriptions.first(record)):
        return found.text, found.by
    if source != rationales.TEMPLATED:
        return answers.text_at(record, source), None
    measured = voice_levels.measured(record)
    vowels, terse = (plan.prosody == voice for voice in (telling.FULL, telling.TERSE))
    thought = rationales.thought(measured, vowels=vowels, terse=terse)
    if thought is None:
        hint = "run emocli prosody first; --rationale none does without"
        raise RecordError("no_levels", "no measured levels to make a rationale of", hint=hint)
    return thought, None
