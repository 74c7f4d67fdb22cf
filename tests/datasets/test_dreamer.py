from __future__ import annotations

import pytest
import scipy.io

from emocli.datasets import dreamer
from emocli.errors import MalformedError
from tests.datasets import eeg_copies


def test_a_record_per_clip_and_subject_with_ratings(make):
    place = make("dreamer")
    file = f"{place}/DREAMER.mat"
    records = list(dreamer.read(place / "DREAMER.mat"))
    assert len(records) == 4
    assert records[0] == {
        "id": f"{file}#1-1",
        "path": file,
        "dataset": "dreamer",
        "speaker": "dreamer-01",
        "stimulus": "dreamer-01",
        "trial": "dreamer-01-1",
        "age": 22,
        "gender": "male",
        "label": {"valence": 4.0, "arousal": 3.0, "dominance": 2.0},
        "eeg": {
            "variable": "DREAMER.Data{1}.EEG.stimuli{1}",
            "sample_rate_hz": 128,
            "channels": dreamer.CHANNELS,
            "unit": "uV",
        },
    }
    assert records[3]["eeg"]["variable"] == "DREAMER.Data{2}.EEG.stimuli{2}"
    assert records[3]["label"] == {"valence": 1.0, "arousal": 5.0, "dominance": 2.0}
    assert "age" not in records[3]


@pytest.mark.parametrize(
    ("person", "message"),
    [
        ({"EEG": {"stimuli": 1}}, "no DREAMER.Data{1}.ScoreValence in it: it has DREAMER"),
        ({"Age": 3}, "no DREAMER.Data{1}.EEG.stimuli in it"),
        (
            {
                "EEG": {"stimuli": eeg_copies.cell(1, 2)},
                **{name: [[3], [3], [3]] for name in dreamer.RATINGS.values()},
            },
            "subject 1 has not one rating for each of 2 clips",
        ),
        (
            {
                "EEG": {"stimuli": eeg_copies.cell(1, 2)},
                **{name: [[3], [6]] for name in dreamer.RATINGS.values()},
            },
            "a rating by subject 1 of clip 2 is not from 1 to 5",
        ),
    ],
)
def test_what_is_not_there_is_named(person, message, tmp_path):
    data = {"DREAMER": {"Data": eeg_copies.cell(person)}}
    scipy.io.savemat(tmp_path / "DREAMER.mat", data)
    with pytest.raises(MalformedError) as error:
        list(dreamer.read(tmp_path))
    assert message in str(error.value)
