"""Train the audio half of the default predictor: Whisper base, frozen, and a small head.

    EMOCLI_DATA=... python examples/train_default_audio.py OUT [raw]

reads $EMOCLI_DATA/ravdess, /emodb and /nemo and the pulled model whisper-base; writes
OUT/head.safetensors (names as in `models.late_fusion.Head`), OUT/audio.json and the predictions
for every clip by a model that never heard its speaker, OUT/out_of_fold.jsonl, or its corpus,
OUT/out_of_corpus.jsonl. Features are kept in OUT/*.npy, so a second run is quick. About half an
hour on two free cores. Seeded.
With `raw` only the figures without level normalisation are measured (OUT/raw.json).

Our choices: the mean and standard deviation over time of every block's output; copies of each clip,
half of them at another speed, half with another voice (Praat's "Change gender": formants, pitch,
range and tempo), with noise, spectral tilt and no silence around it; principal components, partly
whitened, as the input of networks with one hidden layer, each with a view of its own (some layers,
some moments), averaged and folded, components and all, into one. (A ridge regression added to them
was no better for new speakers.)
In training a second output tells what a corpus tells besides: its own word for the emotion and how
strongly it is acted. Each class of each corpus weighs the same.
"""

import json
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import default_confidence as sure
import numpy as np
import parselmouth
import soxr
import torch
import torch.nn.functional as F
from parselmouth.praat import call
from safetensors.torch import save_file
from torch import Tensor

from emocli import hub
from emocli.datasets import emodb, nemo, ravdess
from emocli.encoders import whisper
from emocli.metrics import classification, report
from emocli.records.labels import EMOTIONS
from emocli.signals import audio

ENCODER, LAYERS, POOLING = "whisper-base", (1, 2, 3, 4, 5, 6), "mean+std"
COPIES = 4  # of each clip, at another speed, and as many with another voice, besides the clip
FOLDS = 8  # of two actors of RAVDESS each; a speaker of EMO-DB or nEMO joins a fold while they last
COMPONENTS, WHITENING = 512, 0.25  # WHITENING: power of the variance that is divided out
VIEWS = {  # what each network that is averaged looks at: layers, and moments (mean 0, std 1)
    "everything": ((1, 2, 3, 4, 5, 6), (0, 1)),
    "means": ((1, 2, 3, 4, 5, 6), (0,)),
    "lower": ((1, 2, 3), (0, 1)),
    "middle": ((3, 4), (0, 1)),
    "not the last": ((1, 2, 3, 4, 5), (0, 1)),
}
HIDDEN = 96  # units of each network
SEEDS = (0,)  # of the networks of a view
EPOCHS, BATCH, RATE, DECAY = 30, 256, 2e-3, 0.02
DROPOUT_IN, DROPOUT, SMOOTHING = 0.2, 0.5, 0.05
FINE = 0.5  # weight of the second output's loss
FLOORS_HZ, CEILING_HZ, LOW_VOICE_HZ = (60, 90), 700, 160  # where to look for pitch
RESAMPLES = 2000
CLASSES = len(EMOTIONS)

Change = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def clips(data: Path) -> list[dict]:
    """Return the records of the three corpora."""
    corpora = {"ravdess": ravdess, "emodb": emodb, "nemo": nemo}
    return [record for name, corpus in corpora.items() for record in corpus.read(data / name)]


def trimmed(samples: np.ndarray) -> np.ndarray:
    """Cut what lies more than 0.1 s before the first or after the last frame above -40 dB."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    power = np.square(frames).mean(1)
    loud = np.flatnonzero(power > power.max() * 1e-4)
    return samples[max(0, loud[0] - 10) * 160 : (loud[-1] + 11) * 160]


def faster(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a copy at another speed: pitch and formants move along."""
    speed = random.uniform(0.85, 1.15)
    return soxr.resample(samples, whisper.SAMPLE_RATE * speed, whisper.SAMPLE_RATE)


def revoiced(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return a copy with other formants, pitch, range of pitch and tempo."""
    sound = parselmouth.Sound(samples.astype(np.float64), whisper.SAMPLE_RATE)
    pitch = sound.to_pitch_ac(pitch_floor=FLOORS_HZ[0], pitch_ceiling=CEILING_HZ)
    f0_hz = pitch.selected_array["frequency"]
    voiced = f0_hz[f0_hz > 0]
    median = float(np.median(voiced)) if len(voiced) > 3 else 0.0  # Praat: 0 leaves it alone
    higher, formants = np.exp(random.uniform(-0.17, 0.17)), np.exp(random.uniform(-0.16, 0.16))
    wider, slower = random.uniform(0.9, 1.15), random.uniform(0.88, 1.13)
    floor = FLOORS_HZ[int(median >= LOW_VOICE_HZ)]
    changes = (float(formants), median * float(higher), wider, slower)
    found = call(sound, "Change gender", floor, CEILING_HZ, *changes).values[0]
    return found.astype(np.float32)


def changed(samples: np.ndarray, random: np.random.Generator, voice: Change) -> np.ndarray:
    """Return a copy as another speaker, microphone and room might have given it."""
    x = voice(samples, random)
    if random.random() < 0.5:
        x = trimmed(x)
    x = whisper.normalise_level(x)
    if random.random() < 0.5:
        noise = random.standard_normal(len(x)).astype(np.float32)
        if random.random() < 0.5:  # brown rather than white, most of it below 400 Hz
            noise = np.convolve(noise, 0.9 ** np.arange(60, dtype=np.float32), "same")
        snr_db = random.uniform(10, 35)
        x = x + noise * np.float32(10 ** (-snr_db / 20) * x.std() / noise.std())
    if random.random() < 0.3:
        x = np.convolve(x, np.array([1, random.uniform(-0.4, 0.4)], np.float32), "same")
    gain = np.float32(10 ** (random.uniform(-3, 3) / 20))  # the level is known to about 3 dB
    return whisper.normalise_level(x) * gain


def features(records: list[dict], file: Path, change: Change, seed: int = 0) -> np.ndarray:
    """Return a vector per record (records, dim), from `file` if they were computed before.

    Changed copies are encoded in bfloat16, which is quicker and differs less than the copies do.
    """
    if file.exists():
        return np.load(file)
    dtype = "bfloat16" if isinstance(change, partial) else "float32"
    model, random = whisper.load(hub.resolve(ENCODER), dtype=dtype), np.random.default_rng(seed)
    batch = 8
    found: list[np.ndarray] = []
    for start in range(0, len(records), batch):
        paths = [record["path"] for record in records[start : start + batch]]
        waves = [change(audio.read(path).samples, random) for path in paths]
        found += whisper.encode(model, waves, layers=LAYERS, pooling=POOLING)
    np.save(file, np.stack(found))
    print(file, file=sys.stderr)
    return np.stack(found)


def folds(records: list[dict]) -> np.ndarray:
    """Return the fold of each record: two actors of RAVDESS, one speaker of the others."""
    fold = {}
    for name, together in (("ravdess", 2), ("emodb", 1), ("nemo", 1)):
        speakers = sorted({r["speaker"] for r in records if r["dataset"] == name})
        fold |= {speaker: place // together % FOLDS for place, speaker in enumerate(speakers)}
    return np.array([fold[record["speaker"]] for record in records])


def classes(records: list[dict]) -> Tensor:
    """Return the index of each record's emotion."""
    return torch.tensor([EMOTIONS.index(record["label"]["emotion"]) for record in records])


def fine_classes(records: list[dict]) -> Tensor:
    """Return the index of what each record's corpus says: its emotion, and how strongly."""
    names = [
        " ".join(map(str, (r["dataset"], r["label"]["original"], r.get("intensity"))))
        for r in records
    ]
    return torch.from_numpy(np.unique(names, return_inverse=True)[1])


def weights(records: list[dict]) -> Tensor:
    """Return a weight per record, of mean one, so that each class of each corpus counts alike."""
    kinds = [f"{record['dataset']} {record['label']['emotion']}" for record in records]
    _, inverse, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    values = 1 / counts[inverse]
    return torch.from_numpy(values / values.mean()).float()


def components(x: Tensor) -> Tensor:
    """Return the projection (dim, COMPONENTS) of standardised vectors (copies, records, dim)."""
    part = x.flatten(0, 1)[:: max(1, len(x) // 2)]  # two copies of each record, or so
    _, values, vectors = torch.svd_lowrank(part, COMPONENTS + 16, niter=3)
    projection = vectors[:, :COMPONENTS] * values[:COMPONENTS] ** -WHITENING
    return projection / (part @ projection).std()


def columns(view: str, dim: int) -> Tensor:
    """Return the places of a view's numbers in a vector of `dim`: layer by layer, mean, std."""
    layers, moments = VIEWS[view]
    blocks = torch.arange(dim).view(len(LAYERS), 2, -1)
    return blocks[[LAYERS.index(n) for n in layers]][:, list(moments)].flatten()


def train(copies: Tensor, records: list[dict]) -> dict[str, Tensor]:
    """Train networks for each view of (copies, records, dim); return `Head`'s tensors of all."""
    parts, whole = [], copies.flatten(0, 1)
    mean, scale = whole.mean(0), whole.std(0) + 1e-6
    for view in VIEWS:
        places = columns(view, copies.shape[-1])
        chosen = (copies[:, :, places] - mean[places]) / scale[places]
        torch.manual_seed(0)
        projection = components(chosen)
        for seed in SEEDS:
            part = network(chosen @ projection, records, seed)
            wide = torch.zeros(HIDDEN, copies.shape[-1])
            wide[:, places] = (projection @ part["hidden.weight"].T).T
            parts.append({**part, "hidden.weight": wide})
    networks = {
        "hidden.weight": torch.cat([part["hidden.weight"] for part in parts]),
        "hidden.bias": torch.cat([part["hidden.bias"] for part in parts]),
        "output.weight": torch.cat([part["output.weight"] for part in parts], 1) / len(parts),
        "output.bias": sum(part["output.bias"] for part in parts) / len(parts),
    }
    halves = {name: tensor.half() for name, tensor in networks.items()}
    return {"mean": mean, "scale": scale, **halves}


def network(inputs: Tensor, records: list[dict], seed: int) -> dict[str, Tensor]:
    """Train one network on components (copies, records, COMPONENTS); return its tensors."""
    torch.manual_seed(seed)
    truth, fine, weight = classes(records), fine_classes(records), weights(records)
    hidden, output = torch.nn.Linear(COMPONENTS, HIDDEN), torch.nn.Linear(HIDDEN, CLASSES)
    second = torch.nn.Linear(HIDDEN, int(fine.max()) + 1)
    layers = torch.nn.ModuleList([hidden, output, second])
    optimiser = torch.optim.AdamW(layers.parameters(), weight_decay=DECAY)
    steps = len(truth) // BATCH
    rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=EPOCHS * steps, pct_start=0.1
    )
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(truth))[: steps * BATCH].split(BATCH):
            x = inputs[torch.randint(len(inputs), rows.shape), rows]
            units = F.dropout(F.gelu(hidden(F.dropout(x, DROPOUT_IN))), DROPOUT)
            losses = loss(output(units), truth[rows]) + FINE * loss(second(units), fine[rows])
            optimiser.zero_grad()
            (losses * weight[rows]).mean().backward()
            optimiser.step()
            rates.step()
    tensors = {**hidden.state_dict(prefix="hidden."), **output.state_dict(prefix="output.")}
    return {name: tensor.detach() for name, tensor in tensors.items()}


def loss(given: Tensor, truth: Tensor) -> Tensor:
    """Return the cross entropy of each record, towards labels that leave some doubt."""
    return F.cross_entropy(given, truth, reduction="none", label_smoothing=SMOOTHING)


def logits(head: dict[str, Tensor], x: Tensor) -> np.ndarray:
    """Return the logits (records, classes) of vectors (records, dim)."""
    w = {name: tensor.float() for name, tensor in head.items()}
    x = (x - w["mean"]) / w["scale"]
    hidden = F.gelu(F.linear(x, w["hidden.weight"], w["hidden.bias"]))
    return F.linear(hidden, w["output.weight"], w["output.bias"]).double().numpy()


def unheard(copies: Tensor, records: list[dict], apart: np.ndarray) -> sure.Left:
    """Return what is said of each clip by a model without those of its group in `apart`."""
    found, away = np.zeros((len(records), CLASSES)), np.zeros(len(records))
    corpus = np.array([record["dataset"] for record in records])
    for group in np.unique(apart):
        rows, others = np.flatnonzero(apart == group), np.flatnonzero(apart != group)
        head = train(copies[:, others], [records[row] for row in others])
        found[rows] = logits(head, copies[0, rows])
        x = (copies[0] - head["mean"]) / head["scale"]
        away[rows] = sure.distance(x[rows], sure.whereabouts(x[others], corpus[others]))
        print(f"without {group}", file=sys.stderr)
    return sure.Left(found, away, classes(records).numpy(), corpus)


def figures(records: list[dict], truth: np.ndarray, given: np.ndarray) -> dict:
    """Return every metric with its 95 % interval over speakers, and what went wrong where."""
    scored = report.Scored(truth, given.argmax(1), given)
    clusters = np.unique([r["speaker"] for r in records], return_inverse=True)[1]
    spans = report.intervals(scored, clusters, resamples=RESAMPLES, seed=0)
    points = {name: [value, *spans[name]] for name, value in report.points(scored).items()}
    points["speakers"] = int(clusters.max()) + 1
    present = np.unique(truth)
    restricted = present[given[:, present].argmax(1)]
    among = classification.confusion_matrix(truth, restricted, CLASSES)
    points["uar_restricted_to_present_labels"] = float(classification.uar(among))
    confusion = classification.confusion_matrix(truth, scored.predicted, CLASSES)
    about = {"reliability": sure.reliability(truth, given), "risk": sure.risk(truth, given)}
    return {"records": len(records), **points, "confusion": confusion.tolist(), **about}


def measured(records: list[dict], truth: np.ndarray, given: np.ndarray) -> dict:
    """Return the figures of each corpus, and of all of them together."""
    corpus = np.array([record["dataset"] for record in records])
    found = {"all": figures(records, truth, given)}
    for name in dict.fromkeys(corpus.tolist()):
        rows = np.flatnonzero(corpus == name)
        found[name] = figures([records[row] for row in rows], truth[rows], given[rows])
    return found


def predictions(records: list[dict], fold: np.ndarray, given: np.ndarray) -> str:
    """Return the out-of-fold predictions as JSON Lines, ready for `emocli score`."""
    lines = []
    for record, number, row in zip(records, fold.tolist(), given, strict=True):
        kept = {key: record[key] for key in ("dataset", "speaker", "language", "label")}
        said = {"emotion": EMOTIONS[row.argmax()], "confidence": float(row.max())}
        said["probabilities"] = dict(zip(EMOTIONS, row.tolist(), strict=True))
        line = {"id": Path(record["path"]).name, **kept, "fold": number, "prediction": said}
        lines.append(json.dumps(line) + "\n")
    return "".join(lines)


def vectors(records: list[dict], out: Path, *, raw: bool) -> Tensor:
    """Return (copies, records, dim), the unchanged clips first; `raw` ones only as recorded."""
    if raw:
        return torch.from_numpy(features(records, out / "raw.npy", lambda x, _: x))[None]
    plain = features(records, out / "plain.npy", lambda x, _: whisper.normalise_level(x))
    copies = [
        features(records, out / f"{voice.__name__}-{n}.npy", partial(changed, voice=voice), n)
        for voice in (faster, revoiced)
        for n in range(COPIES)
    ]
    return torch.from_numpy(np.stack([plain, *copies]))


def confident(x: Tensor, head: dict[str, Tensor], near: sure.Left, far: sure.Left) -> dict:
    """Return the tensors of a head, trained on vectors (records, dim), that say how sure it is."""
    known = sure.whereabouts((x - head["mean"]) / head["scale"], near.corpus)
    values = {name: torch.tensor(v).float() for name, v in sure.fitted(near, far).items()}
    warmth = values.pop("temperature")
    return {"temperature": warmth, **{f"familiar.{n}": t for n, t in (known | values).items()}}


def main(out: Path, data: Path, *, raw: bool) -> None:
    """Leave speakers out, leave corpora out, then train on everything and write it."""
    out.mkdir(parents=True, exist_ok=True)
    records = clips(data)
    copies, fold = vectors(records, out, raw=raw), folds(records)
    near = unheard(copies, records, fold)
    far = unheard(copies, records, near.corpus)
    given, given_far = sure.nested(near, far, fold)
    metrics = measured(records, near.truth, given)
    metrics["left_out"] = measured(records, far.truth, given_far)
    if raw:
        (out / "raw.json").write_text(json.dumps(metrics, indent=2) + "\n")
        return
    head = train(copies, records)
    head |= confident(copies[0], head, near, far)
    head["log_prior"] = torch.from_numpy(given.mean(0)).log().float()
    save_file(head, out / "head.safetensors")
    for name, probabilities in (("fold", given), ("corpus", given_far)):
        text = predictions(records, fold, probabilities)
        (out / f"out_of_{name}.jsonl").write_text(text, encoding="utf-8")
    spec = {"encoder": ENCODER, "layer": LAYERS, "pooling": POOLING, "dim": copies.shape[2]}
    spec |= {"level_dbfs": whisper.LEVEL_DBFS, "labels": EMOTIONS}
    spec["hidden"] = len(head["hidden.bias"])
    told = ("temperature", "log_prior", *(f"familiar.{n}" for n in ("far", "threshold", "width")))
    calibration = {name: head[name].tolist() for name in told}
    text = json.dumps({**spec, **calibration, "metrics": metrics}, indent=2)
    (out / "audio.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(os.environ["EMOCLI_DATA"]), raw="raw" in sys.argv[2:])
