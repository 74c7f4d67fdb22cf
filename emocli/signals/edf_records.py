"""When the records of a discontinuous EDF+ or BDF+ file ("EDF+D") were recorded.

Each record says its time in its first annotation. mne reads the samples of all records as if they
followed each other, but leaves annotations at the time of the clock, and drops those beyond.

Kemp, B., Olivan, J. (2003). European data format 'plus' (EDF+), 2.2.4.
https://doi.org/10.1016/S1388-2457(03)00123-8
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emocli.signals import edf_header
from emocli.signals.eeg_marks import Mark

DISCONTINUOUS = ("EDF+D", "BDF+D")
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
TIME = re.compile(rb"[+-]\d+(?:\.\d*)?")
LIST = re.compile(rb"([+-]\d+\.?\d*)(?:\x15(\d+\.?\d*))?\x14(.*?)\x14\x00", re.DOTALL)


@dataclass(frozen=True)
class Timeline:
    """When records began, by the clock, and the annotations at the times of the samples."""

    starts: npt.NDArray[np.float64]  # (records,) s from the first; NaN where a record has no time
    record_s: float
    tolerance_s: float  # half a sample
    marks: tuple[Mark, ...] = ()

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Gaps as seconds of samples before them, and seconds that are missing."""
        missing = np.diff(self.starts) - self.record_s
        places = np.flatnonzero(missing > self.tolerance_s)
        return [(float(n + 1) * self.record_s, float(missing[n])) for n in places]

    def place(self, time: float) -> float:
        """Return the second of the samples that was recorded at a time, or next after it."""
        record = max(0, int(np.searchsorted(self.starts, time, "right")) - 1)
        return record * self.record_s + min(time - float(self.starts[record]), self.record_s)

    def told(self) -> list[str]:
        """Return what there is to say: nothing where there is no gap."""
        if np.isnan(self.starts).any():
            return ["the header says that records are not contiguous, but not all say their time"]
        if not (gaps := self.gaps):
            return []
        (after, first), count = gaps[0], len(gaps)
        missing = sum(seconds for _, seconds in gaps)
        if count == 1:
            what = f"1 gap of {first:.6g} s after {after:.6g} s"
        else:
            what = f"{count} gaps of {missing:.6g} s in all, the first after {after:.6g} s"
        return [f"records are not contiguous: {what}; times after it are those of the samples"]


def is_discontinuous(path: Path) -> bool:
    """Say whether the header of an EDF or BDF file says that there may be gaps."""
    header = edf_header.header(path)
    return header is not None and header.kind in DISCONTINUOUS


def timeline(path: Path) -> Timeline | None:
    """Return the times of a file's records; None for one that is not discontinuous."""
    header = edf_header.header(path)
    if header is None or header.kind not in DISCONTINUOUS or not header.record_s:
        return None
    lists = _lists(path, header)
    found = [TIME.match(one) for one in lists]
    times = np.array([float(one[0]) if one else np.nan for one in found])
    known = times[np.isfinite(times)]
    first = float(known[0]) if len(known) else 0.0
    line = Timeline(times - first, header.record_s, 0.5 * header.record_s / max(header.counts))
    if len(known) < len(times) or not len(times):
        return line
    return Timeline(line.starts, line.record_s, line.tolerance_s, _marks(lists, line, first))


def _lists(path: Path, header: edf_header.Header) -> list[bytes]:
    """Return the bytes of the annotations of each record."""
    places = [n for n, label in enumerate(header.labels) if label in ANNOTATIONS]
    edges = header.width * np.cumsum([0, *header.counts])
    found = []
    with path.open("rb") as file:
        for record in range(header.records):
            parts = []
            for n in places:
                file.seek(int(header.length + record * edges[-1] + edges[n]))
                parts.append(file.read(int(edges[n + 1] - edges[n])))
            found.append(b"".join(parts))
    return found


def _marks(lists: list[bytes], line: Timeline, first: float) -> tuple[Mark, ...]:
    marks = []
    for onset, lasting, texts in (entry for one in lists for entry in LIST.findall(one)):
        start, duration = float(onset) - first, float(lasting or 0)
        at = line.place(start)
        until = max(at, line.place(start + duration)) if duration else at
        marks += [
            Mark(at, until - at, text.decode("utf-8", "replace"))
            for text in texts.split(b"\x14")
            if text
        ]
    return tuple(marks)
