#!/usr/bin/env bash
# Train the default predictor again, from folders under $EMOCLI_DATA: ravdess/, emodb/, nemo/ (with data.tsv),
# goemotions/ (ekman/train.tsv, dev.tsv, labels.txt), meld/, isear/ and emocontext/ (as `emocli dataset` reads
# them). Seeded. About an hour and a half on two cores. Usage: examples/train_default.sh [WORK] [TARGET]
set -euo pipefail
: "${EMOCLI_DATA:?names the folder with the corpora: ravdess emodb nemo goemotions meld isear emocontext}"
cd "$(dirname "$0")/.."
work=${1:-examples/out/default}
target=${2:-emocli/default}
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
mkdir -p "$work"

emocli models pull default --quiet
python examples/train_default_text.py "$work/text"
python examples/train_default_audio.py "$work/audio"
emocli dataset ravdess "$EMOCLI_DATA/ravdess" | emocli transcribe --output "$work/ravdess.jsonl"
python examples/train_default_fusion.py "$work" "$target"
python examples/default_face.py "$target"
