"""What the flags of a filter become: a context, a resume key, a registry of commands."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from emocli.cli import flags, registry
from emocli.cli.options import Run
from emocli.errors import UsageError
from emocli.io.standard_streams import StandardStreams


def run(**changes: Any) -> Run:
    groups = {**flags.READING, **flags.COMMON}
    for group in flags.GROUPS.values():
        groups |= group
    values = {name: default for name, (_, default) in groups.items()}
    streams = StandardStreams(io.BytesIO(), io.BytesIO(), io.StringIO())
    return Run("encode", streams, ["-"], {**values, **changes})


def test_flags_become_a_context(tmp_path: Path) -> None:
    context = run(store=tmp_path, device="cpu", batch_size="8", jobs=3, offline=True).context
    assert context.store.root == tmp_path
    assert (context.device, context.dtype, context.batch_size) == ("cpu", "auto", 8)
    assert (context.jobs, context.offline) == (3, True)
    assert context.batch(32) == 8
    assert run().context.batch(32) == 32
    assert run(jobs=0).context.jobs >= 1


@pytest.mark.parametrize("size", ["0", "-1", "many", ""])
def test_a_batch_size_that_is_none_is_a_usage_error(size: str) -> None:
    with pytest.raises(UsageError, match="--batch-size"):
        _ = run(batch_size=size).context


def test_the_resume_key_follows_what_decides_the_result_and_nothing_else(tmp_path: Path) -> None:
    key = run().config()
    for name in flags.INDIFFERENT & run().flags.keys():
        assert run(**{name: "other"}).config() == key, name
    assert run(dtype="float16").config() != key


def test_a_command_that_writes_its_own_output_has_none() -> None:
    own = run(output=Path("x"))
    assert own.without_output().common.output is None
    assert own.common.output == Path("x")


def test_the_common_flags_are_typed_and_have_their_defaults() -> None:
    defaults = {name: default for name, (_, default) in flags.COMMON.items()}
    assert run().common == flags.CommonFlags() == flags.CommonFlags(**defaults)


def test_the_commands_are_the_files(emocli: Any) -> None:
    files = {p.stem.replace("_", "-") for p in registry.COMMANDS.glob("*.py")} - {"--init--"}
    assert set(registry.names()) == files
    assert not [p.name for p in registry.COMMANDS.glob("_*.py") if p.name != "__init__.py"]
    done = emocli("predcit")
    assert done.status == 2
    assert "predict" in done.stderr
