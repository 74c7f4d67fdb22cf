"""Every text file that a user may have saved in another editor is read in every encoding."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from emocli.bundles import bundle
from emocli.cli import config
from emocli.errors import EmocliError
from emocli.io import inputs
from emocli.signals import textgrid
from emocli.signals.textgrid import Interval, Tier
from emocli.stages.align import files
from emocli.stages.prosody import levels
from emocli.training import tables

SAID = "Café it’s"
GRID = [Tier("words", [Interval(0, 1, SAID)]), Tier("phones", [Interval(0, 1, "a")])]
LABLAUT = "signal x\nnfields 1\n#\n 0.1 -1 a:\n 0.5 -1 (\n 0.7 -1 .\t\tä\n"
Read = Callable[[Path], Any]


def source(file: Path, **how: Any) -> list[Any]:
    found = inputs.Source([] if how else [str(file)], io.BytesIO(), **how)
    kept = [*found]
    if found.problem:
        raise found.problem
    return kept


def user_config(file: Path) -> Any:
    place = config.path()
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, place)
    return config.read()


def bundle_config(file: Path) -> Any:
    weights = file.with_name("model.safetensors")
    weights.write_bytes(b"\x02\0\0\0\0\0\0\0{}")  # no tensors
    return bundle.read(file.parent).contents


def alignment(file: Path) -> Any:
    spans, words, _ = files.existing(file.parent, {"id": file.stem})
    return spans, words


NORMS = orjson.loads(levels.SHIPPED.read_bytes()) | {"about": SAID}
SHIPPED_BUNDLE = orjson.loads((bundle.DEFAULT / "config.json").read_bytes()) | {"name": SAID}
# name of the file: its text, and how it is read
READERS: dict[str, tuple[str, Read]] = {
    "config.toml": (f'device = "{SAID}"\n', user_config),
    "train.toml": (
        f'[training]\nmine = "{SAID}"\n',
        lambda f: tables.read(f, model={}, training={}),
    ),
    "norms.json": (orjson.dumps(NORMS).decode(), lambda f: levels.load(f).norms.content["about"]),
    "config.json": (orjson.dumps(SHIPPED_BUNDLE).decode(), bundle_config),
    "clip.txt": (SAID, lambda f: files.transcript(f.parent, {"id": "clip"})[0]),
    "grid.TextGrid": (textgrid.dumps(GRID, 0, 1), alignment),
    "marks.lablaut": (LABLAUT, alignment),
    "lines.txt": (f"one\n{SAID}\n", source),
    "table.csv": (f"id,text\na,{SAID}\n", source),
    "table.tsv": (f"id\ttext\na\t{SAID}\n", source),
    "chat.csv": (f"sep=;\nid;message\na;{SAID}\n", source),
    "list": ("a.wav\nb.wav\n", lambda f: source(f, files_from=str(f))),
}


GUESSED = ("clip.txt", "grid.TextGrid", "marks.lablaut", "list")  # one small file, or bytes


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_it_is_read_or_refused_with_advice(name: str, encoding: str, tmp_path: Path) -> None:
    text, read = READERS[name]

    def value(encoding: str) -> str:
        file = tmp_path / encoding / name
        file.parent.mkdir()
        file.write_bytes(text.encode(encoding, "replace"))
        return str(read(file)).replace(str(file.parent), "")

    expected = value("utf-8")
    assert SAID in expected or name in ("marks.lablaut", "list")
    if encoding == "cp1252" and name not in GUESSED:
        with pytest.raises(EmocliError, match="iconv -f WINDOWS-1252"):
            value(encoding)
    else:
        assert value(encoding) == expected
