"""One small copy of every dataset, made by a function of its name."""

import json

import numpy as np
import pytest

from tests.datasets import eeg_copies

MELD_HEADER = (
    "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID,"
    "Season,Episode,StartTime,EndTime\n"
)
BLEMORE_HEADER = (
    "filename,video_id,gender,mix,emotion_1,version,intensity_level,situation,emotion_2,"
    "emotion_1_salience,emotion_2_salience,fold\n"
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
    utterances = [
        ("Chandler", "I am back in high school .", "neutral"),
        ("Joey", "Oh !", "surprise"),
    ]
    turns = [
        {"utterance_ID": i, "text": text, "speaker": speaker, "emotion": emotion}
        for i, (speaker, text, emotion) in enumerate(utterances, 1)
    ]
    pairs = [["2_surprise", "1_back in high school"], ["2_surprise", "2_Oh !"]]
    train = {"conversation_ID": 1, "conversation": turns, "emotion-cause_pairs": pairs}
    test = {"conversation_ID": 9, "conversation": [{**turns[0], "emotion": None}]}
    (folder / "Subtask_1_train.json").write_text(json.dumps([train]))
    (folder / "Subtask_1_test.json").write_text(json.dumps([test]))
    return touch(folder, "train/dia1utt1.mp4")


def crema_d(folder):
    (folder / "processedResults").mkdir()
    (folder / "processedResults/tabulatedVotes.csv").write_text(
        '"","A","D","F","H","N","S","fileName","numResponses"\n'
        '"100002",0,0,0,3,6,0,"1001_IEO_HAP_LO",9\n'
        '"200002",0,0,0,8,1,0,"1001_IEO_HAP_LO",9\n'
        '"300002",0,1,0,7,2,0,"1001_IEO_HAP_LO",10\n'
        '"300003",9,0,0,0,0,1,"1002_DFA_ANG_XX",10\n'
    )
    (folder / "VideoDemographics.csv").write_text(
        '"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,"Male","Caucasian","Not Hispanic"\n'
    )
    return folder


def emobank(folder):
    (folder / "corpus").mkdir()
    (folder / "corpus/emobank.csv").write_text(
        "id,split,V,A,D,text\n"
        '110CYL068_1036_1079,train,3.0,3.25,3.2,"Remember what she said in my last letter? """\n'
        "SemEval_1319,dev,1.2,4,2.5,Bomb kills 18 on military bus in Iran\n"
    )
    (folder / "corpus/individual_reader_ratings.csv").write_text(
        "id,V,A,D\n110CYL068_1036_1079,3,3,4\n110CYL068_1036_1079,2,4,3\n"
    )
    return folder


def isear(folder):
    (folder / "isear.csv").write_text(
        "id,speaker,text,emotion\n"
        'isear-0,11001,"When we met, ""again"".",joy\n'
        "isear-1,11001,When I was alone.,fear\n"
        "isear-2,11002,I had forgotten him.,guilt\n"
    )
    return folder


def emocontext(folder):
    (folder / "train.tsv").write_bytes(
        b"id\tturn1\tturn2\tturn3\tlabel\r\n"
        b'7\tWhen did I?\tmany times i think -_-\t"No. I never saw you\tangry\r\n'
        b"8\tBy\tby Google Chrome\tWhere you live\tothers\r\n"
    )
    return folder


def blemore(folder):
    (folder / "train_metadata.csv").write_text(
        BLEMORE_HEADER + "A102_ang_int1_ver1,A102,female,0,ang,1,1.0,,,,,0\n"
        "A411_mix_ang_hap_30_70_ver1,A411,male,1,ang,1,,,hap,30.0,70.0,3\n"
        "A102_neu_sit2_ver1,A102,female,0,neu,1,,2.0,,,,0\n"
    )
    return touch(folder, "train/A411_mix_ang_hap_30_70_ver1.mov", "test/test_0001.mov")


def mer(folder, table, rows, *clips, subtitles):
    (folder / table).parent.mkdir(parents=True, exist_ok=True)
    (folder / table).write_text("name,discrete,valence\n" + rows, encoding="utf-8")
    text = "name,chinese,english\nsample_1,OK，你好,Hello\nsample_2,,\n"
    (folder / subtitles).write_text(text, encoding="utf-8")
    return touch(folder, *clips)


def mer2023(folder):
    place = mer(
        folder, "mer2023train/train-label.csv", "sample_1,happy,2.5\nsample_2,worried,-1\n",
        "mer2023train/train/sample_1.avi", "mer2023train/audio/sample_1.wav", "test1/sample_3.mp4",
        subtitles="transcription.csv",
    )  # fmt: skip
    (place / "test-labels").mkdir()
    (place / "test-labels/test1-label.csv").write_text("name,discrete\nsample_3,neutral\n")
    return place


def mer2024(folder):
    noise, clean = "video-unlabeled-with-test2noise", "video-unlabeled"
    place = mer(
        folder, "label-disdim.csv", "sample_1,happy,2.5\nsample_2,worried,-1\n",
        "video-labeled/sample_1.mp4", f"{noise}/sample_3.mp4", f"{clean}/sample_3.mp4",
        f"{clean}/sample_4.mp4", subtitles="label-transcription.csv",
    )  # fmt: skip
    (place / "candidate_20000.csv").write_text("name\nsample_3\nsample_4\n")
    return place


def mer2025(folder):
    clips = [f"{kind}/sample_{n}.{suffix}" for n in (1, 3) for kind, suffix in KINDS.items()]
    place = mer(
        folder, "track1_train_disdim.csv", "sample_1,happy,2.5\nsample_2,worried,-1\n",
        *clips, "openface_face/sample_2/sample_2.mp4", subtitles="subtitle_chieng.csv",
    )  # fmt: skip
    (place / "track_all_candidates.csv").write_text("name\nsample_3\n")
    return place


KINDS = {"video": "mp4", "audio": "wav"}
MMSA_HEADER = "video_id,clip_id,text,label,label_T,label_A,label_V,annotation,mode\n"


def mosi(folder):
    (folder / "label.csv").write_text(
        MMSA_HEADER + '03bSnISJMiM,1,"ANYHOW, IT WAS GOOD",2.4,,,,Positive,train\n'
        "03bSnISJMiM,2,THEY DID IT,-0.6,,,,Negative,test\n",
        encoding="utf-8",
    )
    return touch(folder, "Raw/03bSnISJMiM/1.mp4")


def mosei(folder):
    return mosi(folder)


def sims(folder):
    (folder / "label.csv").write_text(
        MMSA_HEADER + "video_0001,0001,我不想嫁给李茶,-0.6,-0.8,0.2,0,Negative,train\n"
        "video_0001,2,不用谢,0,0,0.2,-0.2,Neutral,valid\n",
        encoding="utf-8",
    )
    return touch(folder, "Raw/video_0001/0001.mp4", "Raw/video_0001/0002.mp4")


IEMOCAP_LABELS = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[14.8872 - 18.0175]\tSes01F_impro01_M000\texc\t[4.5000, 3.5000, 3.0000]
C-E2:\tExcited;\t()
C-E3:\tHappiness; Excited;\t()
A-E3:\tval 4; act 3; dom  3;\t()
A-E4:\tval 5; act 4; dom  3;\t(mostly)

[6.2901 - 8.2357]\tSes01F_impro01_F000\tfru\t[2.5000, 2.5000, 2.5000]
C-E2:\tFrustration;\t()
"""


def iemocap(folder):
    session = folder / "Session1"
    for inner, text in (
        ("EmoEvaluation", IEMOCAP_LABELS),
        ("transcriptions", "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.\n"),
    ):
        (session / "dialog" / inner).mkdir(parents=True)
        (session / "dialog" / inner / "Ses01F_impro01.txt").write_text(text)
    sounds = (
        "sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav",
        "dialog/wav/Ses01F_impro01.wav",
    )
    touch(session, *sounds)
    return folder


def mmeverse(folder):
    """Write two tables, clips, and features of the voice for all but the last clip of MER2024."""
    tables = folder / "AU_gpt"
    tables.mkdir()
    described = "response_Qwen25vl_72B,response_Qwen2Audio,response_AudioReasoner,"
    (tables / "MER2024_AU_gpt.csv").write_text(
        "video_id,MER2023_mode,MER2024_mode,emotion_label,chinese,english,"
        + described
        + "gpt-4o-mini_Emotion\n"
        "s1,train,train,happy,你好,Hello,She smiles.,,A bright voice.,She is glad.\n"
        "s2,other,test_semi,worried,,Oh no,,,,\n"
        "s3,test1,test_semi,neutral,嗯,Hm,,A flat voice.,,\n",
        encoding="utf-8",
    )
    (tables / "MAFW_AU_gpt.csv").write_text(
        "video_id,mode,single_label,multi_label,text_whisper,"
        + described
        + "gpt-4o-mini_Emotion,gpt-4o-mini_Multi\n"
        'm1,test,anger,"anxiety,anger",No!,,,,,He fears and rages.\n'
        "m2,test,contempt,,Well,,,,,\n",
        encoding="utf-8",
    )
    home = folder / "MER2024"
    touch(home, "video/s1.mp4", "features/whisper-large-v3/readme.txt")
    for name in ("s1", "s2"):
        np.save(home / f"features/whisper-large-v3/{name}.npy", np.ones((1, 3, 4), np.float16))
    return folder


def folder(folder):
    return touch(
        folder, "angry/a.wav", "spk1/Happy/b.mp4", "boredom/c.wav", "top.flac", "notes.txt"
    )


EVERY = (ravdess, emodb, nemo, meld, goemotions, ecf, crema_d, emobank, blemore, folder)
EVERY += (isear, emocontext)
EVERY += (mer2023, mer2024, mer2025, mosi, mosei, sims, iemocap, mmeverse)
EVERY += eeg_copies.EVERY
MAKE = {make.__name__.replace("_", "-"): make for make in EVERY}


@pytest.fixture
def make(tmp_path):
    """Make a small copy of a dataset: make("meld")."""

    def dataset(name):
        place = tmp_path / name
        place.mkdir()
        return MAKE[name](place)

    return dataset
