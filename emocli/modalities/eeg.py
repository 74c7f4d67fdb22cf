"""EEG: the samples of a recording, cleaned from its file or kept in the store.

What a bundle says of a stream (`prepared`, `channels`) is how its recordings are cleaned; a
recording that was extracted before keeps what it is.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from emocli.bundles import specs
from emocli.errors import AbsentError, RecordError, UsageError
from emocli.io.store import Store
from emocli.modalities import eeg_relative
from emocli.modalities.audio import span_of
from emocli.modalities.eeg_recording import about_of, clean, described, preparation
from emocli.records import Record
from emocli.records.modality import in_file, names_other

if TYPE_CHECKING:
    from emocli.encoders import Encoded, Encoder
    from emocli.signals.eeg import Eeg

PLAIN: Record = {"encoder": "differential-entropy", "layer": None, "pooling": "frames"}
SEVERAL_LAYERS = False
BATCH = 8
BUDGET = 600.0  # seconds of EEG in a batch at most: 30 MB of 62 channels at 200 Hz
FLAGS = {"bands": "--bands needs --modality eeg"}

PREPARED = (
    *("rate_hz", "band_hz", "notch_hz", "reference"),
    *("window_s", "overlap_s", "artifact_uv"),
)


def settings(flags: Record) -> Record:
    """Return what flags of `encode` add to a spec: the bands."""
    return {"bands": bands(flags["bands"])} if flags.get("bands") else {}


def bands(text: str) -> dict[str, list[float]]:
    """Return the bands of a flag, such as alpha=8-14,beta=14-31; UsageError for what is none."""
    found: dict[str, list[float]] = {}
    for part in text.split(","):
        name, _, edges = part.partition("=")
        try:
            low, high = map(float, edges.split("-"))
        except ValueError:
            low = high = 0.0
        if not name or name in found or not 0 <= low < high:
            example = "alpha=8-14,beta=14-31"
            raise UsageError(f"--bands {text:.60}: {part:.30} is no band", hint=f"as in {example}")
        found[name] = [low, high]
    return found


def length(record: Record) -> float:
    """Return the seconds of a stretch, as far as its record says them."""
    about = record.get("eeg") or {}
    start, end = span_of(record)
    known = about.get("duration") if isinstance(about, dict) else None
    return float(known or ((end or 0.0) - (start or 0.0)) or 1.0)


def material(record: Record, spec: Record, store: Store) -> Eeg:
    """Return the cleaned EEG of a record; a record that has none raises AbsentError."""
    about = about_of(record)
    if not in_file(record, "eeg") and "path" not in about:
        if names_other(record, "eeg"):
            raise AbsentError("no_eeg", "no EEG", hint="the record names no recording of EEG")
        raise RecordError("no_eeg", "no file and no EEG", hint="a record needs a path")
    if "path" in about:
        eeg = stored(about, store)
        wanted = tuple(spec.get("channels") or ())
        return _picked(eeg, wanted) if wanted and wanted != eeg.names else eeg
    cleaned = clean(record, preparation(spec))
    record["eeg"] = {**about, **described(cleaned, preparation(spec))}
    return cleaned.eeg


def made(record: Record, spec: Record) -> Record:
    """Return how the EEG of a record was prepared: what its features say of it."""
    about = record.get("eeg") or {}
    names = {"rate_hz": "sample_rate_hz"}
    prepared = {key: about.get(names.get(key, key)) for key in PREPARED}
    return {"prepared": prepared, "channels": spec.get("channels") or about.get("channels")}


def relative(record: Record, spec: Record, encoder: Encoder, encoded: Encoded) -> Encoded:
    """Return frames as z-scores by the recording, of a stream that is normalised by subject."""
    found = eeg_relative.relative(record, spec, encoder, encoded)
    record["eeg"] = {**(record.get("eeg") or {}), "normalized": specs.RECORDING}
    return found


def stored(about: Record, store: Store) -> Eeg:
    """Return the EEG that extract-eeg has put into the store; RecordError where it is broken."""
    from emocli.signals.eeg import Eeg

    try:
        samples = store.array({"path": about["path"]})
        wrong = store.array(about["mask"]).astype(bool)
        times = (
            float(about["sample_rate_hz"]),
            float(about["window_s"]),
            float(about["overlap_s"]),
        )
        eeg = Eeg(samples, tuple(about["channels"]), times[0], wrong, *times[1:])
        fits = samples.ndim == 2 and samples.shape[0] == len(eeg.names)
        if not fits or wrong.shape != (eeg.grid.count(samples.shape[1]), len(eeg.names)):
            raise ValueError(f"samples {samples.shape}, mask {wrong.shape}")
    except (KeyError, TypeError, ValueError, OSError) as error:
        message = f"eeg is not what extract-eeg adds: {error}"
        raise RecordError("bad_eeg", message[:200], hint="extract it again") from None
    return eeg


def _picked(eeg: Eeg, wanted: tuple[str, ...]) -> Eeg:
    """Return some of the electrodes of stored EEG, in another order."""
    if missing := [name for name in wanted if name not in eeg.names]:
        from emocli.signals.eeg_montage import shown

        hint = f"the recording has {shown(eeg.names)}"
        raise RecordError("missing_electrode", f"no electrode {shown(missing)}", hint=hint)
    places = [eeg.names.index(name) for name in wanted]
    return replace(eeg, samples=eeg.samples[places], names=wanted, wrong=eeg.wrong[:, places])
