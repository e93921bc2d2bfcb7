"""The merged set's folder: whose it is, and the files of the sets linked into it."""

import filecmp
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from config.errors import InputError
from media.files import PARTIAL, atomic_write, check_outputs, sweep_below
from media.links import link_file
from preprocessing.feature_step import SILENCE
from tools.merging.parts import Part
from tools.merging.sources import Source

RECORD = "merged_from.json"  # which sets and videos the merged ones come from
ROOM = 10 << 20  # bytes, besides those of the files that cannot be links


def check_places(folders: Sequence[Path], output: Path) -> None:
    """Raise InputError where the merged set would lie in one of the sets, or could not be written."""
    for folder in folders:
        if folder.resolve() in (output.resolve(), *output.resolve().parents):
            raise InputError(f"--output: {output} lies in {folder}, which is merged; give a folder outside of it")
    room = ROOM + sum(path.stat().st_size for folder in folders for path in folder.glob("*.*") if path.is_file())
    check_outputs({"--output": output}, {}, room, are_folders=True)


def claim(output: Path, sources: Sequence[Source], names: Sequence[dict[str, str]]) -> None:
    """Make the folder and write in it which videos of which sets it holds.

    Raises InputError for a folder that holds anything but a merge of these sets, or of some of them with these names.
    """
    path = output / RECORD
    videos = {
        new: {"set": source.prefix, "video": name}
        for source, renamed in zip(sources, names, strict=True)
        for name, new in renamed.items()
    }
    for name in videos:
        check_outputs({"--output": output / f"{name}_deepspeech.txt"}, {})  # the longest ending of a file
    if output.is_dir() and any(not file.name.startswith(PARTIAL) for file in output.iterdir()):
        for name, origin in read_record(path).items():
            if videos.get(name) != origin:
                raise InputError(
                    f"--output: {output} holds a merge of other sets, with the video {name} of {origin.get('set')}; "
                    "give a new folder"
                )
    record = {"sets": {source.prefix: str(source.layout.root) for source in sources}, "videos": videos}
    data = json.dumps(record, ensure_ascii=False, indent=1).encode(errors="backslashreplace")
    if not path.is_file() or path.read_bytes() != data:
        with atomic_write(path) as temporary:
            temporary.write_bytes(data)
    sweep_below(output)


def read_record(path: Path) -> dict[str, dict]:
    """The videos of an earlier merge."""
    try:
        videos = json.loads(path.read_text(encoding="utf-8"))["videos"]
        return {name: dict(origin) for name, origin in videos.items()}
    except FileNotFoundError:
        raise InputError(f"--output: {path.parent} holds files that no merge made; give a new folder") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is damaged ({error}); give --output a new folder") from error


def place(source: Source, part: Part, new: str, output: Path) -> int:
    """Link a part's files into the merged set; returns how many were not there yet."""
    made = 0
    for path, below in files_of(source.layout.root / part.folder / f"{part.video}{part.ending}"):
        made += place_file(path, output / part.folder / f"{new}{part.ending}" / below)
    return made


def files_of(path: Path) -> Iterator[tuple[Path, str]]:
    """A file, or all in a folder but hidden ones, each with its path below `path`."""
    if not path.is_dir():
        yield path, ""
        return
    for folder, folders, files in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if not name.startswith("."):
                found = Path(folder, name)
                yield found, str(found.relative_to(path))


def place_file(path: Path, target: Path) -> bool:
    """Link one file unless it is there. Raises InputError where another one is in the way."""
    if not target.exists():
        link_file(path, target)
        return True
    if not os.path.samefile(path, target) and not filecmp.cmp(path, target, shallow=False):
        raise InputError(f"{target} is another file than {path}; remove it to take that one, or give a new --output")
    return False


def place_silence(source: Source, output: Path) -> None:
    """Link the rows of silence of a set's features, as far as no other set's are there."""
    for path in source.layout.root.glob(f"{source.layout.videos.name}*/{SILENCE}"):
        target = output / path.relative_to(source.layout.root)
        if not target.exists():
            link_file(path, target)
