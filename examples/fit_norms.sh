#!/usr/bin/env bash
# Fit the shipped norms of prosody again, on the English speech under $EMOCLI_DATA: ravdess/, asr/ (with
# reference.json), fda_pitch/ (transcribed here). Some six minutes on two cores, most for aligning; needs jq.
# Usage: examples/fit_norms.sh [WORK] [TARGET]
set -euo pipefail
: "${EMOCLI_DATA:?names the folder with the corpora: ravdess asr fda_pitch}"
cd "$(dirname "$0")/.."
work=${1:-examples/out/norms}
target=${2:-emocli/stages/prosody/norms.json}
export EMOCLI_QUIET=${EMOCLI_QUIET-1}
mkdir -p "$work"

emocli dataset ravdess "$EMOCLI_DATA/ravdess" | jq -c '.text = .statement' >"$work/texts.jsonl"
jq -c --arg folder "$EMOCLI_DATA/asr" \
    '.[] | {id: .file, path: "\($folder)/\(.file)", dataset: "asr", language: "en", text}' \
    "$EMOCLI_DATA/asr/reference.json" >>"$work/texts.jsonl"
emocli dataset folder "$EMOCLI_DATA/fda_pitch" | emocli transcribe |
    jq -c '.dataset = "fda_pitch"' >>"$work/texts.jsonl"

# Without speakers: the norms are for voices nobody has heard before, and so are judged alike here.
emocli align --exit-zero "$work/texts.jsonl" | jq -c 'del(.speaker)' |
    EMOCLI_QUIET='' emocli prosody --fit "$work/norms.json" >"$work/prosody.jsonl"

# What it was fitted on and on what terms. Statistics only: no recording can be made out of them.
about='Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS), actors 01-16, speech:
CC BY-NC-SA 4.0. Sentences of two speakers: Apache-2.0. Fundamental frequency determination
algorithm evaluation database (Bagshaw 1994), one speaker: free for research.'
counts=$(jq -c '.dataset' "$work/prosody.jsonl" | sort | uniq -c | awk '{gsub(/"/, "", $2); print $2 "=" $1}')
jq --indent 1 --arg about "${about//$'\n'/ }" --arg counts "${counts//$'\n'/, }" \
    '{format, version, about: $about, datasets: $counts} + .' "$work/norms.json" >"$target"
