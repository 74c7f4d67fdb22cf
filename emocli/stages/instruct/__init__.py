"""Add `instruction`: a question about a record and its answer, to train language models with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from emocli import pipeline
from emocli.errors import RecordError, UsageError
from emocli.llm import answers as completions
from emocli.llm import instructions, rationales
from emocli.llm.instructions import Task
from emocli.llm.template_rules import PLAIN, THOUGHT
from emocli.pipeline.context import Context
from emocli.records import Record
from emocli.stages import telling, voice_levels
from emocli.stages.instruct import answers, given, rows

NONE = "none"  # of --rationale and --prosody


@dataclass(frozen=True)
class Plan:
    """What to ask, what to tell, and what decides the draws.

    `labels` replaces the labels of a task, `neutral` the share of lists that lack neutral;
    `rationale` is template, a field or none, and None is what the task needs.
    """

    tasks: tuple[str, ...] = ("emotion",)
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

    def rationale_of(self, task: Task) -> str | None:
        """Return where the thoughts of a task come from, None for answers without."""
        chosen = self.rationale or (rationales.TEMPLATED if task.explains else NONE)
        return None if chosen == NONE else chosen


def stage(_: Context, plan: Plan, form: str | None = None) -> pipeline.Stage:
    """Return the stage that adds `instruction`, or writes rows in the form of another program."""
    work = pipeline.each(partial(instruct, plan), name="instruct")
    return work if form is None else pipeline.chain(work, rows.writing(form))


def instruct(plan: Plan, record: Record) -> Record:
    """Add `instruction` to a record; RecordError without a label, or without anything to tell."""
    draws = instructions.draws(plan.seed, plan.epoch, str(record.get("id")))
    task, gold = _drawn(plan, record, draws.choice)
    wording, chance = draws.randrange(len(task.wordings)), draws.random()
    dataset = record.get("dataset")
    corpus = dataset.casefold() if isinstance(dataset, str) else None
    neutral, share = task.neutral(corpus)
    share = share if plan.neutral is None else plan.neutral
    listed = answers.labels(task, plan.labels)
    labels = instructions.choices(listed, gold, neutral, chance < share)
    source = plan.rationale_of(task)
    thought = None if source is None else _thought(record, source, plan)
    form = PLAIN if thought is None else THOUGHT
    system = task.system(wording, labels, answers.ends(task, corpus), form)
    told = given.utterance(record, plan.prosody, plan.context, plan.streams)
    messages = task.messages(system, told, gold, thought)
    _require_readable(messages[-1]["content"], thought, labels)
    record["instruction"] = {
        "task": task.name,
        "messages": messages,
        "answer": gold,
        "labels": labels,
        "streams": list(plan.streams),
        "rationale": source,
        "made": {
            "pool": task.digest,
            "wording": wording,
            "seed": plan.seed,
            "epoch": plan.epoch,
            "without": [label for label in listed if label not in labels],
        },
    }
    return record


def _drawn(
    plan: Plan, record: Record, choose: Callable[[list[tuple[Task, str]]], tuple[Task, str]]
) -> tuple[Task, str]:
    """Return one of the tasks that the label of a record answers, and the answer."""
    tasks = [instructions.task(name) for name in plan.tasks]
    known: list[tuple[Task, str]] = []
    problem: RecordError | None = None
    for task in tasks:
        try:
            gold = answers.gold(record, task, plan.labels)
        except RecordError as error:
            problem = problem or error
        else:
            known += [] if gold is None else [(task, gold)]
    if problem is not None and not known:
        raise problem
    if not known:
        fields = dict.fromkeys(f"label.{f}" for task in tasks for f in answers.fields(task))
        message = f"no {' and no '.join(fields)} to answer with"
        raise RecordError("no_label", message, hint="--task chooses what is asked")
    return choose(known)


def _require_readable(said: str, thought: str | None, labels: list[str]) -> None:
    """Raise RecordError for an answer with a thought that no reader would accept."""
    if thought is not None and (problem := completions.parse(said, labels).problem):
        message = f"no rationale for <think>: {problem}: {thought!r:.60}"
        raise RecordError("bad_rationale", message, hint="at most 120 words, without tags")


def _thought(record: Record, source: str, plan: Plan) -> str:
    """Return the thought of a record: by the template, or what a field has."""
    if source != rationales.TEMPLATED:
        return answers.text_at(record, source)
    measured = voice_levels.measured(record)
    vowels, terse = (plan.prosody == voice for voice in (telling.FULL, telling.TERSE))
    thought = rationales.thought(measured, vowels=vowels, terse=terse)
    if thought is None:
        hint = "run emocli prosody first; --rationale none does without"
        raise RecordError("no_levels", "no measured levels to make a rationale of", hint=hint)
    return thought
