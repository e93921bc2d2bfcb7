"""Make videos of a talking photograph, with sound, for trying the pipeline without a recording.

    python tools/sample_speaker.py --output_folder output/sample_speaker --number 4
    python tools/sample_speaker.py --speech_only "Where were you?" --output question.wav --voice en-gb-x-rp

The face is skimage's photograph of the astronaut Eileen Collins (NASA, public domain), the voice is espeak-ng.
Per video: NAME.mp4 (25 frames a second) and NAME_mouth.csv with the true shape of the mouth in every frame: frame,
opening_px and width_px of the gap between the lips in pixels of the video, phoneme (IPA, empty in pauses).
Run it from the repository's root.
"""

import csv
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.constants import FPS, SAMPLE_RATE
from config.errors import InputError, run_script
from config.options import option, parse
from media.audio import write_wav
from media.files import atomic_write
from media.video import VideoWriter
from tools.neutral_face import NeutralFace, load_neutral_face
from tools.speech import Phoneme, Voice, synthesize, synthesize_sentences
from tools.talking_face import Look, Pose, TalkingFace
from tools.visemes import mouth_shapes

BUILTIN_SENTENCES = Path(__file__).with_name("sentences.txt")
PHOTOGRAPH_SCALE = 2.4 / 512  # pixels that the photograph is enlarged to, per pixel of the output's side
VARIANTS = ("f1", "Annie", "linda", "f4", "steph")  # female voices of espeak-ng without breath: see Voice
BLINK_CLOSE, BLINK_SHUT, BLINK_OPEN = 0.08, 0.04, 0.16  # seconds


@dataclass
class SampleSpeakerOptions:
    output_folder: str = option("output/sample_speaker", "folder that the videos are written to")
    number: int = option(4, "number of videos", low=1)
    seed: int = option(0, "videos of the same seed and options are the same", low=0)
    size: int = option(512, "width and height of the videos in pixels, even", low=128, high=2048)
    voice: str = option("en-us", "espeak-ng voice; without a +VARIANT each video gets a variant of its own")
    sentences: str = option("builtin", "text file with a sentence a line, or builtin")
    seconds: float = option(8.0, "sentences are added to a video until it is at least this long, in seconds", low=0.5)
    speech_only: str | None = option(None, "a sentence, or a text file, to speak into --output; no video is made")
    output: str = option("speech.wav", "16 kHz WAV file that --speech_only writes")


def main() -> None:
    options = parse(SampleSpeakerOptions, __doc__)
    if options.speech_only is not None:
        is_file = len(options.speech_only) < 256 and Path(options.speech_only).is_file()
        sentences = read_sentences(options.speech_only) if is_file else [options.speech_only]
        wave, _ = synthesize_sentences(sentences, Voice(options.voice))
        write_wav(options.output, wave)
        print(options.output)
        return
    voices = choose_voices(options.voice, options.number, options.seed)
    pool = read_sentences(options.sentences)
    sentences = choose_sentences(pool, voices, options.seconds, options.seed)
    for path in make_speaker_videos(options.output_folder, sentences, voices, options.size, options.seed):
        print(path)


def read_sentences(path: str = "builtin") -> list[str]:
    """The lines of a text file that are not empty. Raises InputError for a file that is missing, empty or not text."""
    source = BUILTIN_SENTENCES if path == "builtin" else Path(path)
    try:
        lines = source.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{source} cannot be read as UTF-8 text; give a file with a sentence a line") from error
    sentences = [line.strip() for line in lines if line.strip()]
    if not sentences:
        raise InputError(f"{source} holds no sentence; give a file with a sentence a line")
    return sentences


def choose_voices(name: str, number: int, seed: int) -> list[Voice]:
    """`number` voices of different speed and pitch; different variants too, where `name` does not fix one."""
    random = np.random.default_rng([seed, 1])
    names = [name if "+" in name else f"{name}+{VARIANTS[index % len(VARIANTS)]}" for index in range(number)]
    return [Voice(each, int(random.integers(140, 176)), int(random.integers(42, 64))) for each in names]


def choose_sentences(pool: list[str], voices: Sequence[Voice], seconds: float, seed: int) -> list[list[str]]:
    """Sentences for each video, at least `seconds` long when spoken. None comes twice before all came once."""
    random = np.random.default_rng([seed, 2])
    waiting: list[str] = []
    chosen = []
    for voice in voices:
        mine, length = [], 0.0
        while length < seconds:
            waiting = waiting or [pool[index] for index in random.permutation(len(pool))]
            mine.append(waiting.pop())
            length += len(synthesize(mine[-1], voice)[0]) / SAMPLE_RATE
        chosen.append(mine)
    return chosen


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
        path = Path(folder) / f"speaker_{index:02d}.mp4"
        wave, phonemes = synthesize_sentences(sentences, voice)
        make_video(path, face, wave, phonemes, size, np.random.default_rng([seed, 3, index]))
        paths.append(path)
    return paths


def make_video(
    path: Path, face: NeutralFace, wave: np.ndarray, phonemes: list[Phoneme], size: int, random: np.random.Generator
) -> None:
    """One video and its table. Frame k shows the mouth at k / 25 s of the sound, which is padded to whole frames.

    Light, framing and head motion follow from `random` alone, so the same seed with other speech is the true result of
    dubbing one video with the sound of the other.
    """
    num_frames = int(np.ceil(len(wave) / SAMPLE_RATE * FPS))
    wave = np.pad(wave, (0, num_frames * SAMPLE_RATE // FPS - len(wave)))
    times = np.arange(num_frames) / FPS
    shapes = mouth_shapes(phonemes, times, emphasis=random.uniform(0.9, 1.1))
    look = random_look(random)
    poses = head_motion(times, random)  # last: a longer sound draws more numbers for its blinks
    talking = TalkingFace(face, look, size)
    starts = [start for start, _, _ in phonemes]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        sound = Path(temporary) / "speech.wav"
        write_wav(sound, wave)
        with VideoWriter(path, size, size, FPS, audio_path=sound) as writer:
            for index, (shape, pose) in enumerate(tqdm(list(zip(shapes, poses, strict=True)), desc=path.name)):
                image, opening, width = talking.frame(shape, pose)
                writer.write(image)
                phoneme = phonemes[np.searchsorted(starts, times[index], side="right") - 1][2]
                rows.append((index, f"{opening:.2f}", f"{width:.2f}", phoneme))
    with atomic_write(path.with_name(f"{path.stem}_mouth.csv")) as table, open(table, "w", newline="") as file:
        csv.writer(file).writerows([("frame", "opening_px", "width_px", "phoneme"), *rows])


def random_look(random: np.random.Generator) -> Look:
    """Light, framing and size of the head of one video."""
    brightness, warmth = random.uniform(0.82, 1.08), random.uniform(-0.05, 0.05)
    gain = (brightness * (1 - warmth), brightness, brightness * (1 + warmth))
    return Look(
        zoom=random.uniform(0.9, 1.12),
        shift_x=random.uniform(-10, 10),
        shift_y=random.uniform(-4, 4),
        gain=gain,
        slope=random.uniform(-0.35, 0.35),
    )


def head_motion(times: np.ndarray, random: np.random.Generator) -> list[Pose]:
    """Slow, small motion of the head and a blink every few seconds, at each of `times` (seconds)."""

    def sway(amplitude: float) -> np.ndarray:
        frequencies, phases = random.uniform(0.08, 0.55, 4), random.uniform(0, 2 * np.pi, 4)
        return amplitude / 2 * np.sin(2 * np.pi * np.outer(times, frequencies) + phases).sum(1)

    x, y, angle, scale = sway(2.2), sway(1.3), sway(0.022), 1 + sway(0.009)
    blink = np.zeros_like(times)
    begin = random.uniform(0.5, 3.0)
    while begin < times[-1]:
        since = times - begin
        down = np.clip(since / BLINK_CLOSE, 0, 1)
        up = np.clip((since - BLINK_CLOSE - BLINK_SHUT) / BLINK_OPEN, 0, 1)
        blink = np.maximum(blink, down - up)
        begin += random.uniform(1.8, 4.5)
    return [Pose(*map(float, row)) for row in zip(x, y, angle, scale, blink, strict=True)]


if __name__ == "__main__":
    run_script(main)
