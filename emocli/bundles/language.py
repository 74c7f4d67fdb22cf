"""A predictor that is a language model and a prompt: `kind` is "language" in config.json.

It names its backbone and its revision, whose weights it never holds, and has the template, the
labels, how answers are found, what is subtracted from them, and the sha256 of each file of its
adapter, if it has one. `emocli predict --llm` makes one without a folder.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from emocli import hub
from emocli.bundles import bundle, soft_streams
from emocli.bundles import contents as rules
from emocli.bundles.bundle import FORMAT, LANGUAGE, Bundle
from emocli.bundles.soft_streams import SoftSpec
from emocli.encoders import language_adapter, weight_files
from emocli.errors import ConfigError, EmocliError, UsageError
from emocli.llm import prompts
from emocli.llm.prompts import CONSTRAINED, GREEDY, THINKING, WORD, Template
from emocli.models import _settings
from emocli.records.labels import NUMBERS

DECODE = (CONSTRAINED, GREEDY, THINKING, WORD)
PROSODY = ("none", "summary", "terse", "full")
# What is subtracted from the log-probabilities of answers: their mean over the sentences of the
# template, over its texts that say nothing, nothing at all (the rule of a bundle with an adapter,
# which has learned what to say), or (in a bundle) fitted numbers.
NONE, FITTED = "none", "fitted"
PRIOR = ("sentences", "content-free", NONE)

TABLE: rules.Table = {
    "name": (str, None),
    "backbone": (dict[str, str], None),
    "template": (dict, None),
    "context": (int, (0, _settings.LARGEST)),
    "prosody": (Literal["none", "summary", "terse", "full"], None),
    "decode": (Literal["constrained", "greedy", "thought", "word"], None),
    "prior": (Literal["sentences", "content-free", "none", "fitted"] | None, None),
    "prior_values": (list[float] | None, (-1e6, 1e6)),
    "adapter": (dict[str, str] | None, None),
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
    revision: str | None = None  # of the backbone; None is any
    adapter: Mapping[str, str] = field(default_factory=dict)  # file -> its sha256
    soft: SoftSpec | None = None  # what prompts have besides words

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
        contents.get("prior") or (NONE if contents.get("adapter") else PRIOR[0]),
        list(contents.get("prior_values") or ()),
        contents["backbone"].get("revision"),
        contents.get("adapter") or {},
        soft_streams.spec(contents, where),
    )


def decoded(trained: Bundle, decode: str) -> Bundle:
    """Return a predictor whose answers are found in another way; UsageError for an unknown one."""
    if decode not in DECODE:
        raise UsageError(f"--decode {decode:.40}: not one of {', '.join(DECODE)}")
    return replace(trained, contents={**trained.contents, "decode": decode})


def require_adapter(trained: Bundle) -> bool:
    """Say whether a bundle has an adapter; ConfigError for other files than it was saved with.

    Soft tokens are among the files; a bundle that has nothing else has no adapter.
    """
    listed = spec(trained).adapter
    for name, sha256 in listed.items():
        path = trained.folder / name
        weight_files.require_file(path)
        if Path(name).name != name or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            message = f"{path} is not the file that config.json states: half written, or another"
            raise ConfigError(message, hint=rules.HINT)
    return language_adapter.CONFIG in listed


def save(
    folder: Path, contents: dict[str, Any], card: str, adapter: Callable[[Path], object] | None
) -> Bundle:
    """Write a bundle, config.json last; `adapter` writes what is trained into a folder.

    Never overwrites files of another program.
    """
    bundle.require_free(folder)
    part = folder / ".part"
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir(parents=True)
        if adapter:
            adapter(part)
        digests = {n: hashlib.sha256((part / n).read_bytes()).hexdigest() for n in _files(part)}
        whole = {"format": FORMAT, "kind": LANGUAGE, **contents, "adapter": digests or None}
        (part / "card.md").write_text(card, encoding="utf-8")
        (part / "config.json").write_bytes(orjson.dumps(whole, option=orjson.OPT_INDENT_2))
        for name in [*digests, "card.md", "config.json"]:
            (part / name).replace(folder / name)
    except OSError as error:
        raise EmocliError(f"{folder}: cannot write the model: {error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return bundle.read(folder)


def copied(trained: Bundle, folder: Path, contents: dict[str, Any], card: str) -> Bundle:
    """Write a bundle with the same adapter and other contents into another folder."""
    names = spec(trained).adapter

    def adapter(part: Path) -> None:
        for name in names:
            shutil.copyfile(trained.folder / name, part / name)

    require_adapter(trained)
    return save(folder, contents, card, adapter if names else None)


def name(trained: Bundle, revision: str) -> str:
    """Return the name of a predictor in predictions; without a folder of its own it has `revision`.

    `revision` is that of its backbone.
    """
    if trained.folder == Path(trained.contents["backbone"].get("name", "")):
        return f"{trained.contents['name']}@{revision}"
    return trained.name


def lasting(backbone: str) -> str:
    """Return a backbone's name as it is right from every folder: a path is absolute.

    A name of the catalog means its model even beside a folder of this name, as in `hub.locate`.
    """
    path = Path(backbone)
    return str(path.absolute()) if backbone not in hub.catalog() and path.exists() else backbone


def _files(part: Path) -> list[str]:
    names = (*language_adapter.FILES, soft_streams.WEIGHTS)
    return [name for name in names if (part / name).is_file()]
