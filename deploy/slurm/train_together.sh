#!/bin/bash
# Train one model on several machines, with a process a GPU:
#   sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 deploy/slurm/train_together.sh base fgstp
# Another task that runs on the first machine may need another MASTER_PORT.
#SBATCH --job-name=fgstp-train-together
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --requeue
set -euo pipefail
MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_ADDR MASTER_PORT="${MASTER_PORT:-29500}"
# The names of torchrun, by which a training knows that its processes run already.
# shellcheck disable=SC2016  # of each process, not of this one
join='export RANK=$SLURM_PROCID LOCAL_RANK=$SLURM_LOCALID WORLD_SIZE=$SLURM_NTASKS
export LOCAL_WORLD_SIZE=$SLURM_NTASKS_PER_NODE
exec "$@"'
exec srun bash -c "$join" join kedro run --pipelines=train "--env=$1" "--params=model=$2"
