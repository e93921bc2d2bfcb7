"""Turn raw videos of any format into 25 fps clips with face landmarks, for data_processing.py.

Videos at constant 25 fps stay where they are; others are resampled by time into --output_folder. Landmarks go to
--output_folder as OpenFace-format CSV. Raw files are only read. Exit status 1 if a video could not be used.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from config.config import MakeDatasetOptions
from config.errors import InputError, run_script
from config.options import parse

if TYPE_CHECKING:
    from preprocessing.jobs import Outcome

ROOM = 10 << 20  # bytes; with less nothing can be made


def main() -> int:
    options = parse(MakeDatasetOptions, __doc__)
    for flag in ("root_folder", "output_folder"):
        if not getattr(options, flag):
            raise InputError(f"--{flag} is not set; see make_dataset.py --help")
    from face.landmarks import FaceLandmarker, find_model
    from media.files import check_outputs, sweep_below
    from preprocessing.jobs import run_jobs
    from preprocessing.raw_videos import find_raw_videos, prepare_video

    if options.face_landmarker_model:
        with FaceLandmarker(
            options.face_landmarker_model
        ):  # one that cannot be loaded is said before any video is read
            pass
    else:
        find_model()
    # Workers may run in other folders, so every path is made absolute here.
    root, output = Path(options.root_folder).absolute(), Path(options.output_folder).absolute()
    placed, model = absolute(options.training_data_path), absolute(options.face_landmarker_model)
    made_folders = [Path(folder) for folder in (output, placed) if folder]
    videos = find_raw_videos(root, *made_folders)
    check_outputs(
        {"--output_folder": output, "--training_data_path": placed}, {"--root_folder": root}, ROOM, are_folders=True
    )
    for folder in made_folders:
        sweep_below(folder)
    jobs = [(name, path, output, placed, model) for name, path in videos.items()]
    outcomes = run_jobs("make_dataset", prepare_video, jobs, options.num_workers, options.scheduler)
    print_table(outcomes)
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


def absolute(path: str) -> str:
    """The absolute path, or "" where none is given."""
    return str(Path(path).absolute()) if path else ""


def print_table(outcomes: "list[Outcome]") -> None:
    """One row a video: name, what happened, details."""
    width = max(len(outcome.name) for outcome in outcomes)
    words = {"done": "made", "kept": "up to date", "failed": "NOT USED"}
    for outcome in outcomes:
        print(f"{outcome.name:<{width}}  {words[outcome.status]:<10}  {outcome.detail}")


if __name__ == "__main__":
    run_script(main)
