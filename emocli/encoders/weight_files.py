"""The files of a checkpoint: whether they are what they claim, and the tensors they hold.

Only `read` imports torch. A safetensors file is eight bytes with the length of its header, the
header (JSON: type, shape and place of each tensor) and the numbers; see
https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
import shlex
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emocli.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LFS = b"version https://git-lfs"
PAGES = (b"<!doctype", b"<html", b"<?xml", b"<head")
BEGINNING = 64  # bytes that show what a file is
LARGEST_JSON = 1 << 28  # bytes; vocabularies of 250,000 words have 17 MB
LARGEST_HEADER = 100_000_000  # bytes: the limit of the format's own readers
# What numbers, names and nesting that make no sense raise.
UNUSABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
PICKLED = ("pytorch_model*.bin", "*.pt", "*.pth", "*.ckpt")
AGAIN = "copy or download it again: emocli models pull, or git clone with git lfs"

MODEL = "a model of transformers"

Shape = tuple[int, ...]


def require_file(path: Path) -> None:
    """Raise ConfigError unless a path is a plain file with the content that its name claims."""
    try:
        status = path.stat()
    except OSError as error:
        if path.is_symlink():
            link = f"a link to {path.readlink()}, which is not there"
            raise ConfigError(f"{path} is {link}", hint=AGAIN) from None
        raise ConfigError(f"{path}: {error.strerror}", hint=AGAIN) from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{path} is not a plain file", hint=AGAIN)
    if not status.st_size:
        raise ConfigError(f"{path} is empty", hint=AGAIN)
    try:
        with path.open("rb") as file:
            beginning = file.read(BEGINNING)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if beginning.startswith(LFS):
        hint = f"cd {shlex.quote(str(path.parent))} && git lfs pull"
        raise ConfigError(f"{path} is a pointer of git-lfs, not the file itself", hint=hint)
    if beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(PAGES):
        raise ConfigError(f"{path} is a web page: its download failed", hint=AGAIN)


def json_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; ConfigError if there is none."""
    require_file(path)
    if (size := path.stat().st_size) > LARGEST_JSON:
        raise ConfigError(f"{path}: {size} bytes are too many for JSON")
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not a JSON file: {error}", hint=AGAIN) from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is not a JSON object", hint=AGAIN)
    return content


def shapes(path: Path) -> dict[str, Shape]:
    """Return the shape of each tensor of a safetensors file, from its header.

    Raises ConfigError if it is something else, or shorter than its header says.
    """
    require_file(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8).ljust(8, b"\xff"))
        if not 2 <= length <= min(LARGEST_HEADER, size - 8):
            raise ConfigError(f"{path} is not a whole safetensors file", hint=AGAIN)
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            ends = [int(about["data_offsets"][1]) for about in header.values()]
            found = {n: tuple(int(i) for i in about["shape"]) for n, about in header.items()}
        except UNUSABLE as error:
            message = f"{path} is not a safetensors file: {type(error).__name__} in its header"
            raise ConfigError(message, hint=AGAIN) from None
    if (end := 8 + length + max(ends, default=0)) != size:
        raise ConfigError(f"{path} has {size} bytes, its header says {end}", hint=AGAIN)
    return found


def tensors(folder: Path, what: str = MODEL) -> dict[str, tuple[Path, Shape]]:
    """Return file and shape of each tensor of a checkpoint, in one safetensors file or several.

    Raises ConfigError for weights that are damaged, incomplete, pickled or not there.
    """
    files = [folder / WEIGHTS]
    index = folder / INDEX
    if not is_there(files[0]) and is_there(index):
        places = json_object(index).get("weight_map")
        if not isinstance(places, dict) or not all(isinstance(v, str) for v in places.values()):
            raise ConfigError(f"{index}: weight_map does not name a file for each tensor")
        files = [folder / name for name in sorted(set(places.values()))]
    elif not is_there(files[0]):
        raise _absent(folder, what)
    found = {name: (file, shape) for file in files for name, shape in shapes(file).items()}
    if not found:
        raise ConfigError(f"{folder}: its weights hold no tensors", hint=AGAIN)
    return found


def read(found: dict[str, tuple[Path, Shape]], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wanted tensors of those `tensors` found; `wanted` has their shapes, None is any.

    Raises ConfigError, before anything is read, for one that is missing or has another shape.
    """
    from safetensors import SafetensorError, safe_open

    for name, shape in wanted.items():
        file = next(iter(found.values()))[0]
        if name not in found:
            raise ConfigError(f"{file.parent}: its weights have no tensor {name}", hint=AGAIN)
        file, actual = found[name]
        like = [a if e is None else e for a, e in zip(actual, shape, strict=False)]
        if len(actual) != len(shape) or list(actual) != like:
            message = f"{file}: {name} has the shape {actual}, config.json says {shape}"
            raise ConfigError(message, hint=AGAIN)
    values: dict[str, Any] = {}
    for path in {found[name][0] for name in wanted}:
        names = [name for name in wanted if found[name][0] == path]
        try:
            with safe_open(path, framework="pt") as opened:
                values |= {name: opened.get_tensor(name) for name in names}
        except (SafetensorError, OSError, ValueError) as error:
            raise ConfigError(f"{path}: {error}", hint=AGAIN) from None
    return values


def write(folder: Path, config: Mapping[str, Any], values: Mapping[str, NDArray[Any]]) -> None:
    """Write a checkpoint: `config.json`, and arrays as safetensors, of 16 bits or else float32.

    The same content always gives the same bytes, so that the catalog can state their sha256.
    """
    types = {n: "<f2" if v.dtype.itemsize == 2 else "<f4" for n, v in values.items()}
    about, end = {}, 0
    for name in sorted(values):
        bits = 8 * int(types[name][-1])
        start, end = end, end + bits // 8 * values[name].size
        shape = list(values[name].shape)
        about[name] = {"dtype": f"F{bits}", "shape": shape, "data_offsets": [start, end]}
    header = json.dumps({"__metadata__": {"format": "pt"}, **about}).encode()
    header = header.ljust(-(-len(header) // 8) * 8)  # the numbers begin at a multiple of 8
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    with (folder / WEIGHTS).open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for name in about:
            file.write(values[name].astype(types[name]).tobytes())


def is_there(path: Path) -> bool:
    """Say whether something has this name, a link to nowhere included."""
    return path.is_symlink() or path.exists()


def _absent(folder: Path, what: str) -> ConfigError:
    """Return the error of a folder without safetensors; of pickled weights with the cure."""
    pickled = sorted({path for pattern in PICKLED for path in folder.glob(pattern)})
    if not pickled:
        return ConfigError(f"{folder} is not {what}: no {WEIGHTS}", hint=AGAIN)
    names = ", ".join(path.name for path in pickled[:3])
    message = f"{folder} has pickled weights only ({names}), which can hold code and are not read"
    return ConfigError(message, hint=f"this converts them: {conversion(folder, pickled)}")


def conversion(folder: Path, pickled: list[Path]) -> str:
    """Return the command line that writes pickled weights as safetensors, running no code."""
    names = [path.name for path in pickled if path.match(PICKLED[0])] or [pickled[0].name]
    code = (
        "from torch import load; from safetensors.torch import save_file; "
        f"save_file({{n: t.contiguous().clone() for f in {names!r} "
        'for n, t in load(f, map_location="cpu", weights_only=True).items()}, '
        f'"{WEIGHTS}", {{"format": "pt"}})'
    )
    return f"cd {shlex.quote(str(folder))} && python -c {shlex.quote(code)}"


def require_layers(folder: Path, config: dict[str, Any], count: int) -> None:
    """Raise ConfigError for a config.json with more layers than the weights have tensors.

    A network of 10^12 layers is never built, although none of them is in the file.
    """
    for key, value in config.items():
        if key.endswith(("layers", "layer")) and isinstance(value, int | float) and value > count:
            message = f"{folder}/config.json: {key} = {value!r:.60}, but the weights have {count}"
            raise ConfigError(f"{message} tensors", hint=AGAIN)
        if isinstance(value, dict):
            require_layers(folder, value, count)
