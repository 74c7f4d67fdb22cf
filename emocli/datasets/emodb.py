"""EMO-DB: ten German speakers say ten sentences in seven emotions; audio.

Burkhardt, Paeschke, Rolfes, Sendlmeier and Weiss, "A Database of German Emotional Speech",
Interspeech 2005, https://doi.org/10.21437/Interspeech.2005-446
Files: http://emodb.bilderbar.info, free for research.

Expects files with seven-letter names, in any folders, such as `wav/03a01Fa.wav`: speaker, sentence,
emotion (W anger, L boredom, E disgust, A fear, F happiness, T sadness, N neutral), version. One
file works too. Laryngograms (in a folder such as `laryngo/`, or `03a01Fa.lar.wav`) are left out.

Boredom is not one of the seven labels: `label.emotion` is null there, and such clips are counted as
skipped by `train` and `score`, unless `--labels original` keeps the source's words.

Cautions: ten sentences in every emotion, so words say nothing about the emotion; only takes that
most listeners recognised were published; split by speaker.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from pathlib import Path
from typing import Any

from emocli import datasets, records
from emocli.errors import EmptyInputError, MalformedError
from emocli.records import labels

EXPECTED = "an EMO-DB folder or file (names like 03a01Fa.wav)"
NAME = re.compile(r"(03|08|09|1[0-6])([ab]\d\d)([WLEAFTN])([a-z])")
# Of each take there is a laryngogram by the same name, or by 03a01Fa.lar.wav.
LARYNGOGRAM = re.compile(r"lar|egg|laryngo\w*", re.IGNORECASE)
ENDING = re.compile(r"[._-]")

# The English words are those of the audformat edition of the database.
EMOTIONS = {
    "W": "anger",  # Wut, Ärger
    "L": "boredom",  # Langeweile
    "E": "disgust",  # Ekel
    "A": "fear",  # Angst
    "F": "happiness",  # Freude
    "T": "sadness",  # Trauer
    "N": "neutral",
}
SPEAKERS = {  # gender and age
    "03": ("male", 31),
    "08": ("female", 34),
    "09": ("female", 21),
    "10": ("male", 32),
    "11": ("male", 26),
    "12": ("male", 30),
    "13": ("female", 32),
    "14": ("female", 35),
    "15": ("male", 25),
    "16": ("female", 31),
}
STATEMENTS = {
    "a01": "Der Lappen liegt auf dem Eisschrank.",
    "a02": "Das will sie am Mittwoch abgeben.",
    "a04": "Heute abend könnte ich es ihm sagen.",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück.",
    "a07": "In sieben Stunden wird es soweit sein.",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen?",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter.",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht.",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen.",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen.",
}


def read(path: Path) -> Generator[dict[str, Any], None, list[str]]:
    """Yield a record per clip; a media file with another name raises MalformedError."""
    files = list(datasets.media(path, EXPECTED))
    speech = [file for file in files if not _is_laryngogram(file, path)]
    if not speech:
        hint = f"expected {EXPECTED}"
        raise EmptyInputError(f"{path}: laryngograms, which are no speech", hint=hint)
    chosen, told = datasets.takes(speech, prefer="wav")
    for file in chosen:
        yield _record(file)
    laryngograms = [file for file in files if _is_laryngogram(file, path)]
    return told + datasets.left_out(laryngograms, "as laryngograms, which are no speech")


def _is_laryngogram(file: Path, place: Path) -> bool:
    """Say whether a folder above a file, or the end of its name, says that it is no speech."""
    folders = {*file.relative_to(place).parts[:-1], file.parent.name}
    return any(map(LARYNGOGRAM.fullmatch, folders | {ENDING.split(file.stem)[-1]}))


def _record(file: Path) -> dict[str, Any]:
    match = NAME.fullmatch(file.stem)
    if not match or match[2] not in STATEMENTS:
        raise MalformedError(f"{file}: not an EMO-DB name", hint=f"expected {EXPECTED}")
    speaker, sentence, letter, version = match.groups()
    gender, age = SPEAKERS[speaker]
    word = EMOTIONS[letter]
    return {
        **records.of_path(str(file)),
        "dataset": "emodb",
        "speaker": f"emodb-{speaker}",
        "gender": gender,
        "age": age,
        "language": "de",
        "sentence": sentence,
        "statement": STATEMENTS[sentence],
        "version": version,
        "label": {"emotion": labels.canonical(word), "original": word},
    }
