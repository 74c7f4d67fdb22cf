from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from emocli.signals import prosody_fitting, prosody_norms
from emocli.signals.prosody_fitting import Utterance
from emocli.signals.prosody_norms import LEVELS, UNCLEAR, Norms, Spread, shrunk, spread

MAN_HZ, WOMAN_HZ = 110.0, 210.0


def prosody(f0_hz: float | None = MAN_HZ, level_db: float = 65.0, **other: Any) -> dict[str, Any]:
    return {
        "duration": 2.0,
        "f0_median_hz": f0_hz,
        "f0_sd_st": 2.0,
        "intensity_mean_db": level_db,
        "intensity_sd_db": 6.0,
        "articulation_rate_syll_per_s": 4.0,
        "alpha_ratio_db": -10.0,
        "hnr_db": 12.0,
        "pause_total": 0.0,
        "pause_count": 0,
        **other,
    }


def vowel(phone: str | None = "a", **other: Any) -> dict[str, Any]:
    return {
        "phone": phone,
        "duration": 0.1,
        "f0_mean_hz": MAN_HZ,
        "f0_slope_st_per_s": 0.0,
        "f0_sd_st": 1.0,
        "intensity_mean_db": 66.0,
        "intensity_sd_db": 2.0,
        **other,
    }


def corpus(speakers: dict[str, float], each: int = 20, language: str = "en") -> list[Utterance]:
    """Return utterances of speakers with these medians: /a/ is twice as long as /i/."""
    numbers = np.random.default_rng(0)
    utterances = []
    for name, median_hz in speakers.items():
        for _ in range(each):
            f0_hz = median_hz * 2 ** (numbers.normal(0, 2) / 12)
            vowels = [
                vowel(
                    phone,
                    duration=length * 2 ** numbers.normal(0, 0.3),
                    f0_mean_hz=f0_hz * 2 ** (numbers.normal(0, 1) / 12),
                    f0_slope_st_per_s=numbers.normal(0, 20),
                    f0_sd_st=numbers.uniform(0, 2),
                    intensity_mean_db=numbers.normal(65, 4),
                    intensity_sd_db=numbers.uniform(1, 4),
                )
                for phone, length in (("a", 0.16), ("i", 0.08))
                for _ in range(3)
            ]
            rate = numbers.normal(4, 1)
            full = prosody(f0_hz, numbers.normal(65, 5), articulation_rate_syll_per_s=rate)
            utterances.append(Utterance(name, language, full, vowels))
    return utterances


PEOPLE = {"m1": 105.0, "m2": 115.0, "m3": 110.0, "w1": 200.0, "w2": 215.0, "w3": 225.0}


@pytest.fixture(scope="module")
def norms() -> Norms:
    return Norms(prosody_fitting.fit(corpus(PEOPLE)))


def test_statistics_lean_on_others_as_far_as_they_rest_on_few_values() -> None:
    others = Spread(0.0, 4.0, 1000)
    assert shrunk(None, others) == others
    assert shrunk(Spread(10.0, 2.0, 10), others)[:2] == (5.0, 3.0)  # 10 / (10 + 10)
    assert shrunk(Spread(10.0, 2.0, 90), others)[:2] == pytest.approx((9.0, 2.2))
    assert spread([1.0, 3.0]) == Spread(2.0, 1.0, 2)
    assert Spread(2.0, 0.0, 1).z(5.0) == 0.0


def test_men_and_women_have_a_register_each_and_one_sort_of_voice_has_one() -> None:
    low, high = prosody_fitting.registers_hz(PEOPLE.values())
    assert (low, high) == pytest.approx((109.9, 213.1), abs=0.2)  # geometric means
    assert prosody_fitting.registers_hz([100.0, 110.0, 120.0]) == pytest.approx([109.7], abs=0.1)
    assert prosody_fitting.registers_hz([]) == []


def test_a_level_holds_a_fifth_of_what_was_fitted_on(norms: Norms) -> None:
    utterances = corpus(PEOPLE)
    names = ("slope", "pitch", "pitch_variation", "intensity", "intensity_variation", "duration")
    levels = [norms.vowel(v, h.prosody, h.speaker, "en") for h in utterances for v in h.vowels]
    assert list(levels[0]) == list(names)
    for name in names:
        shares = [sum(one[name] == word for one in levels) / len(levels) for word in LEVELS]
        assert shares == pytest.approx([0.2] * 5, abs=0.005), name
    full = [norms.utterance(h.prosody, h.speaker) for h in utterances]
    for name in ("pitch", "loudness", "tempo"):
        shares = [sum(one[name] == word for one in full) / len(full) for word in LEVELS]
        assert shares == pytest.approx([0.2] * 5, abs=0.02), name


def test_a_level_is_what_the_formulas_give_by_hand() -> None:
    utterances = [
        Utterance("s", "en", prosody(), [vowel("a", duration=0.1 * k) for k in range(1, 6)]),
        Utterance("s", "en", prosody(), [vowel("i", duration=0.1 * k) for k in range(6, 11)]),
    ]
    content = prosody_fitting.fit(utterances)
    seconds = np.arange(1, 11) / 10
    z = (seconds - seconds.mean()) / seconds.std()
    weight = 5 / (5 + 10)  # five of each type against all ten, whose z have mean 0 and SD 1
    typed = []
    for group in (z[:5], z[5:]):
        mean, sd = weight * group.mean(), weight * group.std() + (1 - weight)
        typed += list((group - mean) / sd)
    edges = np.quantile(typed, (0.2, 0.4, 0.6, 0.8))
    assert content["edges"]["vowel"]["duration"] == pytest.approx(edges, abs=1e-4)
    expected = LEVELS[int(np.searchsorted(edges, typed[6]))]
    norms = Norms(content).vowel(vowel("i", duration=0.7), prosody(), "s", "en")
    assert norms["duration"] == expected


def test_a_man_and_a_woman_who_do_the_same_get_the_same_levels(norms: Norms) -> None:
    for shift in (-4.0, 0.0, 4.0):
        ratio = 2 ** (shift / 12)
        man, woman = (
            norms.utterance(prosody(hertz * ratio))["pitch"] for hertz in norms.registers_hz
        )
        assert man == woman
    assert norms.utterance(prosody(MAN_HZ * 2 ** (4 / 12)))["pitch"] == "very high"
    assert norms.utterance(prosody(MAN_HZ * 2 ** (-4 / 12)))["pitch"] == "very low"


def test_a_known_speaker_is_judged_by_what_is_usual_for_them(norms: Norms) -> None:
    people = {**PEOPLE, "high man": 140.0}
    fitted = Norms(prosody_fitting.fit(corpus(people, each=100)))
    assert fitted.knows("high man")
    assert not fitted.knows("somebody else")
    assert fitted.reference_hz("high man", 100.0) == pytest.approx(140, rel=0.03)
    assert fitted.utterance(prosody(140.0), "high man")["pitch"] == "moderate"
    assert fitted.utterance(prosody(140.0), "somebody else")["pitch"] == "very high"


def test_a_vowel_is_judged_by_what_is_usual_for_its_type(norms: Norms) -> None:
    said = {phone: norms.vowel(vowel(phone, duration=0.12), prosody()) for phone in ("a", "i")}
    assert LEVELS.index(said["a"]["duration"]) < 2 < LEVELS.index(said["i"]["duration"])
    strange = norms.vowel(vowel("ø", duration=0.12), prosody())
    nameless = norms.vowel(vowel(None, duration=0.12), prosody())
    assert strange["duration"] == nameless["duration"] == "moderate"


def test_each_language_has_its_own_vowels() -> None:
    german = [
        one._replace(vowels=[{**v, "duration": 2 * v["duration"]} for v in one.vowels])
        for one in corpus(PEOPLE, language="de")
    ]
    content = prosody_fitting.fit(corpus(PEOPLE) + german)
    assert set(content["vowel_types"]) == {"*", "de", "en"}
    norms = Norms(content)
    levels = {
        language: LEVELS.index(
            norms.vowel(vowel("a", duration=0.22), prosody(), None, language)["duration"]
        )
        for language in ("de", "en", "fr")
    }
    assert levels["de"] < levels["fr"] < levels["en"]


def test_what_is_undefined_is_unclear(norms: Norms) -> None:
    whisper = vowel(f0_mean_hz=None, f0_slope_st_per_s=None, f0_sd_st=None)
    levels = norms.vowel(whisper, prosody())
    assert {name for name, level in levels.items() if level == UNCLEAR} == {
        "slope",
        "pitch",
        "pitch_variation",
    }
    assert norms.utterance(prosody(None))["pitch"] == UNCLEAR
    assert norms.utterance(dict.fromkeys(prosody()))["tempo"] == UNCLEAR


def test_norms_without_speakers_do_not_care_for_the_level_of_a_recording() -> None:
    content = prosody_fitting.fit(corpus(PEOPLE))
    general = Norms({**content, "speakers": {}})
    loud = prosody(level_db=65.0), vowel(intensity_mean_db=68.0)
    soft = prosody(level_db=45.0), vowel(intensity_mean_db=48.0)
    assert general.utterance(loud[0]) == general.utterance(soft[0])
    assert general.utterance(loud[0])["loudness"] is None
    assert general.vowel(loud[1], loud[0]) == general.vowel(soft[1], soft[0])
    speaker_norms = Norms(content)
    assert speaker_norms.utterance(soft[0])["loudness"] == "very low"
    changed = {
        name
        for a, b in (
            (speaker_norms.utterance(loud[0]), speaker_norms.utterance(soft[0])),
            (speaker_norms.vowel(loud[1], loud[0]), speaker_norms.vowel(soft[1], soft[0])),
        )
        for name in a
        if a[name] != b[name]
    }
    assert changed == set(prosody_norms.LEVEL_DEPENDENT)


def test_norms_of_utterances_alone_say_nothing_of_vowels() -> None:
    utterances = [one._replace(vowels=[]) for one in corpus(PEOPLE)]
    norms = Norms(prosody_fitting.fit(utterances))
    assert set(norms.vowel(vowel(), prosody()).values()) == {None}
    assert norms.utterance(prosody())["tempo"] in LEVELS


def test_what_hardly_varies_has_no_levels() -> None:
    norms = Norms(prosody_fitting.fit(corpus(PEOPLE)))
    assert norms.utterance(prosody(pause_total=1.0))["pauses"] is None  # nobody pauses there
    utterances = corpus(PEOPLE)
    for number, one in enumerate(utterances):
        one.prosody["pause_total"] = number % 10 / 10
    norms = Norms(prosody_fitting.fit(utterances))
    assert norms.utterance(prosody(pause_total=0.0))["pauses"] == "very low"
    assert norms.utterance(prosody(pause_total=0.9))["pauses"] == "very high"


def test_norms_need_neither_speakers_nor_a_language_nor_a_pitch() -> None:
    utterances = [one._replace(speaker=None, language="") for one in corpus(PEOPLE)]
    content = prosody_fitting.fit(utterances)
    assert content["speakers"] == {}
    assert len(content["registers_hz"]) == 2
    mute = [Utterance(None, "", prosody(None), [])]
    assert Norms(prosody_fitting.fit(mute)).utterance(prosody())["pitch"] is None


def test_the_order_of_what_was_heard_does_not_matter() -> None:
    utterances = corpus(PEOPLE) + corpus({"x": 150.0}, language="de")
    shuffled = list(utterances)
    random.Random(1).shuffle(shuffled)
    assert prosody_fitting.fit(shuffled) == prosody_fitting.fit(utterances)


def test_numbers_of_norms_are_finite_and_counted() -> None:
    content = prosody_fitting.fit(corpus(PEOPLE))
    assert content["fitted_on"] == {
        "speakers": 6,
        "utterances": 120,
        "vowels": 720,
        "utterances_per_language": {"en": 120},
    }
    for table in (*content["corpus"].values(), *content["vowel_types"]["*"].values()):
        for name, one in table.items():
            assert name in content["units"]
            assert all(map(math.isfinite, one.values()))
            assert one["count"] > 0
