"""braindecode is imported beside a torchaudio that works, and beside one that does not."""

from __future__ import annotations

import subprocess
import sys

import pytest

BROKEN = """
import sys
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "torchaudio":
            raise OSError("Could not load this library")
sys.meta_path.insert(0, Broken())
"""
WORKING = """
import sys, types, importlib.machinery
for name in ("torchaudio", "torchaudio.functional", "torchaudio.transforms"):
    module = types.ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    module.works = True
    sys.modules[name] = module
ours = sys.modules["torchaudio"]
ours.functional = sys.modules["torchaudio.functional"]
ours.transforms = sys.modules["torchaudio.transforms"]
for name in ("fftconvolve", "filtfilt", "lfilter", "Resample", "Spectrogram"):
    setattr(ours.functional, name, type(name, (), {}))
    setattr(ours.transforms, name, type(name, (), {}))
"""
BRAINDECODE = """
from emocli.encoders import braindecode_import
assert braindecode_import.imported().EEGPT
"""
TRANSFORMERS = """
from emocli.encoders.transformers_import import imported
assert imported()
"""
BERT = "assert imported().BertModel"
MASKED = (
    "\nassert sys.modules['torchaudio'] is None and 'torchaudio.functional' not in sys.modules\n"
)
UNTOUCHED = "\nassert sys.modules['torchaudio'] is ours and ours.functional.works\n"


def run(code: str) -> str:
    """The last line that a new process says before it fails; "" if it does not."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert not done.stdout
    return (done.stderr.strip().splitlines() or [""])[-1] if done.returncode else ""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            BROKEN + BRAINDECODE + TRANSFORMERS + BERT + MASKED + BRAINDECODE,
            id="before transformers",
            marks=pytest.mark.slow,
        ),
        pytest.param(BROKEN + TRANSFORMERS + BRAINDECODE + MASKED, id="after transformers"),
        pytest.param(
            WORKING + BRAINDECODE + UNTOUCHED, id="with torchaudio", marks=pytest.mark.slow
        ),
    ],
)
def test_it_is_imported(code: str) -> None:
    assert run(code) == ""


def test_where_it_is_missing_the_way_to_get_it_is_named() -> None:
    said = run(f"import sys\nsys.modules['braindecode'] = None\n{BRAINDECODE}")
    assert "emocli.errors.ConfigError: networks of EEG need braindecode" in said
    assert 'pip install "emocli[eeg]"' in said
