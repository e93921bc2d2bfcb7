"""Optional step before the JSON: crops decoded at the size of one stage, for training that decoding would hold up."""

import math
from pathlib import Path

from numpy.lib.format import write_array_header_1_0

from config.errors import InputError
from dataset.images import load_crop
from dataset.layout import TrainingSetLayout
from face.geometry import crop_size
from media.files import atomic_write
from preprocessing.crop_step import read_clips
from preprocessing.jobs import Outcome
from preprocessing.origin import Origin


def pack_crops(name: str, layout: TrainingSetLayout, mouth_size: int) -> Outcome:
    """split_video_25fps_crop_face_SIZE/NAME.npy: (frames, h, w, 3) RGB uint8, row k the crop of frame k.

    Rows of frames without a crop are holes, which take no space on most file systems.
    """
    folder, output = layout.crops / name, layout.packed_crops(mouth_size) / f"{name}.npy"
    origin = Origin.of(layout.root, folder)
    if origin.made(output):
        return Outcome(name, "kept")
    paths = crop_files(folder)
    row_shape = (*crop_size(mouth_size), 3)
    header = {"descr": "|u1", "fortran_order": False, "shape": (max(paths) + 1, *row_shape)}
    with atomic_write(output) as temporary, temporary.open("wb") as file:
        write_array_header_1_0(file, header)
        start = file.tell()
        for number, path in paths.items():
            file.seek(start + number * math.prod(row_shape))
            file.write(load_crop(str(path), mouth_size).tobytes())
    origin.remember(output)
    return Outcome(name, "done", f"{len(paths)} crops, {len(paths) * math.prod(row_shape) / 1e6:.0f} MB")


def crop_files(folder: Path) -> dict[int, Path]:
    """A video's crops by the number of their frame. Raises InputError where there are none."""
    clips = read_clips(folder) if folder.is_dir() else {}
    paths = {int(path.stem): path for paths in clips.values() for path in paths}
    if not paths:
        raise InputError(f"{folder} holds no crops; run --crop_face first")
    return paths


def packed_files(name: str, layout: TrainingSetLayout) -> dict[int, Path]:
    """The packed crops of a video by mouth size."""
    prefix = f"{layout.crops.name}_"
    folders = {path.name.removeprefix(prefix): path for path in layout.root.glob(f"{prefix}*")}
    files = {int(size): folder / f"{name}.npy" for size, folder in sorted(folders.items()) if size.isdigit()}
    return {size: path for size, path in files.items() if path.exists()}
