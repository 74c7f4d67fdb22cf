"""What vowelprompt.sh needs beside emocli: parts by speaker, controls, a table.

    python -m examples.vowel_levels split voices.jsonl FOLDER
    python -m examples.vowel_levels spread test.jsonl --most 20 > some.jsonl
    python -m examples.vowel_levels shuffle test.jsonl > shuffled.jsonl
    python -m examples.vowel_levels regression test.jsonl --train train.jsonl > judged.jsonl
    python -m examples.vowel_levels table FOLDER NAME...

`regression` sees the same facts as the language model, as numbers from -2 (very low) to 2 (very
high), 0 for what is unclear: the levels of the utterance (--facts summary), and those of each vowel
by its place (vowels); or the words that the language model reads, as a bag of words and pairs of
words (words, terse). It is scikit-learn's, standardised, with C chosen on speakers of the training
part. `shuffle` gives each record the prosody of another one of the same speaker: a model that reads
the voice falls to chance, one that reads the words or knows the speaker does not.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from emocli.llm.voice_levels import LEVELS, MODERATE, UTTERANCE, VOWEL
from emocli.stages import telling
from examples import vowel_table

STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)  # C, of which one is chosen
GROUPS = 4  # of training speakers, to choose it on
FACTS = ("summary", "vowels", "words", "terse")
MIN_SPEAKERS = 3  # to train, to stop early, to test

Record = dict[str, Any]
Facts = npt.NDArray[np.float64]


def read(path: str) -> list[Record]:
    """Return the records of a file that have labels and measured levels."""
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    return [r for r in records if _label(r) and (r.get("prosody") or {}).get("levels")]


def _label(record: Record) -> str | None:
    label: str | None = (record.get("label") or {}).get("emotion")
    return label


def _number(level: str | None) -> float:
    return float(LEVELS.index(level) - MODERATE) if level in LEVELS else 0.0


def summary(records: Iterable[Record]) -> Facts:
    """Return the levels of each utterance, (records, 7)."""
    rows = [[_number(r["prosody"]["levels"].get(f)) for f in UTTERANCE] for r in records]
    return np.array(rows, dtype=np.float64)


def vowels(records: list[Record], most: int) -> Facts:
    """Return the levels of each utterance and of its first `most` vowels, (records, 7 + 6 most)."""
    places = np.zeros((len(records), most, len(VOWEL)))
    for row, record in enumerate(records):
        for place, vowel in enumerate((record["prosody"].get("vowels") or [])[:most]):
            places[row, place] = [_number(vowel["levels"].get(field)) for field in VOWEL]
    return np.hstack([summary(records), places.reshape(len(records), -1)])


def facts(kind: str, train: list[Record], test: list[Record]) -> tuple[Facts, Facts]:
    """Return what a regression sees of the records of both parts."""
    if kind == "summary":
        return summary(train), summary(test)
    if kind == "vowels":
        most = max(len(record["prosody"].get("vowels") or ()) for record in train)
        return vowels(train, most), vowels(test, most)
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(token_pattern=r"[^\s,;:.]+", ngram_range=(1, 2))
    seen = counter.fit_transform([words(record, kind) for record in train])
    unseen = counter.transform([words(record, kind) for record in test])
    return seen.toarray(), unseen.toarray()


def words(record: Record, kind: str) -> str:
    """Return the voice in the words that a language model reads with --prosody full or terse."""
    told = telling.utterance(record, "", 0, telling.FULL if kind == "words" else kind)
    return f"{told.summary or ''} {told.vowels or ''}"


def regression(kind: str, train: list[Record], test: list[Record]) -> list[Record]:
    """Return the test records with predictions of a regression on the training records."""
    seen, unseen = facts(kind, train, test)
    names = np.array([_label(record) for record in train])
    model = _fitted(_chosen(seen, names, [r.get("speaker") for r in train]), seen, names)
    judged = []
    for record, shares in zip(test, model.predict_proba(unseen), strict=True):
        given = dict(zip(model.classes_.tolist(), shares.round(6).tolist(), strict=True))
        best = max(given, key=given.__getitem__)
        prediction = {"emotion": best, "probabilities": given, "model": f"regression of {kind}"}
        judged.append({**record, "prediction": prediction})
    return judged


def _fitted(strength: float, seen: Facts, names: npt.NDArray[Any]) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = LogisticRegression(C=strength, max_iter=3000)
    return make_pipeline(StandardScaler(), model).fit(seen, names)


def _chosen(seen: Facts, names: npt.NDArray[Any], speakers: list[Any]) -> float:
    """Return the strength with the best mean recall on held-out groups of training speakers."""
    from sklearn.metrics import recall_score

    order = {speaker: place for place, speaker in enumerate(sorted(set(speakers), key=str))}
    groups = np.array([order[speaker] % GROUPS for speaker in speakers])

    def recall(strength: float) -> float:
        found = np.empty_like(names)
        for group in set(groups.tolist()):
            own = groups == group
            if own.all() or len(set(names[~own])) < 2:
                return 0.0
            found[own] = _fitted(strength, seen[~own], names[~own]).predict(seen[own])
        return float(recall_score(names, found, average="macro"))

    return max(STRENGTHS, key=recall)


def shuffle(records: list[Record], seed: int) -> list[Record]:
    """Return the records, each with the prosody of another record of its speaker.

    The order of a speaker's records is drawn, and each gets the prosody of the next one: nobody
    keeps its own, unless it is alone.
    """
    by_speaker: dict[Any, list[int]] = {}
    for place, record in enumerate(records):
        by_speaker.setdefault(record.get("speaker"), []).append(place)
    made = list(records)
    draw = random.Random(seed)
    for places in by_speaker.values():
        draw.shuffle(places)
        for place, other in zip(places, [*places[1:], places[0]], strict=True):
            made[place] = {**records[place], "prosody": records[other]["prosody"]}
    return made


def spread(records: list[Record], most: int) -> list[Record]:
    """Return at most so many of the records, evenly spread; of as many records always the same."""
    count = min(len(records), most)
    return [records[place * len(records) // count] for place in range(count)]


def split(records: list[Record], folder: Path, most: int) -> None:
    """Write train.jsonl, dev.jsonl and test.jsonl: the last quarter of the speakers is the test.

    dev is the last speaker of the others. Of the test part `most` records are kept, evenly spread.
    """
    speakers = sorted({str(record.get("speaker")) for record in records})
    if len(speakers) < MIN_SPEAKERS:
        sys.exit(f"{len(speakers)} speakers: a test part needs {MIN_SPEAKERS}")
    tested = len(speakers) - max(1, len(speakers) // 4)
    parts = {"train": speakers[: tested - 1], "dev": speakers[tested - 1 : tested]}
    for name, chosen in (*parts.items(), ("test", speakers[tested:])):
        own = [record for record in records if str(record.get("speaker")) in chosen]
        kept = spread(own, most) if name == "test" else own
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in kept)


def main() -> None:
    """Write the records of a control, or the table, to stdout."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    ways = parser.add_subparsers(dest="way", required=True)
    way = ways.add_parser("split")
    way.add_argument("records")
    way.add_argument("folder", type=Path)
    way.add_argument("--test", type=int, default=10**6)
    way = ways.add_parser("spread")
    way.add_argument("records")
    way.add_argument("--most", type=int, required=True)
    way = ways.add_parser("regression")
    way.add_argument("records")
    way.add_argument("--train", nargs="+", required=True)
    way.add_argument("--facts", choices=FACTS, default="vowels")
    way = ways.add_parser("shuffle")
    way.add_argument("records")
    way.add_argument("--seed", type=int, default=0)
    way = ways.add_parser("table")
    way.add_argument("folder", type=Path)
    way.add_argument("names", nargs="+")
    chosen = parser.parse_args()
    if chosen.way == "table":
        sys.stdout.write(vowel_table.table(chosen.folder, chosen.names))
        return
    records = read(chosen.records)
    if chosen.way == "split":
        split(records, chosen.folder, chosen.test)
    elif chosen.way == "spread":
        _write(spread(records, chosen.most))
    elif chosen.way == "shuffle":
        _write(shuffle(records, chosen.seed))
    else:
        train = [record for path in chosen.train for record in read(path)]
        _write(regression(chosen.facts, train, records))


def _write(records: list[Record]) -> None:
    sys.stdout.writelines(json.dumps(record) + "\n" for record in records)


if __name__ == "__main__":
    main()
