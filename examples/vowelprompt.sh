#!/usr/bin/env bash
# VowelPrompt from raw clips to a scored table with controls: clips are transcribed and aligned, the prosody of each
# vowel is measured relative to its speaker and put into words, and a language model judges: as it is, trained on the
# summary of the voice, trained on the vowels as well with thoughts made of the measured levels, and by rewards (GRPO).
# Beside each stand a regression on the same levels, and the same model asked with the voice of another clip.
#
#     examples/vowelprompt.sh [--budget MINUTES] [--backbone NAME|DIR|ORG/7B] [--seed N] [OUT]
#
# --budget is the time for everything, 10 minutes unless told otherwise, on two cores of a CPU; what has been made in
# OUT already is kept. The clips are made ones (voice_clips.py), which prove the plumbing only; with EMOCLI_DATA they are
# those of $EMOCLI_DATA/ravdess (CC BY-NC-SA 4.0, not part of emocli), whose words say nothing about the emotion; with
# DATA=labels.csv (path, emotion, speaker, text where it is known) your own. On GPUs, where a hub is at hand:
#
#     EMOCLI_DATA=/data LAUNCH='torchrun --nproc-per-node 4 -m --' examples/vowelprompt.sh --budget 120 \
#         --backbone Qwen/Qwen2.5-7B-Instruct
#
# SHARD=1 before it divides the backbone among the GPUs, where it does not fit one while it is trained.
#
# VOICE=full tells every level of every vowel, as VowelPrompt does, instead of the very unusual ones (terse);
# NORMS=shipped compares with the norms of many speakers instead of the speaker's own: then loudness, which recordings
# of actors give away, has no level. TEST is the most clips that are judged, 8 for each minute unless told otherwise;
# ALOUD the most of them that are judged by thoughts which are written out, two for each minute: a word of an answer costs
# as much as reading a whole question. The table says of how many clips each row is. Where the processor multiplies numbers
# of 16 bits, everything is computed in these. It needs emocli[align,llm] and scikit-learn.
set -euo pipefail
began=$SECONDS
here=$(cd "$(dirname "$0")" && pwd)
budget=10 backbone=smollm2-135m-instruct seed=0 out=
while [ $# -gt 0 ]; do
  case $1 in
    --budget) budget=$2 && shift 2 ;;
    --backbone) backbone=$2 && shift 2 ;;
    --seed) seed=$2 && shift 2 ;;
    -*) echo "usage: $0 [--budget MINUTES] [--backbone NAME] [--seed N] [OUT]" >&2 && exit 2 ;;
    *) out=$1 && shift ;;
  esac
done
out=${out:-$here/out/vowelprompt}
mkdir -p "$out"
out=$(cd "$out" && pwd)
python=${PYTHON:-python3} voice=${VOICE:-terse}
# Training has all cores, of two programs at once each has one.
threads=${OMP_NUM_THREADS:-$("$python" -c "import os; print(min(os.cpu_count(), 8))")}
[ -z "${LAUNCH-}" ] || threads=1
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} EMOCLI_STORE=${EMOCLI_STORE:-$out/store} EMOCLI_QUIET=${EMOCLI_QUIET-1}
tool() { (cd "$here/.." && "$python" -m examples.vowel_levels "$@"); }
[ "$backbone" != smollm2-135m-instruct ] || emocli models pull "$backbone" > /dev/null
# Numbers of 16 bits are twice as fast where the processor multiplies them, and far slower where it does not.
numbers=auto
most=${TEST:-$("$python" -c "print(min(max(int(8 * $budget), 21), 240))")}
aloud=${ALOUD:-$("$python" -c "print(min(max(int(2 * $budget), 7), 240))")}
! grep -qs avx512_bf16 /proc/cpuinfo || numbers=bfloat16

# Records with words, vowels and levels. The words of RAVDESS and of made clips are known, so every text is accepted.
if [ ! -e "$out/voices.jsonl" ]; then
  if [ -n "${DATA-}" ]; then
    emocli dataset folder "$DATA" | emocli transcribe > "$out/said.jsonl"
  elif [ -n "${EMOCLI_DATA-}" ]; then
    emocli dataset ravdess "$EMOCLI_DATA/ravdess" |
      "$python" -c 'import json, sys
for line in sys.stdin:
    record = json.loads(line)
    print(json.dumps({**record, "text": record["statement"]}))' > "$out/said.jsonl"
  else
    if [ ! -e "$out/clips" ]; then
      (cd "$here/.." && "$python" -m examples.voice_clips "$out/clips.part" --speakers "${SPEAKERS:-8}" --takes "${TAKES:-3}")
      mv "$out/clips.part" "$out/clips"
    fi
    emocli dataset folder "$out/clips/labels.csv" > "$out/said.jsonl"
  fi
  emocli align --max-misfit 20 --exit-zero "$out/said.jsonl" > "$out/aligned.jsonl"
  norms=()
  if [ "${NORMS:-speaker}" = speaker ]; then # without labels: statistics of each speaker's clips
    emocli prosody --exit-zero --fit "$out/norms.json" "$out/aligned.jsonl" > /dev/null
    norms=(--norms "$out/norms.json")
  fi
  emocli prosody --exit-zero ${norms[@]+"${norms[@]}"} "$out/aligned.jsonl" > "$out/voices.part"
  mv "$out/voices.part" "$out/voices.jsonl"
fi
# A quarter of the speakers is judged; another one of the rest ends the training early.
[ -e "$out/test.jsonl" ] || tool split "$out/voices.jsonl" "$out" --test "$most"

left() { # SHARE: minutes of what is left of the budget
  "$python" -c "print(max(0.2, $1 * ($budget - ($SECONDS - $began) / 60)))"
}
judge() { # NAME CLIPS ARGUMENT...: of test clips, and of the same clips with the voice of others
  local file running=()
  for file in test shuffled; do
    [ -e "$out/$1.$file.jsonl" ] || {
      tool spread "$out/$file.jsonl" --most "$2" |
        emocli predict --exit-zero --dtype "$numbers" "${@:3}" > "$out/$1.$file.part" &&
        mv "$out/$1.$file.part" "$out/$1.$file.jsonl" &
      running+=($!)
    }
  done
  for file in ${running[@]+"${running[@]}"}; do wait "$file"; done
}
greedy() { # NAME: the bundle, made to write its answer out, so that its form can be judged
  rm -rf "$out/$1.greedy" && cp -r "$out/$1" "$out/$1.greedy"
  sed -i.bak 's/"decode": *"thought"/"decode": "greedy"/' "$out/$1.greedy/config.json" && rm "$out/$1.greedy/config.json.bak"
  echo "$out/$1.greedy"
}
train() { # NAME SHARE SETTINGS ARGUMENT...
  [ ! -e "$out/$1" ] || return 0
  OMP_NUM_THREADS=$threads ${LAUNCH:-} emocli train "$out/train.jsonl" --dev "$out/dev.jsonl" --model language --config "$out/$3.toml" \
    --seed "$seed" --dtype "$numbers" --budget "$(left "$2")" --log "$out/$1.log.jsonl" "${@:4}" -o "$out/$1"
}
[ -e "$out/shuffled.jsonl" ] || {
  tool shuffle "$out/test.jsonl" --seed "$seed" > "$out/shuffled.part"
  mv "$out/shuffled.part" "$out/shuffled.jsonl"
}
shard=false
[ -z "${SHARD-}" ] || shard=true
cat > "$out/answers.toml" <<END
[training]
epochs = 20
learning_rate = 1e-3
batch_size = 8
evaluations = 3
dev_records = 60
shard = $shard
END
# Held-out thoughts are written out to calibrate what comes after them, so there are fewer of them.
sed 's/^dev_records.*/dev_records = 16/' "$out/answers.toml" > "$out/thoughts.toml"
# Rewards move an adapter that can answer already, in small steps.
few=$("$python" -c "print(2 if $budget < 30 else 4)")
cat > "$out/rewards.toml" <<END
[training]
epochs = 20
learning_rate = 1e-4
batch_size = $few
evaluations = 2
dev_records = $((4 * few))
group = 8
length = 100
shard = $shard
END

for facts in summary vowels; do
  for file in test shuffled; do
    [ -e "$out/regression-$facts.$file.jsonl" ] || {
      tool regression "$out/$file.jsonl" --train "$out/train.jsonl" "$out/dev.jsonl" --facts "$facts" > "$out/regression.part"
      mv "$out/regression.part" "$out/regression-$facts.$file.jsonl"
    }
  done
done
template=$here/vowelprompt.toml
judge zero "$most" --llm "$backbone" --template "$template" --prosody summary
train summary 0.25 answers --backbone "$backbone" --template "$template" --prosody summary
judge summary "$most" -m "$out/summary"
train thoughts 0.4 thoughts --backbone "$backbone" --template "$template" --prosody "$voice" --rationale template
judge thoughts "$aloud" -m "$(greedy thoughts)"
train rewards 0.5 rewards --objective grpo --start "$out/thoughts"
judge rewards "$aloud" -m "$(greedy rewards)"
tool table "$out" zero regression-summary summary regression-vowels thoughts rewards
[ -n "${DATA-}${EMOCLI_DATA-}" ] || echo "Made clips prove the plumbing only: what is in them was put there."
