"""SIMS: clips of Chinese films and shows, sentiment from -1 to 1, also by modality; both versions.

Yu, Xu, Meng, Zhu, Ma, Wu, Zou and Yang, "CH-SIMS: A Chinese Multimodal Sentiment Analysis Dataset
with Fine-grained Annotation of Modality", ACL 2020, https://aclanthology.org/2020.acl-main.343, and
Liu, Yuan, Mao, Liang, Yang, Qiu, Cheng, Li, Xu and Gao, "Make Acoustic and Visual Cues Matter:
CH-SIMS v2.0 Dataset and AV-Mixup Consistent Module", ICMI 2022, https://arxiv.org/abs/2209.02604
Files: https://thuiar.github.io/sims.github.io/chsims, for research.

Expects `label.csv` (v2: also `meta.csv`; video_id, clip_id, text, label, label_T, label_A, label_V,
annotation, mode), or a folder with it, and the clips in `Raw/VIDEO/CLIP.mp4` beside it.
`label.sentiment` is the number, `label.sentiment_by_modality` those for text, audio and video
alone, `label.polarity` the word under annotation; `split` is train, valid or test. `dialogue` is
the video, `turn` the clip. Clips that nobody rated (v2) have no label.

Cautions: the layout is known from descriptions and was not seen on the corpus; v1 and v2 number
their videos alike, so their ids can clash; speakers are not named.
"""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from emocli.datasets import _mmsa
from emocli.records import Record

CORPUS = _mmsa.Corpus("sims", "zh", -1.0, 1.0)


def read(path: Path) -> Generator[Record, None, list[str]]:
    """Yield a record per clip; a malformed row raises MalformedError."""
    return _mmsa.read(CORPUS, path)
