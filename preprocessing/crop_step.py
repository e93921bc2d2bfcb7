"""Step 4: aligned face crops in clips of nine frames, and where the landmarks lie in them."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from config.constants import CLIP_FRAMES
from config.errors import InputError
from dataset.crop_landmarks import landmark_records, read_landmark_records
from dataset.layout import FRAME_NAME, TrainingSetLayout
from dataset.manifest import CROP_KINDS
from face.alignment import align_video, crop_face, legacy_video, share_inside, transform
from face.openface_csv import read_openface_csv
from face.smoothing import smooth_track
from media.files import atomic_write_folder, save_array
from media.video import VideoInfo
from preprocessing.jobs import Outcome, attempt
from preprocessing.media_steps import probe_25fps, read_every_frame, write_jpeg
from preprocessing.origin import Origin, fingerprint, recall

MIN_INSIDE = 0.9  # share of a crop's area that must lie inside the video frame
LANDMARKS, REPORT = "landmarks.npy", "crop.json"  # beside the clips of a video


def crop_video(name: str, video: Path, layout: TrainingSetLayout, crop: str, seed: int) -> Outcome:
    """split_video_25fps_crop_face/NAME/CLIP/FRAME.jpg. Clips without a face throughout are left out and counted."""
    track_file = layout.landmarks / f"{name}.csv"
    folder = layout.crops / name
    if not track_file.exists():
        raise InputError(f"{track_file} is missing; make it with make_dataset.py, or put OpenFace's there")
    origin = Origin.of(layout.root, video, track_file, crop=crop)
    if origin.made(folder) and holds_crops(folder, crop):
        return Outcome(name, "kept")
    check_track_belongs(track_file, video, layout.root)
    info = probe_25fps(video)
    track = smooth_track(read_openface_csv(track_file))
    if len(track.success) != info.num_frames:
        raise InputError(
            f"{track_file} has {len(track.success)} rows, {video} has {info.num_frames} frames; "
            "make the CSV anew from this very video"
        )
    matrices = crop_matrices(track.landmarks, track.success, info, crop, np.random.default_rng(seed))
    clips, refused = choose_clips(matrices, track.success, info)
    if not clips:
        raise InputError(f"{video}: none of its clips of {CLIP_FRAMES} frames is usable ({dict(refused)})")
    with atomic_write_folder(folder) as temporary:
        write_crops(temporary, clips, matrices, source_frames(layout, name, video, info))
        save_array(temporary / LANDMARKS, clip_landmarks(clips, track.landmarks, matrices))
        report = {"crop": crop, "clips": len(clips), "refused": dict(refused)}
        (temporary / REPORT).write_text(json.dumps(report), encoding="utf-8")
    origin.remember(folder)
    return Outcome(name, "done", f"{len(clips)} clips, {sum(refused.values())} left out {dict(refused) or ''}".strip())


def crop_matrices(
    landmarks: np.ndarray, found: np.ndarray, info: VideoInfo, crop: str, rng: np.random.Generator
) -> np.ndarray:
    """video_to_crop (T, 3, 3). The legacy crop is enlarged by a random 5 to 15 %, as DINet was trained."""
    if crop == "aligned":
        return align_video(landmarks, found)
    return legacy_video(landmarks, found, info.width, info.height, scale=float(rng.uniform(1.05, 1.15)))


def choose_clips(matrices: np.ndarray, found: np.ndarray, info: VideoInfo) -> tuple[list[int], Counter]:
    """Numbers of the clips whose nine frames all have a face inside the picture, and why others were refused."""
    chosen, refused = [], Counter()
    for clip in range(len(matrices) // CLIP_FRAMES):
        frames = range(clip * CLIP_FRAMES, (clip + 1) * CLIP_FRAMES)
        if not found[frames].all():
            refused["no face"] += 1
        elif np.isnan(matrices[frames]).any():
            refused["crop rule"] += 1
        elif min(share_inside(matrices[frame], info.width, info.height) for frame in frames) < MIN_INSIDE:
            refused["face at the edge"] += 1
        else:
            chosen.append(clip)
    return chosen, refused


def source_frames(layout: TrainingSetLayout, name: str, video: Path, info: VideoInfo) -> Iterator[np.ndarray]:
    """Frames from step 1 where they were extracted from this video, else from the video itself."""
    folder = layout.frames / name
    if not Origin.of(layout.root, video).made(folder):
        yield from read_every_frame(info)
        return
    for number in range(info.num_frames):
        path = folder / FRAME_NAME.format(number)
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise InputError(f"{path} cannot be read as an image; run --extract_video_frame again")
        yield image


def write_crops(folder: Path, clips: list[int], matrices: np.ndarray, frames: Iterator[np.ndarray]) -> None:
    wanted = set(clips)
    for number, frame in enumerate(frames):
        clip = number // CLIP_FRAMES
        if clip in wanted:
            path = folder / f"{clip:06d}" / FRAME_NAME.format(number)
            path.parent.mkdir(exist_ok=True)
            write_jpeg(path, crop_face(frame, matrices[number]))


def clip_landmarks(clips: list[int], landmarks: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """(n,) records of `path` (CLIP/FRAME.jpg) and `landmarks` (68, 2) in crop pixels; loads without pickle."""
    numbers = [clip * CLIP_FRAMES + i for clip in clips for i in range(CLIP_FRAMES)]
    names = [f"{number // CLIP_FRAMES:06d}/{FRAME_NAME.format(number)}" for number in numbers]
    points = [transform(landmarks[number], matrices[number]) for number in numbers]
    return landmark_records(names, np.array(points))


def read_landmarks(folder: Path) -> np.ndarray | None:
    """The records of a video's crops, as of clip_landmarks; None for crops of the published code, which have none."""
    path = folder / LANDMARKS
    if not path.exists():
        return None
    return read_landmark_records(path, f"remove {folder} and run --crop_face again")


def video_landmarks(name: str, layout: TrainingSetLayout) -> Outcome:
    """`result`: the records of a video's crops."""
    return Outcome(name, "done", result=read_landmarks(layout.crops / name))


def merge_landmarks(layout: TrainingSetLayout) -> tuple[int, list[Outcome]]:
    """Write landmark_crop_dic.npy from every video's landmarks, paths starting with NAME/.

    Returns the number of crops, and the outcomes of videos whose landmarks cannot be read.
    """
    outcomes = [attempt(video_landmarks, (folder.name, layout)) for folder in crop_folders(layout)]
    known = [outcome for outcome in outcomes if outcome.result is not None]
    if known:
        names = [f"{outcome.name}/{name}" for outcome in known for name in outcome.result["path"]]
        points = np.concatenate([outcome.result["landmarks"] for outcome in known])
        save_array(layout.crop_landmarks, landmark_records(names, points))
    return sum(len(outcome.result) for outcome in known), [o for o in outcomes if o.status == "failed"]


def crop_folders(layout: TrainingSetLayout) -> list[Path]:
    """The folders of videos with crops; hidden ones, such as those being written, are left out."""
    return sorted(path for path in layout.crops.glob("*") if path.is_dir() and not path.name.startswith("."))


def find_crops(layout: TrainingSetLayout) -> list[Path]:
    """The folders of videos with crops. Raises InputError when there are none."""
    folders = crop_folders(layout)
    if not folders:
        raise InputError(f"--training_data_path {layout.root}: has no crops; run --crop_face first")
    return folders


def read_clips(folder: Path) -> dict[str, list[Path]]:
    """A video's crops by the name of their clip, hidden files left out.

    Raises InputError for a picture that is not called as crops are, after the number of its frame.
    """
    clips = {}
    for clip in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        clips[clip.name] = sorted(path for path in clip.glob("*.jpg") if not path.name.startswith("."))
        for path in clips[clip.name]:
            if not (path.stem.isascii() and path.stem.isdecimal()):
                raise InputError(f"{path} is no crop; expected names such as {FRAME_NAME.format(12)}; move it away")
    return clips


def read_crop_kind(folder: Path) -> str:
    """The kind that crop_video wrote of a video's crops. Those of the published code have no report, and are legacy."""
    path = folder / REPORT
    if not path.exists() and not (folder / LANDMARKS).exists():
        return "legacy"
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["crop"]
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        kind = None
    if kind not in CROP_KINDS:
        raise InputError(f"{path} is missing or damaged; remove {folder} and run --crop_face again")
    return kind


def holds_crops(folder: Path, crop: str) -> bool:
    """Whether a folder's crops are of this kind and what stands beside them can be read; else they are made anew."""
    try:
        return read_crop_kind(folder) == crop and (crop == "legacy" or read_landmarks(folder) is not None)
    except InputError:
        return False


def check_track_belongs(track_file: Path, video: Path, root: Path) -> None:
    """Raise InputError where make_dataset.py placed this CSV with another video than is there now."""
    known = recall(track_file, root)
    if known is None or len(known["inputs"]) != 2 or known["inputs"][0] != fingerprint(track_file, root):
        return  # somebody else's CSV
    if known["inputs"][1] != fingerprint(video, root):
        raise InputError(f"{track_file} was made from another video than {video}; run make_dataset.py again")
