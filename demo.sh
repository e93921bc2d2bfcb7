#!/usr/bin/env bash
# Set up, then run the whole chain: without arguments on a sample speaker, or: demo.sh VIDEO SPEECH [--minutes N]
set -euo pipefail
root=$(cd "$(dirname "$0")" && pwd)
"$root/setup.sh"
exec "$root/.venv/bin/python" "$root/tools/demo.py" "$@"
