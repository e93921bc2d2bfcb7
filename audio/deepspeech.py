"""The feature "deepspeech": outputs of the DeepSpeech v0.1.0 speech recogniser, as the published DINet uses them.

The network input is 26 MFCC (audio/mfcc.py), every second frame, with 9 frames of context on either side, normalised
by its global mean and standard deviation (tests/fixtures/deepspeech_input.npz).
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from pathlib import Path

import numpy as np

from audio.mfcc import HOP, mfcc
from audio.sound import check_sound, check_values, sounding_part
from config.constants import SAMPLE_RATE
from config.errors import InputError
from media.audio import to_pcm16

CONTEXT = 9  # frames on either side
STRIDE = 2  # MFCC frames per network step
OUTPUTS = 29  # 26 letters, space, apostrophe, blank
REPOSITORY = Path(__file__).resolve().parents[1]


class DeepSpeechFeature:
    """29 letter scores, 50 rows a second; every second row is what published code stores for 25 fps.

    TensorFlow and torchvision abort when they share a process, so the graph runs in one of its own. It starts and ends
    with this object and keeps the graph loaded, so one object serves any number of recordings.
    """

    name = "deepspeech"
    dim = OUTPUTS
    rate = SAMPLE_RATE / (HOP * STRIDE)
    future = math.inf  # its recurrent layer reads the recording backwards too

    def __init__(self, model_path: str | None) -> None:
        """Start TensorFlow and load the graph, which takes seconds.

        Raises InputError when `model_path` is not given, is no DeepSpeech v0.1.0 graph or TensorFlow is not installed.
        """
        if not model_path:
            raise InputError("feature deepspeech needs --deepspeech_model_path, DeepSpeech v0.1.0 output_graph.pb")
        if not Path(model_path).is_file():
            raise InputError(f"--deepspeech_model_path: {model_path} is not a file; give the path of output_graph.pb")
        self.graph = GraphProcess(Path(model_path).resolve())

    def compute(self, wave: np.ndarray) -> np.ndarray:
        """Float32 16 kHz mono (samples,) in [-1, 1] -> float32 (n, 29) at 50 rows a second.

        Raises InputError when TensorFlow cannot run the graph.
        """
        check_sound(wave)
        dense = self.graph.run(network_input(to_pcm16(wave)))
        return check_values(dense, f"--deepspeech_model_path: {self.graph.path}")


class GraphProcess:
    """The process of audio/deepspeech_worker.py, which holds the graph and runs it on one recording after another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "audio.deepspeech_worker", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            cwd=REPOSITORY,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        weakref.finalize(self, end_process, self.process)
        self.read_answer()  # it has loaded the graph

    def run(self, vectors: np.ndarray) -> np.ndarray:
        """Network input float32 (n, 494) -> outputs float32 (n, 29). Raises InputError."""
        request = json.dumps({"steps": len(vectors)}).encode() + b"\n"
        try:
            self.process.stdin.write(request + np.ascontiguousarray(vectors, np.float32).tobytes())
            self.process.stdin.flush()
        except OSError:  # it has ended; read_answer says how
            pass
        self.read_answer()
        size = len(vectors) * OUTPUTS * np.float32().nbytes
        values = self.process.stdout.read(size)
        if len(values) < size:
            raise self.failure(self.last_words())
        return np.frombuffer(values, np.float32).reshape(-1, OUTPUTS)

    def read_answer(self) -> None:
        """Wait until the worker is done; raise InputError with what it complains of."""
        line = self.process.stdout.readline()
        complaint = json.loads(line)["error"] if line else self.last_words()
        if complaint:
            raise self.failure(complaint)

    def failure(self, complaint: str) -> InputError:
        return InputError(f"--deepspeech_model_path: {self.path} {complaint}")

    def last_words(self) -> str:
        """How a worker ended that did not answer."""
        status = self.process.wait()
        self.log.seek(0)
        lines = self.log.read().split("\n")
        said = next((line.strip() for line in reversed(lines) if line.strip()), "no message")
        advice = "check the free memory and the installation"
        return f"could not be run: TensorFlow's process ended with status {status} ({said}); {advice}"


def end_process(process: subprocess.Popen) -> None:
    """Stop the worker, which holds nothing worth keeping."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):  # of what it no longer reads
            pipe.close()


def network_input(pcm: np.ndarray) -> np.ndarray:
    """int16 16 kHz mono (samples,) -> float32 (n, 494), n = half the MFCC frames: 50 rows a second.

    Mean and standard deviation are those of the part that sounds. Published code takes them over digital silence at
    the ends too, where the logarithm is -36: one second of it after ten of speech moves values by up to 0.17.
    """
    frames = mfcc(pcm)[::STRIDE].astype(np.float32)
    part = sounding_part(pcm)
    first = min(part.start // (HOP * STRIDE), len(frames) - 1)
    last = max(part.stop // (HOP * STRIDE), first)
    sound = with_context(frames[first : last + 1])
    mean, deviation = sound.mean(), sound.std()
    vectors = with_context(frames) - mean
    vectors /= deviation  # in place: an hour is 0.4 GB
    return vectors


def with_context(frames: np.ndarray) -> np.ndarray:
    """(n, 26) -> (n, 19 * 26) view: each frame between its 9 neighbours on either side, zeros beyond the ends."""
    padded = np.pad(frames, ((CONTEXT, CONTEXT), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * CONTEXT + 1, axis=0)  # (n, 26, 19)
    return windows.transpose(0, 2, 1).reshape(len(frames), -1)
