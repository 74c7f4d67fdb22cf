"""16 frames of a ten-minute film, against decoding all of it; no clip is slower; memory is flat.

The peer is PyAV decoding every frame once, and converting the same 16. CPU seconds of one thread,
the median of rounds in turns. The films are made cheaply: ten seconds that are repeated, packets
copied. Memory is what a process grows by beyond the libraries. With $EMOCLI_DATA the films of its
folder media are read by both decoders, and compared with a full decoding.
"""

from __future__ import annotations

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from emocli.signals import video, video_libav
from emocli.signals.video import Rate, Uniform
from emocli.signals.video_about import Surveys
from tests.bench import memory

COUNT = 16
ROUNDS = 3
LONG_BAR, SHORT_BAR = 5.0, 1.0
PROGRAM_BAR = 3.0  # ffmpeg's program, which starts again for each stretch
NOISE = 0.95  # of a ratio that should be 1, on a busy machine
MEMORY_BAR_MIB = 64.0
MEMORY = (
    "import sys; from tests.bench import bench_video;"
    " print(getattr(bench_video, sys.argv[1])(sys.argv[2]))"
)
KINDS = {
    "grown_mib": "2 frames a second one by one",
    "grown_by_faces_mib": "two faces and their speech",
}
CLIP = Path(__file__).parents[2] / "examples" / "clips" / "joy.wav"
EVERY_S = 0.02  # in which memory is looked at

PICTURE = "testsrc2=size={size}:rate={rate}:duration={seconds}"
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p")
# Clip -> (source, encoder): what could be slower than decoding all of it.
CLIPS = {
    "one key frame, 6 s": (PICTURE.format(size="640x360", rate=25, seconds=6), ("-g", "9999")),
    "all key frames, 6 s": (PICTURE.format(size="640x360", rate=25, seconds=6), ("-g", "1")),
    "B-frames, 2 s": (PICTURE.format(size="640x360", rate=25, seconds=2), ("-g", "25", "-bf", "3")),
    "16 frames": (PICTURE.format(size="640x360", rate=8, seconds=2), ("-g", "4")),
}


def run() -> list[dict]:
    """Return rows of time and of memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long = long_film(folder)
        rows = [_row("10 min of 720p", long, LONG_BAR)]
        for clip, (source, options) in CLIPS.items():
            path = folder / f"{len(rows)}.mp4"
            _ffmpeg("-f", "lavfi", "-i", source, *H264, *options, path)
            rows.append(_row(clip, path, SHORT_BAR))
        rows.append(_program(long))
        hours = {n: two_hours(folder, n) for n in (1, 2)}
        used = [_memory(n, path, kind) for kind in KINDS for n, path in hours.items()]
        return [*rows, *used, *_real()]


def _real() -> list[dict]:
    """Return a row for real films: how many of them have the frames of a full decoding."""
    folder = Path(os.environ.get("EMOCLI_DATA") or "/nowhere", "media")
    paths = [path for path in sorted(folder.glob("*.m*")) if path.suffix in (".mp4", ".mov")]
    same = sum(_is_same(path) for path in paths)
    row = {"name": "video: real films as in a full decoding", "value": same, "unit": "films"}
    row |= {"peer": "there are", "peer_value": len(paths), "ratio": None, "bar": None}
    return [row | {"ok": same == len(paths)}] if paths else []


def _is_same(path: Path) -> bool:
    """Say whether both decoders give the frames of a full decoding, at the same times."""
    clips = []
    for program in ("", imageio_ffmpeg.get_ffmpeg_exe()):
        os.environ["EMOCLI_FFMPEG"] = program
        clips.append(video.read(path, Uniform(COUNT)))
    os.environ["EMOCLI_FFMPEG"] = ""
    numbers = chosen(path)
    wholly = full(path, numbers)
    one, other = clips
    alike = np.array_equal(one.images, other.images) and np.array_equal(one.times, other.times)
    return alike and np.array_equal(one.images, wholly)


def chosen(path: Path) -> list[int]:
    """Return the numbers of 16 frames spread over a film."""
    source = video_libav.opened(str(path))
    assert source is not None
    source.close()
    return video.video_wanted.chosen(Uniform(COUNT), source.film, None, None)


def long_film(folder: Path) -> Path:
    """Write ten minutes of 720p with B-frames and a key frame every ten seconds."""
    short, path = folder / "short.mp4", folder / "long.mp4"
    source = PICTURE.format(size="1280x720", rate=25, seconds=10)
    options = ("-preset", "veryfast", "-g", "250", "-bf", "3")
    _ffmpeg("-f", "lavfi", "-i", source, *H264, *options, short)
    _ffmpeg("-stream_loop", "59", "-i", short, "-c", "copy", path)
    return path


def two_hours(folder: Path, hours: int) -> Path:
    """Write a small film of so many hours, ten frames a second, with somebody who speaks."""
    short, path = folder / "small.mp4", folder / f"{hours}h.mp4"
    if not short.exists():
        source = ("-f", "lavfi", "-i", PICTURE.format(size="160x120", rate=10, seconds=60))
        sound = ("-stream_loop", "-1", "-i", CLIP, "-t", "60", "-c:a", "aac")
        _ffmpeg(*source, *sound, *H264, short)
    _ffmpeg("-stream_loop", str(hours * 60 - 1), "-i", short, "-c", "copy", path)
    return path


def _ffmpeg(*arguments: str | Path) -> None:
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y"]
    subprocess.run([*program, *arguments], check=True)


def ours(path: Path) -> np.ndarray:
    """Return 16 frames spread over a film that is not known yet."""
    video_libav._surveys = Surveys()
    return video.read(path, Uniform(COUNT)).images


def full(path: Path, numbers: list[int]) -> np.ndarray:
    """Return frames with these numbers; all are decoded."""
    import av

    wanted, found = set(numbers), []
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for number, frame in enumerate(container.decode(stream)):
            if number in wanted:
                found.append(frame.to_ndarray(format="rgb24"))
    return np.stack(found)


def _cpu_s(action: Callable[[], object]) -> float:
    """Return the CPU seconds of an action, those of processes that it starts included."""
    before = time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    action()
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before


def _row(clip: str, path: Path, bar: float) -> dict:
    numbers = chosen(path)
    np.testing.assert_array_equal(ours(path), full(path, numbers))
    rounds = ROUNDS if bar > SHORT_BAR else 5 * ROUNDS
    mine, theirs = [], []
    for _ in range(rounds):
        mine.append(_cpu_s(lambda: ours(path)))
        theirs.append(_cpu_s(lambda: full(path, numbers)))
    value, peer = statistics.median(mine), statistics.median(theirs)
    row = {"name": f"video: {COUNT} frames, {clip}", "value": value, "unit": "cpu s"}
    row |= {"peer": "decoding all", "peer_value": peer, "ratio": peer / value, "bar": bar}
    return row | {"ok": peer / value >= (bar if bar > SHORT_BAR else NOISE * bar)}


def _program(path: Path) -> dict:
    """Return the row of ffmpeg's program, against the program decoding all."""
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-nostdin", "-loglevel", "error", "-threads", "1", "-i", path]
    peer = _cpu_s(lambda: subprocess.run([*command, "-f", "null", "-"], check=True))
    os.environ["EMOCLI_FFMPEG"] = program
    try:
        value = _cpu_s(lambda: video.read(path, Uniform(COUNT)))
    finally:
        del os.environ["EMOCLI_FFMPEG"]
    name = f"video: {COUNT} frames, 10 min of 720p, without PyAV"
    row = {"name": name, "value": value, "unit": "cpu s", "peer": "ffmpeg decoding all"}
    ratio = peer / value
    return row | {
        "peer_value": peer,
        "ratio": ratio,
        "bar": PROGRAM_BAR,
        "ok": ratio >= PROGRAM_BAR,
    }


def _memory(hours: int, path: Path, kind: str) -> dict:
    command = [sys.executable, "-c", MEMORY, kind, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    value = float(done.stdout)
    name = f"video: memory of {hours} h, {KINDS[kind]}"
    row = {"name": name, "value": value, "unit": "MiB", "bar": MEMORY_BAR_MIB}
    return row | {"peer": None, "peer_value": None, "ratio": None, "ok": value <= MEMORY_BAR_MIB}


def grown_mib(path: str) -> float:
    """Return by how many MiB the peak of this process grows while a film is read."""
    for _ in video.frames(path, Rate(2), 0, 5):
        pass
    video_libav._surveys = Surveys()
    before, count = memory.peak_mib(), 0
    for _ in video.frames(path, Rate(2)):
        count += 1
    assert count > 7000
    return memory.peak_mib() - before


def grown_by_faces_mib(path: str) -> float:
    """Return the same of what extract-video does with two faces; files in memory do not count."""
    from emocli.io.store import Store
    from emocli.modalities import video as modality
    from emocli.modalities import video_sampling, video_stored

    boxes = np.array([[10, 20, 40, 50, 0.9], [80, 20, 45, 55, 0.9]], np.float32)
    sampled = video_sampling.complete({}, video_sampling.DEFAULT, faces=True)
    wanted = modality.Wants(sampled | {"detector": "none"}, lambda some: [boxes for _ in some])
    with tempfile.TemporaryDirectory() as folder:
        store = Store(folder)

        def extract(**part: float) -> None:
            found = modality.look({"id": "a", "path": path, **part}, wanted, store)
            video_stored.put_faces(store, found.images)

        extract(start=0.0, end=20.0)
        extract(start=0.0, end=700.0)
        video_libav._surveys = Surveys()
        before, ended = _own_mib(), threading.Event()
        with ThreadPoolExecutor(1) as pool:
            peak = pool.submit(_highest_mib, ended)
            extract()
            ended.set()
            return peak.result() - before


def _highest_mib(ended: threading.Event) -> float:
    highest = _own_mib()
    while not ended.wait(EVERY_S):
        highest = max(highest, _own_mib())
    return highest


def _own_mib() -> float:
    """Return what this process has in memory but for files."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(re.search(r"RssAnon:\s*(\d+) kB", status)[1]) / 1024


if __name__ == "__main__":
    for line in run():
        print(line)
