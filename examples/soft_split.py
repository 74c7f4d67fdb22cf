"""Split records by a field: a fold to test, the others to train on, the same for every order.

    python examples/soft_split.py FILE --by speaker --folds 4 --fold 1 --train TRAIN --test TEST

--shuffle moves the features of the tested records to other ones, drawn with a seed: a control.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def folds(names: Sequence[str], count: int) -> dict[str, int]:
    """Return the fold of each name, from 1 on: by the order of their hashes."""
    ordered = sorted(set(names), key=lambda name: hashlib.blake2b(name.encode()).digest())
    return {name: place % count + 1 for place, name in enumerate(ordered)}


def shuffled(records: Sequence[Record], seed: int = 0) -> list[Record]:
    """Return records with the features of others; none keeps its own."""
    order = list(range(len(records)))
    random.Random(seed).shuffle(order)
    moved = dict(zip(order, [*order[1:], order[0]], strict=True))
    return [{**r, "features": records[moved[i]]["features"]} for i, r in enumerate(records)]


def read(path: Path) -> list[Record]:
    """Return the records of a file that did not fail."""
    with path.open(encoding="utf-8") as lines:
        return [record for line in lines if not (record := json.loads(line)).get("error")]


def write(path: Path, records: Sequence[Record]) -> None:
    """Write records, a line each."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def main() -> None:
    """Write the two parts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--by", default="speaker")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--fold", type=int, default=1)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--shuffled", type=Path)
    parser.add_argument("--most", type=int, default=10**9, help="tested records")
    given = parser.parse_args()
    records = read(given.file)
    fold = folds([str(r[given.by]) for r in records], given.folds)
    tested = [r for r in records if fold[str(r[given.by])] == given.fold]
    tested = sorted(random.Random(0).sample(tested, min(given.most, len(tested))), key=str)
    write(given.train, [r for r in records if fold[str(r[given.by])] != given.fold])
    write(given.test, tested)
    if given.shuffled:
        write(given.shuffled, shuffled(tested))


if __name__ == "__main__":
    main()
