"""Measure the prosody of an utterance and its vowels with Praat, and describe it in words.

Reads `audio` (or `path`, decoded in place), and `phones` where `emocli align` has added them. Adds
`prosody`: duration, f0_mean_hz, f0_median_hz, f0_sd_st, f0_range_st, f0_slope_st_per_s,
voiced_fraction, intensity_mean_db, intensity_sd_db, intensity_range_db, speech_rate_syll_per_s,
articulation_rate_syll_per_s, pause_count, pause_total, jitter_local, shimmer_local_db, hnr_db,
alpha_ratio_db, spectral_tilt_db_per_octave, f1_mean_hz, f2_mean_hz, f3_mean_hz; and the settings of
the measurement: pitch_floor_hz, pitch_ceiling_hz, praat, parselmouth. Streams.

With phones it adds vowel_rate_per_s and `vowels`, each with phone, word, start, end, stress,
duration, f0_mean_hz, f0_slope_st_per_s, f0_sd_st, f0_range_st, intensity_mean_db, intensity_sd_db,
f1_hz, f2_hz, f3_hz. The syllable rates count peaks of loudness, with or without phones.

By comparison with norms it adds `levels` of the utterance (pitch, pitch_variation, loudness,
loudness_variation, tempo, brightness, clarity, pauses) and of every vowel (slope, pitch,
pitch_variation, intensity, intensity_variation, duration), each very low, low, moderate, high, very
high, or unclear; a `summary`; with phones a `description`, one clause per vowel, always in English;
and the name of the `norms`.

--fit makes norms from the records that pass through (of those with a `split`, from train), --norms
uses them: a `speaker` that they know is compared with that speaker's norms, others with the norms
of low or of high voices. The default norms are those of English speech, mostly acted. They do not
fix the loudness of a recording: without --norms loudness has no level, and the intensity of a
vowel is compared with that of its utterance.

Names contain the units; st is semitones, durations are in seconds. Undefined values (the pitch of
a whisper) are null. Intensities are of the sounding part, within 25 dB of the loudest. The pitch
range is that of the speaker, found in a first pass; lower pitch counts as unvoiced, which in loud
speech is up to 5 % of the voiced frames. Audio shorter than 0.1 s is an error (too_short). Results
do not depend on --jobs.

Long recordings are cut into utterances: see --segment and --segments in man emocli-predict.

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


@options.filter("jobs", "store", "segment")
def command(
    run: options.Run,
    norms: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Norms to compare with (default: shipped).")
    ] = None,
    fit: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Fit norms on all records; write FILE.")
    ] = None,
) -> int:
    """Measure the prosody of an utterance and its vowels with Praat, and describe it in words."""
    work = prosody.stage(run.context, norms=norms)
    if fit is None:
        return run.through(work)
    if run.common.resume:
        raise UsageError(
            "--fit with --resume: norms need every record, not only the remaining ones"
        )
    from emocli.stages.prosody import fit as fitting

    status, summary = fitting.through(run.through, work, fit, run.streams.stdout)
    if summary and not run.common.quiet:
        run.say(summary)
    return status
