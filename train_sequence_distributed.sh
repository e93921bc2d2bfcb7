#!/usr/bin/env bash
# Every stage in order under torchrun. Flags go on to train_sequence_distributed.py, e.g. --resume.
# NPROC: processes on this machine, one a GPU. TORCHRUN_FLAGS: torchrun's own, for several machines:
#   TORCHRUN_FLAGS="--nnodes 2 --node_rank 0 --master_addr HOST --master_port 29500"
set -euo pipefail
NAME=${NAME:-dinet}
NPROC=${NPROC:-gpu}
TORCHRUN_FLAGS=${TORCHRUN_FLAGS:---standalone}
cd "$(dirname "$0")"
PYTHON=python
[ -x .venv/bin/python ] && PYTHON=.venv/bin/python
read -ra flags <<<"$TORCHRUN_FLAGS"
exec "$PYTHON" -m torch.distributed.run --nproc_per_node "$NPROC" "${flags[@]}" \
    train_sequence_distributed.py --name "$NAME" "$@"
