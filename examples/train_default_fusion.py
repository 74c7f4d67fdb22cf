"""Join the two halves of the default predictor: choose the text's weight, write bundle and card.

    python examples/train_default_fusion.py WORK TARGET

WORK holds audio/ and text/ as their scripts left them, and ravdess.jsonl: the transcribed clips.

p is proportional to p_audio x (p_text / prior_text)^w. No corpus here has both informative words
and voice, so w is a stated choice: the largest on a grid of 0.05 that lowers the UAR on RAVDESS,
every speaker predicted by a model that never heard it, by at most 0.01. (Its two sentences say
nothing about the emotion, so what the text adds there is only noise.)
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import default_tables
import numpy as np
from safetensors.torch import load_file

from emocli import hub, models
from emocli.bundles import bundle
from emocli.encoders import transformer_text
from emocli.metrics import report
from emocli.records.labels import EMOTIONS
from emocli.signals.speech_presence import LEAST_S

GRID = np.arange(0, 21) / 20
TOLERANCE = 0.02  # of UAR, whose interval is three times as wide to each side: our choice
MIN_WORD_PROBABILITY = 0.5
FIGURES = ("uar", "accuracy", "macro_f1", "weighted_f1", "log_loss", "ece")
TEXT_FIGURES = ("metrics", "chosen", "inside", "left_out", "today_left_out")  # of text.json
TEXTS = "GoEmotions, MELD, ISEAR, EmoContext"
CALIBRATED_ON = {
    "audio": "speech of speakers and corpora left out",
    "text": "corpora left out",
}


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def log_probabilities(records: list[dict[str, Any]]) -> np.ndarray:
    """Return what the out-of-fold models said: (records, classes)."""
    rows = [[r["prediction"]["probabilities"][name] for name in EMOTIONS] for r in records]
    return np.log(np.clip(rows, 1e-12, 1))


def text_evidence(work: Path, heard: list[dict[str, Any]]) -> np.ndarray:
    """Return log p_text - log prior_text (records, classes); 0 where text is left out."""
    import torch

    tensors, spec = load_file(work / "text/head.safetensors"), text_spec(work)
    folder = hub.resolve(spec["encoder"])
    encoder = transformer_text.load(folder, adapter=load_file(work / "text/adapter.safetensors"))
    known: dict[str, np.ndarray] = {}
    out = np.zeros((len(heard), len(EMOTIONS)))
    for row, record in enumerate(heard):
        sure = [word["probability"] for word in record.get("words") or ()]
        text = record.get("text", "").strip()
        if text and text not in known:
            (vector,) = transformer_text.encode(
                encoder, [text], layer=spec["layer"], pooling=spec["pooling"]
            )
            logits = torch.from_numpy(vector) @ tensors["output.weight"].T + tensors["output.bias"]
            answer = torch.log_softmax(logits / tensors["temperature"], -1)
            known[text] = (answer - tensors["log_prior"]).numpy()
        if text and np.mean(sure) >= MIN_WORD_PROBABILITY:
            out[row] = known[text]
    return out


def fused(audio: np.ndarray, evidence: np.ndarray, weight: float) -> np.ndarray:
    """Return probabilities (records, classes)."""
    total = audio + weight * evidence
    total = np.exp(total - total.max(1, keepdims=True))
    return total / total.sum(1, keepdims=True)


def scored(truth: np.ndarray, given: np.ndarray) -> report.Scored:
    """Return probabilities as the metrics want them."""
    return report.Scored(truth, given.argmax(1), given)


def choose(truth: np.ndarray, audio: np.ndarray, evidence: np.ndarray) -> tuple[float, list[Any]]:
    """Return w and the UAR at every w of the grid."""
    curve = [
        (float(w), float(report.points(scored(truth, fused(audio, evidence, w)))["uar"]))
        for w in GRID
    ]
    allowed = [w for w, uar in curve if uar >= curve[0][1] - TOLERANCE]
    until = next((w for w, uar in curve if uar < curve[0][1] - TOLERANCE), 2.0)
    return max(w for w in allowed if w < until), curve


def figures(records: list[dict[str, Any]], given: np.ndarray) -> dict[str, Any]:
    """Return every figure with its 95 % interval over speakers."""
    truth = np.array([EMOTIONS.index(r["label"]["emotion"]) for r in records])
    names, clusters = np.unique([r["speaker"] for r in records], return_inverse=True)
    points = report.points(scored(truth, given))
    spans = report.intervals(scored(truth, given), clusters, resamples=2000, seed=0)
    kept = {name: [points[name], *spans[name]] for name in FIGURES}
    return {"records": len(records), "speakers": len(names), **kept}


def text_spec(work: Path) -> dict[str, Any]:
    """Return what text.json says."""
    return json.loads((work / "text/text.json").read_text(encoding="utf-8"))


def audio_spec(work: Path) -> dict[str, Any]:
    """Return what audio.json says."""
    return json.loads((work / "audio/audio.json").read_text(encoding="utf-8"))


def confidence(spec: dict[str, Any]) -> dict[str, float]:
    """Return what makes the temperature of speech."""
    far = {name: spec[f"familiar.{name}"] for name in ("far", "threshold", "width")}
    return {"temperature": spec["temperature"], **far}


def adapter_name(adapter: dict[str, Any]) -> str:
    """Return what features say of the adapter: a digest of its tensors."""
    digest = hashlib.sha256()
    for name in sorted(adapter):
        digest.update(name.encode() + adapter[name].numpy().tobytes())
    return digest.hexdigest()[:12]


def build(work: Path, weight: float) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return the model, its config and what its streams must be."""
    heads = {name: load_file(work / name / "head.safetensors") for name in ("audio", "text")}
    adapter = load_file(work / "text/adapter.safetensors")
    config = {
        "dims": {name: len(head["mean"]) for name, head in heads.items()},
        "hidden": {n: len(h["hidden.bias"]) if "hidden.bias" in h else 0 for n, h in heads.items()},
        "weights": {"audio": 1.0, "text": weight},
        "centres": {n: len(h.get("familiar.centres", ())) for n, h in heads.items()},
        "classes": len(EMOTIONS),
    }
    model = models.build("late-fusion", config)
    for name, head in heads.items():
        model.heads[name].load_state_dict({key: value.float() for key, value in head.items()})
    audio, text = audio_spec(work), text_spec(work)
    streams = {
        "audio": {
            "modality": "audio",
            "encoder": audio["encoder"],
            "revision": None,
            "layer": audio["layer"],
            "pooling": audio["pooling"],
            "dim": config["dims"]["audio"],
            "level_dbfs": audio["level_dbfs"],
        },
        "text": {
            "modality": "text",
            "encoder": text["encoder"],
            "revision": None,
            "layer": text["layer"],
            "pooling": text["pooling"],
            "dim": config["dims"]["text"],
            "adapter": adapter_name(adapter),
        },
    }
    return model, config, streams


def main(work: Path, target: Path) -> None:
    """Choose w, measure, write the bundle with its card."""
    outside = lines(work / "audio/out_of_fold.jsonl")
    audio = log_probabilities(outside)
    acted = [row for row, record in enumerate(outside) if record["dataset"] == "ravdess"]
    heard = {Path(record["path"]).name: record for record in lines(work / "ravdess.jsonl")}
    evidence = text_evidence(work, [heard[Path(outside[row]["id"]).name] for row in acted])
    truth = np.array([EMOTIONS.index(outside[row]["label"]["emotion"]) for row in acted])
    weight, curve = choose(truth, audio[acted], evidence)
    model, config, streams = build(work, weight)
    measured = {
        "audio": {**audio_spec(work)["metrics"], "confidence": confidence(audio_spec(work))},
        "text": {name: text_spec(work)[name] for name in TEXT_FIGURES},
        "fused_ravdess": figures(
            [outside[row] for row in acted], fused(audio[acted], evidence, weight)
        ),
        "uar_by_text_weight": curve,
    }
    contents = {
        "name": "default",
        "architecture": "late-fusion",
        "config": config,
        "labels": list(EMOTIONS),
        "streams": streams,
        "calibration": {"temperature": 1.0, "on": CALIBRATED_ON},
        "audio_rules": {"min_speech_s": LEAST_S},
        "text_rules": {"language": "en", "min_word_probability": MIN_WORD_PROBABILITY},
        "training": {"audio": "RAVDESS, EMO-DB, nEMO", "text": TEXTS, "seed": 0},
        "metrics": measured,
    }
    card = default_tables.card(measured, config["weights"])
    adapter = load_file(work / "text/adapter.safetensors")
    trained = bundle.save(target, model, contents, card, text=adapter)
    sys.stderr.write(f"w = {weight:g}; {trained.name} -> {target}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
