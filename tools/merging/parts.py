"""The files and folders of a training set's videos, and where the training JSON's paths lead among them."""

import os
from dataclasses import dataclass
from pathlib import Path

from config.errors import InputError
from dataset.layout import TrainingSetLayout
from preprocessing.jobs import is_text
from preprocessing.origin import MEMORY

PUBLISHED_FEATURES = "_deepspeech.txt"  # ending of the published code's files of audio features
ANEW = "run data_processing.py --generate_training_json on the set again"


@dataclass(frozen=True)
class Part:
    """A file or folder of one video. `folder`, relative to the set, holds it; `ending` follows the video's name."""

    folder: str
    video: str
    ending: str


def find_parts(layout: TrainingSetLayout) -> list[Part]:
    """All parts of a set in the order of their names, with what is remembered of how they were made.

    Hidden files, which are nobody's part, are left out.
    """
    pattern = f"{layout.videos.name}*/"
    folders = [*sorted(layout.root.glob(pattern)), *sorted((layout.root / MEMORY).glob(pattern))]
    parts = []
    for folder in folders:
        for name in sorted(os.listdir(folder)):
            if not is_text(name):
                raise InputError(f"{folder / name} has a name that is not UTF-8 text; rename it")
            if not name.startswith("."):
                video, ending = divide(folder.name, name, layout)
                parts.append(Part(folder.relative_to(layout.root).as_posix(), video, ending))
    return parts


def divide(folder: str, name: str, layout: TrainingSetLayout) -> tuple[str, str]:
    """The video that a file in one of a set's folders belongs to, and the rest of the file's name."""
    if folder in (layout.crops.name, layout.frames.name):  # they hold folders, whose names may have dots
        return name, ""
    video = name.removesuffix(PUBLISHED_FEATURES) if name.endswith(PUBLISHED_FEATURES) else Path(name).stem
    return video, name[len(video) :]


def crop_of(path: object, video: str, layout: TrainingSetLayout) -> str:
    """Where a crop that the published code's JSON names lies in its set: its last three parts say."""
    parts = str(path).replace("\\", "/").split("/")[-3:]
    if len(parts) < 3 or parts[0] != video or ".." in parts:
        raise InputError(f"{layout.training_json}: video {video}: {path} is no crop of this video; {ANEW}")
    return "/".join((layout.crops.name, *parts))


def renamed(path: str, video: str, new: str, layout: TrainingSetLayout) -> str:
    """A path of our training JSON, which is relative to the set, after the video was given a new name.

    Raises InputError for one that leads elsewhere than to the video's parts.
    """
    folder, _, rest = path.partition("/")
    name, _, below = rest.partition("/")
    owner, ending = divide(folder, name, layout)
    if not folder.startswith(layout.videos.name) or owner != video or ".." in below.split("/"):
        raise InputError(f"{layout.training_json}: video {video}: {path} is not one of its files in this set; {ANEW}")
    return "/".join(filter(None, (folder, f"{new}{ending}", below)))
