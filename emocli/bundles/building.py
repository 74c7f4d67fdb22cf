"""Build the model of a bundle, once its weights are known to have the sizes that it claims."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emocli import models
from emocli.bundles import contents as rules
from emocli.encoders import weight_files
from emocli.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

ADAPTER = "adapter."  # tensors for an encoder, "adapter.STREAM.NAME"; the rest are the model's
SPARE = 1 << 16  # numbers that a model may allocate beyond twice those of its weights


def model(folder: Path, contents: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Any:
    """Return the model with its weights.

    Raises ConfigError for a wrong setting, before more is allocated than the weights can fill, and
    for a tensor that is missing, unexpected or of another shape.
    """
    name, config, where = contents["architecture"], contents["config"], f"{folder}/config.json: "
    stored = _shapes(folder)
    models.check(name, config, f"{where}config.")
    try:
        built = models.build(name, config, SPARE + 2 * sum(map(math.prod, stored.values())))
    except ConfigError as error:
        raise ConfigError(f"{where}{error}", hint=rules.HINT) from None
    expected = {n: tuple(tensor.shape) for n, tensor in built.state_dict().items()}
    for n in sorted({*stored, *expected}):
        if stored.get(n) != expected.get(n):
            said = f"{n} is {_said(stored.get(n))}, config.json says {_said(expected.get(n))}"
            message = f"{folder}/{weight_files.WEIGHTS}: the weights do not fit the model: {said}"
            raise ConfigError(message, hint=rules.HINT)
    built.load_state_dict({n: tensors[n] for n in expected}, strict=True)
    return built


def _shapes(folder: Path) -> dict[str, weight_files.Shape]:
    found = weight_files.shapes(folder / weight_files.WEIGHTS)
    return {n: shape for n, shape in found.items() if not n.startswith(ADAPTER)}


def _said(shape: weight_files.Shape | None) -> str:
    return "not there" if shape is None else str(shape)
