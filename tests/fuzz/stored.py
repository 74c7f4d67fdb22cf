"""Kind "stored": sounds, arrays of the store, journals, checkpoints, archives of models."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from tests.fuzz import values
from tests.fuzz.base import Base
from tests.fuzz.bundles import file, weights
from tests.fuzz.examples import MARK, Example, Target
from tests.fuzz.records import lines

KIND = "stored"
FILM_HEADER_BYTES = 400
Mutate = Callable[[bytes], st.SearchStrategy[tuple[bytes | None, str]]]
SOUND = {
    "extract-audio": ["extract-audio"],
    "prosody": ["prosody"],
    "encode": ["encode", "--encoder", "prosody", "--modality", "audio"],
    "align": ["align", "--aligner", "nuclei"],
    "transcribe": ["transcribe"],
}
FILM = {
    "extract-video": ["extract-video", "--rate", "10"],
    "encode": [
        *("encode", "--modality", "video", "--encoder", "face-expression"),
        *("--frames", "2", "--pooling", "mean"),
    ],
}
ARRAYS = {
    "predict array": ["predict", "-m", "base/bundles/stars"],
    "fuse array": ["fuse", "-m", "base/bundles/windows"],
    "normalize array": ["normalize", "--least", "2"],
    "encode --from array": ["encode", "--from", "audio", "--as", "x", "--pooling", "mean+std"],
    "train array": ["train", "--model", "stars", "-o", "out/m", "--epochs", "1", "--hidden", "4"],
    "augment modalities array": ["augment", "modalities", "--protocol", "frames", "--rates", "0.5"],
}
RESUMED = ["train", "-o", "out/resumed", "--epochs", "3", "--hidden", "4", "--streams", "audio"]


def targets(base: Base) -> Iterator[Target]:
    """Yield a target for every kind of stored file."""
    for suffix in sorted(p.suffix[1:] for p in base.folder.glob("clip.*")):
        commands = SOUND if suffix == "wav" else list(SOUND)[:1]
        for command in commands:
            yield _sound(base, command, suffix)
    for film in sorted(base.folder.glob("film.*")):
        for command in FILM if film.suffix == ".avi" else list(FILM)[:1]:
            yield _film(base, command, film.suffix[1:])
    yield _crops(base)
    for name, argv in ARRAYS.items():
        yield _array(base, name, argv)
    yield _flac(base)
    yield _journal(base)
    yield _checkpoint(base)
    archive = (base.folder / "model.tar").read_bytes()
    pull = Example(["models", "pull", "--from", "in/m.tar"], b"", {"in/m.tar": archive},
                   json_out=False)  # fmt: skip
    yield Target(f"{KIND}/models pull --from", pull, _mutated(pull, ["in/m.tar"], _archived))


def _sound(base: Base, command: str, suffix: str) -> Target:
    name = f"in/clip.{suffix}"
    data = (base.folder / f"clip.{suffix}").read_bytes()
    records: list[dict[str, Any]] = [
        {"id": "a", MARK: 0, "path": name},
        {"id": "b", MARK: 1, "path": "base/second.wav"},
        {"id": "c", MARK: 2, "path": name, "start": 0.1, "end": 0.3},
    ]
    whole = Example(SOUND[command], lines(records), {name: data}, marks=(0, 1, 2), whole=(1,))
    change = _header if suffix == "wav" else values.edited
    return Target(f"{KIND}/{command} {suffix}", whole, _mutated(whole, [name], change))


def _film(base: Base, command: str, suffix: str) -> Target:
    name = f"in/film.{suffix}"
    data = (base.folder / f"film.{suffix}").read_bytes()
    records: list[dict[str, Any]] = [
        {"id": "a", MARK: 0, "path": name},
        {"id": "b", MARK: 1, "path": "base/film.avi"},
        {"id": "c", MARK: 2, "path": name, "start": 0.1, "end": 0.3},
    ]
    whole = Example(FILM[command], lines(records), {name: data}, marks=(0, 1, 2), whole=(1,))
    change = values.edited if suffix != "avi" else _beginning
    return Target(f"{KIND}/{command} {suffix}", whole, _mutated(whole, [name], change))


@st.composite
def _beginning(draw: values.Draw, data: bytes) -> tuple[bytes, str]:
    """Change the headers of a film."""
    start, what = draw(values.edited(data[:FILM_HEADER_BYTES]))
    return start + data[FILM_HEADER_BYTES:], what


def _crops(base: Base) -> Target:
    """Faces in the store that are not what they were."""
    records = base.records["video"]
    where = [f"store/{r['video']['faces']['array']['path']}" for r in records]
    files = {n: (base.folder / n).read_bytes() for n in where}
    argv = ["encode", "--modality", "video", "--encoder", "face-expression", "--as", "x"]
    whole = Example(argv, lines(records), {}, marks=tuple(r[MARK] for r in records))
    return Target(f"{KIND}/encode crops", whole, _mutated(whole, list(files), _npy, files))


def _array(base: Base, name: str, argv: list[str]) -> Target:
    records = base.records["frames"]
    where = [f"store/{f['array']['path']}" for r in records for f in r["features"].values()]
    files = {n: (base.folder / n).read_bytes() for n in where}
    one_to_one = argv[0] not in ("train", "augment")
    marks = tuple(r[MARK] for r in records) if one_to_one else None
    whole = Example(argv, lines(records), {}, marks=marks)
    return Target(f"{KIND}/{name}", whole, _mutated(whole, list(files), _npy, files))


def _flac(base: Base) -> Target:
    records = base.records["full"]
    where = [f"store/{r['audio']['path']}" for r in records]
    files = {n: (base.folder / n).read_bytes() for n in where}
    whole = Example(["prosody"], lines(records), {}, marks=tuple(r[MARK] for r in records))
    return Target(f"{KIND}/prosody store", whole, _mutated(whole, where, file, files))


def _journal(base: Base) -> Target:
    part = (base.folder / "part/out.jsonl.part").read_bytes()
    from tests.fuzz.whole_records import spoken

    argv = ["prosody", "-o", "out/out.jsonl", "--resume"]
    name = "out/out.jsonl.part"
    torn = Example(argv, lines(spoken()), {name: part}, same="out/out.jsonl")
    other = Example(argv, lines(spoken()), {name: part})
    names = [name, f"{name}.old"]
    contents = dict.fromkeys(names, part)
    strategy = _mutated(torn, names, _torn, contents) | _mutated(other, names, _text, contents)
    return Target(f"{KIND}/prosody --resume", torn, strategy)


@st.composite
def _torn(draw: values.Draw, data: bytes) -> tuple[bytes | None, str]:
    """Leave of a journal what a crash leaves: a part, zeros, lines twice or in another order."""
    kept = data.splitlines(keepends=True)
    number = draw(st.integers(0, max(0, len(kept) - 1)))
    place = draw(st.integers(0, len(data)))
    way = values.pick(draw, ["cut", "cut", "zeros", "glued", "remove", "twice", "swap", "empty"])
    if way in ("cut", "zeros"):
        rest = bytes(len(data) - place) if way == "zeros" else b""
        return data[:place] + rest, f"{way} from byte {place}"
    if way == "glued":
        return data[:place] + data, f"{place} bytes before the whole"
    lines_ = {
        "remove": kept[:number] + kept[number + 1 :], "twice": [*kept, *kept[number:]],
        "swap": kept[::-1], "empty": [],
    }  # fmt: skip
    return b"".join(lines_[way]), f"line {number + 1} {way}"


def _checkpoint(base: Base) -> Target:
    root = base.folder / "state"
    found = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    files = {f"out/{name}": data for name, data in found.items()}
    whole = Example([*RESUMED, "--resume"], lines(base.records["learn"]), dict(files))
    change = _mutated(whole, list(files), _state, dict(files))
    return Target(f"{KIND}/train --resume", whole, change)


@st.composite
def _mutated(
    draw: values.Draw, whole: Example, names: list[str], change: Mutate,
    contents: dict[str, bytes] | None = None,
) -> Example:  # fmt: skip
    """Draw an example of which one or two of some files are changed."""
    files = dict(whole.files)
    changes = []
    for _ in range(values.pick(draw, [1, 1, 1, 2])):
        name = values.pick(draw, names)
        data = files.get(name, (contents or {}).get(name)) or b""
        files[name], what = draw(change(data))
        changes.append(f"{name.rpartition('/')[2][:40]}: {what}")
    return replace(whole, files=files, changes=tuple(changes))


# Places of a RIFF header: size, format, channels, rate, bytes a second, block, bits, size of data.
RIFF = {4: 4, 16: 4, 20: 2, 22: 2, 24: 4, 28: 4, 32: 2, 34: 2, 40: 4}
SIZES = (0, 1, 2, 3, 7, 8, 16, 100, 192, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)


@st.composite
def _header(draw: values.Draw, data: bytes) -> tuple[bytes | None, str]:
    if draw(st.integers(0, 2)) == 0 or len(data) < 44:
        return draw(values.edited(data))
    place = values.pick(draw, list(RIFF))
    size = RIFF[place]
    number = values.pick(draw, SIZES) % 256**size
    new = struct.pack("<I", number)[:size]
    return data[:place] + new + data[place + size :], f"{size} bytes at {place} = {number}"


@st.composite
def _npy(draw: values.Draw, data: bytes) -> tuple[bytes | None, str]:
    """Change the header of an array, or the file as a whole."""
    if draw(st.integers(0, 2)) == 0 or len(data) < 80:
        return draw(file(data))
    old, new = values.pick(draw, HEADERS)
    return data.replace(old, new.ljust(len(old)), 1), f"{old!r} is {new!r}"


HEADERS = (
    (b"'<f4'", b"'<f8'"), (b"'<f4'", b"'|O'"), (b"'<f4'", b"'<U1'"), (b"'<f4'", b"'<i4'"),
    (b"'<f4'", b"'>f4'"), (b"'<f4'", b"'<c8'"), (b"'<f4'", b"'<V4'"), (b"'<f4'", b"[]"),
    (b"False", b"True"), (b"'shape': (", b"'shape': (9"), (b"'shape': (", b"'shape': (-"),
    (b"'shape': (", b"'shapf': ("), (b"'descr'", b"'des'"), (b"}", b")"),
    (b"NUMPY\x01", b"NUMPY\x09"),
    (b", 6)", b",0)"), (b", 6)", b")"), (b"{", b"open("),
    (b"'|u1'", b"'|O'"), (b"'|u1'", b"'<f4'"), (b", 3)", b", 4)"), (b", 3)", b")"),
)  # fmt: skip


def _text(data: bytes) -> st.SearchStrategy[tuple[bytes | None, str]]:
    return values.edited(data) | values.reworded(data)


def _state(data: bytes) -> st.SearchStrategy[tuple[bytes | None, str]]:
    return weights(data) | file(data)


BLOCK = 512  # of a tar
FIELDS = {"name": (0, 100), "mode": (100, 8), "size": (124, 12), "checksum": (148, 8),
          "type": (156, 1), "link": (157, 100), "magic": (257, 8)}  # fmt: skip


@st.composite
def _archived(draw: values.Draw, data: bytes) -> tuple[bytes | None, str]:
    """Change a field of a member of an archive, and its checksum; or any bytes."""
    if draw(st.integers(0, 3)) == 0 or len(data) < BLOCK:
        return draw(file(data))
    starts = [i for i in range(0, len(data), BLOCK) if data[i + 257 : i + 262] == b"ustar"]
    start = values.pick(draw, starts or [0])
    name = values.pick(draw, list(FIELDS))
    place, size = FIELDS[name]
    new = values.pick(draw, FILLS)[:size].ljust(size, b"\0")
    header = bytearray(data[start : start + BLOCK])
    header[place : place + size] = new
    if name != "checksum":
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
    return data[:start] + bytes(header) + data[start + BLOCK :], f"{name} at {start} = {new[:20]!r}"


FILLS = (
    b"", b"77777777777", b"00000000001", b"-1", b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", b"x",
    b"../x", b"/abs", b"1", b"2", b"3", b"5", b"6", b"S", b"L", b"x\xff\xfe", b"\x1b[31m", b"g",
    b"a/b/c/model.safetensors", b"org--tiny/x.py", b"\xff" * 12,
)  # fmt: skip
