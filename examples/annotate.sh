#!/usr/bin/env bash
#SBATCH --array=1-16 --cpus-per-task=4 --mem=32G --gres=gpu:1 --signal=B:TERM@60
# Labels by a language model for every record, a shard for each task of a Slurm array; the flags
# behind RECORDS go to `emocli annotate`. What a task has been answered when its time is over is
# not asked for again by the next one: sbatch the same line again.
#
# Use: sbatch examples/annotate.sh RECORDS --llm ORG/MODEL --n 10
#      SERVE='vllm serve ORG/MODEL --port 8123' sbatch examples/annotate.sh RECORDS --llm ORG/MODEL
#      emocli merge annotated/*.jsonl --like RECORDS -o annotated.jsonl
#
# A shard that happens to have no record is none the worse (--allow-empty): its file is empty.
# SHARDS is the size of the whole array (16), OUT the folder of the results (annotated). With SERVE
# the task starts that server for itself, waits until it has the model, and asks it at URL
# (http://127.0.0.1:8123/v1); a node that runs several tasks needs a port for each.
set -euo pipefail
records=${1:?a file of records}
shift
out=${OUT:-annotated}
mkdir -p "$out"
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

work=
server=
stop() {
    trap - EXIT TERM INT
    for process in $work $server; do
        kill "$process" 2>/dev/null || true
        wait "$process" || true
    done
}
trap stop EXIT
trap 'stop; exit 143' TERM
trap 'stop; exit 130' INT

asked=("$@")
if [[ -n ${SERVE:-} ]]; then
    asked+=(--llm-url "${URL:-http://127.0.0.1:8123/v1}")
    bash -c "exec $SERVE" >&2 &
    server=$!
    until emocli annotate "${asked[@]}" --allow-empty --quiet </dev/null 2>/dev/null; do
        if ! kill -0 "$server" 2>/dev/null; then
            echo "annotate.sh: the server has ended: $SERVE" >&2
            exit 1
        fi
        sleep "${WAIT:-5}"
    done
fi

emocli annotate "$records" "${asked[@]}" --shard "slurm/${SHARDS:-16}" --resume --allow-empty \
    --output "$out/${SLURM_ARRAY_TASK_ID:?is set by sbatch --array}.jsonl" &
work=$!
status=0
wait "$work" || status=$?
work=
exit "$status"
