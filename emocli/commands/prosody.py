"""Measure how an utterance is said: pitch, loudness, rhythm, voice quality, through Praat.

Reads `audio` (or `path`, decoded in place). Adds `prosody`: f0_mean_hz, f0_median_hz, f0_sd_st,
f0_range_st, f0_slope_st_per_s, voiced_fraction, intensity_mean_db, intensity_sd_db,
intensity_range_db, speech_rate_syll_per_s, articulation_rate_syll_per_s, pause_count,
pause_total, jitter_local, shimmer_local_db, hnr_db, alpha_ratio_db, duration; and how it was
measured: pitch_floor_hz, pitch_ceiling_hz, praat, parselmouth. Streams.

Units are in the names; st is semitones, durations are seconds. What is undefined (the pitch of a
whisper) is null. The pitch range is the speaker's own, found in a first look. Audio below 0.1 s
is too_short. Results do not depend on --jobs.

Example:
    emocli prosody a.wav | jq '.prosody | {f0_median_hz, speech_rate_syll_per_s}'
"""

from __future__ import annotations

from functools import partial
from typing import Any

from emocli import options, stages
from emocli.commands import extract_audio
from emocli.store import Store

Record = dict[str, Any]


@options.filter("jobs", "store")
def command(run: options.Run) -> int:
    """Measure how an utterance is said: pitch, loudness, rhythm, voice quality, through Praat."""
    return run.through(stage(run.store, jobs=run.jobs))


def stage(store: Store | None, *, jobs: int = 1) -> stages.Stage:
    """Return the stage that adds `prosody`, in processes (Praat is not thread-safe)."""
    from emocli.signals import prosody  # noqa: F401 - before the workers fork, once for all

    work = partial(measure, store=store)
    return stages.each(work, name="prosody", modality="audio", jobs=jobs)


def measure(record: Record, store: Store | None) -> Record:
    """Add `prosody` to a record; one that is known to have no audio stays as it is."""
    from emocli.signals import prosody

    if not extract_audio.no_audio(record):
        record["prosody"] = prosody.describe(extract_audio.samples(record, store))
    return record
