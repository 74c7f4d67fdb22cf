"""Training from Python: a request, a context and records; no command line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emocli.bundles import bundle
from emocli.errors import ConfigError, MalformedError, UsageError
from emocli.io import inputs
from emocli.io.store import Store
from emocli.pipeline.context import Context
from emocli.stages import predict
from emocli.training import reading, tables
from emocli.training.calibrating import calibrate
from emocli.training.request import Request
from emocli.training.run import train
from tests.commands.test_train import examples

Record = dict[str, Any]
SETTINGS = {"epochs": 20, "batch_size": 32}


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(store=Store(tmp_path / "store"), device="cpu", stderr=io.StringIO())


def request_of(**more: Any) -> Request:
    return Request(**{"model": "concat", "settings": SETTINGS, **more})


def said(context: Context) -> str:
    assert isinstance(context.stderr, io.StringIO)
    return context.stderr.getvalue()


def answers(context: Context, trained: bundle.Bundle, records: list[Record]) -> list[str]:
    predicted = predict.stage(context, trained)(iter(records))
    return [record["prediction"]["emotion"] for record in predicted]


def test_a_request_and_records_become_a_bundle_that_predicts(
    context: Context, tmp_path: Path
) -> None:
    trained = train(context, request_of(output=tmp_path / "m"), iter(examples()))
    assert trained is not None
    assert trained.folder == tmp_path / "m"
    assert trained.contents["training"]["records"] == 96
    assert trained.contents["training"]["epochs"] == 20
    assert not Path(f"{tmp_path / 'm'}.part").exists()
    truth = [record["label"]["emotion"] for record in examples(8)]
    assert answers(context, trained, examples(8)) == truth
    assert said(context) == ""


def test_what_is_told_is_one_line_in_the_name_of_the_command(tmp_path: Path) -> None:
    context = Context(device="cpu", stderr=io.StringIO(), quiet=False)
    request = request_of(output=tmp_path / "m", config={"hidden": 7})
    trained = train(
        context, request, [*examples(), {"id": "bad", "error": {"stage": "x", "code": "y"}}]
    )
    assert trained is not None
    assert trained.contents["config"]["hidden"] == 7
    skipped, line = said(context).splitlines()
    assert skipped == "emocli train: 1 record skipped: error"
    assert line.startswith("emocli train: 84 of 96 records, epoch ")
    assert line.endswith(f" -> {tmp_path / 'm'}")


def test_out_of_fold_predictions_come_in_the_order_of_the_records(context: Context) -> None:
    rows: list[Record] = []
    request = request_of(cv="speaker", folds=4, seeds=2)
    assert train(context, request, iter(examples()), emit=rows.extend) is None
    ids = [f"r{i}#seed-{seed}" for seed in (0, 1) for i in range(96)]
    assert [row["id"] for row in rows] == ids
    assert {row["fold"] for row in rows} == {1, 2, 3, 4}
    right = [row["prediction"]["emotion"] == row["label"]["emotion"] for row in rows]
    assert sum(right) > 180


def test_folds_are_written_before_the_model_of_all_records(
    context: Context, tmp_path: Path
) -> None:
    folder = tmp_path / "m"
    there = []

    def emit(rows: Any) -> None:
        there.extend((row["id"], folder.exists()) for row in rows)

    request = request_of(cv="speaker", output=folder, settings={"epochs": 2})
    assert train(context, request, examples(), emit=emit) is not None
    assert there == [(f"r{i}", False) for i in range(96)]


def test_records_that_are_held_out_are_another_iterator(context: Context, tmp_path: Path) -> None:
    request = request_of(output=tmp_path / "m", streams=["text"])
    trained = train(context, request, iter(examples()), dev=iter(examples(10)))
    assert trained is not None
    assert trained.contents["metrics"]["dev_records"] == 10
    assert list(trained.streams) == ["text"]


def test_a_folder_of_another_program_is_refused_before_anything_is_read(
    context: Context, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text("{}")

    def never() -> Iterator[Record]:
        pytest.fail("read")
        yield {}

    with pytest.raises(UsageError, match="would be overwritten"):
        train(context, request_of(output=tmp_path), never())


def test_a_model_of_another_name_is_named(context: Context, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown model 'magic'"):
        train(context, request_of(model="magic", output=tmp_path / "m"), examples())


def test_several_processes_share_no_stdin(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(UsageError, match="cannot all read stdin"):
        train(context, request_of(output=tmp_path / "m", reads_stdin=True), examples())
    with pytest.raises(UsageError, match="runs in one process"):
        train(context, request_of(cv="speaker"), examples())


def test_a_bundle_is_calibrated_on_records(context: Context, tmp_path: Path) -> None:
    trained = train(context, request_of(output=tmp_path / "m"), examples())
    assert trained is not None
    records = [*examples(24), {"id": "bad", "error": {"stage": "x", "code": "y"}}]
    row = calibrate(context, trained, iter(records), method="vector", output=tmp_path / "c")
    assert (row["records"], row["skipped"]) == (24, {"error": 1})
    assert row["log_loss"]["after"] <= row["log_loss"]["before"] + 1e-6
    assert row["calibrated_model"] == bundle.read(tmp_path / "c").name != trained.name
    assert said(context) == "emocli calibrate: 1 records skipped: error\n"


def test_an_input_that_is_cut_short_is_an_error_at_its_end() -> None:
    source = inputs.Source(["-"], io.BytesIO(b'{"id": "a"}\n{"id": "b"}\n{torn\n'))
    records = reading.complete(source)
    assert [next(records)["id"], next(records)["id"]] == ["a", "b"]
    with pytest.raises(MalformedError, match=":3"):
        next(records)


def test_a_flag_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "how.toml"
    file.write_text("[model]\nhidden = 7\n[training]\nepochs = 2\nseed = 5\n")
    flags = {"seed": 6, "epochs": None}
    merged = tables.read(file, model={"hidden": None}, training=flags)
    assert merged == ({"hidden": 7}, {"epochs": 2, "seed": 6})
    assert tables.read(None, model={"hidden": 3}, training=flags) == ({"hidden": 3}, {"seed": 6})
