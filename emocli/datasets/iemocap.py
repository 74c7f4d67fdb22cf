"""IEMOCAP: 10,039 turns of ten English actors in pairs, ten emotions and ratings; audio and text.

Busso, Bulut, Lee, Kazemzadeh, Mower, Kim, Chang, Lee and Narayanan, "IEMOCAP: Interactive Emotional
Dyadic Motion Capture Database", Language Resources and Evaluation 42, 2008,
https://doi.org/10.1007/s10579-008-9076-6
Files: https://sail.usc.edu/iemocap, on request, for research; not to be handed on.

Expects a folder with `Session1` to `Session5`, or one of them: labels in
`dialog/EmoEvaluation/DIALOGUE.txt`, words in `dialog/transcriptions/DIALOGUE.txt`, sound in
`sentences/wav/DIALOGUE/TURN.wav` or, where that is not there, in `dialog/wav/DIALOGUE.wav`, which
has both actors: then `start` and `end` are the part of it. `label.original` is the corpus's code.

`label.emotion` has excited (exc) as joy, together with happy (hap), as the usual four classes do;
frustrated, other (oth) and no agreement (xxx) are null. The four classes: jq
'select(.label.original | IN("neu", "hap", "exc", "sad", "ang"))'; without excited: leave "exc" out.
`label.valence`, `label.arousal` (activation) and `label.dominance` are means from 1 to 5,
`label.ratings` those of each rater that gave all three. `in_dialogue` has the times there. There
is no published split: `--cv session` leaves one session, and so two actors, out.

Cautions: the layout is known from descriptions and was not seen on the corpus; scripts are played
in every session, so words are shared across sessions; the films, which show both actors side by
side, are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError
from emocli.io import tables
from emocli.records import Record, texts

EXPECTED = "a folder with IEMOCAP's Session1 to Session5, or one of them"
SEVEN = {
    "neu": "neutral", "hap": "joy", "exc": "joy", "sad": "sadness", "ang": "anger",
    "fea": "fear", "sur": "surprise", "dis": "disgust",
}  # fmt: skip
OTHERS = ("fru", "oth", "xxx")  # none of the seven: frustrated, other, no agreement
DIMENSIONS = ("valence", "arousal", "dominance")
LOW, HIGH = 1.0, 5.0  # of ratings
GENDERS = {"F": "female", "M": "male"}
LABELS, WORDS, SENTENCES, WHOLE = (
    "dialog/EmoEvaluation", "dialog/transcriptions", "sentences/wav", "dialog/wav"
)  # fmt: skip

_N = r"(-?[\d.]+)"
TURN = re.compile(rf"\[{_N} - {_N}\]\t(\S+)\t(\S+)\t\[{_N}, {_N}, {_N}\]")
RATER = re.compile(r"A-E\d+:\s*val\s*([\d.]+);\s*act\s*([\d.]+);\s*dom\s*([\d.]+);")
SAID = re.compile(r"(\S+) \[[\d.]+-[\d.]+\]:\s*(.*)")
NAME = re.compile(r"(Ses\d\d)[FM]_(.+)_([FM])[A-Z]*\d+")  # Ses01F_script01_1_M003


class Turn(NamedTuple):
    """A turn as its file has it: the line of the label, and ratings of each rater."""

    where: str
    cells: tuple[str, ...]  # start, end, name, code, valence, activation, dominance
    ratings: list[tuple[float, ...]]


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield a record per turn: the sessions in order, their dialogues by name, turns by time."""
    for session in _sessions(datasets.exists(path, EXPECTED)):
        files = sorted((session / LABELS).glob("*.txt"))
        for file in (f for f in files if not f.name.startswith(".")):
            said = _said(session / WORDS / file.name)
            turns = sorted(_turns(file), key=lambda turn: float(turn.cells[0]))
            for number, turn in enumerate(turns):
                yield _record(session, file.stem, number, turn, said)


def _sessions(path: Path) -> list[Path]:
    """Return the folders of the sessions at a path, or the path itself if it is one."""
    for places in ([path], sorted(path.glob("Session*")), sorted(path.glob("*/Session*"))):
        if found := [place for place in places if (place / LABELS).is_dir()]:
            return found
    raise EmptyInputError(f"{path}: no {LABELS} here", hint=f"expected {EXPECTED}")


def _turns(file: Path) -> Iterator[Turn]:
    """Yield the turns of a file of labels; MalformedError for a line that begins like one."""
    turn: Turn | None = None
    with tables.opened(file) as stream:
        for number, _, line in texts.lines(stream, str(file)):
            line = line.rstrip()
            if turn is not None and (rated := RATER.match(line)):
                turn.ratings.append(tuple(_rating(cell, turn.where) for cell in rated.groups()))
            if not line.startswith("[") or line.startswith("[ST"):  # the first line: [START_TIME
                continue
            if turn is not None:
                yield turn
            where = f"{file}:{number}"
            if not (match := TURN.fullmatch(line)):
                raise MalformedError(f"{where}: not a turn, its label and ratings: '{line:.60}'")
            turn = Turn(where, match.groups(), [])
    if turn is not None:
        yield turn


def _said(file: Path) -> dict[str, str]:
    """Return the words of each turn of a dialogue; none where there is no file."""
    if not file.is_file():
        return {}
    with tables.opened(file) as stream:
        found = (SAID.match(line) for _, _, line in texts.lines(stream, str(file)))
        return {match[1]: match[2].strip() for match in found if match}


def _record(session: Path, dialogue: str, turn: int, found: Turn, said: dict[str, str]) -> Record:
    start, end = (_seconds(cell, found.where) for cell in found.cells[:2])
    name = found.cells[2]
    parts = NAME.fullmatch(name)
    if parts is None:
        raise MalformedError(f"{found.where}: not the name of a turn: '{name:.60}'")
    return {
        "id": f"iemocap/{name}",
        **_place(session, dialogue, name, (start, end)),
        "dataset": "iemocap",
        "session": session.name,
        "speaker": f"iemocap-{parts[1]}{parts[3]}",
        "gender": GENDERS[parts[3]],
        "dialogue": f"iemocap/{dialogue}",
        "turn": turn,
        "scenario": parts[2],
        "language": "en",
        **({"text": said[name]} if said.get(name) else {}),
        "in_dialogue": {"start": start, "end": end},
        "label": _label(found),
    }


def _place(session: Path, dialogue: str, name: str, part: tuple[float, float]) -> Record:
    """Return the recording of a turn: its own, or a part of that of the dialogue, or nothing."""
    own = session / SENTENCES / dialogue / f"{name}.wav"
    if own.is_file():
        return {"path": records.of_path(str(own))["path"]}
    whole = session / WHOLE / f"{dialogue}.wav"
    if not whole.is_file():
        return {}
    return {"path": records.of_path(str(whole))["path"], "start": part[0], "end": part[1]}


def _label(found: Turn) -> Record:
    code, cells = found.cells[3], found.cells[4:]
    if code not in SEVEN and code not in OTHERS:
        raise MalformedError(f"{found.where}: unknown IEMOCAP emotion '{code:.40}'")
    rated = [_rating(cell, found.where) for cell in cells]
    label: Record = {"emotion": SEVEN.get(code), "original": code}
    label |= dict(zip(DIMENSIONS, rated, strict=True))
    if found.ratings:
        columns = map(list, zip(*found.ratings, strict=True))
        label["ratings"] = dict(zip(DIMENSIONS, columns, strict=True))
    return label


def _rating(cell: str, where: str) -> float:
    value = _seconds(cell, where)
    if not LOW <= value <= HIGH:
        raise MalformedError(f"{where}: a rating is not from {LOW:g} to {HIGH:g}: '{cell:.40}'")
    return value


def _seconds(cell: str, where: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise MalformedError(f"{where}: not a number: '{cell:.40}'") from None
