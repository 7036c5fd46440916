#!/bin/bash
# Train models, one of them with one seed a task:
#   sbatch --array=1-6 deploy/slurm/train.sh base 3 fgstp wisp    # two models, three seeds each
# Footage is ingested, and features are made, before. A task that is requeued goes on from the last
# epoch that it has finished.
#SBATCH --job-name=fgstp-train
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=24:00:00
#SBATCH --requeue
set -euo pipefail
environment=$1 n_seeds=$2
models=("${@:3}")
place=$((SLURM_ARRAY_TASK_ID - 1))
n_trainings=$((${#models[@]} * n_seeds))
if ((place >= n_trainings)); then
  echo "There are $n_trainings trainings, but this is task $((place + 1)); correct --array." >&2
  exit 1
fi
model=${models[place / n_seeds]}
seed=$((place % n_seeds + 1))
exec kedro run --pipelines=train "--env=$environment" \
  "--params=model=$model,train.seed_index=$seed"
