"""MOSI: 2,199 opinions of English film reviewers, sentiment from -3 to 3; audio, video and text.

Zadeh, Zellers, Pincus and Morency, "MOSI: Multimodal Corpus of Sentiment Intensity and Subjectivity
Analysis in Online Opinion Videos", 2016, https://arxiv.org/abs/1606.06259
Files: labels and clips as https://github.com/thuiar/MMSA publishes them; for research.

Expects `label.csv` (video_id, clip_id, text, label, annotation, mode), or a folder with it, and the
clips in `Raw/VIDEO/CLIP.mp4` beside it. `label.sentiment` is the number, `label.polarity` the word
under annotation; `split` is train, valid or test. `dialogue` is the video, `turn` the clip.

Cautions: the layout is known from descriptions and was not seen on the corpus; speakers are not
named, and some have several videos; there is no `label.emotion`.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from emocli.datasets import _mmsa
from emocli.records import Record

CORPUS = _mmsa.Corpus("mosi", "en", -3.0, 3.0)


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per clip; a malformed row raises MalformedError."""
    return _mmsa.read(CORPUS, path)
