#!/usr/bin/env bash
# From a folder of recordings and their texts (a.wav and a.txt) to how each vowel of them is said.
# Use: examples/describe.sh FOLDER [NORMS]; NORMS is what `emocli prosody --fit` made of your corpus.
# Recordings without a text are described by their syllables.
set -euo pipefail
shopt -s failglob # a folder without recordings is an error
folder=${1:?a folder of .wav files, each with a .txt beside it}

emocli align --quiet --transcripts "$folder" "$folder"/*.wav |
    emocli prosody --quiet ${2:+--norms "$2"} |
    python3 -c '
import json, signal, sys
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
for record in map(json.loads, sys.stdin):
    said = record.get("prosody") or {}
    failed = [record.get("error"), *(record.get("missing") or {}).values()]
    lines = [record.get("text"), said.get("summary"), said.get("description")]
    lines += [problem["message"] for problem in failed if problem]
    print(record["id"], *filter(None, lines), sep="\n  ")
'
