"""A setting of any model is right, or refused by its name before anything is allocated."""

from __future__ import annotations

import dataclasses
import math
import warnings
from typing import Any, Literal

import pytest
import torch

from emocli import models
from emocli.errors import ConfigError
from emocli.models import _settings
from tests.models.test_zoo import CLASSES, CONFIGS, DIMS, SMALL, batch

HUGE = 10**12
WRONG: list[Any] = [
    *(None, True, False, "", "x", "joy", -1, 0, 1, 0.5, -0.5, 1e9, 65_536, 65_537, HUGE, 10**5000),
    *(math.nan, math.inf, -math.inf, [], [1], ["x"], ["local", "local"], [HUGE], {}, {"audio": 3}),
    *({"audio": "x", "text": 5}, {"audio": -1, "text": 0}, {"audio": HUGE, "text": HUGE}),
    *({"audio": math.nan, "text": 1.0}, {"a.b": 3, "text": 5}, {"keys": 3}, {"": 1}),
]


def attempt(name: str, config: dict[str, Any]) -> Any:
    """Return the model, or the words of its refusal."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of a layer without numbers
            return models.build(name, config, limit=1 << 21).eval()
    except ConfigError as error:
        return str(error)


def settings() -> list[tuple[str, str]]:
    return [(name, field) for name in models.names() for field in sorted(models.fields(name))]


@pytest.mark.parametrize(("name", "field"), settings())
def test_a_wrong_value_is_refused_by_name_or_works(name: str, field: str) -> None:
    config = {"dims": DIMS, "classes": CLASSES, **CONFIGS.get(name, SMALL)}
    built = [(value, attempt(name, config | {field: value})) for value in WRONG]
    for value, result in built:
        if isinstance(result, str):
            beside = field == "dims" and "given for the streams" in result
            assert beside or field in result or "more than 2097152 numbers" in result, value
            assert len(result) < 300
        elif field not in ("dims", "classes"):
            with torch.inference_mode():
                assert result(*batch()).isfinite().all(), value
    assert sum(isinstance(result, str) for _, result in built) >= len(WRONG) // 3


@pytest.mark.parametrize("name", models.names())
def test_every_default_is_right(name: str) -> None:
    given = {k: v for k, v in models.defaults(name).items() if v is not dataclasses.MISSING}
    models.check(name, given)
    with pytest.raises(ConfigError, match="no_such_setting"):
        models.check(name, {**given, "no_such_setting": 1})


@pytest.mark.parametrize("name", models.names())
def test_no_model_is_built_beyond_its_limit(name: str) -> None:
    config = {"dims": DIMS, "classes": CLASSES, **CONFIGS.get(name, SMALL)}
    count = sum(tensor.numel() for tensor in models.build(name, config).state_dict().values())
    assert models.build(name, config, limit=2 * count) is not None
    with pytest.raises(ConfigError, match=f"more than {count // 2} numbers"):
        models.build(name, config, limit=count // 2)


@pytest.mark.parametrize(
    ("value", "kind", "says"),
    [
        (3, int, None),
        (True, int, "x = True: must be a whole number"),
        (3, float, None),
        (math.nan, float, "x = nan: must be a finite number"),
        (11, int, "x = 11: must be a whole number from 0 to 10"),
        (10**4000, int, "x = a number of more than 60 digits: must be a whole number from 0 to 10"),
        ("b", Literal["a", "c"], "x = 'b': must be one of 'a', 'c'"),
        (["a", 1], list[str], "x[1] = 1: must be a text"),
        ({"a": {"b": 1.5}}, dict[str, dict[str, int]], "x.a.b = 1.5: must be a whole number"),
        (None, int | None, None),
        ("1", int | list[int] | None, "x = '1': must be a whole number or a list"),
        ([1, "2"], int | list[int], "x[1] = '2': must be a whole number"),
        (["anything"], Any, None),
    ],
)
def test_a_fault_names_the_place_and_the_value(value: Any, kind: Any, says: str | None) -> None:
    found = _settings.fault("x", value, kind, (0, 10))
    assert found is None if says is None else str(found) == says
