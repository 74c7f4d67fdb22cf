#!/usr/bin/env bash
# What votes say that a majority does not: Markdown tables with 95 % intervals on stdout. Simulated raters, and
# where EMOCLI_DATA names their folder emobank/ (with individual_reader_ratings.csv) and crema_d_votes/; EmoBank
# needs the pulled model all-minilm-l6-v2. Usage: examples/ambiguity.sh [--quick] [OUT]
set -euo pipefail
cd "$(dirname "$0")/.."
quick=()
if [ "${1:-}" = --quick ]; then
    quick=(--quick)
    shift
fi
out=${1:-examples/out/ambiguity}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}

"${PYTHON:-python3}" -m examples.ambiguity "${quick[@]}" "$out"
"${PYTHON:-python3}" -m examples.proxies "${quick[@]}"
