#!/usr/bin/env bash
# Set up if need be, then run the tests. Arguments go on to pytest.
set -euo pipefail
cd "$(dirname "$0")"
./setup.sh
exec .venv/bin/python -m pytest "$@"
