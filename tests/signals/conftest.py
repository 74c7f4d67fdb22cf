"""Fixtures: films, and who decodes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.signals import films


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which films are kept once they are made."""
    return tmp_path_factory.mktemp("films")


@pytest.fixture(params=films.WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of the decoders, which is chosen."""
    films.choose(request.param, monkeypatch)
    return str(request.param)
