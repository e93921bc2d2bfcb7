"""Raw footage of the sample speaker, whose truth is known: two in a picture, shots cut together, sound out of step."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config.constants import FPS, SAMPLE_RATE
from media.audio import write_wav
from media.video import VideoWriter
from sample_speaker.neutral_face import load_neutral_face
from sample_speaker.sentences import choose_sentences, choose_voices, read_sentences
from sample_speaker.speech import Phoneme, synthesize_sentences
from sample_speaker.videos import PHOTOGRAPH_SCALE, frames_of, perform

FRAME_SAMPLES = SAMPLE_RATE // FPS


@dataclass(frozen=True)
class Take:
    """What one camera saw of one speaker: frames (T, size, size, 3) BGR uint8 and its sound (T * 640,) float32."""

    frames: np.ndarray
    wave: np.ndarray

    def part(self, start: int, stop: int) -> "Take":
        return Take(self.frames[start:stop], self.wave[start * FRAME_SAMPLES : stop * FRAME_SAMPLES])


def takes(number: int, seconds: float, size: int, seed: int, silent_before: Sequence[float] = ()) -> list[Take]:
    """Takes of speech of at least `seconds`, each with a look and a voice of its own.

    `silent_before`: for each take, seconds in which it listens, lips closed, before it speaks; where negative, after.
    """
    face = load_neutral_face(PHOTOGRAPH_SCALE * size)
    voices = choose_voices("en-us", number, seed)
    spoken = choose_sentences(read_sentences("builtin"), voices, seconds, seed)
    made = []
    for index, (sentences, voice) in enumerate(zip(spoken, voices, strict=True)):
        wave, phonemes = synthesize_sentences(sentences, voice)
        wave, phonemes = with_silence(wave, phonemes, silent_before[index] if silent_before else 0.0)
        count = frames_of(wave)
        shown = perform(face, count, phonemes, size, np.random.default_rng([seed, 3, index]))
        frames = np.stack([image for image, *_ in shown])
        made.append(Take(frames, np.pad(wave, (0, count * FRAME_SAMPLES - len(wave)))))
    return made


def with_silence(wave: np.ndarray, phonemes: list[Phoneme], seconds: float) -> tuple[np.ndarray, list[Phoneme]]:
    """Speech after `seconds` of silence, or, where they are negative, before."""
    silence, length = np.zeros(round(abs(seconds) * SAMPLE_RATE), np.float32), len(wave) / SAMPLE_RATE
    if seconds <= 0:
        return np.concatenate((wave, silence)), [*phonemes, (length, length - seconds, "")]
    moved = [(start + seconds, stop + seconds, name) for start, stop, name in phonemes]
    return np.concatenate((silence, wave)), [(0.0, seconds, ""), *moved]


def write_take(path: Path, take: Take, sound_late: int = 0) -> None:
    """A video of a take, its sound `sound_late` frames too late (negative: too early)."""
    height, width = take.frames.shape[1:3]
    wave = np.roll(take.wave, sound_late * FRAME_SAMPLES)
    if sound_late > 0:
        wave[: sound_late * FRAME_SAMPLES] = 0
    elif sound_late < 0:
        wave[sound_late * FRAME_SAMPLES :] = 0
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "sound.wav"
        write_wav(sound, wave)
        with VideoWriter(path, width, height, FPS, audio_path=sound, crf=16) as writer:
            for frame in take.frames:
                writer.write(frame)


def side_by_side(left: Take, right: Take, heard: str) -> Take:
    """Both in one picture, as long as the shorter. `heard`: "left", "right" or "both"."""
    length = min(len(left.frames), len(right.frames))
    left, right = left.part(0, length), right.part(0, length)
    waves = {"left": left.wave, "right": right.wave, "both": left.wave + right.wave}
    return Take(np.concatenate((left.frames, right.frames), axis=2), waves[heard])


def cut_together(shots: Sequence[Take]) -> Take:
    """One shot after the other."""
    return Take(np.concatenate([shot.frames for shot in shots]), np.concatenate([shot.wave for shot in shots]))
