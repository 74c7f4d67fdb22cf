"""A predictor that is a language model and a prompt: `kind` is "language" in config.json.

It names its backbone, whose weights it never holds, and has the template, the labels, how answers
are found, and what is subtracted from them. `emocli predict --llm` makes one without a folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from emocli.bundles import contents as rules
from emocli.bundles.bundle import FORMAT, LANGUAGE, Bundle
from emocli.errors import ConfigError, UsageError
from emocli.llm import prompts
from emocli.llm.prompts import CONSTRAINED, GREEDY, Template
from emocli.models import _settings
from emocli.records.labels import NUMBERS

DECODE = (CONSTRAINED, GREEDY)
PROSODY = ("none", "summary", "full")
# What is subtracted from the log-probabilities of answers: their mean over the sentences of the
# template, over its texts that say nothing, nothing at all, or (in a bundle) fitted numbers.
PRIOR = ("sentences", "content-free", "none")
FITTED = "fitted"

TABLE: rules.Table = {
    "name": (str, None),
    "backbone": (dict[str, str], None),
    "template": (dict, None),
    "context": (int, (0, _settings.LARGEST)),
    "prosody": (Literal["none", "summary", "full"], None),
    "decode": (Literal["constrained", "greedy"], None),
    "prior": (Literal["sentences", "content-free", "none", "fitted"], None),
    "prior_values": (list[float] | None, (-1e6, 1e6)),
}


@dataclass(frozen=True)
class Spec:
    """What a predictor of this kind asks, and how."""

    backbone: str  # a name of the catalog or the hub, a folder, a GGUF file
    template: Template
    labels: list[str]  # none for numbers
    context: int  # preceding turns
    prosody: str
    decode: str
    prior: str
    prior_values: list[float]  # of the fitted prior, one for each answer

    @property
    def target(self) -> str:
        """What is predicted: emotion, or a number."""
        return "emotion" if self.labels else self.template.name


def zero_shot(
    model: str,
    template: str,
    *,
    labels: Sequence[str] | None = None,
    context: int = 0,
    prosody: str = "none",
    decode: str = CONSTRAINED,
    prior: str = PRIOR[0],
) -> Bundle:
    """Return the predictor that asks a model as it is; UsageError for values that make none."""
    known = {"prosody": (prosody, PROSODY), "decode": (decode, DECODE), "prior": (prior, PRIOR)}
    for flag, (value, words) in known.items():
        if value not in words:
            raise UsageError(f"--{flag} {value}: not one of {', '.join(words)}")
    if context < 0:
        raise UsageError(f"--context {context}: not a number of turns")
    asked = prompts.template(template)
    if labels is not None and asked.numbers:
        raise UsageError(f"--labels: the template {asked.name} asks for a number")
    contents: dict[str, Any] = {
        "format": FORMAT,
        "kind": LANGUAGE,
        "name": Path(model).name,
        "backbone": {"name": model},
        "template": dict(asked.contents),
        "context": context,
        "prosody": prosody,
        "decode": decode,
        "prior": prior,
    }
    if asked.numbers:
        contents["heads"] = [{"target": asked.name, "kind": "number"}]
    else:
        contents["labels"] = _words(asked.labels if labels is None else labels)
    return Bundle(Path(model), contents)


def _words(labels: Sequence[str]) -> list[str]:
    if not labels or not all(label.strip() for label in labels):
        raise UsageError("--labels: no labels to choose from", hint="--labels A,B names them")
    if twice := [label for i, label in enumerate(labels) if label in labels[:i]]:
        raise UsageError(f"--labels: {twice[0]} is there twice")
    return list(labels)


def spec(trained: Bundle) -> Spec:
    """Return what the contents of a bundle ask; ConfigError if something is missing or wrong."""
    contents, where = trained.contents, f"{trained.folder}/config.json"
    for key, (kind, bounds) in TABLE.items():
        if fault := _settings.fault(key, contents.get(key), kind, bounds):
            raise ConfigError(f"{where}: {fault}", hint=rules.HINT)
    template = prompts.checked(contents["template"], where)
    if not contents.get("labels") and (not template.numbers or template.name not in NUMBERS):
        known = ", ".join(NUMBERS)
        raise ConfigError(f"{where}: neither labels nor numbers of {known}", hint=rules.HINT)
    return Spec(
        contents["backbone"].get("name", ""),
        template,
        list(contents.get("labels") or ()),
        contents["context"],
        contents["prosody"],
        contents["decode"],
        contents["prior"],
        list(contents.get("prior_values") or ()),
    )
