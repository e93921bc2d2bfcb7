"""Training sets for learning.py and, beside them, held-out pairs: a source video, and the truth that a dub should give.

A folder holds raw/ (training videos), and under the same names source/, truth/ (with sound) and copies/: what the truth
looks like when its mouth is not dubbed but copied from elsewhere.
"""

from pathlib import Path

import numpy as np

from benchmarks.sentences import compose_sentences
from face.alignment import align_video, crop_face
from face.landmarks import FaceLandmarker, track_faces
from face.paste import MouthPaster
from media.cut import cut_video
from media.video import VideoWriter, probe, read_frames
from tools.steps import run

HELD_OUT_VIDEOS = 3
HELD_OUT = 0.2  # of an own video: its end
SENTENCES_A_VIDEO = 5  # more than a video of 10 s needs
CRF = 10  # of all that is written here: no loss that matters to scores


def make_speaker_data(data: Path, number: int) -> None:
    """`number` videos of the sample speaker, and three videos with other sentences twice: source and truth."""
    sentences = compose_sentences(SENTENCES_A_VIDEO * (number + 2 * HELD_OUT_VIDEOS), seed=0)
    train, rest = sentences[: SENTENCES_A_VIDEO * number], sentences[SENTENCES_A_VIDEO * number :]
    source, truth = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    for name, lines, count, seed in (("raw", train, number, 0), ("source", source, 0, 1), ("truth", truth, 0, 1)):
        data.mkdir(parents=True, exist_ok=True)
        (data / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        place = ["--output_folder", data / name, "--sentences", data / f"{name}.txt", "--seed", seed]
        seconds = 10 if name != "truth" else 6  # with its last sentence shorter than the source
        run("tools/sample_speaker.py", *place, "--number", count or HELD_OUT_VIDEOS, "--seconds", seconds)
    for path in sorted((data / "truth").glob("*.mp4")):
        copy_frames(data / "source" / path.name, path, data / "copies" / path.name)
    make_training_set(data)


def make_own_data(data: Path, video: Path) -> None:
    """An own video, whose end is held out. It is source and truth at once: its own mouth is what it should get back."""
    info = probe(video)
    start = info.duration * (1 - HELD_OUT)
    name = f"{video.stem}.mp4"
    for folder in ("source", "truth"):
        cut_video(video, data / folder / name, start, info.duration, CRF)
    before = data / "before" / name
    cut_video(video, before, start - info.duration * HELD_OUT, start, CRF)
    copy_mouths(before, data / "truth" / name, data / "copies" / name)
    (data / "raw").mkdir(exist_ok=True)
    link = data / "raw" / video.name
    if not link.is_symlink():
        link.symlink_to(video.resolve())
    make_training_set(data)


def make_training_set(data: Path) -> None:
    placed = ["--training_data_path", data / "training_data", "--num_workers", 2]
    run("make_dataset.py", "--root_folder", data / "raw", "--output_folder", data / "25fps", *placed)
    run("data_processing.py", "--all", *placed)


def copy_frames(source: Path, truth: Path, output: Path) -> None:
    """The source video with the length and the sound of the truth."""
    info = probe(truth)
    with VideoWriter(output, info.width, info.height, info.fps, audio_path=truth, crf=CRF) as writer:
        for frame in read_frames(source, stop=info.num_frames):
            writer.write(frame)


def copy_mouths(source: Path, truth: Path, output: Path) -> None:
    """The true video with the mouths of another one of the same face, each pasted where the true mouth is."""
    info = probe(truth)
    count = min(info.num_frames, probe(source).num_frames)
    paster = MouthPaster(256)
    matrices = [face_matrices(path, count) for path in (source, truth)]
    with VideoWriter(output, info.width, info.height, info.fps, audio_path=truth, crf=CRF) as writer:
        for other, frame, *maps in zip(read_frames(source), read_frames(truth), *matrices, strict=False):
            face, crop = crop_face(other, maps[0]), crop_face(frame, maps[1])
            writer.write(paster.paste(frame, face, crop, maps[1]))


def face_matrices(path: Path, count: int) -> np.ndarray:
    """video_to_crop (count, 3, 3). Raises ValueError where a frame shows no face."""
    with FaceLandmarker() as landmarker:
        landmarks = np.stack([points for points, _ in track_faces(read_frames(path, stop=count), landmarker)])
    return align_video(landmarks, np.ones(count, bool))
