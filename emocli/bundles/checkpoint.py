"""A predictor that is a published classifier: `kind` is "checkpoint" in config.json.

It names a checkpoint of transformers, its revision and the sha256 of its files, and never holds its
weights. What it needs is one stream, the answers of the head (pooling `logits`); its labels are
those of the checkpoint in our words, its calibration is fitted by `emocli calibrate`. `opened`
makes one of a name without a folder of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson

from emocli import hub
from emocli.bundles import bundle, checkpoint_labels, language
from emocli.bundles import contents as rules
from emocli.bundles.bundle import CHECKPOINT, FORMAT, Bundle
from emocli.encoders import classifiers, weight_files
from emocli.encoders.classifiers import CLASSES, LOGITS, NUMBERS, SEVERAL, About
from emocli.errors import ConfigError, EmocliError, ModelError, UsageError
from emocli.hub import Located
from emocli.models import _settings

TABLE: rules.Table = {
    "name": (str, None),
    "checkpoint": (dict[str, Any], None),
    "problem": (Literal["classes", "several", "numbers"], None),
    "names": (list[str], None),
    "labels_as": (Literal["mapped", "common", "original"], None),
    "heads": (list[dict[str, Any]], None),
    "streams": (dict[str, dict[str, Any]], None),
}
REFERENCE: rules.Table = {
    "name": (str, None),
    "revision": (str, None),
    "files": (dict[str, str], None),
}
# What a checkpoint's answers depend on: its weights, and how its input is prepared.
PARTS = (
    "config.json", "*.safetensors", "*.safetensors.index.json", "preprocessor_config.json",
    "processor_config.json", "video_preprocessor_config.json", "tokenizer.json",
    "tokenizer_config.json", "special_tokens_map.json", "vocab.*", "merges.txt", "*.model",
    "added_tokens.json",
)  # fmt: skip
HUB = "hub:"


def is_checkpoint(name: str) -> bool:
    """Say whether a name is a checkpoint's: a hub id, or a folder that is no bundle."""
    if not Path(name).is_dir():
        return hub.is_id(name)
    config = Path(name, "config.json")
    return config.is_file() and classifiers.is_checkpoint(weight_files.json_object(config))


def opened(
    name: str,
    *,
    offline: bool = False,
    labels: str | None = None,
    names: Sequence[str] | None = None,
) -> Bundle:
    """Return the predictor that a checkpoint is by itself; no weight is read.

    `labels` is common or original, by default the seven labels where a name is one of theirs, and
    the checkpoint's own names else. `names` are those of its outputs, where it does not say them.
    Raises ModelError for one that is not installed, ConfigError for one that does not classify.
    """
    checkpoint_labels.require_known(labels)
    found = _installed(name, offline)
    about = classifiers.about(found.folder)
    weight_files.tensors(found.folder, about.what)
    own = _names(about, names)
    short = Path(name.partition("@")[0]).name
    contents: dict[str, Any] = {
        "format": FORMAT,
        "kind": CHECKPOINT,
        "name": name.partition("@")[0] if hub.is_id(name) else short,
        "checkpoint": {"name": language.lasting(name), "revision": found.revision, "files": {}},
        "problem": about.problem,
        "names": list(own),
        "labels_as": labels or checkpoint_labels.MAPPED,
    }
    contents["heads"] = checkpoint_labels.heads_of(contents, str(found.folder))
    contents["streams"] = {short: stream(about, name, found.revision, len(own))}
    return Bundle(found.folder, contents, revision=found.revision)


def _installed(name: str, offline: bool) -> Located:
    try:
        return hub.locate(name, offline=offline)
    except ModelError as error:
        raise ModelError(f"no folder {name}, and {error.message}", hint=error.hint) from None


def read(folder: str | Path) -> Bundle:
    """Return the bundle in a folder, of any kind."""
    trained = bundle.read(folder)
    if trained.kind == CHECKPOINT:
        require(trained)
    return trained


def stream(about: About, name: str, revision: str, columns: int) -> dict[str, Any]:
    """Return the spec of the stream that a checkpoint's answers are."""
    # Which frames are taken is what the kind of head says.
    sampled: dict[str, Any] = {"sampled": {}} if about.modality == "video" else {}
    encoder = language.lasting(name)
    made = {"modality": about.modality, "encoder": encoder, "revision": revision, "layer": None}
    return {**made, "pooling": LOGITS, "dim": columns, **sampled}


def _names(about: About, names: Sequence[str] | None) -> Sequence[str]:
    """Return the names of the columns; ConfigError where nobody says them."""
    if names is not None and (twice := [n for i, n in enumerate(names) if n in names[:i]]):
        raise ConfigError(f"--label-names: {twice[0]} is there twice")
    if names is not None and len(names) != len(about.names):
        message = (
            f"--label-names {','.join(names):.60}: {about.folder} has {len(about.names)} labels"
        )
        raise ConfigError(message, hint=f"it calls them {', '.join(about.names[:9])}")
    if names is None and about.nameless:
        count = ",".join(f"NAME{number}" for number in range(len(about.names)))
        message = (
            f"{about.folder} calls its labels {', '.join(about.names[:3])}, which says nothing"
        )
        raise ConfigError(message, hint=f"--label-names {count:.60} names them, in this order")
    return about.names if names is None else names


def require(trained: Bundle) -> None:
    """Raise ConfigError for contents of this kind that do not fit together."""
    where = f"{trained.folder}/config.json"
    tables = {"": (TABLE, trained.contents)}
    if isinstance(reference := trained.contents.get("checkpoint"), dict):
        tables["checkpoint."] = (REFERENCE, reference)
    for prefix, (table, values) in tables.items():
        for key, (kind, bounds) in table.items():
            if fault := _settings.fault(prefix + key, values.get(key), kind, bounds):
                raise ConfigError(f"{where}: {fault}", hint=rules.HINT)
    streams = list(trained.contents["streams"].values())
    count = len(trained.contents["names"])
    if len(streams) != 1 or streams[0].get("dim") != count:
        message = f"{where}: streams: not one of {count} columns, as many as names"
        raise ConfigError(message, hint=rules.HINT)
    if trained.contents["heads"] != checkpoint_labels.heads_of(trained.contents, where):
        raise ConfigError(f"{where}: heads do not follow from names", hint=rules.HINT)


def located(trained: Bundle, *, offline: bool) -> Located:
    """Return where the checkpoint of a predictor is, and the revision that it names.

    Raises ModelError where it is not installed, ConfigError where its files are those of another
    revision.
    """
    reference: Mapping[str, Any] = trained.contents["checkpoint"]
    name, revision = reference["name"], reference["revision"]
    if Path(name).is_absolute() and not Path(name).is_dir():
        message = f"{trained.folder} refers to the checkpoint in {name}, which is not there"
        raise ModelError(message, hint="move it back, or calibrate it again where it is")
    found = _found(name, revision, offline)
    known = reference["files"]
    if not known:
        return found
    present = hub.digests(found.folder, sorted(known))
    if other := [file for file, sha256 in known.items() if present.get(file) != sha256]:
        message = f"{trained.folder} needs {name} of {revision}; in {found.revision}"
        hint = "calibrate it again"
        if revision.startswith(HUB):
            hint = f"emocli models pull {name.partition('@')[0]}@{revision.removeprefix(HUB)}"
        raise ConfigError(f"{message} {', '.join(other[:3])} differs", hint=hint)
    return Located(found.folder, revision)


def _found(name: str, revision: str, offline: bool) -> Located:
    """Return the checkpoint of this name; of the hub the commit that is named, if it is here."""
    if hub.is_id(name) and revision.startswith(HUB) and not Path(name).is_dir():
        exact = f"{name.partition('@')[0]}@{revision.removeprefix(HUB)}"
        try:
            return hub.locate(exact, offline=offline)
        except ModelError:
            pass
    return hub.locate(name, offline=offline)


def save(
    folder: Path, trained: Bundle, contents: dict[str, Any], card: str, *, offline: bool
) -> Bundle:
    """Write a bundle that refers to the files of a checkpoint; never files of another program."""
    bundle.require_free(folder)
    reference = contents["checkpoint"]
    if not reference["files"]:
        found = located(trained, offline=offline)
        files = hub.digests(found.folder, _parts(found.folder))
        contents = {**contents, "checkpoint": {**reference, "files": files}}
    part = folder / ".part"
    try:
        part.mkdir(parents=True, exist_ok=True)
        (part / "card.md").write_text(card, encoding="utf-8")
        (part / "config.json").write_bytes(orjson.dumps(contents, option=orjson.OPT_INDENT_2))
        for name in ("card.md", "config.json"):
            (part / name).replace(folder / name)
    except OSError as error:
        raise EmocliError(f"{folder}: cannot write the model: {error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return bundle.read(folder)


def _parts(folder: Path) -> list[str]:
    return sorted({path.name for pattern in PARTS for path in folder.glob(pattern)})


def require_calibratable(trained: Bundle) -> None:
    """Raise UsageError for answers that no temperature fits: several labels, or numbers."""
    if trained.contents["problem"] != CLASSES:
        kinds = {SEVERAL: "several labels at a time", NUMBERS: "numbers"}
        said = kinds[trained.contents["problem"]]
        raise UsageError(f"{trained.name} answers {said}: there is nothing to calibrate")
