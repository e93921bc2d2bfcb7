"""Merge several training sets into one, which trains like any other.

    python tools/merge_datasets.py asserts/training_data /data/hdtf --output asserts/merged

Videos, landmarks, sound, features, frames and crops become links to the sets' own files (hard, else symbolic, else
copies): the sets are not changed, and the merged one takes next to no room. training_json.json and
landmark_crop_dic.npy are written anew, merged_from.json says where every video comes from. A name that several sets
have gets the set's folder before it: NAME of sets A and B becomes A_NAME and B_NAME. Names do not depend on the order
of the sets, so neither do the videos that training holds out, which are chosen by name.

Sets must share audio feature, values a row and crop. Sets of the published DINet and LawDNet code are read too; their
pickled landmark_crop_dic.npy passes through a converter that executes nothing (dataset/safe_pickle.py).
Run again to go on where it stopped, or after a set has grown.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import MergeOptions
from config.errors import InputError, run_script
from tools.command_line import parse_with_paths

if TYPE_CHECKING:
    from tools.merging.sources import Source


def main() -> None:
    options, folders = parse_with_paths(MergeOptions, __doc__, "SET", "folders of training sets, two or more")
    if len(folders) < 2:
        raise InputError(f"only one training set given, {folders[0]}; give two or more")
    if not options.output:
        raise InputError("--output is missing; give the folder of the merged training set")
    merge(folders, Path(options.output).absolute())


def merge(folders: Sequence[Path], root: Path) -> None:
    from dataset.layout import TrainingSetLayout
    from tools.merging.contents import write_landmarks, write_training_json
    from tools.merging.placing import check_places, claim, place_silence
    from tools.merging.sources import merged_names, read_sources, same_videos

    check_places(folders, root)
    sources = read_sources(folders)
    names = merged_names(sources)
    warn_of_same(list(same_videos(sources)))
    claim(root, sources, names)
    output = TrainingSetLayout(root)
    made = place_all(sources, names, root)
    for source in sources:
        place_silence(source, root)
    landmarks = write_landmarks(output, sources, names)
    is_new = write_training_json(output, sources, names)
    summarise(sources, names)
    print(f"{made} files linked{'' if is_new else ', training JSON up to date'}; landmarks of {landmarks} crops")
    print(output.training_json)


def warn_of_same(videos: Sequence[tuple[str, "Source", "Source"]]) -> None:
    if videos:
        name, one, other = videos[0]
        print(
            f"warning: {len(videos)} video(s) are in two sets, such as {name} in {one.layout.root} and "
            f"{other.layout.root}; training may hold one out and see the other: leave one of the sets, or them, out"
        )


def place_all(sources: Sequence["Source"], names: Sequence[dict[str, str]], root: Path) -> int:
    """Link the parts of all videos, with a progress bar; returns the number of files that were not there yet."""
    from tqdm import tqdm

    from tools.merging.placing import place

    made = 0
    with tqdm(total=sum(len(source.parts) for source in sources), desc="merge", unit="part") as bar:
        for source, new in zip(sources, names, strict=True):
            for part in source.parts:
                made += place(source, part, new[part.video], root)
                bar.update()
    return made


def summarise(sources: Sequence["Source"], names: Sequence[dict[str, str]]) -> None:
    for source, new in zip(sources, names, strict=True):
        manifest = source.manifest
        renamed = sum(name != merged for name, merged in new.items())
        notes = [
            f"{len(manifest.videos)} videos to train on, {manifest.num_frames} frames",
            f"{renamed} now called {source.prefix}_..." if renamed else "",
            f"{manifest.clips_left_out} clips of other than nine frames left out" if manifest.clips_left_out else "",
        ]
        print(f"{source.layout.root}: {', '.join(filter(None, notes))}")


if __name__ == "__main__":
    run_script(main)
