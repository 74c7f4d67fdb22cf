"""E2-LLM's protocol as questions about segments of EEG, with their answers, for `--instructed`.

    python examples/e2llm_tasks.py FEATURES --count 800 --seed 0 [--scenarios new] > TASKS

FEATURES are records with features.eeg and label.emotion. Each question gets its segments from one
subject: as features.eeg, .second and .third, which soft tokens of the same kind stand for. Tasks,
and their shares in the design of the notes on the paper (which names them, and no sizes):

    basic     one segment: which of seven emotions                               .50
    compare   two: in which does the person feel better, first or second         .20
    rank      three, from the worst to the best feeling: one of six orders       .20
    match     one: which of four situations does it fit                          .10

Feeling is the valence of the emotion (joy 1, surprise .5, neutral 0, the others below); compare and
rank take segments that differ in it. --scenarios new asks `match` of situations that are in no
training question, in other words than emotions: the zero-shot protocol. The order of options is
drawn for each question; chance is 1/7, 1/2, 1/6 and 1/4.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soft_split

Record = dict[str, Any]
STREAMS = ("eeg", "second", "third")
SHARES = {"basic": 0.5, "compare": 0.2, "rank": 0.2, "match": 0.1}
VALENCE = {
    "joy": 1.0,
    "surprise": 0.5,
    "neutral": 0.0,
    "disgust": -0.5,
    "sadness": -0.8,
    "anger": -0.6,
    "fear": -0.7,
}
SITUATIONS = {
    "known": {
        "neutral": ["waiting for a bus", "filling in a form"],
        "joy": ["a friend comes to visit", "winning a game"],
        "sadness": ["saying goodbye for ever", "a lost pet"],
        "anger": ["being lied to", "somebody jumps the queue"],
        "fear": ["steps in a dark street", "a growling dog"],
        "disgust": ["mould in the bread", "a blocked drain"],
        "surprise": ["an unexpected visitor", "a loud bang"],
    },
    "new": {
        "neutral": ["reading a timetable", "tying shoes"],
        "joy": ["the baby laughs", "a long-awaited holiday begins"],
        "sadness": ["an empty house after a funeral", "a letter that ends a love"],
        "anger": ["a neighbour who breaks a promise again", "an unfair fine"],
        "fear": ["the brakes do not work", "a stranger at the door at night"],
        "disgust": ["a hair in the soup", "a rotten egg"],
        "surprise": ["a parcel nobody ordered", "the lights go on and everybody shouts"],
    },
}
ORDERS = ["".join(p) for p in itertools.permutations("123")]
CONFIGURED = "You read the EEG of a person."


def question(task: str, draws: random.Random, trials: Sequence[Record], kind: str) -> Record:
    """Return a record that asks a question of a task about some of one subject's trials."""
    count = {"compare": 2, "rank": 3}.get(task, 1)
    chosen = _chosen(draws, trials, count)
    emotions = [trial["label"]["emotion"] for trial in chosen]
    labels, answer, asked = ASKED[task](draws, emotions, kind)
    told = [
        ("system", f"{CONFIGURED} {asked}"),
        ("user", "/".join(labels) if task == "match" else "?"),
    ]
    turns = [{"role": role, "content": content} for role, content in told]
    turns.append({"role": "assistant", "content": f"Answer: {answer}"})
    streams = dict(zip(STREAMS, (t["features"]["eeg"] for t in chosen), strict=False))
    return {
        "id": "+".join(str(trial["id"]) for trial in chosen),
        "speaker": chosen[0]["speaker"],
        "label": {"emotion": emotions[0]},
        "features": streams,
        "instruction": {
            "task": task,
            "messages": turns,
            "answer": answer,
            "labels": labels,
            "streams": list(streams),
        },
    }


def _chosen(draws: random.Random, trials: Sequence[Record], count: int) -> list[Record]:
    """Return trials whose emotions differ in valence."""
    while True:
        chosen = draws.sample(list(trials), count)
        if len({VALENCE[t["label"]["emotion"]] for t in chosen}) == count:
            return chosen


def basic(draws: random.Random, emotions: list[str], _: str) -> tuple[list[str], str, str]:
    """Return the labels, the answer and the question: which emotion."""
    return list(VALENCE), emotions[0], f"What does the person feel: {', '.join(VALENCE)}?"


def compare(draws: random.Random, emotions: list[str], _: str) -> tuple[list[str], str, str]:
    """Return which of two feels better."""
    labels = ["first", "second"]
    better = labels[int(VALENCE[emotions[1]] > VALENCE[emotions[0]])]
    return labels, better, "In which segment does the person feel better, first or second?"


def rank(draws: random.Random, emotions: list[str], _: str) -> tuple[list[str], str, str]:
    """Return the order of three from the worst to the best feeling."""
    order = sorted(range(3), key=lambda i: VALENCE[emotions[i]])
    answer = "".join(str(i + 1) for i in order)
    return ORDERS, answer, "Order the three segments from the worst to the best feeling."


def match(draws: random.Random, emotions: list[str], kind: str) -> tuple[list[str], str, str]:
    """Return which of four situations fits."""
    others = draws.sample([e for e in VALENCE if e != emotions[0]], 3)
    options = [draws.choice(SITUATIONS[kind][e]) for e in (emotions[0], *others)]
    answer = options[0]
    draws.shuffle(options)
    return options, answer, "Which of these situations fits?"


ASKED = {"basic": basic, "compare": compare, "rank": rank, "match": match}


def main() -> None:
    """Write questions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("features", type=Path)
    parser.add_argument("--count", type=int, default=800)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scenarios", default="known", choices=list(SITUATIONS))
    parser.add_argument("--tasks", default=",".join(SHARES))
    given = parser.parse_args()
    draws = random.Random(given.seed)
    subjects: dict[str, list[Record]] = {}
    for record in soft_split.read(given.features):
        subjects.setdefault(record["speaker"], []).append(record)
    tasks = given.tasks.split(",")
    weights = [SHARES[task] for task in tasks]
    for number in range(given.count):
        task = draws.choices(tasks, weights)[0]
        trials = subjects[draws.choice(sorted(subjects))]
        made = question(task, draws, trials, given.scenarios)
        print(json.dumps({**made, "id": f"{task}-{number}:{made['id']}"}))


if __name__ == "__main__":
    main()
