"""ECF: 16,720 utterances of the television series Friends, and what caused each emotion; text.

Wang, Ma, Xia, Yu and Cambria, "SemEval-2024 Task 3: Multimodal Emotion Cause Analysis in
Conversations", 2024, https://arxiv.org/abs/2405.13049
Files: https://github.com/NUSTM/SemEval-2024_ECAC, research use only; no clips are given out.

Expects `Subtask_1_train.json` or `Subtask_2_train.json` (the same utterances; the first names the
words that are the cause, the second the utterance), the test files of the same names, or a folder
with some of them; where a folder has both subtasks, the first is read.

`label.causes` lists what caused the emotion of an utterance: {turn, text} or {turn}. Clips named
`dia1utt2.mp4` beside the table or in `train/` and `test/` give records a `path`. Text is published
with spaces between words and punctuation, and is kept so.

Cautions: 43 % neutral; never train on one of ECF and MELD and report on the other: 601 of MELD's
longer test lines stand in ECF's training part. 368 of the test lines (short ones) stand in train.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables
from emocli.records import labels, texts

EXPECTED = "a folder with ECF's Subtask_1_train.json or Subtask_2_train.json, or one table"
SPLITS = ("train", "dev", "test")

Conversation = dict[str, Any]


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a record per utterance, the splits in the order train, dev, test."""
    for table in _tables(datasets.exists(path, EXPECTED)):
        split = next((s for s in SPLITS if s in table.stem.lower().split("_")), None)
        for place, conversation in enumerate(_conversations(table)):
            where = f"{table}[{place}]"
            try:
                yield from _utterances(conversation, split, table.parent, where)
            except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
                raise MalformedError(f"{where}: not a conversation of ECF: {error!r}") from None


def _tables(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    tables = []
    for split in SPLITS:
        choices = (path / f"Subtask_{number}_{split}.json" for number in (1, 2))
        tables += [table for table in choices if table.exists()][:1]
    if not tables:
        raise EmptyInputError(f"{path}: no table here", hint=f"expected {EXPECTED}")
    return tables


def _conversations(table: Path) -> list[Conversation]:
    try:
        with tables.opened(table) as stream:
            conversations = json.loads(texts.decoded(stream.read()))
    except ValueError as error:
        hint = texts.HINT if isinstance(error, UnicodeDecodeError) else ""
        raise MalformedError(f"{table}: {texts.reason(error)}", hint=hint) from None
    if not isinstance(conversations, list):
        raise MalformedError(f"{table}: not a list of conversations")
    return conversations


def _utterances(
    conversation: Conversation, split: str | None, folder: Path, where: str
) -> Iterator[dict[str, Any]]:
    number = int(conversation["conversation_ID"])
    name = f"ecf/{split or folder.name}/conv{number}"
    causes = _causes(conversation)
    for utterance in conversation["conversation"]:
        turn = int(utterance["utterance_ID"])
        record: dict[str, Any] = {"id": f"{name}_utt{turn}"}
        if clip := _clip(folder, split, f"dia{number}utt{turn}.mp4"):
            record["path"] = records.of_path(str(clip))["path"]
        record |= {"dataset": "ecf"} | ({"split": split} if split else {})
        record |= {"speaker": texts.repaired(utterance["speaker"]), "dialogue": name, "turn": turn}
        record |= {"language": "en", "text": texts.repaired(utterance["text"])}
        if word := utterance.get("emotion"):  # a test file may have none
            record["label"] = _label(word, causes.get(turn), where)
        yield record


def _label(word: str, causes: list[dict[str, Any]] | None, where: str) -> dict[str, Any]:
    emotion = labels.canonical(word)
    if emotion is None:
        raise MalformedError(f"{where}: unknown ECF emotion '{word}'")
    return {"emotion": emotion, "original": word} | ({"causes": causes} if causes else {})


def _causes(conversation: Conversation) -> dict[int, list[dict[str, Any]]]:
    """Return what caused the emotion of each turn: "3_surprise", "1_Had that dream ." or "1"."""
    causes: dict[int, list[dict[str, Any]]] = {}
    for effect, cause in conversation.get("emotion-cause_pairs") or ():
        turn, _, text = texts.repaired(str(cause)).partition("_")
        entry = {"turn": int(turn)} | ({"text": text} if text else {})
        causes.setdefault(int(str(effect).partition("_")[0]), []).append(entry)
    return causes


def _clip(folder: Path, split: str | None, name: str) -> Path | None:
    places = (folder / split / name if split else folder / name, folder / name)
    return next((clip for clip in places if clip.exists()), None)
