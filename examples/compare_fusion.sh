#!/usr/bin/env bash
# Compare the fusion models on tasks with known answers: a Markdown table on stdout.
# Use: examples/compare_fusion.sh [--seeds 5] [--jobs 2] [--tasks xor,rare] [--output runs.jsonl]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
export OMP_NUM_THREADS=1 # many small models: processes side by side, a thread each
exec "${PYTHON:-python3}" "$here/compare_fusion.py" "$@"
