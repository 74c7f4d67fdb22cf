"""What is special to align: where texts and alignments come from, and what becomes of errors."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
import pytest
import soundfile

from emocli.signals import phones, pocketsphinx_aligner, stretches, textgrid
from emocli.stages.align import transcript
from tests.conftest import Emocli
from tests.encoders.test_ctc_model import LETTERS, Network, ctc_network  # noqa: F401 - a fixture
from tests.synthetic_speech import say

Record = dict[str, Any]

TEXT = "Please call me when you get home."
CLIPS = Path(__file__).parent.parent.parent / "examples" / "clips"
LABLAUT = "signal x\nnfields 1\n#\n 0.1 -1 t\n 0.2 -1 !t\n 0.3 -1 a:\n 0.5 -1 (\n 0.7 -1 .\n"


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[..., Record]:
    """Return the record of a text that is said in a file."""

    def make(text: str = TEXT, name: str = "a.wav", **fields: Any) -> Record:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, say(text, fields.pop("voice", "en-us")).samples, 16_000)
        return {"id": name, "path": str(path), "text": text, **fields}

    return make


def test_phones_and_words_follow_the_text(emocli: Emocli, spoken) -> None:
    outcome = emocli("align", "-j1", stdin=[spoken()])
    assert outcome.status == 0, outcome.stderr
    record = outcome.records[0]
    assert [word["text"] for word in record["words"]] == TEXT.rstrip(".").split()
    for phone in record["phones"]:
        word = next(w for w in record["words"] if w["text"] == phone["word"])
        assert word["start"] <= phone["start"] < phone["end"] <= word["end"]
        assert phone["is_vowel"] == phones.is_vowel(phone["phone"])
        assert phone["is_vowel"] == (phone["stress"] is not None)
    first = record["phones"][:4]
    assert [p["phone"] for p in first] == ["p", "l", "i", "z"]
    assert [p.get("original") for p in first] == ["P", "L", "IY", "Z"]
    about = record["alignment"]
    assert (about["aligner"], about["language"], about["guessed_words"]) == (
        "pocketsphinx",
        "en",
        [],
    )
    assert 0 < about["misfit_nats_per_frame"] < 9
    assert about["version"]


def test_words_that_were_heard_keep_what_they_had(emocli: Emocli, spoken) -> None:
    heard = [{"text": f" {w},", "start": 9.0, "probability": 0.5} for w in TEXT.split()]
    heard.insert(0, {"text": "—", "start": 0.0, "end": 0.1})
    found = emocli("align", "-j1", stdin=[spoken(words=heard)]).records[0]["words"]
    assert [w["text"] for w in found] == [w["text"] for w in heard]
    assert found[0] == {"text": "—", "start": 0.0, "end": 0.1}
    assert all(w["probability"] == 0.5 and w["start"] < w["end"] < 3 for w in found[1:])
    others = [{"text": "Other", "start": 0.0, "end": 1.0}]
    again = emocli("align", "-j1", stdin=[spoken(words=others)]).records[0]["words"]
    assert [w["text"] for w in again] == TEXT.rstrip(".").split()


def test_times_are_from_the_start_of_the_recording(emocli: Emocli, spoken, tmp_path: Path) -> None:
    whole = emocli("align", "-j1", stdin=[spoken()]).records[0]
    samples, _ = soundfile.read(tmp_path / "a.wav")
    soundfile.write(tmp_path / "a.wav", np.concatenate([np.zeros(32_000), samples]), 16_000)
    part = {"id": "b", "path": str(tmp_path / "a.wav"), "text": TEXT, "start": 2.0}
    moved = emocli("align", "-j1", stdin=[part]).records[0]
    assert [p["start"] for p in moved["phones"]] == pytest.approx(
        [p["start"] + 2 for p in whole["phones"]], abs=2e-3
    )
    assert moved["words"][0]["start"] >= 2


def test_a_wrong_text_is_an_error_and_the_stream_goes_on(emocli: Emocli, spoken) -> None:
    wrong = {**spoken(), "id": "wrong", "text": "Colourless green ideas sleep furiously tonight"}
    outcome = emocli("align", "-j1", stdin=[wrong, spoken()])
    assert outcome.status == 1
    assert "wrong: " in outcome.stderr
    first, second = outcome.records
    assert first["missing"]["phones"]["code"] == "cannot_align"
    assert "phones" not in first
    assert "error" not in first  # its pitch can still be measured
    assert second["phones"]
    wanted = emocli("align", "-j1", "--max-misfit", "20", stdin=[{**spoken(), **wrong}])
    assert wanted.records[0]["alignment"]["misfit_nats_per_frame"] > 6.9
    repaired = emocli("align", "-j1", stdin=[{**first, "text": TEXT}]).records[0]
    assert repaired["phones"]
    assert "missing" not in repaired


def test_without_words_nuclei_stand_in(emocli: Emocli, spoken) -> None:
    for text in (None, "", "[laughs]"):
        record = {**spoken(), "text": text}
        found = emocli("align", "-j1", stdin=[record]).records[0]
        assert found["alignment"]["aligner"] == "syllable-nuclei"
        assert 4 <= len(found["phones"]) <= 9  # eight syllables
        assert {p["phone"] for p in found["phones"]} == {None}
        assert all(p["is_vowel"] and p["word"] is None for p in found["phones"])
        assert emocli("align", "-j1", "--aligner", "pocketsphinx", stdin=[record]).status == 1
    with_text = emocli("align", "-j1", "--aligner", "nuclei", stdin=[spoken()]).records[0]
    assert with_text["alignment"]["aligner"] == "syllable-nuclei"


def test_the_language_is_the_flag_s_then_the_record_s(emocli: Emocli, spoken) -> None:
    record = spoken("Über sieben Brücken musst du gehen.", voice="de", language="de")
    german = emocli("align", "-j1", stdin=[record]).records[0]
    assert german["alignment"]["language"] == "de"
    assert "yː" in {p["phone"] for p in german["phones"]}
    assert "nearest" in german["alignment"]["pronunciation"]
    del record["language"]
    by_flag = emocli("align", "-j1", "--language", "de", stdin=[record]).records[0]
    assert by_flag["phones"] == german["phones"]
    unknown = emocli("align", "-j1", "--language", "xx-nonsense", stdin=[record])
    assert unknown.status == 1
    assert unknown.records[0]["missing"]["phones"]["code"] == "unknown_language"


def test_transcripts_come_from_a_folder(emocli: Emocli, spoken, tmp_path: Path) -> None:
    record = spoken(name="one.wav")
    (tmp_path / "one.txt").write_text(f"{TEXT}\n", encoding="utf-8-sig")
    outcome = emocli("align", "-j1", "--transcripts", str(tmp_path), record["path"])
    assert outcome.records[0]["text"] == TEXT
    assert outcome.records[0]["alignment"]["aligner"] == "pocketsphinx"
    kept = emocli(
        "align", "-j1", "--transcripts", str(tmp_path), stdin=[{**record, "text": "home"}]
    )
    assert kept.records[0]["text"] == "home"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("a", {"id": "a.wav"}),
        ("a.wav", {"id": "a.wav"}),
        ("sub/a", {"id": "sub/a.wav"}),
        ("a", {"id": "elsewhere/a.flac"}),
        ("b", {"id": "x", "path": "/no/such/b.mp4"}),
        ("clip#1.00-2.00", {"id": "clip#1.00-2.00"}),
    ],
)
def test_textgrids_are_found_by_id_or_path(
    emocli: Emocli, tmp_path: Path, name: str, fields: Record
) -> None:
    grid = [
        textgrid.Tier("Words", [textgrid.Interval(0.0, 0.5, "hi"), textgrid.Interval(0.5, 1, "")]),
        textgrid.Tier(
            "anna - phones",
            [
                textgrid.Interval(0.0, 0.2, "HH"),
                textgrid.Interval(0.2, 0.5, "AY1"),
                textgrid.Interval(0.5, 1.0, "sil"),
            ],
        ),
    ]
    path = tmp_path / f"{name}.TextGrid"
    path.parent.mkdir(exist_ok=True)
    path.write_text(textgrid.dumps(grid, 0.0, 1.0), encoding="utf-16")
    outcome = emocli(
        "align", "-j1", "--textgrid", str(tmp_path), stdin=[{"path": "q.wav", **fields}]
    )
    assert outcome.status == 0, outcome.stderr
    record = outcome.records[0]
    shared = {"word": "hi", "is_vowel": False, "stress": None, "original": "HH"}
    assert record["phones"] == [
        {"phone": "h", "start": 0.0, "end": 0.2, **shared},
        {
            **{"phone": "aɪ", "start": 0.2, "end": 0.5, **shared, "is_vowel": True, "stress": 1},
            "original": "AY1",
        },
    ]
    assert record["words"] == [{"text": "hi", "start": 0.0, "end": 0.5}]
    assert record["alignment"] == {"aligner": "textgrid", "model": path.name}


def test_lablaut_is_read_as_well(emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "03a01Fa.lablaut").write_text(LABLAUT, encoding="latin-1")
    record = {"id": "emodb/03a01Fa.wav"}
    found = emocli("align", "-j1", "--textgrid", str(tmp_path), stdin=[record]).records[0]
    assert [(p["phone"], p["start"], p["end"]) for p in found["phones"]] == [
        ("t", 0.1, 0.3),
        ("aː", 0.3, 0.5),
    ]
    assert found["phones"][1]["original"] == "a:"
    assert found["alignment"]["aligner"] == "lablaut"


def test_alignments_that_are_not_there_or_broken_are_said(emocli: Emocli, tmp_path: Path) -> None:
    (tmp_path / "torn.TextGrid").write_text('File type = "ooTextFile"\n"TextGrid"\n0\n')
    tiers = [textgrid.Tier("notes", []), textgrid.Tier("gaze", [])]
    (tmp_path / "other.TextGrid").write_text(textgrid.dumps(tiers, 0.0, 1.0))
    names = ("none", "torn", "other", "../../etc/passwd", "/", "x" * 5000)
    outcome = emocli(
        "align", "-j1", "--textgrid", str(tmp_path), stdin=[{"id": name} for name in names]
    )
    assert outcome.status == 1
    codes = [(r.get("error") or r["missing"]["phones"])["code"] for r in outcome.records]
    assert codes == ["no_textgrid", "bad_textgrid", "no_phone_tier", *["no_textgrid"] * 3]
    assert "notes, gaze" in outcome.stderr


def test_a_textgrid_that_is_written_is_read_by_praat_and_again(
    emocli: Emocli, spoken, tmp_path: Path
) -> None:
    grids = tmp_path / "grids"
    records = [spoken(), {**spoken(name="b.wav"), "text": None}]
    outcome = emocli("align", "-j1", "--write-textgrid", str(grids), stdin=records)
    assert sorted(p.name for p in grids.iterdir()) == ["a.TextGrid", "b.TextGrid"]
    aligned, nuclei = outcome.records
    praat = parselmouth.read(str(grids / "a.TextGrid"))
    call = parselmouth.praat.call
    assert [call(praat, "Get tier name", i) for i in (1, 2)] == ["words", "phones"]
    labels = [
        call(praat, "Get label of interval", 2, i)
        for i in range(1, call(praat, "Get number of intervals", 2) + 1)
    ]
    assert [label for label in labels if label] == [p["phone"] for p in aligned["phones"]]
    assert call(praat, "Get end time") == pytest.approx(aligned["alignment"]["duration"])
    tiers = textgrid.parse((grids / "b.TextGrid").read_text("utf-8"))
    assert [tier.name for tier in tiers] == ["nuclei"]
    again = emocli("align", "-j1", "--textgrid", str(grids), stdin=[records[0]]).records[0]
    kept = ("phone", "start", "end", "word", "is_vowel")
    assert [[p[k] for k in kept] for p in again["phones"]] == [
        [p[k] for k in kept] for p in aligned["phones"]
    ]
    assert again["words"] == aligned["words"]
    assert nuclei["phones"]


def test_one_record_may_be_written_as_a_textgrid(emocli: Emocli, spoken, tmp_path: Path) -> None:
    target = tmp_path / "one.TextGrid"
    assert (
        emocli("align", "-j1", "--format", "textgrid", "-o", str(target), stdin=[spoken()]).status
        == 0
    )
    outcome = emocli("align", "-j1", "--format", "textgrid", stdin=[spoken()])
    assert (
        len(textgrid.parse(outcome.stdout.decode()))
        == len(textgrid.parse(target.read_text("utf-8")))
        == 2
    )
    two = emocli("align", "-j1", "--format", "textgrid", stdin=[spoken(), spoken(name="b.wav")])
    assert two.status == 2
    assert "--write-textgrid" in two.stderr
    failed = tmp_path / "failed.TextGrid"
    bad = {**spoken(), "text": "Colourless green ideas sleep furiously tonight"}
    assert (
        emocli("align", "-j1", "--format", "textgrid", "-o", str(failed), stdin=[bad]).status == 1
    )
    assert not failed.exists()


def test_two_records_never_share_a_textgrid(emocli: Emocli, spoken, tmp_path: Path) -> None:
    records = [spoken(), {**spoken(), "id": "other/a.flac"}]
    outcome = emocli("align", "-j1", "--write-textgrid", str(tmp_path / "grids"), stdin=records)
    assert outcome.status == 2
    assert "a.TextGrid" in outcome.stderr


def test_long_recordings_are_cut_by_the_times_of_their_words(
    emocli: Emocli, spoken, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = " ".join([TEXT, "She had your dark suit all year.", TEXT])
    record = spoken(text)
    whole = emocli("align", "-j1", stdin=[record]).records[0]
    monkeypatch.setattr(transcript, "LONGEST_S", 3.0)
    monkeypatch.setattr(stretches.cut, "__defaults__", (3.0,))
    cut = emocli("align", "-j1", stdin=[{**record, "words": whole["words"]}]).records[0]
    assert [p["phone"] for p in cut["phones"]] == [p["phone"] for p in whole["phones"]]
    off = [a["start"] - b["start"] for a, b in zip(cut["phones"], whole["phones"], strict=True)]
    assert np.mean(np.abs(off) < 0.02) > 0.9
    wrong = [{**w, "text": "furious"} if i >= 14 else w for i, w in enumerate(whole["words"])]
    said = " ".join(w["text"] for w in wrong)
    partly = emocli("align", "-j1", stdin=[{**record, "text": said, "words": wrong}]).records[0]
    assert "missing" not in partly, partly["missing"]
    failed = partly["alignment"]["failed"]
    assert failed
    assert all(4 < stretch["end"] <= whole["alignment"]["duration"] for stretch in failed)
    assert {p["word"] for p in partly["phones"]} >= {"Please", "when"}
    monkeypatch.setattr(transcript, "MOST_S", 4.0)
    untimed = emocli("align", "-j1", stdin=[record])
    assert untimed.records[0]["missing"]["phones"]["code"] == "too_long"
    assert "transcribe" in untimed.stderr


SYMBOLS = ["<pad>", *"aɑæʌəɛɪiʊuɔ", "aɪ", "oʊ", "eɪ", "tʃ", *"bdfɡhjklmnŋpɹsʃtθvwzð"]


@pytest.mark.parametrize("symbols", [LETTERS, SYMBOLS], ids=["letters", "phones"])
def test_a_ctc_model_aligns_with_no_other(
    emocli: Emocli,
    spoken,
    ctc_network: Network,  # noqa: F811
    symbols: list[str],
) -> None:
    folder = ctc_network(symbols)
    records = [spoken()]
    outcome = emocli("align", "-j1", "--model", str(folder), "--device", "cpu", stdin=records)
    assert outcome.status == 0, outcome.stderr
    record = outcome.records[0]
    assert [p["phone"].rstrip("ː") for p in record["phones"]][:4] == ["p", "l", "i", "z"]
    assert [w["text"] for w in record["words"]] == TEXT.rstrip(".").split()
    ends = [p["end"] for p in record["phones"]]
    assert ends == sorted(ends)
    about = record["alignment"]
    assert (about["aligner"], about["model"]) == ("ctc", folder.name)
    assert about["revision"].startswith("local:")
    same = emocli("align", "-j1", "--aligner", "ctc", "--model", str(folder), stdin=records)
    assert same.records == outcome.records


def test_a_model_that_is_not_here_is_exit_4(emocli: Emocli, spoken) -> None:
    outcome = emocli("align", "-j1", "--model", "someone/phones", "--offline", stdin=[spoken()])
    assert outcome.status == 4
    assert "emocli models pull someone/phones" in outcome.stderr


def test_without_pocketsphinx_the_extra_is_named(
    emocli: Emocli, spoken, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    pocketsphinx_aligner._shared.cache_clear()
    outcome = emocli("align", "-j1", stdin=[spoken()])
    assert outcome.status == 4
    assert "emocli[align]" in outcome.stderr
    without_text = {**spoken(), "text": None}
    assert emocli("align", "-j1", stdin=[without_text]).status == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--aligner", "mfa"], "mfa"),
        (["--aligner", "ctc"], "--model"),
        (["--aligner", "textgrid"], "--textgrid"),
        (["--textgrid", "/no/where"], "/no/where"),
        (["--transcripts", "/no/where"], "/no/where"),
        (["--format", "praat"], "praat"),
    ],
)
def test_flags_that_make_no_sense_are_usage(emocli: Emocli, flags: list[str], said: str) -> None:
    outcome = emocli("align", "-j1", *flags, str(CLIPS / "joy.wav"))
    assert outcome.status == 2
    assert said in outcome.stderr


def test_jobs_and_neighbours_do_not_change_a_text_s_alignment(emocli: Emocli) -> None:
    names = ("joy.wav", "neutral.wav", "sadness.flac")
    paths = [str(CLIPS / name) for name in names]
    flags = ["--transcripts", str(CLIPS)]
    one = emocli("align", *flags, "--jobs=1", *paths).records
    assert one == emocli("align", *flags, "--jobs=3", *paths).records
    assert one[::-1] == emocli("align", *flags, "--jobs=1", *paths[::-1]).records


def test_a_textgrid_is_not_written_over_a_folder(emocli: Emocli, tmp_path: Path) -> None:
    done = emocli("align", "--format", "textgrid", "-o", str(tmp_path), "gone.wav")
    assert done.status == 2
    assert "it is a folder" in done.stderr


def test_phones_of_another_text_do_not_outlive_it(emocli: Emocli) -> None:
    clip = str(CLIPS / "sadness.flac")
    first = {"id": "a", "path": clip, "text": "She is gone. I miss her, and I feel so sad."}
    (aligned,) = emocli("align", stdin=[first]).records
    assert aligned["phones"]
    text = "The committee on fiscal policy adjourned yesterday after a long discussion of restraint"
    done = emocli("align", stdin=[{**aligned, "text": text}])
    (record,) = done.records
    assert done.status == 1
    assert record["missing"]["phones"]["code"] == "cannot_align"
    assert "phones" not in record
    assert "alignment" not in record


@pytest.mark.parametrize("jobs", ["-j1", "-j2"])
def test_a_record_without_a_transcript_says_so_and_goes_on(
    emocli: Emocli, spoken, tmp_path: Path, jobs: str
) -> None:
    path = spoken(name="one.wav")["path"]
    (tmp_path / "torn.wav").write_bytes(Path(path).read_bytes())
    (tmp_path / "torn.txt").write_bytes("home".encode("utf-16-le"))
    (tmp_path / "else.txt").write_text("home")
    paths = [path, str(tmp_path / "torn.wav")]
    outcome = emocli("align", jobs, "--transcripts", str(tmp_path), *paths)
    assert outcome.status == 1
    notes = [record["missing"]["text"] for record in outcome.records]
    assert [note["code"] for note in notes] == ["no_transcript", "bad_transcript"]
    assert "one.txt" in outcome.stderr
    assert {r["alignment"]["aligner"] for r in outcome.records} == {"syllable-nuclei"}
    (tmp_path / "one.txt").write_text(TEXT)
    again = emocli("align", jobs, "--transcripts", str(tmp_path), stdin=[outcome.records[0]])
    assert again.status == 0
    assert again.records[0]["text"] == TEXT
    assert "missing" not in again.records[0]


@pytest.mark.parametrize(("named", "there"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_transcript_is_found_however_its_name_is_spelled(
    emocli: Emocli, spoken, tmp_path: Path, named: str, there: str
) -> None:
    record = spoken(name=f"{unicodedata.normalize(named, 'café')}.wav")
    (tmp_path / f"{unicodedata.normalize(there, 'café')}.lab").write_bytes(b"Please call me\x85")
    outcome = emocli("align", "-j1", "--transcripts", str(tmp_path), record["path"])
    assert outcome.status == 0
    assert outcome.records[0]["text"] == "Please call me…"
    assert "read as Windows-1252" in outcome.records[0]["alignment"]["warning"]
