"""prosody with two workers, phones given, against an opensmile loop; memory; an hour in one file.

openSMILE may be used for research only, so it is no dependency: it runs from an environment of its
own, the Python named by EMOCLI_PEERS, or one that is made here.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from emocli.signals import audio, speech_rate, tracks
from tests.signals.voices import RATE_HZ, Vowel, said

CLIPS = 300
RUNS = 3
SPEED_BAR = 1.5
FEW, MANY = 500, 10_000
MEMORY_BAR = 1.1  # of the largest process, MANY clips over FEW
HALF_VOWEL_S = 0.04
PEER = "opensmile loop, eGeMAPSv02"
INSTALL = "opensmile==2.6.0"
LOOP = """
import sys, opensmile
smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
for path in sys.stdin.read().splitlines():
    print(smile.process_file(path).shape)
"""
# Prints the peak memory in KiB of the largest process of a command line, then its seconds.
WATCH = """
import resource, subprocess, sys, time
start = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_maxrss, time.perf_counter() - start, usage.ru_utime + usage.ru_stime)
"""
COMMAND = [sys.executable, "-m", "emocli", "prosody", "--quiet", "--jobs", "2"]


def run() -> list[dict[str, Any]]:
    """Return rows: seconds of whole processes (medians of alternating runs), memory, an hour."""
    with tempfile.TemporaryDirectory() as folder:
        return [*_speed(Path(folder)), _memory(Path(folder)), _hour(Path(folder))]


def _speed(folder: Path) -> list[dict[str, Any]]:
    clips = sorted(Path(os.environ.get("EMOCLI_DATA", ""), "ravdess").glob("*.flac"))
    if not os.environ.get("EMOCLI_DATA") or len(clips) < CLIPS:
        return [{"name": "prosody: skipped, EMOCLI_DATA has no ravdess/", "ok": True}]
    clips = clips[:: len(clips) // CLIPS][:CLIPS]
    paths = "".join(f"{clip}\n" for clip in clips)
    loop = [_peers(folder), "-c", LOOP]
    records = _write(folder / "clips.jsonl", map(_with_phones, clips))
    ours, peer = [], []
    for _ in range(RUNS):
        peer.append(_seconds(loop, paths))
        ours.append(_seconds([*COMMAND, str(records)], ""))
    value, peer_value = statistics.median(ours), statistics.median(peer)
    return [
        {
            "name": f"prosody, {CLIPS} clips with phones, --jobs 2",
            "value": value,
            "unit": "s",
            "peer": PEER,
            "peer_value": peer_value,
            "ratio": peer_value / value,
            "bar": SPEED_BAR,
            "ok": peer_value / value >= SPEED_BAR,
        }
    ]


def _peers(folder: Path) -> str:
    """Return a Python that has opensmile."""
    if given := os.environ.get("EMOCLI_PEERS"):
        return given
    venv.create(folder / "peers", with_pip=True)
    python = str(folder / "peers" / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", INSTALL], check=True)
    return python


def _with_phones(clip: Path) -> dict[str, Any]:
    """Return a record whose vowels are the 80 ms around each syllable's peak."""
    found = tracks.follow(audio.read(clip).samples, audio.SAMPLE_RATE_HZ)
    peaks = speech_rate.nuclei(
        found.loud_times, found.intensity_db, found.times, found.voiced
    ).tolist()
    phones = [_phone(peak - HALF_VOWEL_S, peak + HALF_VOWEL_S) for peak in peaks]
    return {"id": clip.name, "path": str(clip), "phones": phones}


def _phone(start: float, end: float) -> dict[str, Any]:
    return {"phone": "a", "start": start, "end": end, "word": "word", "is_vowel": True}


def _memory(folder: Path) -> dict[str, Any]:
    """Compare the largest process after few and after many clips of half a second."""
    path = folder / "short.wav"
    samples, spans = said([Vowel(120.0), Vowel(180.0, phone="i")])
    soundfile.write(path, samples, RATE_HZ)
    phones = [_phone(*span) for span in spans]
    peaks = []
    for count in (FEW, MANY):
        made = ({"id": str(i), "path": str(path), "phones": phones} for i in range(count))
        peaks.append(_watch(_write(folder / "many.jsonl", made))[0] / 1024)
    return {
        "name": f"prosody, peak memory of {MANY} clips, over {FEW}",
        "value": peaks[1],
        "unit": "MiB",
        "peer": f"{FEW} clips",
        "peer_value": peaks[0],
        "ratio": peaks[1] / peaks[0],
        "bar": MEMORY_BAR,
        "ok": peaks[1] / peaks[0] <= MEMORY_BAR,
    }


def _hour(folder: Path) -> dict[str, Any]:
    """Measure an hour in one file, vowels everywhere; its memory is said in the name."""
    path = folder / "hour.wav"
    numbers = np.random.default_rng(0)
    minute, spans = said([Vowel(numbers.uniform(100, 200), seconds=0.15) for _ in range(240)])
    seconds = len(minute) / RATE_HZ
    repeats = round(3600 / seconds)
    with soundfile.SoundFile(path, "w", RATE_HZ, 1) as file:
        for _ in range(repeats):
            file.write(minute)
    phones = [
        _phone(start + i * seconds, end + i * seconds)
        for i in range(repeats)
        for start, end in spans
    ]
    record = {"id": "hour", "path": str(path), "phones": phones}
    kib, value, _ = _watch(_write(folder / "hour.jsonl", [record]))
    name = f"prosody, {repeats * seconds / 60:.0f} min in one file, {len(phones)} vowels"
    return {"name": f"{name}, {kib / 1024:.0f} MiB", "value": value, "unit": "s", "ok": True}


def _write(path: Path, records: Any) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def _watch(records: Path) -> tuple[float, float, float]:
    """Return the largest process's KiB, the seconds, and the CPU seconds."""
    command = [sys.executable, "-c", WATCH, *COMMAND, str(records)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    kib, seconds, cpu = map(float, done.stdout.split())
    return kib, seconds, cpu


def _seconds(command: list[str], stdin: str) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, input=stdin, check=True, text=True, stdout=subprocess.PIPE)
    seconds = time.perf_counter() - start
    assert len(done.stdout.splitlines()) == CLIPS
    return seconds


if __name__ == "__main__":
    for row in run():
        print(row)
