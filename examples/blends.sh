#!/usr/bin/env bash
# Read blends of two emotions in three ways: how far the published tuning flatters, and what new actors get.
# Two Markdown tables on stdout. With EMOCLI_DATA=... (blemore/ or ravdess/) the second one is of real sound.
# Use: examples/blends.sh [--quick] [--sets 60] [--models mlp,windows] [--output rows.jsonl]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
exec "${PYTHON:-python3}" "$here/blends.py" "$@"
