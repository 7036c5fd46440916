#!/bin/bash
# Merge an archive once all its shards have ended:
#   sbatch --dependency=afterany:JOB deploy/slurm/merge.sh archive.csv out
# Further arguments go to `fgstp detect`, and are those of the shards.
#SBATCH --job-name=fgstp-merge
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=04:00:00
set -euo pipefail
exec fgstp detect --manifest "$1" --out "$2" --merge "${@:3}"
