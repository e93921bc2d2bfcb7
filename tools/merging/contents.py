"""The merged set's training JSON and landmarks."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from config.constants import CLIP_FRAMES, NUM_LANDMARKS
from config.errors import InputError
from dataset.crop_landmarks import landmark_records, read_landmark_records
from dataset.layout import TrainingSetLayout
from dataset.manifest import is_published, read_json, write_records
from dataset.safe_pickle import is_pickled, read_pickled_dict
from media.files import load_array, save_array
from preprocessing.origin import Origin
from tools.merging.parts import crop_of, renamed
from tools.merging.sources import Source, published_clips

ANEW = "run data_processing.py --crop_face on the set again"


def write_training_json(output: TrainingSetLayout, sources: Sequence[Source], names: Sequence[dict[str, str]]) -> bool:
    """Write the merged training JSON unless it is up to date; returns whether it was written.

    Raises InputError for a crop that a set's JSON names and the set does not have.
    """
    origin = Origin.of(output.root, *(source.manifest.path for source in sources), names=json.dumps(names))
    if origin.made(output.training_json):
        return False
    records = {}
    for source, new in zip(sources, names, strict=True):
        records |= {new[name]: record for name, record in moved_records(source, new)}
    for name, record in records.items():
        check_crops(name, record, output)
    first = sources[0].manifest
    silences = [source.manifest.silence for source in sources if source.manifest.silence is not None]
    write_records(
        output.training_json,
        first.audio_feature,
        first.audio_channel,
        first.crop,
        dict(sorted(records.items())),
        silences[0] if silences else None,
    )
    origin.remember(output.training_json)
    return True


def moved_records(source: Source, names: dict[str, str]) -> Iterator[tuple[str, dict]]:
    """The records of a set's training JSON by their names there, with paths of the merged set."""
    content = read_json(source.manifest.path)
    if is_published(content):
        yield from published_records(content, source, names)
        return
    for name, record in content["videos"].items():

        def move(path: str, name=name) -> str:
            return renamed(path, name, names[name], source.layout)

        for key in ("audio_feature_path", "packed_crops"):
            if key in record:
                paths = record[key]
                record[key] = {k: move(p) for k, p in paths.items()} if isinstance(paths, dict) else move(paths)
        for clip in record["clip_data_list"]:
            clip["frame_path_list"] = [move(path) for path in clip["frame_path_list"]]
        yield name, record


def published_records(content: dict, source: Source, names: dict[str, str]) -> Iterator[tuple[str, dict]]:
    """The same from the published code's layout. Clips of other than nine rows, which cannot train, stay away."""
    clips: dict[str, list[dict]] = {}
    for name, clip in published_clips(content):
        frames, rows = clip["frame_path_list"], clip["deep_speech_list"]
        if len(frames) == len(rows) == CLIP_FRAMES:
            crops = [crop_of(path, name, source.layout) for path in frames]
            paths = [renamed(path, name, names[name], source.layout) for path in crops]
            clips.setdefault(name, []).append({"frame_path_list": paths, "deep_speech_list": rows})
    yield from ((name, {"clip_data_list": chosen}) for name, chosen in clips.items())


def check_crops(name: str, record: dict, output: TrainingSetLayout) -> None:
    for clip in record["clip_data_list"]:
        for path in clip["frame_path_list"]:
            if not (output.root / path).is_file():
                raise InputError(
                    f"{output.root / path} is missing: the set that {name} comes from names this crop and does not "
                    f"have it; {ANEW}, then --generate_training_json"
                )


def write_landmarks(output: TrainingSetLayout, sources: Sequence[Source], names: Sequence[dict[str, str]]) -> int:
    """Write landmark_crop_dic.npy of all sets that have one, unless it is up to date. Returns the number of crops."""
    known = [(source, new) for source, new in zip(sources, names, strict=True) if source.layout.crop_landmarks.exists()]
    if not known:
        return 0
    files = [source.layout.crop_landmarks for source, _ in known]
    origin = Origin.of(output.root, *files, names=json.dumps(names))
    if not origin.made(output.crop_landmarks):
        moved = [moved_landmarks(source.layout, new) for source, new in known]
        paths = [path for some, _ in moved for path in some]
        points = np.concatenate([some for _, some in moved])
        order = sorted(range(len(paths)), key=lambda index: paths[index].partition("/")[0])
        save_array(output.crop_landmarks, landmark_records([paths[index] for index in order], points[order]))
        origin.remember(output.crop_landmarks)
    return len(load_array(output.crop_landmarks, "remove it"))


def moved_landmarks(layout: TrainingSetLayout, names: dict[str, str]) -> tuple[list[str], np.ndarray]:
    """Paths NAME/CLIP/FRAME.jpg in the merged set, and (n, 68, 2), of the crops of a set's videos."""
    file = layout.crop_landmarks
    if is_pickled(file):
        paths, points = read_published(file)
    else:
        records = read_landmark_records(file, ANEW)
        paths, points = records["path"].tolist(), records["landmarks"]
    divided = [path.partition("/") for path in paths]
    chosen = [index for index, (name, _, _) in enumerate(divided) if name in names]
    if not chosen:
        raise InputError(f"{file} holds no landmarks of its set's videos; {ANEW}")
    return [f"{names[divided[index][0]]}/{divided[index][2]}" for index in chosen], points[chosen]


def read_published(file: Path) -> tuple[list[str], np.ndarray]:
    """The same from the published code's dictionary, whose keys are paths relative to a folder unknown here."""
    content = read_pickled_dict(file)
    paths, points = [], np.empty((len(content), NUM_LANDMARKS, 2), np.float32)
    for index, (key, value) in enumerate(content.items()):
        parts = key.replace("\\", "/").split("/")[-3:] if isinstance(key, str) else ()
        if len(parts) != 3:
            raise InputError(f"{file} holds {key!r:.80}, expected paths such as NAME/000000/000000.jpg; {ANEW}")
        paths.append("/".join(parts))
        points[index] = crop_points(file, key, value)
    return paths, points


def crop_points(file: Path, key: str, value: object) -> np.ndarray:
    """(68, 2) from (68, 2) or (1, 68, 2) real numbers."""
    shape = (NUM_LANDMARKS, 2)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iuf" or value.shape not in (shape, (1, *shape)):
        what = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
        raise InputError(f"{file} holds {what} for {key:.80}, expected {shape} landmarks; {ANEW}")
    return value.reshape(shape)
