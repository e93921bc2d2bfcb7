"""The training sets that are to be merged: read, checked, and compared with each other."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config.errors import InputError
from dataset.layout import TrainingSetLayout
from dataset.manifest import Manifest, is_published, parse_manifest, read_json
from dataset.video import Video
from preprocessing.jobs import is_text
from tools.merging.parts import Part, crop_of, find_parts

SILENCE_TOLERANCE = 1e-3  # of the values of silence, which are computed on various machines


@dataclass(frozen=True)
class Source:
    """One of the sets. `prefix`: its folder's name, which tells its videos from others' of the same name.

    `parts` are its videos' files and folders; `names` those of all its videos, whether they are trained on or not.
    """

    layout: TrainingSetLayout
    prefix: str
    manifest: Manifest
    parts: list[Part]
    names: frozenset[str]


def read_sources(folders: Sequence[Path]) -> list[Source]:
    """The sets at `folders`, in the order of their prefixes, so that nothing depends on the order they are given in.

    Raises InputError for what is no training set, for one that is given twice, and for sets that differ in what all
    samples of a training must share.
    """
    roots = [folder.resolve() for folder in folders]
    for root in roots:
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; give folders of training sets, such as asserts/training_data")
        if roots.count(root) > 1:
            raise InputError(f"{root} is given twice; give each training set once")
    named = sorted(zip(prefixes(roots), roots, strict=True))
    sources = [read_source(TrainingSetLayout(root), prefix) for prefix, root in named]
    for other in sources[1:]:
        refuse_other(sources[0], other)
    return sources


def prefixes(roots: Sequence[Path]) -> list[str]:
    """The folders' names, with as many of the folders above as it takes to tell them apart."""
    for depth in range(1, max(len(root.parts) for root in roots)):
        names = ["_".join(root.parts[1:][-depth:]) for root in roots]
        if len(set(names)) == len(names):
            return names
    raise InputError(f"the paths of {', '.join(map(str, roots))} make the same prefix; rename one of the folders")


def read_source(layout: TrainingSetLayout, prefix: str) -> Source:
    """Raises InputError naming the file where the training JSON, or an array that it names, cannot be used."""
    path = layout.training_json
    try:
        content = read_json(path)
        if is_published(content):
            bring_home(content, layout)
        manifest = parse_manifest(path, content)
    except InputError as error:
        raise InputError(str(error).removeprefix("--train_data ")) from error
    parts = find_parts(layout)
    names = {part.video for part in parts} | {video.name for video in manifest.videos}
    return Source(layout, prefix, manifest, parts, frozenset(names))


def bring_home(content: dict, layout: TrainingSetLayout) -> None:
    """Let the paths of a published training JSON, relative to a folder unknown here, name the crops of its own set."""
    for name, clip in published_clips(content):
        paths = clip.get("frame_path_list")
        if isinstance(paths, list):
            clip["frame_path_list"] = [str(layout.root / crop_of(path, name, layout)) for path in paths]


def published_clips(content: dict) -> Iterator[tuple[str, dict]]:
    """Name of the video and clip. What is not of the expected form is left to the reader of the JSON."""
    for name, record in content.items():
        clips = record.get("clip_data_list") if isinstance(record, dict) else None
        for clip in clips if isinstance(clips, list) else ():
            if isinstance(clip, dict):
                yield name, clip


def refuse_other(first: Source, other: Source) -> None:
    """Raise InputError, naming what differs, unless both sets could be trained on together."""
    one, two = first.manifest, other.manifest
    differences = [
        f"{what} {theirs} instead of {ours}"
        for what, ours, theirs in (
            ("audio feature", one.audio_feature, two.audio_feature),
            ("values a row", one.audio_channel, two.audio_channel),
            ("crop", one.crop, two.crop),
        )
        if ours != theirs
    ]
    if not differences and not same_silence(one.silence, two.silence):
        differences = [f"another row of silence, so that its {two.audio_feature} comes from another model"]
    if differences:
        raise InputError(
            f"{two.path} has {', '.join(differences)}, unlike {one.path}; make both sets with the same "
            "data_processing.py options, or merge them apart"
        )


def same_silence(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is None or other is None or np.allclose(one, other, rtol=SILENCE_TOLERANCE, atol=SILENCE_TOLERANCE)


def merged_names(sources: Sequence[Source]) -> list[dict[str, str]]:
    """For each set, the names of its videos in the merged set.

    A name that several sets have gets the prefix in all of them: names, and with them the choice of held-out videos,
    depend on which sets are merged and not on their order.
    """
    counts = Counter(name for source in sources for name in source.names)
    taken = {name for name, count in counts.items() if count == 1}
    merged = []
    for source in sources:
        names = {}
        for name in sorted(source.names):
            new = name if counts[name] == 1 else f"{source.prefix}_{name}"
            while counts[name] > 1 and new in taken:
                new += "_"
            if not is_text(new):
                raise InputError(f"{source.layout.root} has a name that is not UTF-8 text; rename it")
            taken.add(new)
            names[name] = new
        merged.append(names)
    return merged


def same_videos(sources: Sequence[Source]) -> Iterator[tuple[str, Source, Source]]:
    """Videos of one name whose audio is the same in two sets: most likely the same recording."""
    known: dict[str, list[tuple[Source, Video]]] = {}
    for source in sources:
        for video in source.manifest.videos:
            others = known.setdefault(video.name, [])
            for other, theirs in others:
                if np.array_equal(video.audio_rows(), theirs.audio_rows(), equal_nan=True):
                    yield video.name, other, source
            others.append((source, video))
