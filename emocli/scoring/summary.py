"""One run of `summarize`: what it keeps of the records, and a row of figures for each group."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from emocli.bundles import heads
from emocli.errors import EmocliError, EmptyInputError, RecordError
from emocli.records import Record, label_reading, spans
from emocli.records.labels import ordered
from emocli.scoring import summary_groups
from emocli.scoring.columns import SKIPPED, Columns
from emocli.scoring.leakage import Shared
from emocli.scoring.summary_figures import FEW_CLUSTERS, Answers, row
from emocli.scoring.summary_options import DURATION, LABEL, UTTERANCE, SummaryOptions
from emocli.scoring.words import Labels, Shares, Words, not_shares

NUMBERS = tuple(target for target, kind in heads.KINDS.items() if kind == heads.NUMBER)
NO_DURATION = "no_duration"
NO_FAILURE = (*SKIPPED, NO_DURATION)


class Kept:
    """What is kept of the answers of the records: a word, shares of words, numbers, a weight."""

    def __init__(self, options: SummaryOptions) -> None:
        self.side, self.by_seconds = options.of, options.weight == DURATION
        self.words = Words()
        self.shares = Shares(
            self.words, "distribution" if self.side == LABEL else "probabilities", self.side
        )
        self.word, self.weight = array("i"), array("d")  # number of a word, -1 is none
        self.numbers = {name: array("d") for name in NUMBERS}  # NaN is none
        self.codes: Counter[str] = Counter()  # of errors that the records came with

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Keep a record's answer, or return the reason not to; RecordError if it is malformed."""
        if error := record.get("error"):
            self.codes[str(error.get("code") if isinstance(error, dict) else "error")] += 1
            return "error"
        answer = label_reading.side(label if self.side == LABEL else prediction, self.side)
        word = label_reading.emotion(answer, self.side)
        numbers = [label_reading.rating(answer, name, self.side) for name in NUMBERS]
        shares = self._shares(answer)
        if (
            word is None
            and numbers == [None] * len(NUMBERS)
            and not (self.side == LABEL and shares)
        ):
            return self._nothing(answer)
        weight = spans.seconds(record) if self.by_seconds else 1.0
        if not weight:
            return NO_DURATION
        if shares:
            self.shares.add(shares, answer.get("model"))
        else:
            self.shares.skip()
        self.word.append(-1 if word is None else self.words.add(word))
        self.weight.append(weight)
        for name, number in zip(NUMBERS, numbers, strict=True):
            self.numbers[name].append(np.nan if number is None else number)
        return None

    def _shares(self, answer: Record) -> dict[str, float]:
        """Return probabilities; of a label its distribution, or the shares of its votes."""
        found = label_reading.numbers(answer, self.shares.what, self.side)
        if found or self.side != LABEL:
            return found
        votes = label_reading.counts(answer)
        return {word: count / sum(votes.values()) for word, count in votes.items()}

    def _nothing(self, answer: Record) -> str:
        if self.side == LABEL:
            return "no_label"
        if "emotion" in answer:
            return "abstained"
        raise RecordError("no_prediction", "no prediction", hint="run emocli predict first")

    def answers(self) -> Answers:
        """Return the arrays of what was kept; labels in the order of every table."""
        self.shares.used()
        names = ordered(self.words.number)
        place = {name: i for i, name in enumerate(names)}
        of = np.array([place[word] for word in self.words.number], np.int64)
        matrix, _ = self.shares.matrix(Labels(names, of, set()))
        word = np.asarray(self.word, np.int64)
        label = np.where(word < 0, -1, of[np.maximum(word, 0)]) if len(of) else word
        numbers = {name: np.asarray(values) for name, values in self.numbers.items()}
        known = {name: values for name, values in numbers.items() if not np.isnan(values).all()}
        present = self.shares.present
        return Answers(names, label, matrix, present, known, np.asarray(self.weight))


class Work:
    """A run of `summarize`: `read` the records, then get a row for each group with `rows`.

    `say` reports to a person. `failed` says afterwards whether some records have an answer that
    cannot be read, or none.
    """

    def __init__(self, options: SummaryOptions, say: Callable[[str], None]) -> None:
        self.options, self.say = options, say
        self.tables = summary_groups.tables(options.by)
        self.kept, self.failed = Kept(options), False
        keys = summary_groups.keys(self.tables)
        self.columns = Columns(self.kept.take, None, keys, options.cluster, Shared())

    def read(self, records: Iterable[Record]) -> None:
        """Keep what is needed of every record."""
        self.columns.extend(records)

    def rows(self) -> list[Record]:
        """Return a row of figures per group; none if no record was read."""
        if not self.columns.ids:
            return []
        answers = self.kept.answers()
        places = self._places(answers)
        self._report(places)
        found = [
            row(by, places[members], answers, self._about(members, places), self.options)
            for names in self.tables
            for by, members in summary_groups.members(self.columns, names)
        ]
        self._warn(found)
        return found

    def _places(self, answers: Answers) -> Any:
        """Return the place of each record among the answers, -1 for those that are not counted."""
        places = np.full(len(self.columns.ids), -1)
        counted = np.ones(len(places), np.bool_)
        counted[list(self.columns.unscored)] = False
        taken = np.flatnonzero(counted)
        places[taken] = np.arange(len(taken))
        present = np.flatnonzero(answers.has_shares)
        totals = answers.shares[present].sum(1)
        faults = [*self.kept.shares.odd()] if self.kept.side != LABEL else []
        for fault in not_shares(self.kept.shares.what, answers.shares[present], totals):
            rows = present[fault.rows]
            text = dict(zip(rows.tolist(), map(fault.message, fault.rows.tolist()), strict=True))
            faults.append(type(fault)(fault.code, rows, text.__getitem__))
        for fault in faults:
            for answer in fault.rows.tolist():
                place = int(taken[answer])
                if places[place] >= 0:
                    self.columns.fail(place, fault.code, fault.message(answer))
                    places[place] = -1
        return places

    def _about(self, members: Any, places: Any) -> Record:
        """Return the counts of a group's records, by why they are not in its figures."""
        left_out = members[places[members] < 0].tolist()
        reasons = Counter(self.columns.unscored[place] for place in left_out)
        clusters = np.asarray(self.columns.clustered)[members[places[members] >= 0]]
        kinds = np.unique(np.asarray(self.columns.kind)[clusters]).tolist()
        return {
            "records": len(members),
            "summarized": len(members) - len(left_out),
            "skipped": dict(sorted(reasons.items())),
            "failed": sum(n for reason, n in reasons.items() if reason not in NO_FAILURE),
            "resampled": "+".join([*self.options.cluster, UTTERANCE][kind] for kind in kinds),
            "of": clusters,
        }

    def _report(self, places: Any) -> None:
        """Say which records are left out, and why; raise an error if all are."""
        for text in self.columns.faults:
            self.say(text)
        reasons = Counter(self.columns.unscored.values())
        total, left_out = len(places), sum(reasons.values())
        self.failed = any(reason not in NO_FAILURE for reason in reasons)
        words = ", ".join(f"{n} {reason}" for reason, n in sorted(reasons.items()))
        if codes := ", ".join(f"{n} {code}" for code, n in self.kept.codes.most_common(5)):
            words += f" (errors: {codes})"
        if left_out == total:
            hints = {"no_prediction": "run emocli predict first", NO_DURATION: "--weight utterance"}
            hint = next((hint for reason, hint in hints.items() if reason in reasons), "")
            kind = (
                EmocliError if self.failed and "no_prediction" not in reasons else EmptyInputError
            )
            raise kind(f"nothing to summarize in {total} records: {words}", hint=hint)
        if left_out:
            self.say(f"summarized {total - left_out} of {total} records; left out {words}")

    def _warn(self, found: list[Record]) -> None:
        """Say which groups have no value, too little to resample, or not the field of --over."""
        for name in dict.fromkeys(name for names in self.tables for name in names):
            nulls = self.columns.group[name].count(self.columns.groups[name].get(None, -1))
            if nulls == len(self.columns.ids):
                self.say(f"--by {name}: no record has it")
            elif nulls:
                self.say(f"--by {name}: {nulls} records have none, and are a group of their own")
        if not self.options.bootstrap:
            return
        over, few = self.options.over, sum(row["clusters"] < FEW_CLUSTERS for row in found)
        if few:
            which = f"{few} of {len(found)} groups have" if len(found) > 1 else "there are"
            self.say(
                f"{which} fewer than {FEW_CLUSTERS} of what is resampled ({over}): "
                "intervals are too narrow or undefined"
            )
        if over != UTTERANCE and any(UTTERANCE in row["resampled"].split("+") for row in found):
            self.say(f"--over {over}: utterances without it are resampled one by one")
