"""The source's own mouths, whose detail generated ones get: which frames show them, and what an earlier run took."""

import numpy as np
import torch
from torch import Tensor

from dubbing.cache import Cache
from dubbing.faces import SourceFaces
from dubbing.references import by_opening
from face.alignment import crop_face
from face.detail import OwnMouths, stored_mouth
from face.geometry import STORED_MOUTH
from media.progress import Listener, progress_bar
from media.video import VideoInfo, read_chosen_frames

MOST_MOUTHS = 128  # of 0.2 MB each


def source_mouths(faces: SourceFaces, info: VideoInfo, cache: Cache, listener: Listener | None = None) -> OwnMouths:
    """The source's own mouths, taken now or by an earlier run.

    A video has one entry in the cache, of the frames that were last needed. `listener`: see dubbing.pipeline.dub.
    """
    numbers = choose_mouths(faces)
    places = {"numbers": torch.from_numpy(numbers), "matrices": torch.from_numpy(faces.video_to_crop[numbers])}
    known = cache.load(are_mouths, "mouths")
    if known is None or not all(torch.equal(known[name], tensor) for name, tensor in places.items()):
        known = {"mouths": torch.from_numpy(take_mouths(numbers, faces, info, listener).images), **places}
        cache.store(known, "mouths")
    return OwnMouths(known["mouths"].numpy(), info.times[numbers])


def gains_detail(mouth_size: int) -> bool:
    """Whether a network draws mouths smaller than those of the stored crop."""
    return mouth_size < STORED_MOUTH


def choose_mouths(faces: SourceFaces) -> np.ndarray:
    """Numbers (N,), ascending, of frames that surely show the face, spread evenly over their openings in order."""
    ordered, _ = by_opening(faces)
    return np.unique(ordered[np.linspace(0, len(ordered) - 1, MOST_MOUTHS).round().astype(int)])


def take_mouths(
    numbers: np.ndarray, faces: SourceFaces, info: VideoInfo, listener: Listener | None = None
) -> OwnMouths:
    """The mouths of frames `numbers` (N,), ascending. `listener`: see dubbing.pipeline.dub.

    Raises InputError where a frame cannot be decoded.
    """
    mouths = np.empty((len(numbers), STORED_MOUTH, STORED_MOUTH, 3), np.uint8)
    frames = zip(numbers, read_chosen_frames(info, numbers), strict=True)
    with progress_bar("mouths", len(numbers), listener) as advance:
        for k, (number, frame) in enumerate(frames):
            mouths[k] = stored_mouth(crop_face(frame, faces.video_to_crop[number]))
            advance(1)
    return OwnMouths(mouths, info.times[numbers])


def are_mouths(tensors: dict[str, Tensor]) -> bool:
    """Whether these are what `source_mouths` keeps, of whatever frames."""
    mouths = tensors.get("mouths")
    count = len(mouths) if mouths is not None and mouths.dim() else 0
    kinds = {
        "numbers": (torch.int64, (count,)),
        "matrices": (torch.float64, (count, 3, 3)),
        "mouths": (torch.uint8, (count, STORED_MOUTH, STORED_MOUTH, 3)),
    }
    return tensors.keys() == kinds.keys() and all(
        tensors[name].dtype == kind and tensors[name].shape == shape for name, (kind, shape) in kinds.items()
    )
