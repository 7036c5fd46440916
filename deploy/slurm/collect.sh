#!/bin/bash
# Evaluate and report what train.sh has trained, with the same arguments:
#   sbatch --dependency=afterok:JOB deploy/slurm/collect.sh base 3 fgstp wisp
#SBATCH --job-name=fgstp-collect
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=32G
#SBATCH --time=24:00:00
set -euo pipefail
environment=$1 n_seeds=$2
for model in "${@:3}"; do
  kedro run --pipelines=evaluate "--env=$environment" \
    "--params=model=$model,train.seeds=$n_seeds"
done
exec kedro run --pipelines=report "--env=$environment"
