"""`train --resume` of a bundle that is finished: nothing is done again, nothing is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emocli.bundles import bundle
from tests.commands.test_train import examples
from tests.conftest import Emocli
from tests.llm import tiny_language

Record = dict[str, Any]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EMOCLI_STORE", str(tmp_path / "store"))


def fusion(_: Path) -> tuple[list[str], list[Record]]:
    return ["--model", "concat", "--epochs", "2"], examples()


def language(folder: Path) -> tuple[list[str], list[Record]]:
    labels = ["joy", "anger"]
    told = [
        {"text": labels[i % 2], "speaker": f"s{i // 2}", "label": {"emotion": labels[i % 2]}}
        for i in range(12)
    ]
    backbone = str(tiny_language.write(folder / "tiny", limit=2048))
    return ["--model", "language", "--backbone", backbone, "--epochs", "1"], told


@pytest.mark.parametrize("kind", [fusion, language])
@pytest.mark.usefixtures("store")
def test_a_finished_bundle_is_told_and_kept(
    emocli: Emocli, tmp_path: Path, kind: Callable[[Path], tuple[list[str], list[Record]]]
) -> None:
    flags, records = kind(tmp_path)
    folder = tmp_path / "m"

    def train(*more: str, given: list[Record] = records) -> tuple[int, str]:
        made = emocli("train", *flags, *more, "-o", str(folder), stdin=given)
        return made.status, made.stderr

    assert train("--resume")[0] == 0  # nothing is there yet: it begins
    trained = bundle.read(folder)
    held = trained.contents["training"]["held_out"]
    assert 0 < held < len(records)
    before = {p.name: p.stat().st_mtime_ns for p in folder.iterdir()}
    status, told = train("--resume")
    assert status == 0
    assert f"{folder} is finished: nothing to resume" in told
    for more, given in (
        (["--seed", "7"], records),
        (["--seeds", "2"], records),
        ([], records[:-1]),
    ):
        status, told = train("--resume", *more, given=given)
        assert status == 3, more
        assert "is finished, and of other records, flags or another model" in told
    assert {p.name: p.stat().st_mtime_ns for p in folder.iterdir()} == before
    status, told = train("--seed", "7")
    assert status == 0
    assert f"{len(records) - held} of {len(records)} records" in told
