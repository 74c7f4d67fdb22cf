"""Every field of the schema with values of every wrong type, through every command.

No traceback, no `unexpected`, a documented exit status; filters pass on as many records as came in,
in their order, and collectors name the record that they cannot use.
"""

from __future__ import annotations

import copy
import itertools
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints, is_typeddict

import orjson
import pytest

from emocli.cli import registry
from emocli.records.types import Utterance
from tests.commands import bundles
from tests.conftest import Emocli
from tests.test_contract import FILTERS

Record = dict[str, Any]
Place = tuple[str | int, ...]

SEED = 12
WRONG: tuple[Any, ...] = ("joy", "", 7, -1.5, True, ["joy"], [[None]], {"a": 1}, {"joy": "x"}, [{}])
STATUSES = {0, 1, 2, 3, 4, 5}  # of what may be wrong with records, features and models
SOME = 80  # runs of a command that reads all records before it answers
COLLECTED = 6  # records of such a run
NO_RECORDS = {"config", "dataset", "doctor", "models", "schema"}  # they read none

PREDICTION: Record = {
    "emotion": "joy",
    "probabilities": {"neutral": 0.1, "joy": 0.8, "anger": 0.1},
    "confidence": 0.8,
    "entropy": 0.6,
    "multi": ["joy"],
    "causes": [{"turn": 1, "text": "happy", "start": 0, "end": 1, "emotion": "joy"}],
    "blend": {"joy": 60.0, "anger": 40.0},
    **dict.fromkeys(("valence", "arousal", "dominance", "sentiment"), 0.5),
    "modalities": {"text": 1.0},
    "disagreement": {"text": 0.1},
    "explanation": "x",
    "model": "m",
    "calibrated": True,
    "calibrated_on": "x",
}
VOWEL: Record = {"phone": "æ", "word": "happy", "start": 0.1, "end": 0.2, "stress": 1}
PROBLEM = {"stage": "x", "code": "y", "message": "m", "hint": "h"}
LABEL: Record = {
    "emotion": "joy",
    "original": "happy",
    "multi": ["joy"],
    "causes": [{"turn": 1, "text": "happy", "start": 0, "end": 1, "emotion": "joy"}],
    "votes": {"joy": 3, "anger": 1},
    "votes_by_modality": {"audio": {"joy": 1}},
    "votes_by_source": {"human": {"joy": 3, "anger": 1}, "synthetic": {"joy": 1}},
    "distribution": {"joy": 0.75, "anger": 0.25},
    "merged": {"rule": "count", "weight": 1.0, "human": 4, "synthetic": 1},
    "blend": {"joy": 60.0, "anger": 40.0},
    "ratings": {"valence": [0.1, 0.2]},
    **dict.fromkeys(("valence", "arousal", "dominance", "sentiment"), 0.5),
    "polarity": "positive",
    "intent": "x",
}
ARRAY = {"path": "ab/c.npy", "shape": [2, 5, 5, 3], "dtype": "uint8", "sha256": "ab"}
PREPARED: Record = {"band_hz": [0.5, None], "reference": "average", "window_s": 4.0}
EEG: Record = {"channels": ["Cz"], "sample_rate_hz": 128.0, "duration": 8.0, **PREPARED}
FACES: Record = {
    **{"count": 1, "judged": [1], "why": "the only face", "array": ARRAY, "sizes": [[5, 4]] * 2},
    "tracks": [{"id": 1, "times": [0.0, 0.5], "boxes": [[1, 2, 4, 5]] * 2, "scores": [0.9, 0.8]}],
}
VIDEO: Record = {
    **{"times": [0.0, 0.5], "duration": 1.0, "width": 96, "height": 64, "frame_rate": 25.0},
    **{"decoder": "x", "warning": "cut", "sampled": {"rate_hz": 2.0, "face": "largest"}},
    "faces": FACES,
}


def healthy(number: int = 0) -> Record:
    """Return a record with nearly all fields of the schema, but without a file."""
    features = {
        name: {**bundles.spec(name, "mean"), "vector": [0.1 * (i + number) for i in range(dim)]}
        for name, dim in bundles.DIMS.items()
    }
    record: Record = {
        "id": f"r{number}",
        "start": 0.0,
        "end": 0.5,
        "speaker": f"s{number % 4}",
        "dialogue": f"d{number % 4}",
        "turn": 1,
        "stimulus": "film 3",
        "trial": f"t{number}",
        "context": [{"speaker": "x", "text": "hello"}],
        "dataset": "made up",
        "split": "train",
        "language": "en",
        "eeg": copy.deepcopy(EEG),
        "video": copy.deepcopy(VIDEO),
        "words": [{"text": "happy", "start": 0.1, "end": 0.2, "probability": 0.9}],
        "transcript": {"model": "m"},
        "phones": [{**VOWEL, "is_vowel": True, "original": "AE1"}],
        "alignment": {"aligner": "x"},
        "prosody": {
            **{name: 1.5 for name, hint in fields("prosody").items() if hint is float},
            **{"pause_count": 1, "praat": "6", "parselmouth": "0", "summary": "s"},
            "description": "d",
            "vowels": [
                {**VOWEL, "duration": 0.1, "f0_mean_hz": 150.0, "levels": {"pitch": "high"}}
            ],
            "levels": {"pitch": "high"},
            "norms": {"a": 1},
        },
        "features": features,
        "label": {**copy.deepcopy(LABEL), "emotion": "anger" if number % 2 else "joy"},
        "annotations": [
            {"annotator": "command: cat", "rater": 0, "persona": "p", "temperature": 0.5}
            | {"seed": 1, "prompt": "p", "raw": "joy", "label": "joy", "cost": {"seconds": 1.0}}
        ],
        "unimodal": {"text": copy.deepcopy(PREDICTION)},
        "prediction": copy.deepcopy(PREDICTION),
    }
    record["label"]["valence"] = 0.1 * number
    return record


def fields(name: str) -> dict[str, Any]:
    return get_type_hints(get_type_hints(Utterance)[name])


def places(hint: Any, at: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every place that the schema has, with its type: in lists the first, in objects all."""
    if at:
        yield at, hint
    if is_typeddict(hint):
        for name, inner in get_type_hints(hint).items():
            yield from places(inner, (*at, name))
    elif get_origin(hint) is dict and get_args(hint)[1] is not Any:
        yield from places(get_args(hint)[1], (*at, "joy"))
    elif get_origin(hint) is list:
        yield from places(get_args(hint)[0], (*at, 0))
    else:  # the members of a union, which has none otherwise
        for kind in get_args(hint) if get_origin(hint) is not dict else ():
            yield from places(kind, at)


def changed(record: Record, place: Place, value: Any) -> Record:
    """Return a copy with another value at a place, and what leads there where it was missing."""
    record = copy.deepcopy(record)
    inside: Any = record
    for name, following in itertools.pairwise(place):
        new: Any = [] if following == 0 else {}
        if isinstance(inside, list):
            inside[:] = inside or [new]
        elif isinstance(name, str) and not isinstance(inside.get(name), dict | list):
            inside[name] = new
        inside = inside[name]
        if not isinstance(inside, list if following == 0 else dict):
            return record  # a union, of which another member is there
    if isinstance(inside, list):
        inside[:1] = [value]
    else:
        inside[place[-1]] = value
    return record


TYPES: dict[Place, Any] = {}
for _place, _hint in places(Utterance):
    TYPES.setdefault(_place, _hint)
PLACES = [place for place in TYPES if "vector" not in place[:-1]]
MUTANTS = [(place, value) for place in PLACES for value in WRONG]


def test_every_field_of_the_schema_is_changed() -> None:
    assert {place[0] for place in PLACES} == set(get_type_hints(Utterance))
    assert ("label", "causes", 0, "turn") in PLACES
    assert ("unimodal", "joy", "probabilities", "joy") in PLACES
    assert len(PLACES) > 200
    for place in PLACES:
        if place[0] not in ("path", "audio"):
            assert changed(healthy(), place, ["?"]) != healthy(), place


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("bundle") / "m"
    bundles.save(folder, "mlp")
    return str(folder)


# How a filter is run here: what it needs comes with the records, so that no model is loaded.
WAYS: dict[str, list[list[str]]] = {
    "annotate": [
        ["--command", "sed -u s/.*/joy/", "-n", "1"],
        ["-n", "0", "--merge", "count"],
        ["-n", "0", "--merge", "shrinkage"],
        ["--model", "MODEL", "-n", "2"],
    ],
    "encode": [["--from", "audio", "--pooling", "mean", "--as", "pooled"]],
    "fuse": [["--model", "MODEL"]],
    "instruct": [
        ["--task", "emotion,sentiment,valence,open", "--context", "2", "--streams", "text"],
        ["--task", "explanation", "--prosody", "full", "--rationale", "prediction.explanation"],
        ["--rationale", "template", "--to", "trl"],
    ],
    "predict": [["--model", "MODEL"]],
}
ONE_TO_ONE = [*FILTERS, "describe", "instruct", "merge", "normalize"]


@pytest.mark.parametrize(
    ("name", "flags"), [(name, flags) for name in ONE_TO_ONE for flags in WAYS.get(name, [[]])]
)
def test_a_filter_passes_on_every_record(
    name: str, flags: list[str], emocli: Emocli, model: str
) -> None:
    flags = [model if flag == "MODEL" else flag for flag in flags]
    base = healthy()
    chosen = random.Random(SEED).sample(MUTANTS, 500)
    given = [changed(base, place, value) for place, value in chosen]
    for number, (record, (place, _)) in enumerate(zip(given, chosen, strict=True)):
        if place != ("id",):
            record["id"] = f"m{number}"
    passed: list[bytes] = []
    while len(passed) < len(given):
        outcome = emocli(name, *flags, stdin=given[len(passed) :])
        assert outcome.status in STATUSES, outcome.stderr
        assert "Traceback" not in outcome.stderr
        lines = outcome.stdout.splitlines()
        if len(lines) == len(given) - len(passed):
            passed += lines
            break
        # Features of another model than the bundle's end the run, as documented: see who it was.
        assert outcome.status == 3, outcome.stderr
        assert "not" in outcome.stderr
        passed += lines
        culprit = next(
            number
            for number, record in enumerate(given[len(passed) :], len(passed))
            if f"{record['id']}:" in outcome.stderr
        )
        assert chosen[culprit][0][0] == "features"
        del given[culprit], chosen[culprit]
    for line, record in zip(passed, given, strict=True):
        after = orjson.loads(line)
        assert after.get("id") == record.get("id") or not record.get("id")
        assert b'"unexpected"' not in line, (line, record)


TASKS = (
    *("classification", "distribution", "blend", "regression", "multilabel", "mosi", "ecf"),
    "explanation",
)
COLLECTORS: list[list[str]] = [
    *(["score", "--bootstrap", "0", "--task", task] for task in TASKS),
    [
        "score",
        "--bootstrap",
        "0",
        "--task",
        "classification",
        "--by",
        "speaker,modalities,ambiguity,turn,label.emotion",
    ],
    ["score", "--bootstrap", "0", "--task", "classification", "--compare", "FILE"],
    ["score", "--bootstrap", "0", "--task", "classification", "--train", "FILE"],
    ["score", "--bootstrap", "0", "--task", "classification", "--stream", "text"],
    ["score", "--bootstrap", "0", "--alignment"],
    ["summarize", "--bootstrap", "9", "--by", "speaker,minute,recording,modalities,label.emotion"],
    ["summarize", "--bootstrap", "9", "--by", "speaker+turn", "--of", "label"],
    ["summarize", "--weight", "duration", "--over", "speaker", "--format", "csv"],
    ["plot", "timeline", "-o", "OUT.pdf"],
    ["augment", "modalities"],
    ["augment", "dime", "--mix", "features"],
    ["merge", "--like", "FILE"],
    ["calibrate", "--model", "MODEL", "-o", "OUT"],
    ["train", "--model", "linear", "--epochs", "1", "-o", "OUT"],
    ["train", "--model", "linear", "--epochs", "1", "--target", "distribution", "-o", "OUT"],
    ["train", "--model", "linear", "--epochs", "1", "--target", "valence", "-o", "OUT"],
    ["train", "--model", "linear", "--epochs", "1", "--cv", "speaker"],
]
FEW = {"train": 40, "calibrate": 40}  # they start torch


def test_no_command_that_reads_records_is_forgotten() -> None:
    covered = {*ONE_TO_ONE, *(argv[0] for argv in COLLECTORS), "plot"}
    assert covered | NO_RECORDS == set(registry.names())


@pytest.mark.parametrize("argv", COLLECTORS, ids=lambda argv: " ".join(argv))
def test_a_collector_ends_with_a_documented_status(
    argv: list[str], emocli: Emocli, model: str, tmp_path: Path
) -> None:
    good = [{**healthy(number), "text": "so happy today"} for number in range(COLLECTED)]
    file, out = tmp_path / "good.jsonl", tmp_path / "out"
    file.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in good))
    known = {"MODEL": model, "FILE": str(file), "OUT": str(out), "OUT.pdf": f"{out}.pdf"}
    argv = [known.get(word, word) for word in argv]
    assert emocli(*argv, stdin=good).status == 0
    chosen = random.Random(SEED).sample(MUTANTS, FEW.get(argv[0], SOME))
    for number, (place, value) in enumerate(chosen):
        shutil.rmtree(out, ignore_errors=True)
        given = [changed(good[0], place, value), *good[1:]]
        if number % 3 == 0:  # no record has a value that could be used
            given = [changed(record, place, value) for record in good]
        if place == ("id",):
            given = [given[0], *good[1:]]
        outcome = emocli(*argv, "--quiet", stdin=given)
        assert outcome.status in STATUSES, (place, value, outcome.stderr)
        assert "unexpected" not in outcome.stderr, (place, value, outcome.stderr)
        assert not outcome.status or outcome.stderr.startswith("emocli "), (place, value)
