"""Draw up what examples/fuse_ravdess.sh has predicted: python fuse_ravdess.py OUT MODEL...

A row per model: UAR on each stream and on both, each with its 95 % interval over actors, and the
difference of both to the better stream, with the interval and the p of a paired bootstrap over
actors (`emocli score --compare`): once to the same model's better stream, once to the best that any
model makes of one stream, of those that were run. Which is better was seen on the same actors,
against the fusion. Several seeds count as so many predictions of each clip.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

STREAMS = ("audio", "prosody")
BOTH = ",".join(STREAMS)
RESAMPLES = 4000


def scored(path: Path, *flags: str) -> dict[str, Any]:
    """Return what `emocli score` says of predictions."""
    command = ["emocli", "score", "--quiet", "--bootstrap", str(RESAMPLES), *flags, str(path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def figure(found: dict[str, Any]) -> str:
    """Return UAR and its interval in per cent."""
    low, high = found["intervals"]["uar"]
    return f"{100 * found['uar']:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def gap(path: Path, other: Path) -> str:
    """Return the paired difference of UAR in points, its interval and its p."""
    found = scored(path, "--compare", str(other))["compared"]["uar"]
    low, high = found["interval"]
    points = f"{100 * found['difference']:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
    p = found["p"]
    return f"{points}, p {'< 0.001' if p < 0.001 else f'{p:.3f}'}"


def main(out: Path, names: list[str]) -> None:
    """Print the table and what the features were."""
    every = {(n, s): out / f"{n}.{s}.jsonl" for n in names for s in (*STREAMS, BOTH)}
    paths = {key: path for key, path in every.items() if path.exists()}
    found = {key: scored(path) for key, path in paths.items()}
    single = {key: found[key]["uar"] for key in paths if key[1] != BOTH}
    best = max(single, key=single.__getitem__)
    columns = ["UAR in %", *STREAMS, "both", "both - its better stream"]
    print(f"| {' | '.join([*columns, f'both - {best[0]} on {best[1]}'])} |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name in names:
        own = max((key for key in single if key[0] == name), key=single.__getitem__, default=None)
        cells = [
            figure(found[name, streams]) if (name, streams) in found else "not run"
            for streams in (*STREAMS, BOTH)
        ]
        others = (own, best)
        gaps = ["not run" if key is None else gap(paths[name, BOTH], paths[key]) for key in others]
        print(f"| {' | '.join([name, *cells, *gaps])} |")
    with open(out / "features.jsonl", encoding="utf-8") as lines:
        features = json.loads(next(lines))["features"]
    count = found[best]
    print(f"\n{count['scored']} predictions; intervals over actors ({count['resampled']}).")
    for stream in STREAMS:
        level = features[stream].get("level_dbfs")
        how = "as loud as recorded" if level is None else f"brought to {level:g} dBFS"
        how += ", by actor" if features[stream].get("normalized") else ""
        print(f"{stream}: {features[stream]['encoder']}, {features[stream]['pooling']}, {how}.")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
