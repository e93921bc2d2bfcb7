"""Generated video and speech for the benchmarks: a photographed face that drifts in a noisy picture."""

import wave
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import skimage.data
import torch

from media.video import VideoWriter
from models.loading import NetworkSpec
from training.checkpoints import save_checkpoint

WIDTH, HEIGHT, FACE, FPS = 1080, 1920, 640, 25
MEL_CHANNELS = 80


def write_face_video(path: Path, seconds: float, with_sound: bool = False) -> Path:
    """1080x1920 at 25 fps."""
    face = cv2.resize(skimage.data.astronaut()[:, :, ::-1], (FACE, FACE))
    background = np.random.default_rng(0).integers(60, 120, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    background = cv2.resize(background, (WIDTH, HEIGHT))
    audio = write_speech(path.with_suffix(".wav"), seconds) if with_sound else None
    with VideoWriter(path, WIDTH, HEIGHT, FPS, audio_path=audio, preset="ultrafast") as writer:
        for number in range(round(seconds * FPS)):
            frame = background.copy()
            left, top = round(220 + 60 * np.sin(number / 17)), round(500 + 60 * np.cos(number / 23))
            frame[top : top + FACE, left : left + FACE] = face
            writer.write(frame)
    return path


def write_speech(path: Path, seconds: float, rate: int = 16000) -> Path:
    """A voice-like hum that comes and goes four times a second."""
    time = np.arange(round(seconds * rate)) / rate
    hum = sum(np.sin(2 * np.pi * 150 * k * time) / k for k in range(1, 8))
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((hum * (1 + np.sin(2 * np.pi * 4 * time)) * 4000).astype("<i2").tobytes())
    return path


def write_checkpoint(folder: Path, mouth_size: int, base_channels: int) -> Path:
    """A DINet of random weights."""
    arguments = {"source_channel": 3, "ref_channel": 15, "audio_channel": MEL_CHANNELS, "base_channels": base_channels}
    spec = NetworkSpec("dinet", arguments, "mel", "aligned", "box", mouth_size)
    torch.manual_seed(0)
    return save_checkpoint(folder, 1, {"spec": asdict(spec), "state_dict": {"net_g": spec.build().state_dict()}}, 1)
