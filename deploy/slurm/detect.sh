#!/bin/bash
# Watch an archive, a shard a task:  sbatch --array=1-20 deploy/slurm/detect.sh archive.csv out
# Further arguments go to `fgstp detect`. A task that is requeued goes on where it was killed.
#SBATCH --job-name=fgstp-detect
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --time=24:00:00
#SBATCH --requeue
set -euo pipefail
manifest=$1 out=$2
export OMP_NUM_THREADS="${SLURM_CPUS_PER_TASK:-2}"
exec fgstp detect --manifest "$manifest" --out "$out" \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" "${@:3}"
