#!/usr/bin/env bash
# Set up if need be, then run the tests in two processes of one thread each. Arguments go on to pytest.
set -euo pipefail
cd "$(dirname "$0")"
./setup.sh
export OMP_NUM_THREADS=1
exec .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder "$@"
