"""extract-audio on 200 clips with two workers, against a shell loop around ffmpeg."""

from __future__ import annotations

import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import soundfile

CLIPS = 200
RUNS = 3
BAR = 1.6
KINDS = ("mp4", "m4a", "mp3", "opus", "flac")  # what people have, in equal parts
LOOP = """
for clip in {clips}/*; do
    {ffmpeg} -nostdin -loglevel error -y -i "$clip" -ar 16000 -ac 1 {out}/"${{clip##*/}}".wav
done
"""


def run() -> list[dict]:
    """Return one row: seconds, start-up included, the median of alternating runs."""
    with tempfile.TemporaryDirectory() as folder:
        clips = make_clips(Path(folder, "clips"))
        ours, peer = [], []
        for turn in range(RUNS):
            peer.append(_shell_loop(clips, Path(folder, f"wav{turn}")))
            ours.append(_extract_audio(clips, Path(folder, f"store{turn}")))
    value, peer_value = statistics.median(ours), statistics.median(peer)
    return [
        {
            "name": f"extract-audio, {CLIPS} clips, --jobs 2",
            "value": value,
            "unit": "s",
            "peer": "shell loop around ffmpeg",
            "peer_value": peer_value,
            "ratio": peer_value / value,
            "bar": BAR,
            "ok": peer_value / value >= BAR,
        }
    ]


def make_clips(folder: Path) -> list[Path]:
    """Write clips of 2 to 4 s: a voiced sound with a noise floor, in every kind of file."""
    folder.mkdir()
    random = np.random.default_rng(0)
    clips = [folder / f"clip{i:03d}.{KINDS[i % len(KINDS)]}" for i in range(CLIPS)]
    for clip in clips:
        _encode(_speech_like(random), clip)
    return clips


def _speech_like(random: np.random.Generator) -> np.ndarray:
    seconds = random.uniform(2, 4)
    time_s = np.arange(int(seconds * 44_100)) / 44_100
    f0_hz = random.uniform(90, 250) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time_s))
    phase = 2 * np.pi * np.cumsum(f0_hz) / 44_100
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    loudness = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * time_s)  # 4 syllables a second
    mono = 0.1 * voice * loudness + random.normal(0, 1e-3, len(time_s))
    return np.stack([mono, mono], axis=1)


def _encode(samples: np.ndarray, target: Path) -> None:
    wav = target.with_suffix(".source.wav")
    soundfile.write(wav, samples, 44_100)
    picture = ["-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-shortest"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-i", str(wav)]
    subprocess.run([*command, *(picture if target.suffix == ".mp4" else []), target], check=True)
    wav.unlink()


def _shell_loop(clips: list[Path], out: Path) -> float:
    out.mkdir()
    ffmpeg = shlex.quote(imageio_ffmpeg.get_ffmpeg_exe())
    script = LOOP.format(clips=clips[0].parent, ffmpeg=ffmpeg, out=out)
    start = time.perf_counter()
    subprocess.run(["sh", "-c", script], check=True)
    seconds = time.perf_counter() - start
    assert len(list(out.iterdir())) == CLIPS
    return seconds


def _extract_audio(clips: list[Path], store: Path) -> float:
    command = [sys.executable, "-m", "emocli", "extract-audio", "--quiet", "--jobs", "2"]
    environment = {k: v for k, v in os.environ.items() if k != "EMOCLI_FFMPEG"}
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--store", store, *clips], check=True, stdout=subprocess.PIPE, env=environment
    )
    seconds = time.perf_counter() - start
    assert done.stdout.count(b'"audio"') == CLIPS
    return seconds


if __name__ == "__main__":
    for row in run():
        print(row)
