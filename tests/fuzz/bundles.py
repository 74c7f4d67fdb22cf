"""Kind "bundles": every key of config.json, and the weights, of every model that can be trained."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import values
from tests.fuzz.base import Base
from tests.fuzz.examples import MARK, Example, Target
from tests.fuzz.records import lines, shown

KIND = "bundles"
COMMANDS: dict[str, tuple[str, ...]] = {
    "predict": ("predict", "-m", "in/m"),
    "fuse": ("fuse", "-m", "in/m"),
    "calibrate": ("calibrate", "-m", "in/m", "-o", "out/m"),
    "annotate": ("annotate", "-m", "in/m", "-n", "1"),
    "encode": ("encode", "--model", "in/m"),
}
MARKED = ("predict", "fuse", "annotate", "encode")  # these write one record per record
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 12345\n" % (b"0" * 64)


def targets(base: Base) -> Iterator[Target]:
    """Yield a target for every bundle, and for every command that reads one."""
    every = sorted(p.name for p in (base.folder / "bundles").iterdir())
    for name in every:
        yield _target(base, "predict", name)
    for command in COMMANDS:
        for name in ("late-fusion", "blend", "two-heads"):
            if command != "predict" and (command, name) != ("encode", "two-heads"):
                yield _target(base, command, name)


def _target(base: Base, command: str, name: str) -> Target:
    files = base.files(f"bundles/{name}")
    streams = json.loads(files["config.json"])["streams"]
    timed = any("frames" in spec["pooling"] for spec in streams.values())
    records = base.records["frames" if timed else "full"]
    if command == "annotate":
        records = [{k: v for k, v in r.items() if k != "annotations"} for r in records]
    whole = Example(
        list(COMMANDS[command]),
        lines(records),
        {f"in/m/{file}": data for file, data in files.items()},
        marks=tuple(r[MARK] for r in records) if command in MARKED else None,
        run_ends=True,
    )
    return Target(f"{KIND}/{command} {name}", whole, _mutated(whole))


@st.composite
def _mutated(draw: values.Draw, whole: Example) -> Example:
    files = dict(whole.files)
    changes = []
    for _ in range(values.pick(draw, [1, 1, 1, 2])):
        way = values.pick(draw, ["config"] * 6 + ["weights"] * 2 + ["file"])
        if way == "config":
            name = "in/m/config.json"
            contents = _parsed(files[name])
            what = "config.json is no object"
            if contents is not None:
                what = draw(setting(contents))
                files[name] = values.dumps(contents).encode()
        elif way == "weights":
            name = "in/m/model.safetensors"
            files[name], what = draw(weights(files[name] or b""))
        else:
            name = values.pick(draw, list(files))
            files[name], what = draw(file(files[name] or b""))
        changes.append(f"{name.rpartition('/')[2]}: {what}")
    return replace(whole, files=files, changes=tuple(changes))


def _parsed(data: bytes | None) -> Any:
    try:
        contents = json.loads(data or b"")
    except (ValueError, RecursionError):
        return None
    return contents if isinstance(contents, dict) and contents else None


@st.composite
def setting(draw: values.Draw, contents: dict[str, Any]) -> str:
    """Change a key of a config; those near the top, which have few values, as often as others."""
    top = values.pick(draw, list(contents))
    below = [(), *values.paths(contents[top])]
    path = (top, *values.pick(draw, below)) if draw(st.booleans()) else (top,)
    way = values.pick(draw, ["odd", "odd", "near", "near", "remove", "beside"])
    if way == "remove":
        values.remove(contents, path)
        return f"without {shown(path)}"
    if way == "beside":
        path = (*path[:-1], values.pick(draw, [*OPTIONAL, "x", ""]))
    new = draw(values.changed(values.at(contents, path))) if way == "near" else values.odd(draw)
    values.put(contents, path, new)
    return f"{shown(path)} = {values.dumps(new)[:200]}"


# Keys that only some bundles have.
OPTIONAL = (
    "kind",
    "heads",
    "calibration",
    "decoder",
    "adapter",
    "task",
    "primary",
    "hidden",
    "dim",
)


@st.composite
def weights(draw: values.Draw, data: bytes) -> tuple[bytes, str]:
    """Change the header of a safetensors file: a tensor's name, type, shape or place."""
    if len(data) < 8:
        return data, "no header"
    (size,) = struct.unpack("<Q", data[:8])
    header = _parsed(data[8 : 8 + size])
    way = values.pick(draw, ["entry", "entry", "size", "rename", "remove", "nan"])
    if header is None or way == "size":
        number = values.pick(draw, [0, 1, size ^ 1, size ^ 8, 2**31, 2**63, 10**12])
        return struct.pack("<Q", number) + data[8:], f"header of {number} bytes"
    name = values.pick(draw, list(header))
    if way == "nan":
        start, end = 8 + size, len(data)
        fill = values.pick(draw, [b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f"])
        length = (end - start) // 4
        return data[:start] + fill * length, f"all weights {fill!r}"
    if way == "rename":
        new = values.pick(draw, [name + "x", "", "adapter.audio.x", "adapter.text.lora_A.q"])
        header[new] = header.pop(name)
        what = f"{name} is {new!r}"
    elif way == "remove":
        del header[name]
        what = f"without {name}"
    else:
        what = draw(setting(header))
    text = values.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :], what


@st.composite
def file(draw: values.Draw, data: bytes) -> tuple[bytes | None, str]:
    """Change a file as a whole: gone, empty, a pointer of git-lfs, cut, or another kind."""
    way = values.pick(draw, ["gone", "empty", "pointer", "bytes", "bytes", "list", "html", "zip"])
    if way == "bytes":
        return draw(values.edited(data))
    contents = {
        "gone": None, "empty": b"", "pointer": POINTER, "list": b"[]", "html": b"<!doctype html>",
        "zip": b"PK\x03\x04" + bytes(60),
    }  # fmt: skip
    return contents[way], way
