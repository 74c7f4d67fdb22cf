"""A modality is a row, a file and an encoder: one that only this test knows goes all the way."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from emocli import encoders, modalities
from emocli.bundles import bundle
from emocli.pipeline.context import Context
from emocli.records.modality import MODALITIES, Modality
from emocli.stages import fuse
from tests.conftest import Emocli

Record = dict[str, Any]
NAME = "heart-rate"
MODALITY = '''
    """Beats per minute, one number a line."""
    from pathlib import Path

    from emocli.errors import AbsentError, RecordError
    from emocli.records.modality import in_file

    PLAIN = {"encoder": "beats", "layer": None, "pooling": "mean"}
    SEVERAL_LAYERS = False
    BATCH, BUDGET = 4, float("inf")
    FLAGS = {}

    def settings(flags):
        return {}

    def length(record):
        return 1.0

    def material(record, spec, store):
        field = record.get("heart_rate") or {}
        path = field.get("path") or (record["path"] if in_file(record, "heart-rate") else None)
        if path is None:
            raise AbsentError("no_heart_rate", "no heart rate")
        try:
            return [float(line) for line in Path(path).read_text().split()]
        except (OSError, ValueError) as error:
            raise RecordError("bad_heart_rate", f"cannot be read: {error}") from None
'''
ENCODER = '''
    """Mean and standard deviation of beats per minute."""
    import numpy as np
    from emocli.encoders import Encoded

    MODALITY = "heart-rate"
    PLAIN = {"layer": None, "pooling": "mean"}

    def revision():
        return "beats:1"

    def encoder(_folder, settings):
        def encode(rates):
            return [Encoded(np.array([np.mean(r), np.std(r)], np.float32)) for r in rates]
        return encode
'''


@pytest.fixture(autouse=True)
def heart_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the modality: a row, a file, an encoder."""
    for package, file, source in (
        (modalities, "heart_rate.py", MODALITY),
        (encoders, "beats.py", ENCODER),
    ):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / file).write_text(textwrap.dedent(source).lstrip())
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    row = Modality("heart_rate", suffixes=frozenset({".hr"}), least_cost=2.0)
    monkeypatch.setitem(MODALITIES, NAME, row)
    encoders._sources.cache_clear()
    yield
    encoders._sources.cache_clear()


@pytest.fixture
def corpus(tmp_path: Path, wav: Any) -> list[Record]:
    """Return labelled records of a sound and a heart rate each; joy is fast."""
    random = np.random.default_rng(1)
    records = []
    for i in range(12):
        label = ("joy", "sadness")[i % 2]
        rates = random.normal(120 if label == "joy" else 60, 5, size=9)
        path = tmp_path / f"{i}.hr"
        path.write_text("\n".join(f"{rate:.1f}" for rate in rates))
        sound = str(wav(f"{i}.wav", seconds=0.4, f0_hz=120 + 5 * i))
        records.append(
            {
                "id": f"u{i}",
                "path": sound,
                "speaker": f"s{i % 4}",
                "heart_rate": {"path": str(path)},
                "label": {"emotion": label},
            }
        )
    return records


@pytest.fixture
def model(tmp_path: Path, emocli: Emocli, corpus: list[Record]) -> str:
    """Train on both streams; return the bundle's folder."""
    heard = emocli("encode", "--modality", "audio", "--encoder", "prosody", stdin=corpus)
    both = emocli("encode", "--modality", NAME, "--encoder", "beats", stdin=heard.stdout)
    assert both.status == 0, both.stderr
    assert set(both.records[0]["features"]) == {"audio", NAME}
    assert both.records[0]["features"][NAME]["revision"] == "beats:1"
    folder = str(tmp_path / "model")
    done = emocli("train", "-m", "concat", "--epochs", "30", "-o", folder, stdin=both.stdout)
    assert done.status == 0, done.stderr
    return folder


def test_what_is_computed_here_is_what_was_encoded_before(
    emocli: Emocli, model: str, corpus: list[Record]
) -> None:
    short = emocli("predict", "-m", model, stdin=corpus)
    assert short.status == 0, short.stderr
    long = emocli("predict", "-m", model, stdin=emocli("encode", "-q", "--model", model,
                                                       stdin=corpus).stdout)  # fmt: skip
    assert [r["prediction"] for r in short.records] == [r["prediction"] for r in long.records]
    assert set(short.records[0]["prediction"]["modalities"]) == {"audio", NAME}


def test_it_goes_on_where_the_audio_fails_or_was_never_there(
    emocli: Emocli, model: str, corpus: list[Record], tmp_path: Path
) -> None:
    gone = corpus[0] | {"path": str(tmp_path / "gone.wav")}
    alone = {"id": "alone", "path": corpus[1]["heart_rate"]["path"]}
    done = emocli("predict", "-m", model, stdin=[gone, alone])
    failed, never = done.records
    assert "error" not in failed
    assert failed["missing"]["audio"]["code"] == "not_found"
    assert never["missing"]["audio"]["code"] == "no_audio"
    assert [set(r["prediction"]["modalities"]) for r in done.records] == [{NAME}, {NAME}]
    assert done.status == 1  # of the sound that failed
    assert emocli("predict", "-m", model, stdin=[alone]).status == 0
    assert emocli("extract-audio", "--jobs", "1", stdin=[alone]).status == 0


def test_a_heart_rate_that_fails_or_is_not_there_is_noted(
    emocli: Emocli, model: str, corpus: list[Record], tmp_path: Path
) -> None:
    bad = corpus[0] | {"heart_rate": {"path": str(tmp_path / "gone.hr")}}
    without = {k: v for k, v in corpus[1].items() if k != "heart_rate"}
    done = emocli("predict", "-m", model, stdin=[bad, without])
    assert [r["missing"][NAME]["code"] for r in done.records] == ["bad_heart_rate", "no_heart_rate"]
    assert [set(r["prediction"]["modalities"]) for r in done.records] == [{"audio"}, {"audio"}]
    assert done.status == 1
    nothing = emocli("predict", "-m", model, stdin=[{"id": "x", "path": str(tmp_path / "x.hr")}])
    assert nothing.records[0]["error"]["code"] in ("bad_heart_rate", "no_modality")


def test_a_copy_without_it_does_not_get_it_computed(
    emocli: Emocli, model: str, corpus: list[Record]
) -> None:
    encoded = emocli("encode", "--model", model, stdin=corpus[:1])
    copies = emocli("augment", "modalities", "--protocol", "subsets", stdin=encoded.stdout)
    kept = [r["condition"]["modalities"] for r in copies.records]
    assert kept == ["audio", NAME, f"audio+{NAME}"]
    done = emocli("predict", "-m", model, stdin=copies.stdout)
    used = ["+".join(sorted(r["prediction"]["modalities"])) for r in done.records]
    assert used == kept


def test_a_failure_is_redone_by_resume(
    emocli: Emocli, model: str, corpus: list[Record], tmp_path: Path
) -> None:
    out, late = tmp_path / "out.jsonl", tmp_path / "late.hr"
    lines = [*corpus[:2], corpus[2] | {"heart_rate": {"path": str(late)}}]
    flags = ["predict", "-m", model, "-o", str(out)]
    assert emocli(*flags, stdin=lines).status == 1
    late.write_text("70\n71\n")
    done = emocli(*flags, "--resume", stdin=lines)
    assert done.status == 0, done.stderr
    written = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    assert all(NAME in r["prediction"]["modalities"] for r in written)


def test_batches_are_cut_by_what_it_costs(model: str, corpus: list[Record]) -> None:
    trained = bundle.read(model)
    cost = fuse.window(Context(), trained).cost
    beats = {"id": "b", "path": corpus[0]["heart_rate"]["path"]}
    assert cost(beats) == 2.0
    assert cost(corpus[0]) == 16.0  # the least that a sound costs
    feature = {"audio": {"modality": "audio"}, NAME: {"modality": NAME}}
    assert cost(corpus[0] | {"features": feature}) == 1.0


def test_an_unknown_modality_is_a_usage_error(
    emocli: Emocli, model: str, corpus: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    done = emocli("encode", "--modality", "smell", "--encoder", "nose", stdin=corpus[:1])
    assert (done.status, done.stdout) == (2, b"")
    assert "(text, audio, eeg, video or heart-rate), not smell" in done.stderr
    monkeypatch.delitem(MODALITIES, NAME)
    done = emocli("encode", "--model", model, stdin=corpus[:1])
    assert (done.status, done.stdout) == (2, b"")
    assert "unknown modality 'heart-rate'" in done.stderr
