"""Kill commands at random moments, resume them, and compare with a run that was not interrupted.

    python -m tests.pipeline.kills [ROUNDS] [SEED] [COMMAND]

Every command that offers --resume is here, each with records that it has work on. A round sends
SIGKILL, SIGTERM or SIGINT once or twice, then resumes; the output must have the same bytes, and
nothing may be left beside it.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from emocli.cli import registry
from tests.commands import bundles
from tests.encoders import tiny_faces
from tests.llm import tiny_language
from tests.signals import edf_files, films

Record = dict[str, Any]
CLIPS = Path(__file__).parents[2] / "examples" / "clips"
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
ENDS = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
COUNT = 10  # records of a round
LINE_S = 0.02  # how long a journal line takes here, so that a signal finds the command at work
LIMIT_S = 120.0
OURS = ("in", "stderr", "started")  # files of this module

SLOW = f"""
import time
from emocli.pipeline import stopping

stopping.install()
open("started", "w").close()

from emocli.pipeline.journal import Journal

write = Journal.write
def slow(self, line):
    write(self, line)
    time.sleep({LINE_S})
Journal.write = slow

from emocli.cli import main
main.main()
"""


@dataclass(frozen=True)
class Work:
    """A command line and its input; a run with the first `finished` records has ended before."""

    arguments: list[str]
    records: list[Record]
    finished: int = 0


def _spoken(_folder: Path) -> list[Record]:
    """Return records of sounds, with the words of one of them."""
    sounds = [CLIPS / name for name in ("joy.wav", "neutral.wav")]
    words = ["I got the job! I am so happy, this is wonderful!", "The meeting is on Monday."]
    return [
        {"id": f"u{i}", "path": str(sounds[i % 2]), "text": words[i % 2], "speaker": "a"}
        for i in range(COUNT)
    ]


def _measured(_folder: Path) -> list[Record]:
    """Return records whose voice was measured."""
    told = {"summary": "Pitch is high, tempo is slow."}
    return [{"id": f"u{i}", "speaker": "a", "prosody": told} for i in range(COUNT)]


def _recorded(folder: Path) -> list[Record]:
    """Return records of trials in two recordings of EEG."""
    files = [edf_files.noise(folder / f"s{n}.edf", seconds=4 * COUNT, seed=n) for n in range(2)]
    return [
        {
            "id": f"u{i}",
            "path": str(files[i % 2]),
            "start": 4.0 * (i // 2),
            "end": 4.0 * (i // 2) + 4,
        }
        for i in range(COUNT)
    ]


def _filmed(folder: Path) -> list[Record]:
    """Return records of parts of two films."""
    paths = [films.cheap(folder / f"f{n}.avi", frames=COUNT + n) for n in range(2)]
    seconds = 1 / films.RATE_HZ
    return [
        {"id": f"u{i}", "path": str(paths[i % 2]), "start": i // 2 * seconds} for i in range(COUNT)
    ]


def _detector(folder: Path) -> str:
    """Return the folder of a network that takes everything red for a face."""
    return str(tiny_faces.seeing(folder / "detector"))


def _encoded(_folder: Path) -> list[Record]:
    return [{**r, "speaker": "a"} for r in bundles.records(bundles.VECTORS, count=COUNT)]


def _bundle(folder: Path) -> str:
    if not (folder / "bundle").exists():
        bundles.save(folder / "bundle", "gated")
    return str(folder / "bundle")


def _llm(folder: Path) -> str:
    """Return the folder of a language model that fits into a test."""
    if not (folder / "llm").exists():
        tiny_language.write(folder / "llm", limit=2048)
    return str(folder / "llm")


def _timed(folder: Path) -> list[Record]:
    """Return records of one recording, with what is said when."""
    times = [{"start": i / 2, "end": i / 2 + 0.5} for i in range(COUNT)]
    return [{**r, **t, "text": "Yes."} for r, t in zip(_full(folder), times, strict=True)]


def _full(_folder: Path) -> list[Record]:
    """Return records with all streams."""
    return bundles.records(bundles.VECTORS, count=7 * COUNT)[6::7]


def _labelled(folder: Path, made: Callable[[Path], list[Record]] = _full) -> list[Record]:
    return [
        {**r, "label": {"emotion": ("joy", "anger")[i % 2]}} for i, r in enumerate(made(folder))
    ]


MADE: dict[str, Callable[[Path], Work]] = {
    "align": lambda f: Work(["align"], _spoken(f)),
    "annotate": lambda f: Work(["annotate", "-m", _bundle(f)], _encoded(f)),
    "augment modalities": lambda f: Work(["augment", "modalities"], _full(f)),
    "describe": lambda f: Work(["describe"], _measured(f)),
    "encode": lambda f: Work(["encode", "--modality", "audio", "--encoder", "prosody"], _spoken(f)),
    "extract-audio": lambda f: Work(["extract-audio"], _spoken(f)),
    "extract-audio --segment vad": lambda f: Work(
        ["extract-audio", "--segment", "vad"], _spoken(f)
    ),
    "extract-eeg": lambda f: Work(["extract-eeg"], _recorded(f)),
    "extract-video": lambda f: Work(["extract-video", "--detector", _detector(f)], _filmed(f)),
    "fuse": lambda f: Work(["fuse", "-m", _bundle(f)], _encoded(f)),
    "instruct": lambda f: Work(["instruct"], _labelled(f, _spoken)),
    "normalize": lambda f: Work(["normalize"], [{**r, "speaker": "a"} for r in _full(f)]),
    "predict": lambda f: Work(["predict", "-m", _bundle(f)], _encoded(f)),
    "predict --format csv": lambda f: Work(
        ["predict", "-m", _bundle(f), "--format", "csv"], _encoded(f), COUNT // 2
    ),
    "predict --format srt": lambda f: Work(
        ["predict", "-m", _bundle(f), "--format", "srt"], _timed(f), COUNT // 2
    ),
    "predict --keep-features": lambda f: Work(
        ["predict", "-m", _bundle(f), "--keep-features"], _encoded(f), COUNT // 2
    ),
    "predict --llm": lambda f: Work(["predict", "--llm", _llm(f)], _spoken(f)),
    "predict --decode thought": lambda f: Work(
        ["predict", "--llm", _llm(f), "--decode", "thought", "--prior", "none"], _spoken(f)
    ),
    "prosody": lambda f: Work(["prosody"], _spoken(f)),
    "train": lambda f: Work(
        ["train", "--model", "gated", "--hidden", "8", "--epochs", "12"],
        _labelled(f),
    ),
    "transcribe": lambda f: Work(["transcribe"], _spoken(f)),
    "transcribe --format vtt": lambda f: Work(
        ["transcribe", "--format", "vtt"], _timed(f), COUNT // 2
    ),
    "transcribe --format textgrid": lambda f: Work(
        ["transcribe", "--format", "textgrid"], _timed(f), COUNT // 2
    ),
}


def resumable() -> Iterator[str]:
    """Yield the name of every command that offers --resume."""
    for name in registry.names():
        command = registry.load(name)
        inner: dict[str, click.Command] = getattr(command, "commands", {"": command})
        for word, one in inner.items():
            if any(parameter.name == "resume" for parameter in one.params):
                yield f"{name} {word}".strip()


def uninterrupted(work: Work, folder: Path) -> dict[str, bytes]:
    """Return the files that the command writes."""
    _finish_first(work, folder / "whole")
    ended = _start(work, folder / "whole").wait(LIMIT_S)
    assert ended == 0, f"{work.arguments}: exit {ended}"
    return _files(folder / "whole")


def interrupted(work: Work, folder: Path, random: random.Random) -> dict[str, bytes]:
    """Return the files that it writes when it is killed once or twice, and then resumed."""
    _finish_first(work, folder / "cut")
    for _ in range(random.choice((1, 1, 2))):
        _kill(_start(work, folder / "cut", slow=True), folder / "cut", random)
    process = _start(work, folder / "cut")
    assert process.wait(LIMIT_S) == 0, f"{work.arguments}: exit {process.returncode}"
    return _files(folder / "cut")


def _finish_first(work: Work, folder: Path) -> None:
    if work.finished:
        first = Work(work.arguments, work.records[: work.finished])
        assert _start(first, folder).wait(LIMIT_S) == 0, f"{work.arguments} on the first records"


def _start(work: Work, folder: Path, *, slow: bool = False) -> subprocess.Popen[bytes]:
    folder.mkdir(exist_ok=True)
    (folder / "started").unlink(missing_ok=True)
    (folder / "in").write_bytes(b"".join(orjson.dumps(r) + b"\n" for r in work.records))
    run = ["-c", SLOW] if slow else ["-m", "emocli"]
    output = ["-q", "--resume", "-o", "out"]
    with (folder / "in").open("rb") as stdin, (folder / "stderr").open("ab") as stderr:
        return subprocess.Popen(
            [sys.executable, *run, *work.arguments, *output],
            stdin=stdin,
            stderr=stderr,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )


def _kill(process: subprocess.Popen[bytes], folder: Path, random: random.Random) -> None:
    """Send a signal at a random line of the journal, or at a random time."""
    number, lines = random.choice(SIGNALS), random.randrange(COUNT)
    part, until = folder / "out.part", time.monotonic() + LIMIT_S
    while process.poll() is None and time.monotonic() < until:
        if (folder / "started").exists() and _lines(part) > lines:
            break
        time.sleep(0.002)
    time.sleep(random.uniform(0, LINE_S))
    process.send_signal(number)
    ended = process.wait(LIMIT_S)
    assert ended in (ENDS[number], 0), f"exit {ended} after {number.name}"


def _lines(part: Path) -> float:
    """Return the number of lines of a journal, which may be moved at any time."""
    if part.is_dir():  # the checkpoints of train
        return float("inf")
    try:
        return part.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def _files(folder: Path) -> dict[str, bytes]:
    """Return the content of what was written, by name; the traceback of a run is an error."""
    stderr = (folder / "stderr").read_bytes()
    assert b"Traceback" not in stderr, stderr.decode()
    written = (p for p in folder.rglob("*") if p.is_file() and p.name not in OURS)
    return {str(path.relative_to(folder)): path.read_bytes() for path in written}


def round_of(name: str, folder: Path, seed: int) -> int:
    """Return how many files a killed and resumed command writes; AssertionError if others."""
    work = MADE[name](folder)
    whole, cut = uninterrupted(work, folder), interrupted(work, folder, random.Random(seed))
    assert cut.keys() == whole.keys(), f"{name}, seed {seed}: {[*cut]}, not {[*whole]}"
    differ = [file for file, content in whole.items() if cut[file] != content]
    assert not differ, f"{name}, seed {seed}: {differ} differ"
    return len(whole)


def main() -> None:
    """Run rounds over all commands in turn."""
    import shutil
    import tempfile

    rounds, seed = (int(word) for word in (*sys.argv[1:3], "200", "0")[:2])
    names = sys.argv[3:] or [*MADE]
    failed = 0
    for count in range(rounds):
        folder = Path(tempfile.mkdtemp(prefix="kills-"))
        try:
            round_of(names[count % len(names)], folder, seed + count)
        except AssertionError as error:
            failed += 1
            print(error, flush=True)
        shutil.rmtree(folder)
    print(f"{rounds} rounds over {len(names)} commands from seed {seed}: {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
