from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import soundfile

from emocli.signals.prosody_norms import LEVEL_DEPENDENT, LEVEL_DEPENDENT_FIELDS, LEVELS
from tests.conftest import Emocli
from tests.signals.voices import RATE_HZ, Vowel, said

Record = dict[str, Any]

WORDS = {"ɑ": "far", "i": "see", "u": "too", "ɛ": "bed"}
SPOKEN = [
    Vowel(120.0, -40.0, 0.20, 70.0, "ɑ"),
    Vowel(140.0, 30.0, 0.10, 62.0, "i"),
    Vowel(110.0, 5.0, 0.12, 74.0, "u"),
    Vowel(130.0, -10.0, 0.15, 66.0, "ɛ"),
]


def phone(ipa: str | None, start: float, end: float, **other: Any) -> Record:
    word = WORDS.get(ipa or "")
    return {"phone": ipa, "start": start, "end": end, "word": word, "is_vowel": True, **other}


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[..., Record]:
    """Return a record of vowels, aligned: spoken("a", *vowels, gain=1.0, **fields)."""

    def make(name: str = "a", *vowels: Vowel, gain: float = 1.0, **fields: Any) -> Record:
        vowels = vowels or tuple(SPOKEN)
        samples, spans = said(vowels)
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, gain * samples, RATE_HZ, "FLOAT")
        phones = [phone(v.phone, *span) for v, span in zip(vowels, spans, strict=True)]
        silent = {"phone": "s", "start": 0.0, "end": 0.1, "word": "see", "is_vowel": False}
        return {"id": name, "path": str(path), "phones": [silent, *phones], **fields}

    return make


def people(spoken: Callable[..., Record], **fields: Any) -> list[Record]:
    """Return records of two speakers, a man and a woman, who say their vowels in many ways."""
    numbers = np.random.default_rng(0)
    made = []
    for speaker, f0_hz in (("man", 110.0), ("woman", 220.0)):
        for turn in range(4):
            vowels = [
                Vowel(
                    f0_hz * 2 ** (numbers.normal(0, 2) / 12),
                    numbers.uniform(-30, 30),
                    numbers.uniform(0.08, 0.2),
                    numbers.uniform(60, 75),
                    ipa,
                )
                for ipa in WORDS
            ]
            made.append(spoken(f"{speaker}{turn}", *vowels, speaker=speaker, language="en"))
    return [one | fields for one in made]


def test_every_vowel_is_measured_and_nothing_else(
    emocli: Emocli, spoken: Callable[..., Record]
) -> None:
    done = emocli("prosody", stdin=[spoken()])
    assert done.status == 0, done.stderr
    found = done.records[0]["prosody"]["vowels"]
    assert [v["word"] for v in found] == ["far", "see", "too", "bed"]
    for vowel, one in zip(SPOKEN, found, strict=True):
        assert one["phone"] == vowel.phone
        assert one["f0_mean_hz"] == pytest.approx(vowel.f0_mean_hz, rel=0.01)
        assert one["end"] - one["start"] == pytest.approx(one["duration"], abs=1e-3)
        assert set(one["levels"].values()) <= {*LEVELS, "unclear"}


def test_the_description_names_the_vowels_in_their_order(
    emocli: Emocli, spoken: Callable[..., Record]
) -> None:
    found = emocli("prosody", stdin=[spoken()]).records[0]["prosody"]
    clauses = found["description"].split("; ")
    assert [c.partition(":")[0] for c in clauses] == [
        f'/{ipa}/ in "{word}"' for ipa, word in WORDS.items()
    ]
    assert found["summary"].startswith("Pitch is ")


def test_with_phones_neither_workers_nor_a_second_run_matter(
    emocli: Emocli, spoken: Callable[..., Record]
) -> None:
    heard = [spoken(str(i), *SPOKEN[i:]) for i in range(4)]
    once = emocli("prosody", "-j1", stdin=heard)
    assert emocli("prosody", "-j3", stdin=heard).stdout == once.stdout
    assert emocli("prosody", "-j2", stdin=once.stdout).stdout == once.stdout


def test_shuffled_vowels_are_described_differently(
    emocli: Emocli, spoken: Callable[..., Record]
) -> None:
    straight, other = (
        emocli("prosody", stdin=[spoken("a", *vowels)]).records[0]["prosody"]
        for vowels in (SPOKEN, SPOKEN[::-1])
    )
    assert straight["description"] != other["description"]


@pytest.mark.parametrize("norms", ["shipped", "own"])
def test_half_the_level_changes_what_depends_on_it_and_nothing_else(
    emocli: Emocli, spoken: Callable[..., Record], tmp_path: Path, norms: str
) -> None:
    flags = []
    if norms == "own":
        path = tmp_path / "norms.json"
        assert emocli("prosody", "--fit", str(path), stdin=people(spoken)).status == 0
        flags = ["--norms", str(path)]
    loud, soft = (
        emocli("prosody", *flags, stdin=[spoken("b", gain=gain)]).records[0]["prosody"]
        for gain in (1.0, 0.5)
    )
    for one, other in ((loud, soft), *zip(loud["vowels"], soft["vowels"], strict=True)):
        assert list(one) == list(other)
        levels = {k for k in one["levels"] if one["levels"][k] != other["levels"][k]}
        assert levels <= (set(LEVEL_DEPENDENT) if norms == "own" else set())
        for name, value in one.items():
            if name in LEVEL_DEPENDENT_FIELDS:
                assert other[name] == pytest.approx(value - 6.02, abs=0.02)
            elif isinstance(value, float):
                assert other[name] == pytest.approx(value, rel=0.01, abs=0.02), name
    words_changed = loud["description"] != soft["description"]
    assert words_changed == (norms == "own")


def test_a_record_without_phones_has_an_utterance_only(
    emocli: Emocli, spoken: Callable[..., Record]
) -> None:
    whole = spoken()
    bare = {k: v for k, v in whole.items() if k != "phones"}
    found = emocli("prosody", stdin=[whole, bare]).records
    more, less = (r["prosody"] for r in found)
    assert not {"vowels", "description"} & set(less)
    assert less["levels"] == more["levels"]
    assert {k: less[k] for k in less if k != "vowel_rate_per_s"} == {
        k: more[k] for k in less if k != "vowel_rate_per_s"
    }


def test_no_vowels_among_the_phones_is_an_empty_list(
    emocli: Emocli, spoken: Callable[..., Record]
) -> None:
    found = emocli("prosody", stdin=[spoken() | {"phones": []}]).records[0]["prosody"]
    assert found["vowels"] == []
    assert found["description"] is None


def test_syllable_nuclei_are_described_by_their_time(
    emocli: Emocli, spoken: Callable[..., Record]
) -> None:
    nuclei = [phone(None, 0.1, 0.3) | {"word": None}]
    found = emocli("prosody", stdin=[spoken() | {"phones": nuclei}]).records[0]["prosody"]
    assert found["description"].startswith("vowel at 0.10 s: ")


def test_a_part_of_a_recording_keeps_the_times_of_the_whole(
    emocli: Emocli, spoken: Callable[..., Record]
) -> None:
    whole = spoken()
    part = whole | {"start": 0.3, "end": 0.6, "phones": whole["phones"][2:3]}
    found = emocli("prosody", stdin=[whole, part]).records
    one, other = found[0]["prosody"]["vowels"][1], found[1]["prosody"]["vowels"][0]
    assert (other["start"], other["end"]) == (one["start"], one["end"])
    assert other["f0_mean_hz"] == pytest.approx(one["f0_mean_hz"], rel=0.01)
    assert other["intensity_mean_db"] == one["intensity_mean_db"]


@pytest.mark.parametrize(
    "phones",
    [
        "ɑ",
        ["ɑ"],
        [{"phone": "ɑ", "is_vowel": True}],
        [{"phone": "ɑ", "is_vowel": True, "start": 1, "end": 0.5}],
        [{"phone": "ɑ", "is_vowel": True, "start": "0", "end": 0.5}],
    ],
)
def test_phones_of_another_shape_cost_their_record_only(
    emocli: Emocli, spoken: Callable[..., Record], phones: Any
) -> None:
    done = emocli("prosody", stdin=[spoken("a") | {"phones": phones}, spoken("b")])
    assert done.status == 1
    bad, good = done.records
    assert bad["error"]["code"] == "bad_phones"
    assert "align" in bad["error"]["hint"]
    assert len(good["prosody"]["vowels"]) == 4


def test_norms_are_fitted_on_what_passes_and_applied(
    emocli: Emocli, spoken: Callable[..., Record], tmp_path: Path
) -> None:
    path, heard = tmp_path / "norms.json", people(spoken)
    fitted = emocli("prosody", "--fit", str(path), stdin=heard)
    assert fitted.stdout == emocli("prosody", stdin=heard).stdout
    assert "8 utterances, 32 vowels, 2 speakers; left out: none" in fitted.stderr
    content = orjson.loads(path.read_bytes())
    assert (content["format"], content["version"]) == ("emocli prosody norms", 1)
    assert set(content["speakers"]) == {"man", "woman"}
    assert set(content["vowel_types"]["*"]) == {"*", *WORDS}
    strangers = [one | {"speaker": "x"} for one in heard[:1]]
    done = emocli("prosody", "--norms", str(path), stdin=[*heard, *strangers]).records
    assert [r["prosody"]["norms"]["speaker"] for r in done] == ["known"] * 8 + ["unknown"]
    assert {r["prosody"]["norms"]["source"] for r in done} == {"file"}
    assert all(r["prosody"]["levels"]["loudness"] in LEVELS for r in done)
    words = [v["levels"]["duration"] for r in done[:8] for v in r["prosody"]["vowels"]]
    assert all(words.count(word) in (6, 7) for word in LEVELS)  # a fifth of 32


def test_shipped_norms_say_so_and_know_no_loudness(
    emocli: Emocli, spoken: Callable[..., Record]
) -> None:
    found = emocli("prosody", stdin=[spoken(speaker="man")]).records[0]["prosody"]
    assert found["norms"]["source"] == "shipped"
    assert found["norms"]["speaker"] == "unknown"
    assert len(found["norms"]["sha256"]) == 16
    assert found["levels"]["loudness"] is None
    assert {v["levels"]["intensity"] for v in found["vowels"]} <= set(LEVELS)


def test_fitting_is_the_same_whatever_the_number_of_workers(
    emocli: Emocli, spoken: Callable[..., Record], tmp_path: Path
) -> None:
    heard = people(spoken)
    for jobs in ("1", "2"):
        flags = ("--fit", str(tmp_path / f"{jobs}.json"), "--jobs", jobs)
        assert emocli("prosody", *flags, stdin=heard).status == 0
    assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()


def test_only_records_of_the_training_split_are_fitted_on(
    emocli: Emocli, spoken: Callable[..., Record], tmp_path: Path
) -> None:
    heard = people(spoken)
    splits = [one | {"split": "train" if i % 2 else "dev"} for i, one in enumerate(heard)]
    bad = {"id": "gone", "path": str(tmp_path / "gone.wav"), "split": "train"}
    done = emocli("prosody", "--fit", str(tmp_path / "half.json"), stdin=[*splits, bad])
    assert done.status == 1
    assert len(done.records) == 9
    assert "4 utterances, 16 vowels" in done.stderr
    assert "left out: 4 not of split 'train', 1 without prosody" in done.stderr
    alone = emocli("prosody", "-q", "--fit", str(tmp_path / "alone.json"), stdin=splits[1::2])
    assert alone.stderr == ""
    assert (tmp_path / "half.json").read_bytes() == (tmp_path / "alone.json").read_bytes()


def test_nothing_to_fit_on_is_said_and_writes_nothing(
    emocli: Emocli, spoken: Callable[..., Record], tmp_path: Path
) -> None:
    path = tmp_path / "norms.json"
    done = emocli("prosody", "--fit", str(path), stdin=[spoken(split="dev")])
    assert done.status == 3
    assert "1 not of split 'train'" in done.stderr
    malformed = orjson.dumps(spoken()) + b"\n{torn\n"
    assert emocli("prosody", "--fit", str(path), stdin=malformed).status == 2
    stopped = [{"id": "gone", "path": "/gone.wav"}, spoken()]
    assert emocli("prosody", "--fit", str(path), "--fail-fast", stdin=stopped).status == 1
    assert [p.name for p in tmp_path.iterdir() if "norms" in p.name] == []


def test_flags_that_make_no_sense_are_said(
    emocli: Emocli, spoken: Callable[..., Record], tmp_path: Path
) -> None:
    other = tmp_path / "other.json"
    for content in (b"{}", b"not json", b"[1]", b'{"format": "emocli prosody norms"}'):
        other.write_bytes(content)
        done = emocli("prosody", "--norms", str(other), stdin=[spoken()])
        assert (done.status, done.stdout) == (3, b"")
        assert "other.json" in done.stderr
        other.unlink()
    gone = emocli("prosody", "--norms", str(other), stdin=[spoken()])
    assert (gone.status, gone.stdout) == (2, b"")
    nowhere = emocli("prosody", "--fit", "/nowhere/norms.json", stdin=[spoken()])
    assert (nowhere.status, nowhere.stdout) == (2, b"")
    flags = ("--fit", str(other), "--resume", "-o", str(tmp_path / "out.jsonl"))
    assert emocli("prosody", *flags, stdin=[spoken()]).status == 2
