"""Label and answer of a record for each of MMEVerse's sets that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from emocli.datasets import mmeverse
from emocli.records import Record, label_reading
from emocli.scoring.columns import field, unscored

BETWEEN = re.compile(r"[;,]")  # words of an answer in one text
SIGNS = ("negative", "neutral", "positive")
NEUTRAL = "neutral"
TASKS = {  # of `instruct`: what they ask for
    "emotion": "emotion", "explanation": "emotion", "think": "emotion", "reason": "emotion",
    "sentiment": "polarity", "intent": "intent", "multi": "multi", "open": "open",
}  # fmt: skip
LISTS = ("multi", "open")  # kinds of labels that are several words, both under `multi`


class Pair(NamedTuple):
    """A label and the answer, for one of the sets by its number."""

    asked: int
    truth: list[str]
    answer: list[str]


def pairs(record: Record, label: Any, prediction: Any) -> tuple[list[Pair], str | None]:
    """Return the pairs of a record, and why there are none; RecordError for what is malformed.

    A set belongs to a record by corpus (`corpus`, else `dataset`), split, and the label that it
    has. Its answer is what the prediction has of that kind or, where the record was asked for it
    (`instruction.task`) or its corpus has no other set, the emotion that it names.
    """
    true = label_reading.side(label, "label")
    given = label_reading.side(prediction, "prediction")
    sets = [(i, asked) for i, asked in enumerate(mmeverse.sets()) if asked["corpus"] == _of(record)]
    if not sets:
        return [], "no_set"
    wanted = TASKS.get(str(field(record, "instruction.task")))
    labelled = [(i, a, words) for i, a in sets if (words := _truth(record, true, a["field"]))]
    if not labelled:
        return [], unscored(prediction, False)
    split = record.get("split")
    inside = [(i, a, w) for i, a, w in labelled if not split or split in a.get("splits", [split])]
    if not inside:
        return [], "other_split"
    found, neutral = [], False
    for number, asked, words in inside:
        if wanted not in (None, asked["field"]):
            continue
        answer = _answer(given, asked["field"], alone=len(inside) == 1 or wanted is not None)
        if asked["metric"] == "sentiment" and words == [NEUTRAL]:
            neutral = True
        elif answer is not None:
            found.append(Pair(number, words, answer))
    if found or neutral:
        return found, None if found else NEUTRAL
    return [], "no_set" if wanted and given else unscored(given or None, True)


def _of(record: Record) -> str:
    return str(record.get("corpus") or record.get("dataset")).casefold()


def _truth(record: Record, label: Record, kind: str) -> list[str]:
    """Return the words of a label of a kind, those of the source where MMEVerse has them."""
    if kind in LISTS:
        kept = label_reading.several({"multi": label.get("multi_original")}, "label")
        return kept or label_reading.several(label, "label") or []
    if kind == "polarity":
        word = _word(label, "polarity", "label")
        return [word.casefold()] if word else _sign(label, "label")
    if kind == "emotion":
        emotion = label_reading.emotion(label, "label")
        original = _word(label, "original", "label")
        word = original if record.get("dataset") == "mmeverse" and original else emotion
    else:
        word = _word(label, kind, "label")
    return [word] if word else []


def _answer(given: Record, kind: str, *, alone: bool) -> list[str] | None:
    """Return the words of an answer, [] for one that could not be read, None if there is none."""
    emotion = label_reading.emotion(given, "prediction")
    several = label_reading.several(given, "prediction")
    if kind in LISTS:
        if several is not None:
            return several
        return _split(emotion) if "emotion" in given and alone else None
    if kind == "polarity":
        word = _word(given, "polarity", "prediction")
        if known := ([word] if word else _sign(given, "prediction")):
            return known
    elif kind != "emotion" and kind in given:
        word = _word(given, kind, "prediction")
        return [word] if word else []
    if "emotion" not in given or not (alone or kind == "emotion"):
        return None
    return [emotion] if emotion else []


def _word(side: Mapping[str, Any], name: str, where: str) -> str | None:
    return label_reading.emotion({"emotion": side.get(name)}, where)


def _sign(side: Record, where: str) -> list[str]:
    value = label_reading.rating(side, "sentiment", where)
    return [] if value is None else [SIGNS[(value > 0) - (value < 0) + 1]]


def _split(text: str | None) -> list[str]:
    return [word.strip() for word in BETWEEN.split(text or "") if word.strip()]


def off_list(found: Pair) -> bool:
    """Say whether an answer has a word that its set does not list; no set of free words does."""
    return (
        any(word.strip().lower() not in listed for word in found.answer or [""])
        if (listed := _listed(found.asked))
        else False
    )


def _listed(asked: int) -> set[str]:
    about = mmeverse.sets()[asked]
    spaces: Mapping[str, list[str]] = mmeverse.contents()["corpora"][about["corpus"]].get(
        "spaces", {}
    )
    words = {word.lower() for word in spaces.get(about["field"], ())}
    return words - {NEUTRAL} if about["metric"] == "sentiment" else words


def each_name() -> Iterator[str]:
    """Yield the names of the sets, in order."""
    yield from (str(asked["name"]) for asked in mmeverse.sets())
