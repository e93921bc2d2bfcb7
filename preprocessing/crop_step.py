"""Step 4: aligned face crops in clips of nine frames, and where the landmarks lie in them."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from config.constants import CLIP_FRAMES, NUM_LANDMARKS
from config.errors import InputError
from dataset.layout import FRAME_NAME, TrainingSetLayout
from face.alignment import align_video, crop_face, legacy_video, share_inside, transform
from face.openface_csv import read_openface_csv
from face.smoothing import smooth_track
from media.files import atomic_write, atomic_write_folder, is_up_to_date
from media.video import VideoInfo, read_frames
from preprocessing.jobs import Outcome
from preprocessing.media_steps import probe_25fps, write_jpeg

MIN_INSIDE = 0.9  # share of a crop's area that must lie inside the video frame
LANDMARKS, REPORT = "landmarks.npy", "crop.json"  # beside the clips of a video


def crop_video(name: str, video: Path, layout: TrainingSetLayout, crop: str, seed: int) -> Outcome:
    """split_video_25fps_crop_face/NAME/CLIP/FRAME.jpg. Clips without a face throughout are left out and counted."""
    track_file = layout.landmarks / f"{name}.csv"
    folder = layout.crops / name
    if not track_file.exists():
        raise InputError(f"{track_file} is missing; make it with make_dataset.py, or put OpenFace's there")
    if is_up_to_date(folder, video, track_file) and read_report(folder)["crop"] == crop:
        return Outcome(name, "kept")
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
        write_landmarks(temporary / LANDMARKS, clips, track.landmarks, matrices)
        report = {"crop": crop, "clips": len(clips), "refused": dict(refused)}
        (temporary / REPORT).write_text(json.dumps(report), encoding="utf-8")
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
    if not is_up_to_date(folder, video):
        yield from read_frames(video)
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


def write_landmarks(path: Path, clips: list[int], landmarks: np.ndarray, matrices: np.ndarray) -> None:
    """(n,) records of `path` (CLIP/FRAME.jpg) and `landmarks` (68, 2) in crop pixels; loads without pickle."""
    numbers = [clip * CLIP_FRAMES + i for clip in clips for i in range(CLIP_FRAMES)]
    names = [f"{number // CLIP_FRAMES:06d}/{FRAME_NAME.format(number)}" for number in numbers]
    points = [transform(landmarks[number], matrices[number]) for number in numbers]
    np.save(path, landmark_records(names, np.array(points)))


def landmark_records(names: list[str], points: np.ndarray) -> np.ndarray:
    longest = max(len(name) for name in names)
    records = np.empty(len(names), [("path", f"U{longest}"), ("landmarks", "f4", (NUM_LANDMARKS, 2))])
    records["path"], records["landmarks"] = names, points
    return records


def merge_landmarks(layout: TrainingSetLayout) -> int:
    """Write landmark_crop_dic.npy from every video's landmarks, paths starting with NAME/; returns the crop count."""
    names, points = [], []
    for file in sorted(layout.crops.glob(f"*/{LANDMARKS}")):
        records = np.load(file, allow_pickle=False)
        names += [f"{file.parent.name}/{name}" for name in records["path"]]
        points.append(records["landmarks"])
    if names:
        with atomic_write(layout.crop_landmarks) as temporary, temporary.open("wb") as file:
            np.save(file, landmark_records(names, np.concatenate(points)))
    return len(names)


def find_crops(layout: TrainingSetLayout) -> list[Path]:
    """The folders of videos with crops. Raises InputError when there are none."""
    folders = sorted(path for path in layout.crops.glob("*") if path.is_dir() and not path.name.startswith("."))
    if not folders:
        raise InputError(f"--training_data_path {layout.root}: has no crops; run --crop_face first")
    return folders


def read_report(folder: Path) -> dict:
    """What crop_video wrote about a video's crops; crops of the published code have none and are of its kind."""
    path = folder / REPORT
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"crop": "legacy"}
