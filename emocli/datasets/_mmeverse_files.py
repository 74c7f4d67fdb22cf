"""The clips and the features of MMEVerse, by file."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emocli import records
from emocli.io.store import Store
from emocli.records import Record
from emocli.records.missing import lose

CLIPS, FEATURES = "video", "features"
STREAMS = {"audio": "whisper-large-v3", "video": "EVA-ViT-G"}


def home(table: Path, name: str) -> Path:
    """Return the folder of a corpus, which has its clips and features."""
    folders = (table.parent, table.parent / name, table.parent.parent / name)
    return next((f for f in folders if (f / CLIPS).is_dir() or (f / FEATURES).is_dir()), folders[0])


def add(record: Record, home: Path, store: Store) -> Iterator[str]:
    """Add the clip and the features of a record, as far as their folders are there.

    Yields the folder of each file that is not there or cannot be used; `missing` says which.
    """
    name = record["id"].split("/", 2)[2]
    clip = home / CLIPS / f"{name}.mp4"
    if clip.is_file():
        record["path"] = records.of_path(str(clip))["path"]
    elif clip.parent.is_dir():
        yield CLIPS
    for stream, encoder in STREAMS.items():
        file = home / FEATURES / encoder / f"{name}.npy"
        if not file.parent.is_dir():
            continue
        try:
            feature = _feature(stream, encoder, file, store)
        except (OSError, ValueError, EOFError) as error:
            yield encoder
            why = error.strerror if isinstance(error, OSError) and error.strerror else error
            note = {"stage": "dataset", "code": "no_features", "message": f"{file}: {why}"}
            lose(record, note | {"hint": "emocli encode computes features"}, stream, stream)
        else:
            record.setdefault("features", {})[stream] = feature


def _feature(stream: str, encoder: str, file: Path, store: Store) -> Record:
    """Return a feature of a file of frames (time, dim) or (1, time, dim), put into the store.

    Raises OSError where there is none, and ValueError for one that is no such array or a pickle.
    """
    import numpy as np

    values = _array(file)
    frames = values[0] if values.ndim == 3 and len(values) == 1 else values
    real = np.issubdtype(frames.dtype, np.floating) or np.issubdtype(frames.dtype, np.integer)
    if frames.ndim != 2 or not frames.size or not real:
        raise ValueError(f"an array of {values.dtype} {values.shape}, not frames (time, dim)")
    with np.errstate(over="ignore"):  # what overflows is infinite, and masked when it is read
        single = frames.astype(np.float32)
    return {
        "modality": stream,
        "encoder": encoder,
        "revision": None,
        "layer": None,
        "pooling": "frames",
        "dim": int(frames.shape[1]),
        "array": store.put_array(single),
    }


def _array(file: Path) -> Any:
    """Return the array of a .npy file, memory-mapped; OSError or ValueError for a damaged one."""
    import numpy as np

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers of Python 2
        try:
            return np.load(file, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError):
            raise
        except Exception as error:  # numpy parses headers as Python, and fails in as many ways
            raise ValueError(f"a damaged .npy file: {error!s:.80}") from None
