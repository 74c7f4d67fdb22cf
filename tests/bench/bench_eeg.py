"""One hour of 62 channels at 200 Hz to differential entropy, against mne's ways to do it.

Peers, on the same samples and windows of 4 s with periodograms of 1 s: `raw.compute_psd` per window
and `psd_array_welch` on slices. CPU seconds of one thread. Memory is what a process grows by beyond
the samples, of one hour, and of eight hours that are read in pieces from a file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from emocli.signals import eeg_bands, eeg_files, eeg_filters, eeg_windows
from tests.bench import memory

RATE_HZ, CHANNELS, WINDOW_S = 200, 62, 4.0
HOUR_S = 3600
ROUNDS = 3
BARS = {"raw.compute_psd per window": 5.0, "psd_array_welch on slices": 2.5}
MEMORY_BAR_MIB = 64.0
MEMORY = "import sys; from tests.bench import bench_eeg; print(bench_eeg.grown_mib(*sys.argv[1:]))"


def samples(seconds: int) -> np.ndarray:
    """Return noise (channels, time), uV, float32."""
    random = np.random.default_rng(0)
    values = random.standard_normal((CHANNELS, seconds * RATE_HZ), np.float32)
    values *= np.float32(20)
    return values


def ours(values: np.ndarray) -> np.ndarray:
    """Return differential entropy (windows, channels, bands)."""
    size = round(WINDOW_S * RATE_HZ)
    windows = values.reshape(CHANNELS, -1, size).transpose(1, 0, 2)
    return eeg_bands.differential_entropy(eeg_bands.band_power(windows, RATE_HZ))


def by_slices(values: np.ndarray) -> np.ndarray:
    """Return the same by mne's `psd_array_welch`, a window at a time."""
    import mne

    size, found = round(WINDOW_S * RATE_HZ), []
    for start in range(0, values.shape[1], size):
        found.append(
            mne.time_frequency.psd_array_welch(
                values[:, start : start + size], RATE_HZ, n_fft=RATE_HZ, verbose="ERROR"
            )
        )
    return entropy(found)


def by_raw(raw: object) -> np.ndarray:
    """Return the same by `raw.compute_psd`, a window at a time."""
    found = []
    for window in range(round(HOUR_S / WINDOW_S)):
        start = window * WINDOW_S
        spectrum = raw.compute_psd(  # type: ignore[attr-defined]
            "welch",
            tmin=start,
            tmax=start + WINDOW_S - 1 / RATE_HZ,
            n_fft=RATE_HZ,
            picks="all",
            verbose="ERROR",
        )
        found.append((spectrum.get_data(picks="all"), spectrum.freqs))
    return entropy(found)


def entropy(spectra: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return differential entropy of spectra (channels, frequencies)."""
    hz = spectra[0][1]
    density = np.stack([density for density, _ in spectra])
    power = [density[..., (hz >= a) & (hz < b)].sum(-1) for a, b in eeg_bands.BANDS.values()]
    return eeg_bands.differential_entropy(np.stack(power, axis=-1))


def run() -> list[dict]:
    """Return rows of time and of memory."""
    import mne

    values = samples(HOUR_S)
    info = mne.create_info(CHANNELS, RATE_HZ, "eeg")
    doubles = values.astype(np.float64)
    raw = mne.io.RawArray(doubles, info, verbose="ERROR")
    ways: dict[str, Callable[[], np.ndarray]] = {
        "ours": lambda: ours(values),
        "raw.compute_psd per window": lambda: by_raw(raw),
        "psd_array_welch on slices": lambda: by_slices(doubles),
    }
    seconds = {name: [] for name in ways}
    results = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            before = time.process_time()
            results[name] = way()
            seconds[name].append(time.process_time() - before)
    best = {name: min(times) for name, times in seconds.items()}
    rows = [_row(peer, best["ours"], best[peer], bar) for peer, bar in BARS.items()]
    for peer in BARS:
        np.testing.assert_allclose(results["ours"], results[peer], rtol=1e-5)
    return [*rows, _memory("arrays", "1"), _memory("pieces", "1"), _memory("pieces", "8")]


def _row(peer: str, value: float, peer_value: float, bar: float) -> dict:
    ratio = peer_value / value
    name = "EEG: 1 h of 62 channels at 200 Hz to differential entropy"
    row = {"name": name, "value": value, "unit": "cpu s", "peer": peer, "peer_value": peer_value}
    return row | {"ratio": ratio, "bar": bar, "ok": ratio >= bar}


def _memory(way: str, hours: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, way, hours], capture_output=True, text=True, check=True
    )
    value = float(done.stdout)
    where = "beyond the samples" if way == "arrays" else "read, filtered and cut in pieces"
    name = f"EEG: memory of {hours} h, {where}"
    row = {"name": name, "value": value, "unit": "MiB", "bar": MEMORY_BAR_MIB}
    ok = value <= MEMORY_BAR_MIB
    return row | {"peer": None, "peer_value": None, "ratio": None, "ok": ok}


def grown_mib(way: str, hours: str) -> float:
    """Return by how many MiB the peak of this process grows."""
    warm = samples(8)
    ours(warm)
    if way == "arrays":
        values = samples(int(hours) * HOUR_S)
        memory.peak_mib()
        before = memory.peak_mib()
        ours(values)
        return memory.peak_mib() - before
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.edf")
        _long_file(path, int(hours) * HOUR_S)
        _piecewise(Path(path), 64)  # what libraries allocate once
        memory.peak_mib()
        before = memory.peak_mib()
        _piecewise(path, None)
        return memory.peak_mib() - before


def _piecewise(path: Path, end: float | None) -> int:
    """Read, refer, filter and cut a recording; return the number of windows."""
    recording = eeg_files.read(path)
    blocks: Iterator[np.ndarray] = recording.blocks(0, end)
    blocks = eeg_windows.average_reference(blocks)
    blocks = eeg_filters.filtered(blocks, eeg_filters.band_pass(recording.rate_hz, 0.5, 75))
    grid = eeg_windows.grid(recording.rate_hz, WINDOW_S, 0)
    count = 0
    for windows in eeg_windows.windows(blocks, grid):
        power = eeg_bands.band_power(windows, recording.rate_hz)
        count += len(eeg_bands.differential_entropy(power))
    return count


def _long_file(path: Path, seconds: int) -> None:
    """Write an EDF file without holding it: the same minute over and over."""
    from tests.signals import edf_files

    labels = [f"E{n}" for n in range(CHANNELS)]
    edf_files.write(path, samples(60), RATE_HZ, labels)
    whole = path.read_bytes()
    length = 256 * (1 + CHANNELS)
    with path.open("wb") as file:
        file.write(whole[:236] + str(seconds).ljust(8).encode() + whole[244:length])
        for _ in range(seconds // 60):
            file.write(whole[length:])


if __name__ == "__main__":
    for line in run():
        print(line)
