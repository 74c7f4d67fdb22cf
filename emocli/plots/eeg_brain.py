"""What is drawn of a recording of EEG: levels by group, answers, the signal."""

from __future__ import annotations

from dataclasses import dataclass, field

from emocli.errors import RecordError
from emocli.plots import talk
from emocli.plots.eeg_power import Array, Scheme
from emocli.plots.eeg_signal import Signal
from emocli.records.labels import ordered
from emocli.signals import eeg_montage, eeg_overview
from emocli.signals.eeg_overview import Faults, Levels


@dataclass
class Brain:
    """What is drawn."""

    scheme: Scheme | None = None  # None without topographies
    groups: dict[str | None, Levels] = field(default_factory=dict)  # None: all windows
    measured: bool = False  # band power is not of features
    talk: talk.Talk = field(default_factory=lambda: talk.Talk(""))
    faults: Faults = field(default_factory=Faults)
    signal: Signal | None = None
    recordings: list[str] = field(default_factory=list)

    def add(self, scheme: Scheme, level: Array, group: str | None) -> None:
        """Add the levels of windows; RecordError if they are of other electrodes or bands."""
        self.scheme = self.scheme or scheme
        if (scheme.bands, scheme.unit) != (self.scheme.bands, self.scheme.unit):
            hint = "a picture is of one kind of features"
            raise RecordError("other_bands", "bands are not those of the records before", hint=hint)
        if set(scheme.names) != set(self.scheme.names):
            message = f"electrodes are not those of the records before: {_other(scheme, self)}"
            hint = "--recording NAME; extract-eeg --channels takes the same of all"
            raise RecordError("other_electrodes", message, hint=hint)
        level = level[:, [scheme.names.index(name) for name in self.scheme.names]]
        for name in dict.fromkeys((None, group)):
            of_group = self.groups.setdefault(name, eeg_overview.levels(*scheme.shape))
            of_group.add(level)

    @property
    def placed(self) -> list[str]:
        """The electrodes that have a position on the head."""
        names = self.scheme.names if self.scheme else ()
        return [name for name in names if name in eeg_montage.positions()]

    @property
    def rows(self) -> list[str]:
        """The groups, emotions in the order of every table."""
        return ordered([name for name in self.groups if name is not None])


def _other(scheme: Scheme, brain: Brain) -> str:
    assert brain.scheme is not None
    extra = [name for name in scheme.names if name not in brain.scheme.names]
    lacking = [name for name in brain.scheme.names if name not in scheme.names]
    return f"{eeg_montage.shown(extra or lacking)} {'more' if extra else 'less'}"
