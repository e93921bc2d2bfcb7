"""Pack a folder into a zstd archive that plain tar unpacks, with a progress bar.

    python tools/compress.py asserts/training_data                       # asserts/training_data.tar.zst
    python tools/compress.py asserts/training_data --split 4G            # parts asserts/training_data.tar.zst.000, ...
    tar --zstd -xf training_data.tar.zst                                 # unpacks the one
    cat training_data.tar.zst.* | tar --zstd -x                          # unpacks the other

Run again, it goes on after the last part that was finished, to the same bytes as an uninterrupted run; a part that was
lost is made again by itself. Finished parts are noted in a hidden file beside them. Everything is read back at the end
and compared (--no-verify leaves that out). Links are followed and stored as the files and folders that they lead to, so
that an archive needs nothing else. Times are kept to the second, owners are not.
"""

import re
import shlex
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import CompressOptions
from config.errors import InputError, run_script
from tools.command_line import parse_with_paths

UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
SMALLEST_PART, LARGEST_PART = 64 << 10, 1 << 60  # bytes
SUFFIX = ".tar.zst"
ROOM = 10 << 20  # bytes that are free beside what cannot be compressed
COMPRESSED = (".jpg", ".jpeg", ".png", ".mp4", ".mkv", ".mov", ".webm", ".m4a", ".mp3", ".flac", ".zst", ".gz", ".zip")


def main() -> None:
    options, (folder,) = parse_with_paths(CompressOptions, __doc__, "FOLDER", "folder to pack", 1)
    split = parse_size(options.split)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the folder to pack")
    folder = folder.resolve()
    output = Path(options.output).absolute() if options.output else folder.with_name(f"{folder.name}{SUFFIX}")
    check_output(folder, output)
    compress(folder, output, split, options.verify)


def parse_size(text: str) -> int:
    """Bytes of a size as `split` takes it: 500K, 4G and 4GiB are powers of 1024, 4GB of 1000. 0 for none."""
    if not text:
        return 0
    match = re.fullmatch(r"(\d{1,18}(?:\.\d{1,9})?)([KMGT]?)(B|iB)?", text, re.IGNORECASE | re.ASCII)
    if not match:
        raise InputError(f"--split is {text!r:.40}; expected a size such as 500M, 4G or 4.7GB")
    number, unit, ending = match.groups()
    base = 1000 if unit and (ending or "").upper() == "B" else 1024
    size = int(float(number) * base ** UNITS[unit.upper()])
    if not SMALLEST_PART <= size <= LARGEST_PART:
        raise InputError(f"--split is {text:.40}; expected at least {SMALLEST_PART >> 10}K")
    return size


def check_output(folder: Path, output: Path) -> None:
    from media.files import check_outputs

    check_outputs({"--output": output.with_name(f".{output.name}.json")}, {})
    if not output.name.endswith(SUFFIX):
        raise InputError(f"--output: {output} does not end in {SUFFIX}; give a name that says what it is")
    if output.is_dir():
        raise InputError(f"--output: {output} is a folder; give a file, such as {output / folder.name}{SUFFIX}")
    if folder in (output.resolve(), *output.resolve().parents):
        raise InputError(f"--output: {output} lies in {folder}, which it would hold; give a place outside of it")


def compress(folder: Path, output: Path, split: int, verify: bool) -> None:
    from tqdm import tqdm

    from media.files import check_outputs
    from tools.archiving.archive import Archive
    from tools.archiving.check import check_archive
    from tools.archiving.frames import FRAME
    from tools.archiving.listing import list_folder

    began = time.perf_counter()
    listing = list_folder(folder)
    archive = Archive(output, listing, split)
    finished = archive.finished()
    incompressible = sum(member.size for member in listing.members if member.name.lower().endswith(COMPRESSED))
    room = max(0, incompressible - sum(part.size for part in finished))
    check_outputs({"--output": archive.record_path}, {}, ROOM + room)
    bar_settings = {"total": archive.size, "unit": "B", "unit_scale": True}
    begin = min(finished[-1].frame * FRAME, archive.size) if finished else 0
    with tqdm(desc="compress", initial=begin, **bar_settings) as bar:
        written = archive.write(lambda frames: bar.update(max(0, min(frames * FRAME, archive.size) - bar.n)))
    if verify:
        with tqdm(desc="verify", **bar_settings) as bar:
            check_archive(archive, lambda size: bar.update(size - bar.n))
    seconds = time.perf_counter() - began
    parts = archive.record.parts
    size = sum(part.size for part in parts)
    print(
        f"{len(listing.members)} files and folders, {archive.size / 1e6:.1f} MB in {size / 1e6:.1f} MB; {written} of "
        f"{len(parts)} part(s) written{', all read back' if verify else ''} in {seconds:.1f} s"
    )
    name = shlex.quote(output.name)
    print(f"unpack with: {f'cat {name}.* | tar --zstd -x' if split else f'tar --zstd -xf {name}'}")
    for number in range(len(parts)):
        print(archive.part_path(number))


if __name__ == "__main__":
    run_script(main)
