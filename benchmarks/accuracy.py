"""How far the fast path of inference.py is from float32, on a trained generator and a real video.

    python benchmarks/accuracy.py --checkpoint best.pth --video FACE.mp4 --speech SPEECH.wav

PSNR of the mouth boxes as they are generated, 8 bits a colour, in bf16 against float32.
"""

import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import DEVICES, InferenceOptions
from config.errors import InputError, run_script
from config.options import option, parse


@dataclass
class AccuracyOptions:
    checkpoint: str = option("", "of a frame or clip stage")
    video: str = option("", "of a face")
    speech: str = option("", "any sound file")
    frames: int = option(40, "that are compared, from the first on", low=1)
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)


def main() -> None:
    options = parse(AccuracyOptions, __doc__)
    from dubbing.pipeline import make_plan, prepare  # seconds, which --help should not take

    given = {
        "source_video_path": options.video,
        "driving_audio_path": options.speech,
        "pretrained_clip_DINet_path": options.checkpoint,
        "device": options.device,
        "cache_folder": "",
    }
    plain, fast = (make_plan(InferenceOptions(**given, precision=precision)) for precision in ("fp32", "bf16"))
    differences = []
    for batch in islice(prepare(plain, 1), options.frames):
        if len(batch.crops):
            ours, exact = (plan.renderer.generate(batch.crops, batch.windows) for plan in (fast, plain))
            differences.append((ours.astype(float) - exact)[:, *plain.renderer.paster.box])
    if not differences:
        raise InputError(f"--video {options.video}: none of the first {options.frames} frames has a usable face")
    difference = np.concatenate(differences)
    decibel = 10 * np.log10(255**2 / max(np.square(difference).mean(), 1e-10))
    print(f"{decibel:.1f} dB over {len(difference)} frames; largest difference {np.abs(difference).max():.0f} of 255")


if __name__ == "__main__":
    run_script(main)
