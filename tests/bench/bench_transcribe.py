"""transcribe against a bare faster-whisper loop: one file, 100 short clips, word error rate."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CLIPS = 100
RUNS = 3  # of one file; a run over all clips is long enough to be its own average
ONE_FILE_BAR = 0.9  # within 10 % of the loop
CLIPS_BAR = 1.3
ERROR_BAR = 0.5  # points of word error rate
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}  # emocli's default, for both sides
PEER = "faster-whisper loop"
LOOP = """
import json, sys
from faster_whisper import WhisperModel
model = WhisperModel(sys.argv[1], device="cpu")
for path in sys.stdin.read().splitlines():
    segments, _ = model.transcribe(path, word_timestamps=True, beam_size=5)
    print(json.dumps({"path": path, "text": "".join(s.text for s in segments)}), flush=True)
"""
WARM = """
import sys, time
from faster_whisper import WhisperModel
from emocli.encoders import speech_to_text
from emocli.signals import audio, voice_activity
path = sys.argv[2]
peer = WhisperModel(sys.argv[1], device="cpu")
ours = speech_to_text.load(sys.argv[1], device="cpu")
def emocli():
    samples = audio.read(path).samples
    speech_to_text.transcribe(ours, [samples], [voice_activity.speech_segments(samples)])
def loop():
    list(peer.transcribe(path, word_timestamps=True, beam_size=5)[0])
for turn in range(int(sys.argv[3]) + 1):
    for work in (loop, emocli):
        start = time.perf_counter()
        work()
        if turn:
            print(work.__name__, time.perf_counter() - start)
"""


def run() -> list[dict]:
    """Return rows: seconds of whole processes unless warm, medians of alternating runs."""
    data = os.environ.get("EMOCLI_DATA")
    if not data or not Path(data, "asr", "reference.json").exists():
        return [{"name": "transcribe: skipped, EMOCLI_DATA has no asr/", "ok": True}]
    from emocli import hub

    model = str(hub.resolve("faster-whisper-tiny.en"))
    reference = json.loads(Path(data, "asr", "reference.json").read_text())
    sentences = {str(Path(data, "asr", r["file"])): r["text"] for r in reference.values()}
    one = next(iter(sentences))
    rows = [
        _timed("transcribe one file, start-up included", model, [one], ONE_FILE_BAR),
        _warm(model, one),
    ]
    clips = sorted(str(path) for path in Path(data, "ravdess").glob("*.flac"))
    if len(clips) >= CLIPS:
        some = clips[:: len(clips) // CLIPS][:CLIPS]
        rows.append(_timed(f"transcribe {CLIPS} short clips", model, some, CLIPS_BAR))
    return [*rows, _errors(model, sentences)]


def _timed(name: str, model: str, paths: list[str], bar: float) -> dict:
    ours, peer = [], []
    for _ in range(RUNS if len(paths) == 1 else 1):
        peer.append(_seconds(lambda: _loop(model, paths)))
        ours.append(_seconds(lambda: _emocli(paths)))
    return _row(name, statistics.median(ours), statistics.median(peer), bar)


def _row(name: str, value: float, peer_value: float, bar: float) -> dict:
    ratio = peer_value / value
    return {
        "name": name,
        "value": value,
        "unit": "s",
        "peer": PEER,
        "peer_value": peer_value,
        "ratio": ratio,
        "bar": bar,
        "ok": ratio >= bar,
    }


def _warm(model: str, path: str) -> dict:
    command = [sys.executable, "-c", WARM, model, path, str(RUNS)]
    output = subprocess.run(
        command, capture_output=True, text=True, check=True, env=ENVIRONMENT
    ).stdout
    times: dict[str, list[float]] = {}
    for line in output.splitlines():
        name, seconds = line.split()
        times.setdefault(name, []).append(float(seconds))
    ours, peer = (statistics.median(times[name]) for name in ("emocli", "loop"))
    return _row("transcribe one file, warm", ours, peer, ONE_FILE_BAR)


def _errors(model: str, sentences: dict[str, str]) -> dict:
    """Compare word error rates in percent; `ratio` is the difference in points."""
    ours = _error_rate(_emocli(list(sentences)), sentences)
    peer = _error_rate(_loop(model, list(sentences)), sentences)
    return {
        "name": f"transcribe, word error rate of {len(sentences)} sentences",
        "value": ours,
        "unit": "%",
        "peer": PEER,
        "peer_value": peer,
        "ratio": ours - peer,
        "bar": ERROR_BAR,
        "ok": ours - peer <= ERROR_BAR,
    }


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _loop(model: str, paths: list[str]) -> dict[str, str]:
    return _texts([sys.executable, "-c", LOOP, model], paths)


def _emocli(paths: list[str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as store:
        flags = ["--files-from", "-", "--store", store, "--device", "cpu", "-q"]
        return _texts([sys.executable, "-m", "emocli", "transcribe", *flags], paths)


def _texts(command: list[str], paths: list[str]) -> dict[str, str]:
    listed = "".join(f"{path}\n" for path in paths)
    done = subprocess.run(
        command, input=listed, stdout=-1, stderr=-1, text=True, check=True, env=ENVIRONMENT
    )
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == len(paths)
    return {record["path"]: record["text"] for record in records}


def _error_rate(texts: dict[str, str], sentences: dict[str, str]) -> float:
    pairs = [(_words(sentences[path]), _words(texts[path])) for path in sentences]
    return 100 * sum(_distance(a, b) for a, b in pairs) / sum(len(a) for a, _ in pairs)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def _distance(reference: list[str], heard: list[str]) -> int:
    """Return the least number of words to change, add or leave out (Levenshtein 1966)."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(reference, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (word != other))
    return row[-1]


if __name__ == "__main__":
    for line in run():
        print(line)
