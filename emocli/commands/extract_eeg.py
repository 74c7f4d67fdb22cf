"""Clean recordings of EEG: filtered, referenced, resampled, with their faults marked, in the store.

Reads `path`, with `start` and `end` for records of a part of a file: EDF, BDF, BrainVision (.vhdr),
EEGLAB (.set), FIF, GDF, CNT; or the array that `dataset` names in `eeg.variable`. Adds `eeg`: path
in the store (channels, time), float32, uV; sample_rate_hz, duration, channels (electrodes of the
10-20 or 10-05 system), reference, band_hz, notch_hz, window_s, overlap_s, flagged, decoder, and a
`warning` where the file is cut short or has channels that are no electrodes. Streams.

In this order: the mains are taken out (--notch), the band is filtered (zero phase, mne's filters),
the mean of the good channels is subtracted, the rate is changed. Without --rate it is 200 Hz, or
that of the recording if that is lower; without --band it is 0.5 to 75 Hz, as far as the rate has
them. A part of a file is filtered with what lies around it.

Nothing is dropped silently. `eeg.mask` marks windows of channels that contain NaN, are flat,
clipped, or go beyond 150 uV (--artifact); encoders interpolate them from the other electrodes
(spherical splines). Channels that are bad throughout are named in `flagged.channels` and
interpolated. A unit that cannot be (an SD of a million microvolts), an electrode that is missing or
there twice, a stretch shorter than a window are errors.

Names of electrodes may be written in any way: fp1, EEG FP1-REF, T3 for T7. --channels chooses, and
--channels=-ECG,-X1 leaves out; the mean reference is that of the channels chosen.

A record that was extracted with other settings is extracted again. Without this command `encode`
and `predict` clean recordings themselves, as they were cleaned for the model.

Example:
    emocli extract-eeg s01.edf --notch 50 | emocli encode --modality eeg
    emocli extract-eeg s01.bdf --channels F3,F4,C3,C4 --band 1,45 --rate 128 --window 2 --overlap 0
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emocli.cli import options
from emocli.errors import UsageError
from emocli.signals.eeg_preparation import AVERAGE, OVERLAP_S, RECORDED, WINDOW_S, Preparation
from emocli.stages import extract_eeg

REFERENCES = (AVERAGE, RECORDED)
UNITS = ("V", "mV", "uV")

Seconds = typer.Option(min=0.1, metavar="SECONDS", help="Length of a window (default: 4).")
Overlap = typer.Option(min=0.0, metavar="SECONDS", help="Overlap of windows (default: 2).")


@options.filter("jobs", "store", "segment_none")
def command(
    run: options.Run,
    channels: Annotated[
        str | None, typer.Option(metavar="NAME,...", help="Electrodes to take (default: all).")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(metavar="average|recorded", help="Subtract the mean of channels, or not."),
    ] = None,
    band: Annotated[
        str | None, typer.Option(metavar="LOW,HIGH", help="Band in Hz (default: 0.5,75); or none.")
    ] = None,
    notch: Annotated[
        float | None, typer.Option(min=1, metavar="HZ", help="Take out the mains and multiples.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=1, metavar="HZ", help="Samples per second (default: 200).")
    ] = None,
    window: Annotated[float | None, Seconds] = None,
    overlap: Annotated[float | None, Overlap] = None,
    artifact: Annotated[
        float | None,
        typer.Option(min=1, metavar="UV", help="What a window may not go beyond (default: 150)."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(metavar="V|mV|uV", help="Unit of the file, if its header is wrong."),
    ] = None,
) -> int:
    """Clean recordings of EEG: filtered, referenced, resampled, with their faults marked."""
    flags = {
        "reference": reference,
        "band_hz": None if band is None else _band(band),
        "notch_hz": notch,
        "sample_rate_hz": rate,
        "window_s": window,
        "overlap_s": overlap,
        "artifact_uv": artifact,
        "channels": [name.strip() for name in channels.split(",")] if channels else None,
    }
    asked = {key: value for key, value in flags.items() if value is not None}
    _check(asked, unit)
    return run.through(extract_eeg.stage(run.context, _preparation(asked), unit, asked))


def _preparation(asked: dict[str, Any]) -> Preparation:
    settings = dict(asked)
    if "sample_rate_hz" in settings:
        settings["rate_hz"] = settings.pop("sample_rate_hz")
    for name in ("band_hz", "channels"):
        if name in settings:
            settings[name] = tuple(settings[name])
    return Preparation(**settings)


def _check(asked: dict[str, Any], unit: str | None) -> None:
    """Raise UsageError for flags that cannot be, or not together."""
    if asked.get("reference", AVERAGE) not in REFERENCES:
        raise UsageError(f"--reference {asked['reference']}: not {' or '.join(REFERENCES)}")
    if unit is not None and unit not in UNITS:
        raise UsageError(f"--unit {unit}: not {', '.join(UNITS)}")
    window, overlap = asked.get("window_s", WINDOW_S), asked.get("overlap_s", OVERLAP_S)
    if overlap >= window:
        raise UsageError(f"--overlap {overlap:g}: not less than --window {window:g}")
    if not all(name.strip("-") for name in asked.get("channels", ())):
        raise UsageError("--channels: an empty name", hint="as in F3,F4 or =-ECG,-X1")


def _band(text: str) -> list[float | None]:
    """Return the edges of --band; an empty one is none: 1, is a high pass, ,45 a low pass."""
    if text == "none":
        return [None, None]
    low, comma, high = text.partition(",")
    try:
        edges = [float(edge) if edge.strip() else None for edge in (low, high)]
    except ValueError:
        comma = ""
    if not comma or any(edge is not None and not 0 < edge < 1e5 for edge in edges):
        raise UsageError(f"--band {text:.40}: not LOW,HIGH in Hz or none", hint="as in 0.5,45")
    return edges
