"""`score` for explanations, without a judge: what they cite, their form, the words for feelings.

A thought is compared with the levels that `emocli prosody` measured in the record, see
`emocli.llm.citations`; the words of label, answer and thought by emotion wheels, see
`emocli.llm.wheels`. A figure is a ratio of sums over the records that it is defined for. Our
choices: a record without levels says nothing of what is cited; a thought that names no feeling says
nothing of its agreement.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from emocli.errors import RecordError
from emocli.llm import answers, wheels
from emocli.llm.citations import citations, is_true, told
from emocli.llm.voice_levels import Measured, unusual
from emocli.metrics.determination import summed
from emocli.records import Record, label_reading, validation
from emocli.scoring.judging import judgement
from emocli.scoring.options import ScoreOptions
from emocli.scoring.others import Others
from emocli.scoring.words import Fault, Floats, Indices
from emocli.stages import voice_levels

MANY = 3  # citations that an explanation should have
# A figure is the sum of the first statistic over that of the second.
RATIOS = {
    "cited_true": ("true", "levels"),
    "all_true": ("faultless", "measured"),
    "covered": ("told", "unusual"),
    "covered_vowels": ("told_vowels", "unusual_vowels"),
    "cited": ("levels", "measured"),
    "cited_3": ("many", "measured"),
    "well_formed": ("formed", "records"),
    "label_agreement": ("agreeing", "naming"),
    "hit_rate": ("hits", "known"),
    "wheel_precision": ("precision", "known"),
    "wheel_recall": ("recall", "known"),
    "judge": ("judged", "judgements"),
}
NAMES = (*(name for name in RATIOS if name != "judge"), "wheel_f1", "judge")
SHOWN = ("cited_true", "covered", "cited_3", "well_formed", "label_agreement", "hit_rate")
WHEELS = ("hits", "precision", "recall", "known")  # statistics of each wheel
STATISTICS = tuple(
    dict.fromkeys(name for pair in RATIOS.values() for name in pair if name not in WHEELS)
)
Sums = dict[str, float]


class Explanations:
    """Columns of what is counted in each explanation."""

    def __init__(self) -> None:
        self.counts = array("d")  # a row of STATISTICS and of WHEELS for each wheel per record
        self.texts: Counter[str] = Counter()

    def take(self, record: Record, label: Any, prediction: Any) -> str | None:
        """Count what a record's explanation has, or return the reason not to."""
        if record.get("error"):
            return "error"
        given = label_reading.side(prediction, "prediction")
        thought, problem = _explanation(given)
        gold = _words(label_reading.side(label, "label"), "label")
        answer = _words(given, "prediction")
        counts = {"records": 1.0, "formed": float(problem is None)}
        counts |= _cited(thought, voice_levels.measured(record))
        counts |= _agreement(thought, answer)
        counts |= _judged(record)
        of_wheels = [value for wheel in wheels.names() for value in _wheel(answer, gold, wheel)]
        self.counts.extend(counts.get(name, 0.0) for name in STATISTICS)
        self.counts.extend(of_wheels)
        self.texts[" ".join(answers.words(thought))] += 1
        return None

    def frame(self, options: ScoreOptions) -> Frame:
        """Return the arrays of all records taken."""
        return Frame(self)


def _explanation(given: Record) -> tuple[str, str | None]:
    """Return the thought of a prediction and what is wrong with its form, None if nothing is.

    `explanation` is a thought, or all that a model said if that could not be read, which
    `warnings.answer` then says.
    """
    text = given.get("explanation")
    if not isinstance(text, str):
        hint = "emocli predict --llm NAME --decode greedy adds one"
        raise RecordError("no_explanation", "the prediction has no explanation", hint=hint)
    warnings = given.get("warnings")
    warned = warnings.get("answer") if isinstance(warnings, dict) else None
    if any(f"<{tag}>" in text for tag in (answers.THINK, answers.ANSWER)):
        parsed = answers.parse(text)
        return parsed.thought or text, parsed.problem
    return text, str(warned) if warned else None if answers.words(text) else "empty thought"


def _words(side: Record, where: str) -> list[str]:
    """Return the words for feelings of a label or a prediction."""
    several = label_reading.several(side, where)
    if several:
        return several
    word = label_reading.emotion(side, where)
    if word is None and where == "label":
        word = validation.value({"label": side}, "label", "original", code="bad_label")
    return [word] if word else []


def _cited(thought: str, measured: Measured) -> Sums:
    """Return the counts of what a thought cites; none where nothing was measured."""
    if not measured.utterance and not measured.vowels:
        return {}
    cited = citations(thought)
    levels = [citation for citation in cited if citation.is_level]
    true = sum(is_true(citation, measured) for citation in levels)
    faultless = bool(levels) and all(is_true(citation, measured) for citation in cited)
    utterance, vowels = told(cited, measured)
    most, most_of_vowels = unusual(measured)
    return {
        "measured": 1.0,
        "levels": float(len(levels)),
        "true": float(true),
        "faultless": float(faultless),
        "many": float(len(levels) >= MANY),
        "told": float(utterance),
        "unusual": float(most),
        "told_vowels": float(vowels),
        "unusual_vowels": float(most_of_vowels),
    }


def _agreement(thought: str, answer: list[str]) -> Sums:
    """Return on which share of the wheels the thought names the feeling of the answer.

    Wheels that do not know one of the two do not count; without any, nothing does.
    """
    named = wheels.named(thought)
    pairs = [(wheels.of(named, w), wheels.of(answer, w)) for w in wheels.names()]
    shared = [bool(ours & theirs) for ours, theirs in pairs if ours and theirs]
    return {"naming": 1.0, "agreeing": sum(shared) / len(shared)} if shared else {}


def _judged(record: Record) -> Sums:
    value = judgement(record)
    return {} if value is None else {"judged": value, "judgements": 1.0}


def _wheel(answer: Iterable[str], gold: Iterable[str], wheel: str) -> tuple[float, ...]:
    """Return hits, precision, recall and whether the label is on a wheel; zeros if it is not."""
    found = wheels.overlap(answer, gold, wheel)
    if not found.gold:
        return (0.0,) * len(WHEELS)
    precision = found.common / found.predicted if found.predicted else 0.0
    return (float(found.common), precision, found.common / found.gold, 1.0)


class Frame:
    """All records as counts (records, statistics)."""

    truths = None
    faults: list[Fault] = []  # noqa: RUF012  # invalid records are refused as they are read
    unpredicted: list[str] = []  # noqa: RUF012  # there are no classes

    def __init__(self, columns: Explanations) -> None:
        width = len(STATISTICS) + len(WHEELS) * len(wheels.names())
        self.counts = np.asarray(columns.counts).reshape(-1, width)
        self.distinct = len(columns.texts)

    def part(self, rows: Indices | slice) -> Part:
        """Return some of the records, ready for their figures."""
        return Part(self.counts[rows])

    def control(self, _: Others) -> None:
        """Return None: other speakers sound otherwise."""


class Part:
    """The figures of some records."""

    def __init__(self, counts: Floats) -> None:
        self.counts = counts

    def sums(self, clusters: Indices, count: int) -> Floats:
        """Sum per cluster what the figures need, (count, statistics)."""
        return summed(self.counts, clusters, count)

    def figures(self, total: Floats) -> dict[str, Floats]:
        """Return every figure of sums (..., statistics), one value per leading index.

        Those of wheels are means over the wheels, the F1 of the means of precision and recall.
        """
        first = len(STATISTICS)
        sums = {name: total[..., i] for i, name in enumerate(STATISTICS)}
        shape = (*total.shape[:-1], len(wheels.names()), len(WHEELS))
        of_wheels = total[..., first:].reshape(shape)
        found: dict[str, Floats] = {}
        for name, (above, below) in RATIOS.items():
            if above in WHEELS:
                pair = (of_wheels[..., WHEELS.index(part)] for part in (above, below))
                found[name] = _ratio(*pair).mean(-1)
            else:
                found[name] = _ratio(sums[above], sums[below])
        known = of_wheels[..., WHEELS.index("known")]
        precision, recall = (
            _ratio(of_wheels[..., WHEELS.index(part)], known) for part in ("precision", "recall")
        )
        both = precision + recall
        f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both != 0)
        found["wheel_f1"] = f1.mean(-1)
        return {name: found[name] for name in NAMES}

    def details(self) -> Record:
        """Return how many records each kind of figure rests on."""
        total = dict(zip(STATISTICS, self.counts[:, : len(STATISTICS)].sum(0), strict=True))
        first = len(STATISTICS) + WHEELS.index("known")
        on_wheels = self.counts[:, first :: len(WHEELS)].max(1, initial=0.0).sum()
        return {
            "with_levels": int(total["measured"]),
            "with_feelings": int(total["naming"]),
            "with_labels": int(on_wheels),
            "judgements": int(total["judgements"]),
            "wheels": wheels.names(),
        }


def _ratio(above: Floats, below: Floats) -> Floats:
    """Return a quotient, NaN where it is undefined."""
    result: Floats = np.divide(
        above, below, out=np.full(np.shape(below), np.nan), where=np.asarray(below) > 0
    )
    return result
