"""Videos of a talking photograph, with sound and a table of the true shape of the mouth in every frame."""

import csv
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from config.constants import FPS, SAMPLE_RATE
from config.errors import InputError
from media.audio import write_wav
from media.files import atomic_write
from media.video import VideoWriter
from sample_speaker.motion import head_motion, random_look
from sample_speaker.neutral_face import NeutralFace, load_neutral_face
from sample_speaker.speech import Phoneme, Voice, synthesize_sentences
from sample_speaker.talking_face import TalkingFace
from sample_speaker.visemes import mouth_shapes

PHOTOGRAPH_SCALE = 2.4 / 512  # pixels that the photograph is enlarged to, per pixel of the output's side


def make_speaker_videos(
    folder: str | Path, sentences_per_video: list[list[str]], voices: Sequence[Voice], size: int = 512, seed: int = 0
) -> list[Path]:
    """Write speaker_00.mp4, speaker_00_mouth.csv and so on into `folder`, and return the paths of the videos.

    Video i speaks sentences_per_video[i] with voices[i]; head motion, blinks, light and framing follow from `seed` and
    i. `size`: side of the square frames in pixels. Raises InputError for an odd size or a voice that does not exist.
    """
    if size % 2:
        raise InputError(f"--size is {size}; expected an even number of pixels")
    face = load_neutral_face(PHOTOGRAPH_SCALE * size)
    paths = []
    for index, (sentences, voice) in enumerate(zip(sentences_per_video, voices, strict=True)):
        path = video_path(folder, index)
        wave, phonemes = synthesize_sentences(sentences, voice)
        make_video(path, face, wave, phonemes, size, np.random.default_rng([seed, 3, index]))
        paths.append(path)
    return paths


def video_path(folder: str | Path, index: int) -> Path:
    return Path(folder) / f"speaker_{index:02d}.mp4"


def table_path(video: Path) -> Path:
    return video.with_name(f"{video.stem}_mouth.csv")


def make_video(
    path: Path, face: NeutralFace, wave: np.ndarray, phonemes: list[Phoneme], size: int, random: np.random.Generator
) -> None:
    """One video and its table. The sound is padded to whole frames."""
    num_frames = frames_of(wave)
    wave = np.pad(wave, (0, num_frames * SAMPLE_RATE // FPS - len(wave)))
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        sound = Path(temporary) / "speech.wav"
        write_wav(sound, wave)
        with VideoWriter(path, size, size, FPS, audio_path=sound) as writer:
            shown = perform(face, num_frames, phonemes, size, random)
            for image, opening, width, phoneme in tqdm(shown, path.name, num_frames):
                writer.write(image)
                rows.append((len(rows), f"{opening:.2f}", f"{width:.2f}", phoneme))
    with atomic_write(table_path(path)) as table, open(table, "w", newline="") as file:
        csv.writer(file).writerows([("frame", "opening_px", "width_px", "phoneme"), *rows])


def frames_of(wave: np.ndarray) -> int:
    """Frames that 16 kHz sound lasts, a part of a frame counting as one."""
    return int(np.ceil(len(wave) / SAMPLE_RATE * FPS))


def perform(
    face: NeutralFace, num_frames: int, phonemes: list[Phoneme], size: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, float, float, str]]:
    """Picture (size, size, 3), lip opening and mouth width in its pixels, and phoneme of every frame.

    Frame k shows the mouth at k / 25 s of the sound. Light, framing and head motion follow from `random` alone, so the
    same seed with other speech is the true result of dubbing one video with the sound of the other.
    """
    times = np.arange(num_frames) / FPS
    shapes = mouth_shapes(phonemes, times, emphasis=random.uniform(0.9, 1.1))
    look = random_look(random)
    poses = head_motion(times, random)  # last: a longer sound draws more numbers for its blinks
    talking = TalkingFace(face, look, size)
    starts = [start for start, _, _ in phonemes]
    for time, shape, pose in zip(times, shapes, poses, strict=True):
        image, opening, width = talking.frame(shape, pose)
        yield image, opening, width, phonemes[np.searchsorted(starts, time, side="right") - 1][2]
