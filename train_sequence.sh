#!/usr/bin/env bash
# Every stage in order, in one process on all visible GPUs. Flags go on to train_sequence.py, e.g. --resume.
set -euo pipefail
NAME=${NAME:-dinet}
cd "$(dirname "$0")"
PYTHON=python
[ -x .venv/bin/python ] && PYTHON=.venv/bin/python
exec "$PYTHON" train_sequence.py --name "$NAME" "$@"
