"""DiME-Aug over records: read them all, measure those of rare classes, write, mix."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from emocli.errors import EmocliError, RecordError, UsageError
from emocli.io import inputs, temporary
from emocli.pipeline.context import Context
from emocli.pipeline.progress import Progress
from emocli.records import Record, dumps, failures, name_of, parse
from emocli.records.labels import ordered
from emocli.signals import dime
from emocli.stages.augment import mixing, targets

NAME = "augment dime"
UNUSED = -1  # class of a record that cannot be mixed


@dataclass(frozen=True)
class Plan:
    """The options of `augment dime`."""

    rho: float
    mix: str
    seed: int
    assume_train: bool


@dataclass
class Pool:
    """The records in a temporary file, and the class of each before any sound is decoded."""

    file: BinaryIO
    places: array[int] = field(default_factory=lambda: array("q"))
    classes: array[int] = field(default_factory=lambda: array("i"))
    names: dict[str, int] = field(default_factory=dict)  # label -> its number in `classes`
    problems: dict[int, Record] = field(default_factory=dict)  # `error` and `missing`, if failed
    has_audio: bool = False

    def add(self, record: Record) -> None:
        """Keep the next record with its class, or with the error that leaves it without one."""
        index = len(self.places)
        self.places.append(self.file.tell())
        self.file.write(dumps(record))
        self.classes.append(UNUSED)
        if error := record.get("error"):
            if isinstance(error, failures.Failure):  # of this run: it counts when it is written
                self.problems[index] = {"error": error}
            return
        try:
            if not isinstance(record.get("id"), str):
                raise RecordError("no_id", f"id is not a string: {record.get('id')!r:.60}")
            shares = targets.shares(record)
        except RecordError as error:
            self.problems[index] = {"error": failures.Failure(failures.problem("augment", error))}
            return
        for name in shares:
            self.names.setdefault(name, len(self.names))
        self.classes[index] = self.names[targets.likeliest(shares)]
        self.has_audio |= mixing.has_audio(record)

    def read(self, chosen: set[int] | None = None) -> Iterator[tuple[int, Record]]:
        """Yield the records of all classes, or of some, in order, each with its number."""
        self.file.flush()
        for index, place in enumerate(self.places):
            if chosen is None or self.classes[index] in chosen:
                self.file.seek(place)
                yield index, parse(self.file.readline(), f"record {index + 1}")

    def lacking(self, rho: float) -> dict[str, tuple[int, int]]:
        """Return for each label, in order, how many records it has and how many it lacks."""
        sizes = Counter(self.classes)
        names = ordered(self.names)
        counts = [sizes[self.names[name]] for name in names]
        return dict(zip(names, zip(counts, dime.lacking(counts, rho), strict=True), strict=True))


def records(context: Context, source: inputs.Source, plan: Plan) -> Iterator[Record]:
    """Yield the records of the input unchanged, then the mixtures made from them."""
    with temporary.file() as file:
        pool = Pool(file)
        for record in source:
            _require_train(record, plan)
            pool.add(record)
        if source.problem:
            raise source.problem
        members = _measured(context, pool, plan)
        for index, record in pool.read():
            yield record | pool.problems.get(index, {})
    for name, rare in members.items():
        yield from _made(context, name, rare, plan)


def _require_train(record: Record, plan: Plan) -> None:
    """Raise UsageError for a record that is not of the training split."""
    split = record.get("split")
    if split == "train" or (split is None and plan.assume_train):
        return
    hint = "emocli dataset NAME --split train, or jq 'select(.split == \"train\")', leaves it out"
    if split is None:
        hint = "--assume-train if all records without a split are training records"
    reason = "has no split" if split is None else f"is of the split {split!r:.40}, not train"
    raise UsageError(f"{name_of(record)} {reason}: nothing is written", hint=hint)


@dataclass
class Rare:
    """The measured records of a class that has too few."""

    lacks: int
    members: list[Record] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)  # the vectors that neighbours are searched by


def _measured(context: Context, pool: Pool, plan: Plan) -> dict[str, Rare]:
    """Return the rare classes with their measured records; failures are noted in the pool."""
    counts = pool.lacking(plan.rho)
    rare = {name: Rare(lacks) for name, (_, lacks) in counts.items() if lacks}
    rare = {name: members for name, members in rare.items() if counts[name][0] > 1}
    by_class = {pool.names[name]: members for name, members in rare.items()}
    kind = plan.mix if plan.mix != "auto" else "audio" if pool.has_audio else "features"
    progress = _progress(context, sum(counts[name][0] for name in rare))
    chosen: list[int] = []

    def slim() -> Iterator[Record]:
        for index, record in pool.read(set(by_class)):
            if not mixing.passed_over(record, kind):
                chosen.append(index)
                yield mixing.slim(record, kind)

    for place, record in enumerate(mixing.measure(context, kind)(slim())):
        problems = failures.of(record)
        progress.step(failed=bool(problems))
        if problems:
            notes = {k: v for k, v in record.items() if k in ("error", "missing")}
            pool.problems[chosen[place]] = notes
        else:
            rare_class = by_class[pool.classes[chosen[place]]]
            rare_class.rows.append(record.pop(mixing.ROW))
            rare_class.members.append(record)
    progress.clear()
    _tell(context, counts, rare)
    return {name: measured for name, measured in rare.items() if len(measured.members) > 1}


def _progress(context: Context, total: int) -> Progress:
    name = f"{NAME}: looking for neighbours"
    return Progress(context.stderr, name, lambda: total, quiet=context.quiet)


def _tell(context: Context, counts: dict[str, tuple[int, int]], rare: dict[str, Rare]) -> None:
    """Report what is added to each class, and which small classes stay as they are."""
    for name, (count, lacks) in counts.items():
        usable = len(rare[name].members) if name in rare else count
        if lacks and usable < 2:
            text = f"{name}: {lacks} too few, but only {usable} to mix: left as it is"
        elif lacks and not context.quiet:
            text = f"{name}: {count} and {lacks} new"
            text += f", mixed of {usable}" * (usable < count)
        else:
            continue
        context.say(NAME, text)


def _made(context: Context, name: str, rare: Rare, plan: Plan) -> Iterator[Record]:
    """Yield the new records of a class; its random draws do not depend on other classes."""
    random = np.random.default_rng(_number(plan.seed, name))
    rows = dime.standardised(np.stack(rare.rows))
    for count in range(rare.lacks):
        first = int(random.integers(len(rows)))
        near = dime.neighbours(rows, first)
        second = int(near[random.integers(len(near))])
        alpha = float(random.random())
        pair = (rare.members[first], rare.members[second])
        vectors = (rare.rows[first], rare.rows[second])
        ids = [record["id"] for record in pair]
        try:
            made = mixing.mixed(pair, vectors, alpha, context.store)
        except EmocliError as error:
            raise EmocliError(f"{' with '.join(ids)}: {error}") from None
        digest = _number(plan.seed, name, count, len(rows), *ids, alpha)
        made["label"]["emotion"] = name
        origin = {"method": "dime", "rho": plan.rho, "seed": plan.seed, "from": ids}
        speakers = [record.get("speaker") for record in pair]
        made["augmented"] = origin | {"speakers": speakers, "alpha": alpha}
        yield {"id": f"dime-{digest:016x}", "split": "train"} | made


def _number(*parts: Any) -> int:
    """Return a 64-bit hash of the parts."""
    text = repr(parts).encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
