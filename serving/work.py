"""What a worker does of a job: checks its files, and dubs them with the generator that it holds."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from audio.features import get_audio_feature
from config.config import AppOptions, InferenceOptions
from config.constants import SAMPLE_RATE
from dubbing.pipeline import dub
from dubbing.preview import preview
from dubbing.renderer import load_renderer
from dubbing.result import check_paths
from face.landmarks import FaceLandmarker, track_faces
from media.progress import Listener
from media.untrusted import check_untrusted
from serving.job_files import SOURCE


class Workshop:
    """One generator, and what jobs of it are allowed. Raises InputError where it cannot be loaded."""

    def __init__(self, options: AppOptions):
        self.limits = options
        self.common = InferenceOptions(
            pretrained_clip_DINet_path=options.checkpoint,
            deepspeech_model_path=options.deepspeech_model_path,
            face_landmarker_model=options.face_landmarker_model,
            cache_folder=str(Path(options.state_folder) / "cache"),
            device=options.device,
            precision=options.precision,
        )
        self.renderer = load_renderer(self.common)
        self.warm_up()

    def warm_up(self) -> None:
        """Load the rest of what a job needs, which takes longer than a short job, while nobody waits for one."""
        model, device = self.common.deepspeech_model_path, str(self.renderer.device)
        get_audio_feature(self.renderer.spec.audio_feature, model, device).compute(np.zeros(SAMPLE_RATE, np.float32))
        with FaceLandmarker(self.common.face_landmarker_model or None) as landmarker:
            list(track_faces([np.zeros((64, 64, 3), np.uint8)], landmarker))

    def do(self, job: dict[str, Any], listener: Listener) -> str:
        """A line about the result, which is there when it returns. Raises what keeps it from being made."""
        options = replace(self.common, **job["options"])
        output = Path(job["output"])
        most = self.limits.max_seconds
        check_untrusted(options.source_video_path, "video", most, self.limits.max_pixels)
        check_untrusted(options.driving_audio_path, "sound", most, self.limits.max_pixels)
        if job["kind"] == "preview":
            return preview(options, output, self.renderer, listener)
        options = replace(options, output=str(output))
        check_paths(options)
        return dub(options, output, self.renderer, listener=listener, played=output.with_name(SOURCE))
