"""A trained model as a folder: config.json, model.safetensors, card.md; it rebuilds itself.

config.json holds the architecture's name and frozen config, the labels in order, the spec of each
stream (encoder, revision, layer, pooling, dim; null matches anything), the calibration, the
training data and metrics, and a canary: the logits of a seeded input, checked on loading.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from emocli.bundles import building, heads
from emocli.bundles import contents as rules
from emocli.bundles.building import ADAPTER
from emocli.bundles.specs import timed
from emocli.encoders import weight_files
from emocli.errors import ConfigError, EmocliError, UsageError
from emocli.records import decoding, texts

if TYPE_CHECKING:
    from torch import Tensor

DEFAULT = Path(__file__).parents[1] / "default"
FORMAT = 1
FUSION, LANGUAGE, CHECKPOINT = "fusion", "language", "checkpoint"  # kinds of predictors
FILES = ("model.safetensors", "card.md", "config.json")  # in the order of writing
CANARY_ROWS = 4
CANARY_FRAMES = 5  # of a stream with a time axis
CANARY_TOLERANCE = 1e-3  # between machines; a head that was not loaded is off by 1 and more


@dataclass
class Bundle:
    """The contents of config.json, and the folder with the weights."""

    folder: Path
    contents: dict[str, Any]
    only: frozenset[str] | None = None  # the streams that are used, if not all
    control: str = ""  # what stands in place of soft tokens: none, random
    instructed: bool = False  # whether records ask what is answered
    revision: str = ""  # of a checkpoint that is used as it is
    prior: Any = None  # class shares that are asked for: see `class_shares`

    @property
    def kind(self) -> str:
        """The kind of predictor; fusion by default."""
        return str(self.contents.get("kind") or FUSION)

    @property
    def labels(self) -> list[str]:
        """The classes, in the order of the logits; none if all heads are regression heads."""
        return [label for head in self.heads for label in head.labels]

    @cached_property
    def heads(self) -> list[heads.Head]:
        """The heads of the model."""
        return heads.of(self.contents)

    @property
    def streams(self) -> dict[str, dict[str, Any]]:
        """The spec of each stream, by name; ConfigError for a kind of predictor without any."""
        if self.kind != FUSION and "streams" not in self.contents:
            raise ConfigError(f"{self.folder}/config.json: kind {self.kind!r:.60} has no streams")
        return dict(self.contents["streams"])

    @property
    def used(self) -> dict[str, dict[str, Any]]:
        """The specs of the streams that are used."""
        return {n: s for n, s in self.streams.items() if self.only is None or n in self.only}

    @property
    def name(self) -> str:
        """The name of the model in predictions: its name, and its revision or digest."""
        return f"{self.contents['name']}@{self.revision or self.digest[:12]}"

    @cached_property
    def digest(self) -> str:
        """The sha256 over config, which has that of an adapter, and weights: it signs vectors."""
        names = ["config.json"] + ["model.safetensors"] * (self.kind == FUSION)
        return hashlib.sha256(b"".join((self.folder / n).read_bytes() for n in names)).hexdigest()

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """All weights, as float32."""
        from safetensors.torch import load_file

        try:
            tensors = load_file(self.folder / "model.safetensors")
        except Exception as error:
            raise ConfigError(f"{self.folder}/model.safetensors: {error}") from None
        return {name: tensor.float() for name, tensor in tensors.items()}

    def adapter(self, stream: str) -> dict[str, Tensor] | None:
        """Return the tensors that adapt a stream's encoder, or None."""
        prefix, all_ = f"{ADAPTER}{stream}.", self.tensors.items()
        return {n.removeprefix(prefix): t for n, t in all_ if n.startswith(prefix)} or None

    def model(self, device: str = "cpu") -> Any:
        """Return the model with its weights on a device, built and checked once.

        Raises ConfigError if a key is missing or unexpected, or the canary's logits are wrong.
        """
        if device not in self._models:
            self._models[device] = self._build().to(device)
        return self._models[device]

    @cached_property
    def _models(self) -> dict[str, Any]:
        return {}

    def _build(self) -> Any:
        self._check(model := building.model(self.folder, self.contents, self.tensors).eval())
        return model

    def _check(self, model: Any) -> None:
        import numpy as np

        recorded = np.array(self.contents["canary"])
        try:
            logits = canary(model, self.streams)
        except (RuntimeError, ValueError, IndexError) as error:
            message = f"{self.folder}: the model does not take its own streams: {error!r:.200}"
            raise ConfigError(message, hint=rules.HINT) from None
        # Written so that a logit that is NaN fails, too.
        if recorded.shape != logits.shape or not (
            np.abs(recorded - logits).max() <= CANARY_TOLERANCE
        ):
            raise ConfigError(
                f"{self.folder}: the canary's logits differ from those recorded",
                hint="the weights are damaged, or of another version of the model",
            )


def read(folder: str | Path) -> Bundle:
    """Return the bundle in a folder; its weights are not read yet."""
    path = DEFAULT if str(folder) == "default" else Path(folder)
    if not weight_files.is_there(path / "config.json"):
        lacks = "config.json" if path.is_dir() else "such folder"
        raise ConfigError(f"{path} is not a bundle: no {lacks}", hint=rules.NAMES)
    weight_files.require_file(path / "config.json")
    try:
        contents = orjson.loads(texts.decoded((path / "config.json").read_bytes()))
    except (OSError, ValueError) as error:  # JSONDecodeError and UnicodeDecodeError as well
        hint = texts.HINT if isinstance(error, UnicodeDecodeError) else rules.HINT
        raise ConfigError(f"{path}/config.json: {texts.reason(error)}", hint=hint) from None
    if not isinstance(contents, dict) or decoding.depth(contents) > decoding.MAX_DEPTH:
        what = "nested too deeply" if isinstance(contents, dict) else "not a JSON object"
        raise ConfigError(f"{path}/config.json is {what}", hint=rules.HINT)
    if contents.get("format") != FORMAT:
        message = f"{path}/config.json: format {contents.get('format')!r:.60}, not {FORMAT}"
        raise ConfigError(message)
    trained = Bundle(path, contents)
    rules.require(path, contents, fusion=trained.kind == FUSION)
    return trained


def canary(model: Any, streams: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return the logits (rows, columns) of a seeded input, float64."""
    import numpy as np
    import torch

    random = np.random.RandomState(0)
    values, masks = {}, {}
    for name, spec in streams.items():
        shape = (CANARY_ROWS, CANARY_FRAMES)[: 2 if timed(spec) else 1]
        values[name] = torch.from_numpy(random.randn(*shape, spec["dim"]).astype(np.float32))
        masks[name] = torch.ones(shape, dtype=torch.bool)
    with torch.inference_mode():
        return model(values, masks).double().numpy()


def save(
    folder: Path, model: Any, contents: dict[str, Any], card: str, **adapters: dict[str, Tensor]
) -> Bundle:
    """Write a bundle completely or not at all; never overwrite files of another program."""
    from safetensors.torch import save_file

    require_free(folder)
    tensors = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    for stream, adapter in adapters.items():
        tensors |= {f"{ADAPTER}{stream}.{n}": t.contiguous() for n, t in adapter.items()}
    model.eval()
    logits = canary(model, contents["streams"]).tolist()
    contents = {"format": FORMAT, "kind": FUSION, **contents, "canary": logits}
    weights = {n: _smallest(t.cpu()) for n, t in tensors.items()}
    _place(folder, contents, card, lambda part: save_file(weights, part))
    return read(folder)


def revise(trained: Bundle, folder: Path, contents: dict[str, Any], card: str) -> Bundle:
    """Write a bundle with the same weights and new contents, in place or to another folder."""
    weights = trained.folder / FILES[0]
    if folder.exists() and folder.samefile(trained.folder):
        _place(folder, contents, card, None)
    else:
        require_free(folder)
        _place(folder, contents, card, lambda part: shutil.copyfile(weights, part))
    return read(folder)


def _place(
    folder: Path,
    contents: dict[str, Any],
    card: str,
    write_weights: Callable[[Path], object] | None,
) -> None:
    """Write the files under temporary names, then rename them, config.json last.

    `write_weights` writes the weights; without it the present ones stay.
    """
    from safetensors import SafetensorError

    parts = {name: folder / f"{name}.part" for name in (FILES if write_weights else FILES[1:])}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if write_weights:
            write_weights(parts[FILES[0]])
            parts[FILES[0]].chmod(0o644)
        parts["card.md"].write_text(card, encoding="utf-8")
        parts["config.json"].write_bytes(orjson.dumps(contents, option=orjson.OPT_INDENT_2))
    except (OSError, SafetensorError) as error:
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise EmocliError(f"{folder}: cannot write the model: {error}") from None
    for name, part in parts.items():
        part.replace(folder / name)


def require_free(folder: Path) -> None:
    """Raise UsageError if a folder has files with a bundle's names that are not a bundle."""
    if not any((folder / name).exists() for name in FILES):
        return
    try:
        read(folder)
    except ConfigError as error:
        hint = "choose another folder, or move these files away"
        raise UsageError(f"{folder} would be overwritten: {error}", hint=hint) from None


def _smallest(tensor: Tensor) -> Tensor:
    """Return a tensor in half precision if that is lossless."""
    return half if (half := tensor.half()).to(tensor.dtype).equal(tensor) else tensor
