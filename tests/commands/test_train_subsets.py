"""Every model, trained and asked with text, audio, video and EEG, records with any subset."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli import models
from emocli.io.store import Store
from emocli.records.modality import MODALITIES
from tests.conftest import Emocli

Record = dict[str, Any]
LABELS = ("joy", "anger", "neutral")
DIMS = {name: 3 + place for place, name in enumerate(MODALITIES)}
# Fields of a feature that say how it was made, of the modalities that have such.
MADE: dict[str, Record] = {
    "video": {"sampled": {"rate_hz": 2.0, "longest_px": 640}},
    "eeg": {
        "prepared": {
            **{"rate_hz": 128.0, "band_hz": [0.5, None], "notch_hz": None, "reference": "average"},
            **{"window_s": 4.0, "overlap_s": 2.0, "artifact_uv": 150.0},
        },
        "channels": ["Cz", "Fz"],
    },
}
SUBSETS = [
    subset for size in range(1, len(DIMS) + 1) for subset in itertools.combinations(DIMS, size)
]
EACH = 2  # records of each subset


def feature(name: str, values: np.ndarray) -> Record:
    """Return a feature: a vector, or frames in the store."""
    about = {"modality": name, "encoder": f"{name}-net", "layer": 1, "dim": DIMS[name]}
    about |= {"revision": "x", **MADE.get(name, {})}
    if values.ndim == 1:
        return about | {"pooling": "mean", "vector": values.tolist()}
    return about | {"pooling": "frames", "array": Store().put_array(values.astype(np.float32))}


def examples(*, frames: bool) -> list[Record]:
    """Return records of each subset in turn; the first number of every stream tells the label."""
    random, found = np.random.default_rng(7), []
    for i in range(EACH * len(SUBSETS)):
        number = i // 3 % 3 if i % 5 else i % 3
        features = {}
        for name in SUBSETS[i % len(SUBSETS)]:
            shape = (int(random.integers(1, 9)), DIMS[name]) if frames else (DIMS[name],)
            values = random.normal(size=shape) * 0.3
            values[..., 0] += 3 * (number - 1)
            features[name] = feature(name, values)
        label = {"emotion": LABELS[number]}
        speaker = {"speaker": f"s{i % 6}"}
        found.append({"id": f"r{i}", **speaker, "label": label, "features": features})
    return found


@pytest.mark.parametrize("model", models.names())
def test_any_subset_is_learned_from_and_judged(model: str, emocli: Emocli, tmp_path: Path) -> None:
    records = examples(frames=models.takes_time(model))
    flags = ("--model", model, "--epochs", "2", "--seeds", "1", "--streams", ",".join(DIMS))
    trained = emocli("train", *flags, "-o", str(tmp_path / "m"), stdin=records)
    assert trained.status == 0, trained.stderr
    nothing: Record = {"id": "nothing", "features": {}}
    done = emocli("predict", "-m", str(tmp_path / "m"), stdin=[*records, nothing])
    assert [r["id"] for r in done.records] == [r["id"] for r in [*records, nothing]]
    *judged, last = done.records
    for record, found in zip(records, judged, strict=True):
        shares = found["prediction"]["probabilities"]
        assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
        assert all(0 <= share <= 1 for share in shares.values())
        used = found["prediction"]["modalities"]
        assert set(used) == set(record["features"])
        assert set(found.get("missing", {})) == set(DIMS) - set(used)
    assert "prediction" not in last
    assert (done.status, "error" in last) == (1, True)


def test_every_modality_is_among_the_streams() -> None:
    assert len(SUBSETS) == 2 ** len(MODALITIES) - 1
