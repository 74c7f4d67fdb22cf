"""What the store gives back is what was put into it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emocli.errors import RecordError
from emocli.io.store import Store
from tests.commands import bundles
from tests.conftest import Emocli

FRAMES = np.arange(12, dtype=np.float32).reshape(4, 3)


def changed(store: Store, reference: dict[str, Any]) -> Path:
    """Change one number of a stored array; its size stays."""
    path = store.path(reference["path"])
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(0, 0))
    return path


def test_an_array_that_changed_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path)
    reference = store.put_array(FRAMES)
    np.testing.assert_array_equal(store.array(reference), FRAMES)
    path = changed(store, reference)
    with pytest.raises(RecordError, match=f"{path} is not what was written") as caught:
        store.array(reference)
    assert caught.value.code == "bad_feature"


@pytest.mark.parametrize("sha256", [3, "x", ["a"]])
def test_a_digest_of_something_else_is_refused(tmp_path: Path, sha256: Any) -> None:
    store = Store(tmp_path)
    with pytest.raises(RecordError, match="its sha256 is not"):
        store.array({**store.put_array(FRAMES), "sha256": sha256})


@pytest.mark.parametrize("name", ["pipe", "folder", "device", "nowhere"])
def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    (tmp_path / "nowhere").symlink_to("gone")
    with pytest.raises(RecordError, match=r"not a plain file|not in the store"):
        Store(tmp_path).array({"path": name})


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a\0b", "x" * 5000, 3, None, ["a"]])
def test_a_name_that_no_file_of_the_store_has_is_refused(tmp_path: Path, name: Any) -> None:
    with pytest.raises(RecordError):
        Store(tmp_path).path(name)


@pytest.mark.parametrize("command", ["fuse", "predict", "normalize"])
def test_a_command_tells_of_it_and_the_others_go_on(
    command: str, tmp_path: Path, emocli: Emocli
) -> None:
    model = bundles.save(tmp_path / "m", "concat", bundles.FRAMES)
    rows = [
        r | {"speaker": "s"} for r in bundles.records(bundles.FRAMES) if len(r["features"]) == 1
    ]
    changed(Store(), next(iter(rows[0]["features"].values()))["array"])
    flags = ["-m", str(model.folder)] if command != "normalize" else ["--by", "speaker"]
    done = emocli(command, *flags, stdin=rows)
    assert done.status == 1
    assert [r["id"] for r in done.records] == [r["id"] for r in rows]
    assert "is not what was written" in str(done.records[0])
    assert all("is not what was written" not in str(r) for r in done.records[1:])
