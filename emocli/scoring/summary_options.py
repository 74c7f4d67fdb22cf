"""The options of `summarize`: a field for each of its flags that decides a figure."""

from __future__ import annotations

from dataclasses import dataclass

from emocli.errors import UsageError

PREDICTION, LABEL = "prediction", "label"
UTTERANCE, DURATION = "utterance", "duration"
RECORDING = "recording"


@dataclass(frozen=True)
class SummaryOptions:
    """What to summarize, by what, and how to weight and resample it.

    `over` is what intervals are over: "utterance", or the field that names what is resampled as a
    whole, such as "speaker". Raises UsageError for an invalid value.
    """

    by: str | None = None  # "a,b": a row for each value of each; "a+b": of each pair of values
    of: str = PREDICTION  # or LABEL
    weight: str = UTTERANCE  # or DURATION: every utterance counts by its seconds
    over: str = UTTERANCE
    bootstrap: int = 1000  # resamples; 0 gives no intervals
    seed: int = 0

    def __post_init__(self) -> None:
        for flag, known in (("of", (PREDICTION, LABEL)), ("weight", (UTTERANCE, DURATION))):
            if (given := getattr(self, flag)) not in known:
                raise UsageError(f"--{flag} {given}: neither {known[0]} nor {known[1]}")
        if not self.over.strip():
            raise UsageError("--over: name utterance, speaker or another field")

    @property
    def cluster(self) -> tuple[str, ...]:
        """The fields that name what is resampled as a whole, of which the first counts.

        None are for single utterances.
        """
        named = {UTTERANCE: (), RECORDING: ("path", "dialogue")}
        return named.get(self.over, (self.over,))
