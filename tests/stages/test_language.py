"""The language of texts: read where a bundle asks, kept where the record says it."""

from __future__ import annotations

import pytest

from tests.commands import bundles
from tests.conftest import Emocli

pytestmark = pytest.mark.usefixtures("default_models")

LINES = ["I am so happy for you!", "Ich bin so traurig.", "ok", "Je te déteste."]


def test_foreign_lines_are_not_judged_as_english(emocli: Emocli) -> None:
    done = emocli("predict", "--text", "-", stdin="\n".join(LINES).encode())
    assert done.status == 1
    assert [r.get("language") for r in done.records] == ["en", "de", None, "fr"]
    judged = ["prediction" in r for r in done.records]
    assert judged == [True, False, True, False]
    german = done.records[1]
    assert german["language_probability"] > 0.5
    assert german["missing"]["text"]["code"] == "language"
    assert "the text is de (9" in german["error"]["message"]


def test_a_language_that_the_record_brought_counts(emocli: Emocli) -> None:
    records = [
        {"id": "told", "text": "Ich bin so traurig.", "language": "en"},
        {"id": "other", "text": "I am so happy!", "language": "de"},
    ]
    told, other = emocli("predict", stdin=records).records
    assert "prediction" in told
    assert "language_probability" not in told
    assert other["missing"]["text"]["message"] == "the text is de, the model needs en"


def test_the_long_pipe_reads_the_same_language(emocli: Emocli) -> None:
    records = [{"id": str(i), "text": line} for i, line in enumerate(LINES)]
    short = emocli("predict", stdin=records).records
    encoded = emocli("encode", "--modality", "text", stdin=records)
    long = emocli("predict", stdin=emocli("fuse", stdin=encoded.stdout).stdout).records
    for one, other in zip(short, long, strict=True):
        for key in ("language", "language_probability", "prediction"):
            assert one.get(key) == other.get(key)


def test_a_bundle_without_such_a_rule_reads_no_language(emocli: Emocli, tmp_path) -> None:
    folder = bundles.save(tmp_path / "m", "concat").folder
    (record,) = bundles.records(bundles.VECTORS, 7)[6:]
    (done,) = emocli("fuse", "-m", str(folder), stdin=[record | {"text": LINES[1]}]).records
    assert "language" not in done
    assert "text" in done["features"]["fused"]["streams"]
