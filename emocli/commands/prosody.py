"""Measure how an utterance and its vowels are said, through Praat, and put it into words.

Reads `audio` (or `path`, decoded in place), and `phones` where `emocli align` has added them. Adds
`prosody`: duration, f0_mean_hz, f0_median_hz, f0_sd_st, f0_range_st, f0_slope_st_per_s,
voiced_fraction, intensity_mean_db, intensity_sd_db, intensity_range_db, speech_rate_syll_per_s,
articulation_rate_syll_per_s, pause_count, pause_total, jitter_local, shimmer_local_db, hnr_db,
alpha_ratio_db, spectral_tilt_db_per_octave, f1_mean_hz, f2_mean_hz, f3_mean_hz; and how it was
measured: pitch_floor_hz, pitch_ceiling_hz, praat, parselmouth. Streams.

With phones also vowel_rate_per_s and `vowels`, each with phone, word, start, end, stress, duration,
f0_mean_hz, f0_slope_st_per_s, f0_sd_st, f0_range_st, intensity_mean_db, intensity_sd_db, f1_hz,
f2_hz, f3_hz. The rates in syllables count peaks of loudness, with phones or without.

Against norms: `levels` of the utterance (pitch, pitch_variation, loudness, loudness_variation,
tempo, brightness, clarity, pauses) and of every vowel (slope, pitch, pitch_variation, intensity,
intensity_variation, duration), each very low, low, moderate, high, very high, or unclear; a
`summary`; with phones a `description`, a clause per vowel, always in English; and which `norms`.

--fit makes norms from the records that pass (of those with a `split`, from train), --norms uses
them: a `speaker` they know is judged by what is usual for that speaker, others by what is usual
for low or for high voices. Without --norms those of English speech are used, mostly acted. They
cannot know how loud a recording ought to be: loudness has no level then, and a vowel's intensity
is compared with its utterance's.

Units are in the names; st is semitones, durations are seconds. What is undefined (the pitch of a
whisper) is null. The pitch range is the speaker's own, found in a first look. Audio below 0.1 s
is too_short. Results do not depend on --jobs.

Example:
    emocli prosody a.wav | jq -r .prosody.summary
    emocli align said.jsonl | emocli prosody | jq -r .prosody.description
    emocli prosody --fit norms.json train.jsonl > train.prosody.jsonl
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emocli.cli import options
from emocli.errors import UsageError
from emocli.stages import prosody


@options.filter("jobs", "store")
def command(
    run: options.Run,
    norms: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Norms to judge by (default: shipped).")
    ] = None,
    fit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Fit norms on what passes; write FILE.")
    ] = None,
) -> int:
    """Measure how an utterance and its vowels are said, through Praat, and put it into words."""
    work = prosody.stage(run.context, norms=norms)
    if fit is None:
        return run.through(work)
    if run.flags["resume"]:
        raise UsageError("--fit with --resume: norms need every record, not those that are left")
    from emocli.stages.prosody import fit as fitting

    status, summary = fitting.through(run.through, work, fit, run.streams.stdout)
    if summary and not run.flags["quiet"]:
        run.say(summary)
    return status
