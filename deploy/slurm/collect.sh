#!/bin/bash
# Evaluate what train.sh has trained of some models, all of its seeds, then report:
#   sbatch --dependency=afterok:JOB deploy/slurm/collect.sh base fgstp wisp
#SBATCH --job-name=fgstp-collect
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=24:00:00
set -euo pipefail
for model in "${@:2}"; do
  kedro run --pipelines=evaluate "--env=$1" "--params=model=$model"
done
exec kedro run --pipelines=report "--env=$1"
