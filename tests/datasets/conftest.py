"""One small copy of every dataset, made by a function of its name."""

import json

import pytest

MELD_HEADER = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,"
    "Season,Episode,StartTime,EndTime\n"
)


def touch(folder, *names):
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    return folder


def ravdess(folder):
    return touch(
        folder,
        "Actor_01/03-01-02-01-01-01-01.wav",
        "Actor_02/01-02-08-02-02-02-02.mp4",
        "Actor_02/._01-02-08-02-02-02-02.mp4",
    )


def emodb(folder):
    return touch(folder, "wav/03a01Fa.wav", "wav/16b10Lb.wav", "wav/16b10Lb.lablaut")


def nemo(folder):
    touch(folder, "samples/EB0_fear_35.wav")
    (folder / "data.tsv").write_text(
        "file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage\n"
        'EB0_fear_35.wav\tfear\t"Aby, upiec\taby upiec\tEB0\tfemale\t27\n'
        "WR0_surprised_1.wav\tsurprised\tMuszę kupić.\tmuszę kupić\tWR0\tmale\t23\n",
        encoding="utf-8",
    )
    return folder


def meld(folder):
    (folder / "train_sent_emo.csv").write_text(
        MELD_HEADER
        + '1,"Oh, my ""God"", he’s lost it.",Phoebe,sadness,negative,0,0,4,7,'
        + '"00:20:57,256","00:21:00,049"\n'
        + '2,What?,Monica,surprise,positive,0,3,4,7,"0:21:01,927","01:21:03,28"\n',
        encoding="utf-8",
    )
    (folder / "dev_sent_emo.csv").write_text(
        MELD_HEADER + '1,Hey!,Joey,joy,positive,0,0,1,1,"00:00:01,000","00:00:02,500"\n',
        encoding="utf-8",
    )
    return touch(folder, "train_splits/dia0_utt3.mp4", "dia0_utt0.mp4")


def goemotions(folder):
    (folder / "ekman").mkdir()
    (folder / "ekman/labels.txt").write_text(
        "anger\ndisgust\nfear\njoy\nneutral\nsadness\nsurprise"
    )
    (folder / "ekman/train.tsv").write_text(
        'He said "hey\r\t3,4\tee84bjg\nSo sad\t5\tedcu99z\n', encoding="utf-8", newline=""
    )
    (folder / "ekman/dev.tsv").write_text("Angry\t0\teeeeeee\n")
    return folder


def ecf(folder):
    said = [("Chandler", "I am back in high school .", "neutral"), ("Joey", "Oh !", "surprise")]
    turns = [
        {"utterance_ID": i, "text": text, "speaker": who, "emotion": emotion}
        for i, (who, text, emotion) in enumerate(said, 1)
    ]
    pairs = [["2_surprise", "1_back in high school"], ["2_surprise", "2_Oh !"]]
    train = {"conversation_ID": 1, "conversation": turns, "emotion-cause_pairs": pairs}
    test = {"conversation_ID": 9, "conversation": [{**turns[0], "emotion": None}]}
    (folder / "Subtask_1_train.json").write_text(json.dumps([train]))
    (folder / "Subtask_1_test.json").write_text(json.dumps([test]))
    return touch(folder, "train/dia1utt1.mp4")


def folder(folder):
    return touch(
        folder, "angry/a.wav", "spk1/Happy/b.mp4", "boredom/c.wav", "top.flac", "notes.txt"
    )


MAKE = {f.__name__: f for f in (ravdess, emodb, nemo, meld, goemotions, ecf, folder)}


@pytest.fixture
def make(tmp_path):
    """Make a small copy of a dataset: make("meld")."""

    def dataset(name):
        place = tmp_path / name
        place.mkdir()
        return MAKE[name](place)

    return dataset
