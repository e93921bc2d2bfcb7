"""Where the face is in the source: landmarks of every frame that is needed, and the crop that belongs to them."""

import os
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import torch

from config.constants import NUM_LANDMARKS
from config.errors import InputError
from dubbing.cache import Cache
from face.alignment import align_video, legacy_video, share_inside
from face.landmarks import FaceLandmarker, find_model, warn_if_untested
from face.openface_csv import FaceTrack, read_openface_csv
from face.smoothing import smooth_track
from face.tracking import parts_of, track_video
from media.progress import Listener
from media.video import VideoInfo

MOST_WORKERS = 4  # unless more are asked for: each holds frames of the video
LEAST_INSIDE = 0.5  # share of the crop that must lie in the picture for the face to be dubbed


@dataclass(frozen=True)
class SourceFaces:
    """landmarks (T, 68, 2) in video pixels, smoothed; confidence (T,); video_to_crop (T, 3, 3), NaN where not usable.

    T counts source frames from the first one on, as far as they are needed.
    """

    landmarks: np.ndarray
    confidence: np.ndarray
    video_to_crop: np.ndarray

    @property
    def usable(self) -> np.ndarray:
        """(T,) bool: frames whose mouth can be replaced."""
        return ~np.isnan(self.video_to_crop[:, 0, 0])


def find_faces(
    info: VideoInfo,
    num_frames: int,
    crop: str,
    csv: str,
    model: str,
    cache: Cache,
    num_workers: int = 0,
    listener: Listener | None = None,
) -> SourceFaces:
    """Faces in the first `num_frames` frames, from an OpenFace CSV if there is one, else found in the pictures.

    crop: "aligned" or "legacy", as the checkpoint says; csv and model: paths or ""; `cache` spares a second search in
    the same pictures; num_workers: parts searched at a time; 0: one a core, at most MOST_WORKERS; `listener` hears how
    far a search has come. Raises InputError when the CSV does not belong to the video, or no frame has a face that can
    be dubbed.
    """
    track = track_of_csv(info, csv) if csv else cached_track(info, num_frames, model, cache, num_workers, listener)
    found = track.success[:num_frames]
    if not found.any():
        raise InputError(f"{info.path}: no face in the first {num_frames} frames; give a video that shows one face")
    landmarks = smooth_track(track).landmarks[:num_frames]
    if crop == "legacy":
        matrices = legacy_video(landmarks, found, info.width, info.height)
    else:
        matrices = align_video(landmarks, found)
    for matrix in matrices:
        if not np.isnan(matrix[0, 0]) and share_inside(matrix, info.width, info.height) < LEAST_INSIDE:
            matrix[:] = np.nan
    if np.isnan(matrices).all():
        raise InputError(
            f"{info.path}: the face reaches beyond the picture in every frame; give one that shows all of it"
        )
    return SourceFaces(landmarks, track.confidence[:num_frames], matrices)


def track_of_csv(info: VideoInfo, csv: str) -> FaceTrack:
    track = read_openface_csv(csv)
    if len(track.success) != info.num_frames:
        raise InputError(
            f"--source_openface_landmark_path {csv}: {len(track.success)} rows, but {info.path} has "
            f"{info.num_frames} frames; make the CSV from this very file, or leave the flag out"
        )
    return track


def cached_track(
    info: VideoInfo, num_frames: int, model: str, cache: Cache, num_workers: int = 0, listener: Listener | None = None
) -> FaceTrack:
    """Faces found in the pictures, or what an earlier run found in the same pictures with the same model."""
    warn_if_untested(model)
    depends_on = ("landmarks", find_model(model or None), version("mediapipe"))
    known = cache.load(lambda tensors: is_track(tensors, info.num_frames), *depends_on)
    if known is None or len(known["confidence"]) < num_frames:
        with ExitStack() as opened:
            parts = parts_of(info, num_frames, num_workers or min(MOST_WORKERS, os.cpu_count() or 1))
            landmarkers = [opened.enter_context(FaceLandmarker(model or None)) for _ in parts]
            track = track_video(info, landmarkers, num_frames, True, listener, parts)
        known = {"landmarks": torch.from_numpy(track.landmarks), "confidence": torch.from_numpy(track.confidence)}
        if track.success.any():
            cache.store(known, *depends_on)
    landmarks, confidence = (known[name][:num_frames].numpy() for name in ("landmarks", "confidence"))
    return FaceTrack(landmarks, confidence, confidence > 0)


def is_track(tensors: dict[str, torch.Tensor], most_frames: int) -> bool:
    """Whether these are landmarks and confidence as `track_video` gives them, with a face in some frame."""
    if tensors.keys() != {"landmarks", "confidence"} or any(t.dtype != torch.float32 for t in tensors.values()):
        return False
    landmarks, confidence = tensors["landmarks"], tensors["confidence"]
    count = len(confidence) if confidence.dim() == 1 else 0
    if not 0 < count <= most_frames or landmarks.shape != (count, NUM_LANDMARKS, 2):
        return False
    found = confidence > 0
    in_range = ((confidence >= 0) & (confidence <= 1)).all() and found.any()
    return bool(in_range and landmarks[found].isfinite().all() and landmarks[~found].isnan().all())
