#!/usr/bin/env bash
# Published classifiers: alone, calibrated, and two of them fused into one predictor.
# Use: examples/published_models.sh [OUT]; with WORDS and VOICE in the environment other checkpoints
# (hub ids or folders) than the two tiny ones that are made here, and with DATA a folder of
# train.jsonl, dev.jsonl and test.jsonl (records with path, text, label and split).
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/out/published}
export EMOCLI_QUIET=${EMOCLI_QUIET-1}
mkdir -p "$out"
[ -n "${WORDS-}" ] && [ -n "${VOICE-}" ] && [ -n "${DATA-}" ] ||
    python3 "$here/tiny_checkpoints.py" "$out"
words=${WORDS:-$out/words} voice=${VOICE:-$out/voice} data=${DATA:-$out}

# One published classifier, as it is, and calibrated on records of yours.
emocli predict --model "$words" "$data/test.jsonl" >"$out/words.jsonl"
emocli predict --model "$voice" "$data/test.jsonl" >"$out/voice.jsonl"
emocli calibrate --model "$words" "$data/dev.jsonl" --output "$out/calibrated" >"$out/calibrate.json"
emocli predict --model "$out/calibrated" "$data/test.jsonl" >"$out/calibrated.jsonl"

# Two of them as one predictor.
cat "$data/train.jsonl" "$data/dev.jsonl" |
    emocli encode --encoder "$words" --pooling logits --as words |
    emocli encode --encoder "$voice" --pooling logits --as voice >"$out/encoded.jsonl"
emocli train "$out/encoded.jsonl" --model late-fusion --output "$out/fused" >"$out/train.json"
emocli predict --model "$out/fused" "$data/test.jsonl" >"$out/fused.jsonl"

for name in words voice calibrated fused; do
    emocli score "$out/$name.jsonl" >"$out/$name.json"
    python3 -c '
import json, sys
row = json.load(open(sys.argv[2]))
print("%-12s macro F1 %.2f   ECE %.2f" % (sys.argv[1], row["macro_f1"], row["ece"]))
' "$name" "$out/$name.json"
done

cat <<'TEXT'

The same with checkpoints of the hub (emocli models pull NAME gets them; where one has pickled
weights only, emocli shows the line that converts them):
    emocli predict --model j-hartmann/emotion-english-distilroberta-base clip.wav
    emocli predict --model superb/hubert-large-superb-er clip.wav
    emocli predict --model dima806/facial_emotions_image_detection film.mp4
    emocli predict --model audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim clip.wav
TEXT
