"""The feature "deepspeech": outputs of the DeepSpeech v0.1.0 speech recogniser, as the published DINet uses them.

The network input equals python_speech_features.mfcc with its defaults and 26 cepstra, every second frame, 9 frames of
zero context on either side, normalised by its global mean and standard deviation (tests/fixtures/deepspeech_input.npz).
"""

import json
import os
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path

import numpy as np
import scipy.fft

from audio.features import sounding_part
from config.constants import SAMPLE_RATE
from config.errors import InputError

WINDOW = 400  # samples, 25 ms
HOP = 160  # samples, 10 ms
FFT_SIZE = 512
CEPSTRA = 26  # as many as mel filters
PREEMPHASIS = 0.97
LIFTER = 22
CONTEXT = 9  # frames on either side
STRIDE = 2  # MFCC frames per network step
OUTPUTS = 29  # 26 letters, space, apostrophe, blank
TINY = np.finfo(np.float64).eps  # stands for an energy of zero
BLOCK_FRAMES = 6000  # MFCC frames computed at once: one minute
REPOSITORY = Path(__file__).resolve().parents[1]


class DeepSpeechFeature:
    """29 letter scores, 50 rows a second; every second row is what published code stores for 25 fps.

    TensorFlow and torchvision abort when they share a process, so the graph runs in one of its own. It starts and ends
    with this object and keeps the graph loaded, so one object serves any number of recordings.
    """

    name = "deepspeech"
    dim = OUTPUTS
    rate = SAMPLE_RATE / (HOP * STRIDE)

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
        pcm = np.clip(np.round(wave * 32768), -32768, 32767).astype(np.int16)
        with tempfile.TemporaryDirectory(prefix="deepspeech-") as folder:
            given, made = Path(folder, "input.npy"), Path(folder, "output.npy")
            np.save(given, network_input(pcm))
            self.graph.request(given, made)
            return np.load(made, allow_pickle=False)


class GraphProcess:
    """The process that runs audio/deepspeech_worker.py: one line of JSON per recording each way."""

    def __init__(self, model_path: Path) -> None:
        self.model_path = model_path
        self.log = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "audio.deepspeech_worker", str(model_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            cwd=REPOSITORY,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        weakref.finalize(self, end_process, self.process)
        self.read_answer()

    def request(self, given: Path, made: Path) -> None:
        """Run the graph on the array in the file `given` (n, 494); its output (n, 29) is in `made` on return."""
        try:
            self.process.stdin.write(json.dumps([str(given), str(made)]) + "\n")
            self.process.stdin.flush()
        except OSError:  # it has ended; read_answer says how
            pass
        self.read_answer()

    def read_answer(self) -> None:
        """Wait until the worker is done; raise InputError with what it complains of."""
        line = self.process.stdout.readline()
        complaint = json.loads(line)["error"] if line else self.last_words()
        if complaint:
            raise InputError(f"--deepspeech_model_path: {self.model_path} {complaint}")

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
    return (with_context(frames) - sound.mean()) / sound.std()


def with_context(frames: np.ndarray) -> np.ndarray:
    """(n, 26) -> (n, 19 * 26): each frame between its 9 neighbours on either side, zeros beyond the ends."""
    padded = np.pad(frames, ((CONTEXT, CONTEXT), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * CONTEXT + 1, axis=0)  # (n, 26, 19)
    return windows.transpose(0, 2, 1).reshape(len(frames), -1)


def mfcc(pcm: np.ndarray) -> np.ndarray:
    """int16 16 kHz mono (samples,) -> float64 (n, 26), 100 frames a second, the last one padded with zeros."""
    signal = pcm.astype(np.float64)
    signal[1:] -= PREEMPHASIS * pcm[:-1]
    count = 1 + max(0, -(-(len(signal) - WINDOW) // HOP))
    signal = np.pad(signal, (0, max(0, (count - 1) * HOP + WINDOW - len(signal))))
    windows = np.lib.stride_tricks.sliding_window_view(signal, WINDOW)[::HOP][:count]
    filters = mel_filters()
    return np.concatenate([cepstra(windows[i : i + BLOCK_FRAMES], filters) for i in range(0, count, BLOCK_FRAMES)])


def cepstra(windows: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Windows of sound (n, 400) -> liftered cepstra (n, 26) whose first column is the logarithm of the energy."""
    power = np.abs(scipy.fft.rfft(windows, FFT_SIZE)) ** 2 / FFT_SIZE  # (n, 257)
    energies = positive(power @ filters.T)
    coefficients = scipy.fft.dct(np.log(energies), type=2, norm="ortho", axis=1)
    coefficients *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(CEPSTRA) / LIFTER)
    coefficients[:, 0] = np.log(positive(power.sum(axis=1)))
    return coefficients


def positive(energy: np.ndarray) -> np.ndarray:
    return np.where(energy == 0, TINY, energy)


def mel_filters() -> np.ndarray:
    """(26, 257) triangles on whole FFT bins, evenly spaced in mel (2595 log10(1 + f / 700)) from 0 to 8 kHz."""
    mel = np.linspace(0, 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700), CEPSTRA + 2)
    edges = np.floor((FFT_SIZE + 1) * 700 * (10 ** (mel / 2595) - 1) / SAMPLE_RATE)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    bins = np.arange(FFT_SIZE // 2 + 1)
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    return np.maximum(0, np.minimum(rising, falling))
