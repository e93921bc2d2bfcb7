"""Training sets for learning.py and, beside them, held-out pairs: a source video, and the truth that a dub should give.

A folder holds raw/ (training videos) and what is made of them, and for every held-out video truth/ (with sound),
copies/ (the truth with a mouth that is not dubbed but copied from elsewhere) and, of the sample speaker, source/.
"""

from pathlib import Path

import numpy as np

from benchmarks.sentences import compose_sentences
from config.errors import InputError
from face.alignment import align_video, crop_face
from face.landmarks import FaceLandmarker
from face.paste import MouthPaster
from face.tracking import track_video
from media.cut import cut_video
from media.video import VideoWriter, probe, read_frames
from tools.steps import run

HELD_OUT_VIDEOS = 3
HELD_OUT = 0.2  # of your own video: its end
MADE_FROM = "made_from"  # link to your own video
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
    """Your own video, whose end is held out. The end is dubbed with its own sound, from copies/ as the source.

    So neither the true mouths nor the skin around them are in what is dubbed. The copied mouths are from the part just
    before. The link MADE_FROM remembers what the folder was made from.
    """
    name = f"{video.stem}.mp4"
    end = probe(video).duration
    start = end * (1 - HELD_OUT)
    cut_video(video, data / "raw" / name, 0, start, CRF)
    cut_video(video, data / "before" / name, start - end * HELD_OUT, start, CRF)
    cut_video(video, data / "truth" / name, start, end, CRF)
    copy_mouths(data / "before" / name, data / "truth" / name, data / "copies" / name)
    remembered = data / MADE_FROM
    remembered.unlink(missing_ok=True)
    remembered.symlink_to(video.resolve())
    make_training_set(data)


def make_training_set(data: Path) -> None:
    placed = ["--training_data_path", data / "training_data", "--num_workers", 2]
    run("make_dataset.py", "--root_folder", data / "raw", "--output_folder", data / "25fps", "--keep_all", *placed)
    run("data_processing.py", "--all", *placed)


def copy_frames(source: Path, truth: Path, output: Path) -> None:
    """The source video with the length and the sound of the truth."""
    info = probe(truth)
    with VideoWriter(output, info.width, info.height, info.fps, audio_path=truth, crf=CRF) as writer:
        for frame in read_frames(source, stop=info.num_frames):
            writer.write(frame)


def copy_mouths(source: Path, truth: Path, output: Path) -> None:
    """The true video with the mouths of another one of the same face, each pasted where the true mouth is.

    Frames where either shows no face stay as they are. Raises InputError when that is all of them.
    """
    info = probe(truth)
    paster = MouthPaster(256)
    maps = [face_matrices(path) for path in (source, truth)]
    both = min(map(len, maps))
    if not np.isfinite(maps[0][:both] + maps[1][:both]).any():
        raise InputError(f"{output.name}: shows no face in its last {2 * HELD_OUT:.0%}; give another video")
    sources = read_frames(source)
    with VideoWriter(output, info.width, info.height, info.fps, audio_path=truth, crf=CRF) as writer:
        for number, frame in enumerate(read_frames(truth)):
            other = next(sources, None)
            known = number < both and np.isfinite(maps[0][number] + maps[1][number]).all()
            if known:
                face, crop = crop_face(other, maps[0][number]), crop_face(frame, maps[1][number])
                frame = paster.paste(frame, face, crop, maps[1][number])
            writer.write(frame)


def face_matrices(path: Path) -> np.ndarray:
    """video_to_crop (T, 3, 3) of every frame, NaN where there is no face."""
    with FaceLandmarker() as landmarker:
        track = track_video(probe(path), [landmarker])
    return align_video(track.landmarks, track.success)
