"""Optional step before the JSON: crops decoded at the size of one stage, for training that decoding would hold up."""

from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from config.errors import InputError
from dataset.images import load_crop
from dataset.layout import TrainingSetLayout
from face.geometry import crop_size
from media.files import is_up_to_date, written_whole
from preprocessing.jobs import Outcome


def pack_crops(name: str, layout: TrainingSetLayout, mouth_size: int) -> Outcome:
    """split_video_25fps_crop_face_SIZE/NAME.npy: (frames, h, w, 3) RGB uint8, row k the crop of frame k.

    Rows of frames without a crop are holes, which take no space on most file systems.
    """
    folder, output = layout.crops / name, layout.packed_crops(mouth_size) / f"{name}.npy"
    if is_up_to_date(output, folder):
        return Outcome(name, "kept")
    paths = crop_files(folder)
    with written_whole(output) as temporary:
        shape = (max(paths) + 1, *crop_size(mouth_size), 3)
        rows = open_memmap(temporary, "w+", np.uint8, shape)
        for number, path in paths.items():
            rows[number] = load_crop(str(path), mouth_size)
        rows.flush()
    return Outcome(name, "done", f"{len(paths)} crops, {len(paths) * rows[0].nbytes / 1e6:.0f} MB")


def crop_files(folder: Path) -> dict[int, Path]:
    """A video's crops by the number of their frame. Raises InputError where there are none."""
    paths = {int(path.stem): path for path in sorted(folder.glob("*/*.jpg"))}
    if not paths:
        raise InputError(f"{folder} holds no crops; run --crop_face first")
    return paths


def packed_sizes(name: str, layout: TrainingSetLayout) -> dict[int, Path]:
    """The packed crops of a video that are up to date, by mouth size."""
    prefix = layout.packed_crops("").name
    files = sorted(layout.root.glob(f"{prefix}*/{name}.npy"))
    current = [path for path in files if is_up_to_date(path, layout.crops / name)]
    return {int(path.parent.name.removeprefix(prefix)): path for path in current}
