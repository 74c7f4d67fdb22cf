"""Train the text half of the default predictor: MiniLM, low-rank adapters and a linear head.

    EMOCLI_DATA=... python examples/train_default_text.py OUT

reads $EMOCLI_DATA/goemotions, and /meld for a figure on other people's text, and the pulled model
all-minilm-l6-v2; writes OUT/adapter.safetensors, OUT/head.safetensors (names as in
`models.late_fusion.Head`) and OUT/text.json. About 20 minutes on two free cores that multiply
bfloat16, longer on others. Seeded, but last digits differ between processors.

Our choices: a comment with several labels is trained towards half its first label and half all of
them evenly, and counts in figures by the first alone. Classes weigh n^-0.3. A tenth of train, by a
hash of the comment's id, is held out: it chose SHRINK and OFFSETS and fits class offsets and
temperature; dev is looked at in the end. Some comments lose their punctuation in training, as
recognised speech has none.
"""

import hashlib
import json
import math
import os
import re
import sys
import timeit
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from emocli import hub
from emocli.datasets import goemotions, meld
from emocli.encoders import transformer_text
from emocli.metrics import classification, report
from emocli.records.labels import EMOTIONS

ENCODER, POOLING, DIM = "all-minilm-l6-v2", "mean+max", 768
EPOCHS, BATCH, RATE, WARM = 4, 64, 1e-3, 0.06  # WARM: share of the steps to reach the peak rate
RANK, LONGEST = 32, 64  # LONGEST: tokens of a comment, in training
DROPOUT, MASKED, BARE = 0.2, 0.08, 0.15  # of the pooled vector, of tokens, of comments
HELD_OUT = 26  # of the 256 values of a byte of the hash
CLASS_POWER = 0.3
SHRINK = 0.85  # of the trained adapter, back towards the encoder (Wortsman et al. 2022, WiSE-FT)
OFFSETS = 0.5  # of the class offsets of least log loss; all of them lose the rare classes
MASK, SPECIAL = 103, torch.tensor((101, 102))  # [MASK]; [CLS] and [SEP], in BERT's vocabulary


class Adapted(nn.Module):
    """A frozen linear layer and the low-rank matrices added to it (Hu et al. 2022, LoRA)."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.layer = layer
        self.lora_a = nn.Parameter(torch.empty(RANK, layer.in_features))
        self.lora_b = nn.Parameter(torch.zeros(layer.out_features, RANK))
        nn.init.kaiming_uniform_(self.lora_a, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (..., in) to (..., out)."""
        low = F.linear(x, self.lora_a.to(x.dtype))
        return self.layer(x) + F.linear(low, self.lora_b.to(x.dtype))


def adapted_encoder(folder: Path) -> nn.Module:
    """Return MiniLM, frozen, in the dtype quickest here, with adapters on every linear layer."""
    sys.modules.setdefault("torchaudio", None)  # a CUDA build would break transformers
    from transformers import BertModel

    some = {dtype: torch.ones(512, 512, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}
    taken = {dtype: min(timeit.repeat(lambda x=x: x @ x, number=1)) for dtype, x in some.items()}
    fastest = {"attn_implementation": "eager", "dtype": min(taken, key=taken.get)}
    model = BertModel.from_pretrained(folder, add_pooling_layer=False, **fastest)
    model.eval().requires_grad_(False)
    for name, layer in list(model.encoder.named_modules()):
        if isinstance(layer, nn.Linear):
            parent, _, child = name.rpartition(".")
            setattr(model.encoder.get_submodule(parent), child, Adapted(layer))
    return model


def split(data: Path) -> tuple[list[dict], list[dict], list[dict]]:
    """Return the records to train on, the held-out tenth of train, and dev."""
    parts: tuple[list, list, list] = ([], [], [])
    for record in goemotions.read(data / "goemotions"):
        comment = record["id"].rpartition("/")[2].encode()
        is_held_out = hashlib.sha256(comment).digest()[0] < HELD_OUT
        parts[2 if record["split"] == "dev" else int(is_held_out)].append(record)
    return parts


def targets(records: list[dict]) -> Tensor:
    """Return (records, classes), weighted: half on the first label, half on all evenly."""
    rows = np.zeros((len(records), len(EMOTIONS)), np.float32)
    for row, record in zip(rows, records, strict=True):
        multi = [EMOTIONS.index(label) for label in record["label"]["multi"]]
        row[multi] = 0.5 / len(multi)
        row[multi[0]] += 0.5
    share = rows.sum(0) / rows.sum()
    weights = share**-CLASS_POWER
    return torch.from_numpy(rows * weights / (weights * share).sum())


def batches(plain: list, bare: list, random: np.random.Generator) -> Iterator[tuple[list, list]]:
    """Yield an epoch: (rows, token ids) in random order, each batch of about one length."""
    order = random.permutation(len(plain))
    stripped = random.random(len(plain)) < BARE
    ids = {i: (bare if s else plain)[i] for i, s in zip(order, stripped, strict=True)}
    found = []
    for start in range(0, len(order), BATCH * 40):
        chunk = sorted(order[start : start + BATCH * 40], key=lambda row: len(ids[row]))
        found += [chunk[i : i + BATCH] for i in range(0, len(chunk), BATCH)]
    for i in random.permutation(len(found)):
        yield found[i], [ids[row] for row in found[i]]


def loss_of(model: nn.Module, head: nn.Linear, ids: list, wanted: Tensor) -> Tensor:
    """Return the mean cross entropy of a batch, some words masked; pooled by mean and maximum."""
    x = nn.utils.rnn.pad_sequence([torch.tensor(row) for row in ids], batch_first=True)
    valid = x != 0  # [PAD]
    x = x.masked_fill((torch.rand(x.shape) < MASKED) & valid & ~torch.isin(x, SPECIAL), MASK)
    state = model(x, attention_mask=valid.long()).last_hidden_state.float()
    valid = valid[..., None]
    pooled = [(state * valid).sum(1) / valid.sum(1), state.masked_fill(~valid, -1e9).amax(1)]
    logits = head(F.dropout(torch.cat(pooled, -1), DROPOUT))
    return -(wanted * logits.log_softmax(-1)).sum(-1).mean()


def train(folder: Path, records: list[dict]) -> tuple[dict[str, Tensor], nn.Linear]:
    """Return the adapter, in half precision, and the head after EPOCHS over `records`."""
    torch.manual_seed(0)
    random, encoder = np.random.default_rng(0), transformer_text.load(folder)
    plain, bare = (
        [transformer_text.tokens(encoder, change(r["text"]), LONGEST) for r in records]
        for change in (str, lambda text: re.sub(r"[^\w\s']", " ", text))
    )
    wanted, model, head = targets(records), adapted_encoder(folder), nn.Linear(DIM, len(EMOTIONS))
    nn.init.zeros_(head.weight), nn.init.zeros_(head.bias)
    adapter = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimiser = torch.optim.AdamW([*adapter.values(), *head.parameters()], RATE, weight_decay=0.01)
    total = EPOCHS * math.ceil(len(records) / BATCH)
    warm = int(WARM * total)
    rates = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / warm, (total - step) / (total - warm))
    )
    for epoch in range(EPOCHS):
        losses = []
        for rows, ids in batches(plain, bare, random):
            loss = loss_of(model, head, ids, wanted[rows])
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(adapter.values(), 1.0)
            optimiser.step()
            rates.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1} of {EPOCHS}: loss {np.mean(losses):.4f}", file=sys.stderr)
    return shrunk(adapter), head.requires_grad_(False)


def shrunk(adapter: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the adapter that adds SHRINK times what `adapter` does, in half precision."""
    factors = {"lora_a": 1.0, "lora_b": SHRINK}
    return {n: (p.detach() * factors[n.rpartition(".")[2]]).half() for n, p in adapter.items()}


def calibrate(head: nn.Linear, logits: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Fit class offsets and a temperature; return `late_fusion.Head`'s tensors.

    The offsets go part of the way to the least log loss. The temperature makes the mean confidence
    the accuracy: that of least log loss is lower, and the calibration error a half higher.
    """
    offsets = torch.zeros(len(EMOTIONS), dtype=torch.float64, requires_grad=True)
    sharpness = torch.ones((), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([offsets, sharpness], max_iter=300)

    def loss() -> Tensor:
        optimiser.zero_grad()
        value = F.cross_entropy((logits + offsets) * sharpness, truth)
        value.backward()
        return value

    optimiser.step(loss)
    offsets = OFFSETS * offsets.detach()
    logits = logits + offsets
    accuracy = (logits.argmax(-1) == truth).double().mean()
    low, high = 0.1, 10.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        sure = (logits / middle).softmax(-1).amax(-1).mean() > accuracy
        low, high = (middle, high) if sure else (low, middle)
    fitted = {
        "mean": torch.zeros(DIM),
        "scale": torch.ones(DIM),
        "temperature": torch.tensor(low),
        "log_prior": (logits / low).softmax(-1).mean(0).log(),
        "output.weight": head.weight,
        "output.bias": head.bias + offsets,
    }
    return {name: value.detach().float() for name, value in fitted.items()}


def predict(adapter: dict, folder: Path, head: nn.Linear, records: list[dict]) -> tuple:
    """Return logits and first labels, (records, classes) and (records,), by the shipped code."""
    encoder = transformer_text.load(folder, adapter=adapter)
    order = sorted(range(len(records)), key=lambda row: len(records[row]["text"]))
    logits = torch.zeros(len(records), len(EMOTIONS), dtype=torch.float64)
    for start in range(0, len(order), BATCH):
        rows = order[start : start + BATCH]
        texts = [records[row]["text"] for row in rows]
        vectors = transformer_text.encode(encoder, texts, pooling=POOLING)
        logits[rows] = head(torch.from_numpy(np.stack(vectors))).double()
    return logits, torch.tensor([EMOTIONS.index(r["label"]["emotion"]) for r in records])


def figures(records: list[dict], logits: Tensor, truth: Tensor) -> dict:
    """Return every metric with its 95 % interval, over dialogues, else comments, and the F1s."""
    given = logits.softmax(-1).numpy()
    scored = report.Scored(truth.numpy(), given.argmax(1), given)
    clusters = np.unique([r.get("dialogue", r["id"]) for r in records], return_inverse=True)[1]
    spans = report.intervals(scored, clusters, resamples=2000, seed=0)
    points = {name: [value, *spans[name]] for name, value in report.points(scored).items()}
    confusion = classification.confusion_matrix(scored.truth, scored.predicted, len(EMOTIONS))
    f1 = dict(zip(EMOTIONS, classification.f1(confusion).tolist(), strict=True))
    return {"records": len(records), **points, "f1": f1, "confusion": confusion.tolist()}


def finish(out: Path, folder: Path, adapter: dict, head: nn.Linear, data: Path) -> None:
    """Calibrate on the held-out tenth, measure on both devs, write everything."""
    _, held, dev = split(data)
    tensors = calibrate(head, *predict(adapter, folder, head, held))
    head.bias.copy_(tensors["output.bias"])
    friends = [record for record in meld.read(data / "meld") if record["split"] == "dev"]
    measured = {}
    for name, records in (("held_out", held), ("goemotions_dev", dev), ("meld_dev", friends)):
        logits, truth = predict(adapter, folder, head, records)
        measured[name] = figures(records, logits / tensors["temperature"], truth)
    spec = {"encoder": ENCODER, "layer": -1, "pooling": POOLING, "dim": DIM, "labels": EMOTIONS}
    calibration = {name: tensors[name].tolist() for name in ("temperature", "log_prior")}
    text = json.dumps({**spec, **calibration, "metrics": measured}, indent=2)
    out.mkdir(parents=True, exist_ok=True)
    save_file(adapter, out / "adapter.safetensors")
    save_file(tensors, out / "head.safetensors")
    (out / "text.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    emocli_data, encoder_folder = Path(os.environ["EMOCLI_DATA"]), hub.resolve(ENCODER)
    trained = train(encoder_folder, split(emocli_data)[0])
    finish(Path(sys.argv[1]), encoder_folder, *trained, emocli_data)
