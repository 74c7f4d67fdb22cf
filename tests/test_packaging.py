"""An installed emocli has every file that it reads: catalog, norms, the shipped predictor."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_every_data_file_of_the_package_is_part_of_the_wheel() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packed = {
        path
        for package, patterns in settings["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    package = ROOT / "emocli"
    data = {
        path
        for path in package.rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }
    names = {path.name for path in data}
    assert {"catalog.toml", "norms.json", "config.json", "model.safetensors"} <= names
    assert sorted(str(p) for p in data - packed) == []


def test_every_folder_of_the_package_with_code_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "emocli").rglob("*.py")}
    assert sorted(str(f) for f in folders if not (f / "__init__.py").is_file()) == []


def test_the_citation_file_is_of_this_version_and_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "CITATION.cff").read_text(encoding="utf-8").splitlines()
    facts = dict(line.split(": ", 1) for line in lines if re.match(r"[a-z-]+: ", line))
    assert facts["cff-version"] == "1.2.0"
    assert facts["version"] == project["version"] == metadata.version("emocli")
    assert facts["license"] == project["license"]
    assert {"message", "title", "type"} <= set(facts)
    assert "authors:" in lines
