"""Small videos of a drifting photograph, speech-like sound and a small random generator, for tests of dubbing."""

import wave
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import torch

from config.config import InferenceOptions
from media.video import VideoWriter
from models.loading import NetworkSpec
from training.checkpoints import save_checkpoint

FACE = cv2.resize(skimage.data.astronaut()[10:250, 100:340, ::-1], (208, 208), interpolation=cv2.INTER_AREA)
MEL_CHANNELS = 80


def photo_frame(number: int, width: int = 240, height: int = 232, face: bool = True) -> np.ndarray:
    """BGR picture: the photograph drifts, and bars in the bottom rows spell the frame's number in binary."""
    frame = np.full((height, width, 3), 70, np.uint8)
    if face:
        left, top = round(8 + 6 * np.sin(number / 7)), round(4 + 3 * np.cos(number / 9))
        frame[top : top + FACE.shape[0], left : left + FACE.shape[1]] = FACE
    for bit in range(8):
        frame[-12:, bit * 24 : (bit + 1) * 24] = 235 if number >> bit & 1 else 20
    return frame


def number_of(frame: np.ndarray) -> int:
    """The frame number that the bars of a decoded picture spell."""
    return sum(1 << bit for bit in range(8) if frame[-8:-3, bit * 24 + 6 : bit * 24 + 18].mean() > 128)


def write_video(path: Path, count: int, fps: Fraction | int = 25, faceless: tuple[int, ...] = (), **size: int) -> Path:
    first = photo_frame(0, **size)
    with VideoWriter(path, first.shape[1], first.shape[0], fps, crf=12, preset="ultrafast") as writer:
        for number in range(count):
            writer.write(photo_frame(number, face=number not in faceless, **size))
    return path


def write_speech(path: Path, seconds: float, rate: int = 16000) -> Path:
    time = np.arange(round(seconds * rate)) / rate
    sound = 0.3 * np.sin(2 * np.pi * 200 * time) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * time))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return path


def tiny_spec(network: str = "dinet", crop: str = "aligned", mask: str = "box") -> NetworkSpec:
    arguments = {"source_channel": 3, "ref_channel": 15, "audio_channel": MEL_CHANNELS, "base_channels": 8}
    return NetworkSpec(network, arguments, "mel", crop, mask, 64)


def write_checkpoint(folder: Path, spec: NetworkSpec) -> Path:
    """A checkpoint of random weights, in the project's own format."""
    torch.manual_seed(0)
    return save_checkpoint(folder, 1, {"spec": asdict(spec), "state_dict": {"net_g": spec.build().state_dict()}}, 1)


def small_dub(folder: Path, count: int) -> InferenceOptions:
    """Options of a dub of a new video of so many frames, the fourth without a face, with speech as long."""
    return InferenceOptions(
        source_video_path=str(write_video(folder / "face.mp4", count, faceless=(3,))),
        driving_audio_path=str(write_speech(folder / "speech.wav", count / 25)),
        pretrained_clip_DINet_path=str(write_checkpoint(folder, tiny_spec())),
        cache_folder=str(folder / "cache"),
        precision="fp32",
        device="cpu",
    )
