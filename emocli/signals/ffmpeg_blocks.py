"""Decode a file through ffmpeg block by block: the samples of `ffmpeg.decode` in little memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from emocli.signals import ffmpeg, ffmpeg_lengths, ffmpeg_log, ffmpeg_process, sixteen_bits
from emocli.signals.ffmpeg import SAMPLE_RATE_HZ, Plan
from emocli.signals.ffmpeg_process import PATIENCE_S, Result, Running
from emocli.signals.flows import About, Values
from emocli.signals.sixteen_bits import FLOATS, FULL_SCALE, Quantiser, numbers

BLOCK_BYTES = 1 << 18  # collected before it is passed on: 8 s (our choice)
ENDING_S = 2.0  # from the measurements that ffmpeg logs at its end to its exit (our choice)


class _OtherPlanError(Exception):
    """What the log says of a file asks for another way to decode it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan


def blocks(path: str, about: About, *, skip: int = 0, in_order: bool = True) -> Iterator[Values]:
    """Yield the 16-bit samples (time,) of the first audio stream; tell `about` what is known.

    The first `skip` samples are left out: another decoder gave them. `in_order` and errors: see
    `ffmpeg.decode`.
    """
    plan: Plan | None = Plan(None, None, keeps_time=in_order, measured=True)
    while plan is not None:
        at, current, plan = 0, plan, None
        try:
            for values in _Decoding(current, path, about).blocks():
                first = max(skip - at, 0)
                at += len(values)
                if first < len(values):
                    skip = at
                    yield values[first:]
        except _OtherPlanError as error:
            plan = error.plan


class _Decoding:
    """One run of ffmpeg over a file."""

    def __init__(self, plan: Plan, path: str, about: About) -> None:
        self.plan, self.path, self.about = plan, path, about
        self.again = Path(path).is_file()  # a pipe cannot be read again
        self.count = self.full = self.odd = self.looked = 0
        self.quantiser: Quantiser | None = None

    def blocks(self) -> Iterator[Values]:
        """Yield the samples; _OtherPlanError before any that another plan would decode otherwise.

        RecordError if there are none, or if ffmpeg hangs.
        """
        with ffmpeg_process.running(ffmpeg.command(self.plan, self.path)) as process:
            while data := _collected(process):
                if not self.count:
                    yield from self._begin(process.log)
                self._look(process)
                yield self._values(data)
            self._end(process.finish())

    def _begin(self, log: str) -> Iterator[Values]:
        """Read the header of the file in the log; yield the silence before a late beginning."""
        ffmpeg.require_plausible(log)
        encoding = ffmpeg_log.float_encoding(log)
        if encoding and encoding.startswith(FLOATS) and not self.plan.floats and self.again:
            raise _OtherPlanError(self.plan._replace(floats=True))
        if self.plan.floats:
            self.quantiser = Quantiser(encoding or FLOATS[0])
        self.about.channels = ffmpeg_log.channels(log)
        self.about.decoder = f"ffmpeg {ffmpeg_log.version(log)}"
        late_s = (ffmpeg_log.late_s if self.plan.keeps_time else ffmpeg_log.begin_s)(log)
        if late_s:
            self.count += round(late_s * SAMPLE_RATE_HZ)
            yield np.zeros(self.count, np.int16)

    def _look(self, process: Running) -> None:
        """Look for a change of the sample rate: the log then has the measurements up to it."""
        if not (self.again and self.plan.keeps_time) or process.log_bytes == self.looked:
            return
        self.looked = process.log_bytes
        if ffmpeg_log.has_measured(process.log) and (
            not process.ends_within(ENDING_S) or ffmpeg_log.parts(process.log) > 1
        ):
            raise _OtherPlanError(self.plan._replace(keeps_time=False))

    def _values(self, data: bytes) -> Values:
        if self.quantiser is None:
            values = np.frombuffer(data, "<i2", count=len(data) // 2)
            self.full += int(np.count_nonzero(values == FULL_SCALE - 1))
            self.full += int(np.count_nonzero(values == -FULL_SCALE))
        else:
            floats = np.frombuffer(data, "<f4", count=len(data) // 4)
            self.odd += int(np.count_nonzero(~np.isfinite(floats)))
            values = self.quantiser(numbers(floats))
        self.count += len(values)
        return values

    def _end(self, made: Result) -> None:
        """Tell what the log says of the whole; _OtherPlanError or RecordError without samples."""
        log = made.log
        ffmpeg.require_plausible(log)
        if self.again and ffmpeg_log.is_unknown(log) and not self.plan.far:
            raise _OtherPlanError(self.plan._replace(far=True))
        if not self.count:
            raise ffmpeg_log.failure(log, None)
        parts = ffmpeg_log.parts(log)
        joined = f"joined of {parts} parts with different sample rates or channels"
        incomplete = ffmpeg_lengths.incomplete_of(made, self.path, self.count / SAMPLE_RATE_HZ)
        if incomplete:
            self.about.claimed_s = ffmpeg_log.claimed_s(log)
        self.about.warnings += [
            joined if parts > 1 else None,
            ffmpeg_log.warning(log, made.status, incomplete),
            *self._lost(log),
            ffmpeg_log.cancelled(log, np.zeros(0, np.int16), SAMPLE_RATE_HZ),
        ]

    def _lost(self, log: str) -> list[str]:
        """Return what 16 bits could not hold."""
        odd = [f"{self.odd} samples are NaN or infinity"] if self.odd else []
        if self.quantiser is not None:
            return [*odd, *self.quantiser.warnings]
        encoding = ffmpeg_log.float_encoding(log)
        if encoding and sixteen_bits.clipped_too_often(self.full, self.count, encoding):
            share = 100 * self.full / self.count
            return [f"{self.full} samples ({share:.2g} %) are at full scale or beyond, and clipped"]
        return []


def _collected(process: Running) -> bytes:
    """Return the next bytes, as many as a block has; less only at the end, and a whole number."""
    data = bytearray()
    while len(data) < BLOCK_BYTES and (more := process.read(PATIENCE_S, BLOCK_BYTES - len(data))):
        data += more
    return bytes(data)
