#!/usr/bin/env bash
# The long pipe, each step a process of its own: from recordings to predictions and their score.
# Use: examples/pipeline.sh [TABLE [OUT]]; TABLE is a CSV file with the columns path and emotion.
# `emocli predict FILES` does the steps between in one process, with the same answer.
set -euo pipefail # a step that fails makes the pipe fail, not only the last one

here=$(cd "$(dirname "$0")" && pwd)
table=${1:-$here/clips/labels.csv}
out=${2:-$here/out}
export EMOCLI_QUIET=${EMOCLI_QUIET-1}
mkdir -p "$out"

[ ! "$table" -ef "$here/clips/labels.csv" ] || cat <<'END'
These clips are synthetic: espeak-ng reads sentences that say what they feel. So words are easy here, and the voice, which
was trained on people, has little to go by: what follows shows that the pipe works, not how well it knows people. How
well, on speakers and corpora that were not seen, is in emocli/default/card.md.

END

emocli dataset folder "$table" |
    emocli extract-audio |
    emocli transcribe |
    emocli prosody |
    emocli encode --modality text,audio |
    emocli fuse |
    emocli predict |
    tee "$out/predictions.jsonl" |
    emocli score >"$out/score.json"
for stream in text audio; do
    emocli score --exit-zero --bootstrap 0 --stream $stream "$out/predictions.jsonl" >"$out/score.$stream.json"
done
python3 "$here/table.py" "$out/predictions.jsonl" "$out"/score{.text,.audio,}.json
