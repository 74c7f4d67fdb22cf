"""MOSEI: 23,453 opinions of English speakers, sentiment from -3 to 3; audio, video and text.

Zadeh, Liang, Poria, Cambria and Morency, "Multimodal Language Analysis in the Wild: CMU-MOSEI
Dataset and Interpretable Dynamic Fusion Graph", ACL 2018, https://aclanthology.org/P18-1208
Files: labels and clips as https://github.com/thuiar/MMSA publishes them; for research.

Expects `label.csv` (video_id, clip_id, text, label, annotation, mode), or a folder with it, and the
clips in `Raw/VIDEO/CLIP.mp4` beside it. `label.sentiment` is the number, `label.polarity` the word
under annotation; `split` is train, valid or test. `dialogue` is the video, `turn` the clip.

Cautions: the layout is known from descriptions and was not seen on the corpus; the intensities of
six emotions, which the corpus has as well, are not in this table; speakers are not named.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from emocli.datasets import _mmsa
from emocli.records import Record

CORPUS = _mmsa.Corpus("mosei", "en", -3.0, 3.0)


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per clip; a malformed row raises MalformedError."""
    return _mmsa.read(CORPUS, path)
