"""A generated and a reference video, frame for frame, in the crop space of the reference's face."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from config.errors import InputError
from face.alignment import align_video, crop_face, transform
from face.openface_csv import FaceTrack
from media.video import VideoInfo, read_frames

LENGTH_TOLERANCE = 2  # frames by which two videos of the same thing may differ in length


class TrackedVideo(NamedTuple):
    """A video and its landmarks, not smoothed, of all its frames or of the first ones."""

    info: VideoInfo
    track: FaceTrack


@dataclass(frozen=True)
class Pair:
    """Landmarks of both videos in crop pixels (416 x 320) and the matrices that cut both; frames with both faces.

    fps: of both videos; frames (N,) numbers; matrices (N, 3, 3) video_to_crop; generated, reference (N, 68, 2).
    """

    generated_path: Path
    reference_path: Path
    fps: float
    frames: np.ndarray
    matrices: np.ndarray
    generated: np.ndarray
    reference: np.ndarray

    def crops(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Generated and reference crops (416, 320, 3) BGR uint8 of every frame in `frames`."""
        for both, matrix in zip(self.pictures(), self.matrices, strict=True):
            yield tuple(crop_face(picture, matrix) for picture in both)

    def pictures(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Both videos' pictures (H, W, 3) BGR uint8 of every frame in `frames`."""
        wanted = set(self.frames.tolist())
        videos = zip(read_frames(self.generated_path), read_frames(self.reference_path), strict=False)
        yield from (both for number, both in enumerate(videos) if number in wanted)


def make_pair(generated: TrackedVideo, reference: TrackedVideo) -> Pair:
    """Two versions of one video (see check_same). Raises InputError where no frame shows both faces."""
    tracks = generated.track, reference.track
    count = min(len(t.success) for t in tracks)
    found = tracks[0].success[:count] & tracks[1].success[:count]
    paths = generated.info.path, reference.info.path
    if not found.any():
        raise InputError(f"{paths[0]} and {paths[1]} have no frame in which both show a face")
    matrices = align_video(tracks[1].landmarks[:count], found)[found]
    points = [
        np.stack([transform(p, m) for p, m in zip(t.landmarks[:count][found], matrices, strict=True)]) for t in tracks
    ]
    return Pair(*paths, float(reference.info.fps), np.flatnonzero(found), matrices, *points)


def check_same(generated: VideoInfo, reference: VideoInfo) -> None:
    """Raise InputError for what are not two versions of one video."""
    for what in ("width", "height", "num_frames"):
        ours, theirs = getattr(generated, what), getattr(reference, what)
        tolerance = LENGTH_TOLERANCE if what == "num_frames" else 0
        if abs(ours - theirs) > tolerance:
            raise InputError(
                f"--generated {generated.path} has {what} {ours}, --reference {reference.path} has {theirs}; "
                "give the true video of the same scene and speech, or --metrics leak,silence for one of another scene"
            )
