"""What a worker does of a job: checks its files, and dubs them with the generator that it holds."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from audio.features import get_audio_feature
from config.config import AppOptions, AvatarOptions, InferenceOptions
from config.constants import SAMPLE_RATE
from dubbing.avatar_making import make_avatar
from dubbing.avatar_record import PREVIEW, check_avatar_paths, is_avatar
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

    def check(self, path: str, kind: str) -> None:
        check_untrusted(path, kind, self.limits.max_seconds, self.limits.max_pixels)

    def make_avatar(self, given: dict[str, Any], picture: Path, listener: Listener) -> str:
        """Make an avatar, and copy its preview to `picture`."""
        options = AvatarOptions(
            pretrained_clip_DINet_path=self.common.pretrained_clip_DINet_path,
            face_landmarker_model=self.common.face_landmarker_model,
            cache_folder=self.common.cache_folder,
            **given,
        )
        self.check(options.source_video_path, "video")
        output = check_avatar_paths(options)
        line = make_avatar(options, output, listener)
        shutil.copyfile(output / PREVIEW, picture)
        return line

    def do(self, job: dict[str, Any], listener: Listener) -> str:
        """A line about the result, which is there when it returns. Raises what keeps it from being made."""
        output = Path(job["output"])
        if job["kind"] == "avatar":
            return self.make_avatar(job["options"], output, listener)
        options = replace(self.common, **job["options"])
        if not is_avatar(options.source_video_path):
            self.check(options.source_video_path, "video")
        self.check(options.driving_audio_path, "sound")
        if job["kind"] == "preview":
            return preview(options, output, self.renderer, listener)
        options = replace(options, output=str(output))
        check_paths(options)
        return dub(options, output, self.renderer, listener=listener, played=output.with_name(SOURCE))
