"""nEMO: nine actors say Polish sentences in six emotions; audio and transcripts.

Christop, "nEMO: Dataset of Emotional Speech in Polish", LREC-COLING 2024,
https://arxiv.org/abs/2404.06292
Files: https://huggingface.co/datasets/amu-cai/nEMO, CC BY-NC-SA 4.0 (non-commercial).

Expects a folder with `data.tsv` (file_id, emotion, raw_text, normalized_text, speaker_id, gender,
age) and the clips beside it or in `samples/`; or the `data.tsv` itself. A listed clip gets a record
whether or not its file exists. Adds `text` (raw_text), `gender` and `age`.

Cautions: the same sentences in every emotion, so words say nothing about the emotion; there is no
disgust; split by speaker.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables
from emocli.records import labels

EXPECTED = "a folder with nEMO's data.tsv, or that file"
COLUMNS = ("file_id", "emotion", "raw_text", "speaker_id", "gender", "age")


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a record per row of the table."""
    table = datasets.exists(path, EXPECTED)
    if path.is_dir():
        table = datasets.exists(path / "data.tsv", EXPECTED)
    samples = table.parent / "samples"
    clips = samples if samples.is_dir() else table.parent
    any_row = False
    for where, row in tables.cells(table, COLUMNS, tabs=True):
        any_row = True
        yield _record(clips, row, where)
    if not any_row:
        raise EmptyInputError(f"{table}: no row below the header", hint=f"expected {EXPECTED}")


def _record(clips: Path, row: dict[str, str], where: str) -> dict[str, Any]:
    word = row["emotion"]
    if labels.canonical(word) is None:
        raise MalformedError(f"{where}: unknown nEMO emotion '{word}'")
    if not row["age"].isdecimal():
        raise MalformedError(f"{where}: age is not a number: '{row['age']}'")
    return {
        **records.of_path(str(clips / row["file_id"])),
        "dataset": "nemo",
        "speaker": row["speaker_id"],
        "gender": row["gender"],
        "age": int(row["age"]),
        "language": "pl",
        "text": row["raw_text"],
        "label": {"emotion": labels.canonical(word), "original": word},
    }
