"""Samples for the three kinds of stage.

Every draw comes from a generator seeded by (seed, epoch, index), so a sample is the same in any worker, any process,
and after a resume. Images are RGB uint8; the device converts them.
"""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from config.constants import CLIP_FRAMES, NUM_REFERENCES, WINDOW_FRAMES
from config.errors import InputError
from dataset.images import video_crops
from dataset.jitter import move_references, shift_source
from dataset.references import REFERENCES
from dataset.video import Video
from face.geometry import mouth_box

CONTEXT = (CLIP_FRAMES - WINDOW_FRAMES) // 2  # audio steps that a frame sees on either side
MIN_NEGATIVE_DISTANCE = 3  # frames between a window and audio that counts as out of sync with it
CLOSED_SHARE = 0.05  # of a video's windows that count as closed mouths
NUM_NEGATIVES = 15  # out-of-sync audio windows of the same video in each SyncNet sample


class TrainingSamples(Dataset, ABC):
    """`augment_num` draws from every video an epoch. `frames`: consecutive frames in a sample, 1 or 5."""

    def __init__(self, videos: list[Video], frames: int, mouth_size: int, augment_num: int, seed: int):
        starts = [video.windows(frames, CONTEXT) for video in videos]
        usable = [i for i, s in enumerate(starts) if len(s) and len(videos[i].paths) > NUM_REFERENCES]
        if not usable:
            raise InputError(
                f"--train_data: {none_of(videos)} {frames} consecutive frames with {CONTEXT} audio steps either side "
                f"and {NUM_REFERENCES} more frames for reference; give longer videos"
            )
        self.videos = [videos[i] for i in usable]
        self.starts = [starts[i] for i in usable]
        self.frames, self.mouth_size, self.augment_num, self.seed = frames, mouth_size, augment_num, seed

    def __len__(self) -> int:
        return len(self.videos) * self.augment_num

    def __getitem__(self, key: tuple[int, int]) -> dict[str, Tensor]:
        """`key` is (epoch, index), as dataset/sampler.py gives it."""
        epoch, index = key
        number = index % len(self.videos)
        rng = np.random.default_rng((self.seed, epoch, index))
        return self.draw(self.videos[number], self.starts[number], rng)

    @abstractmethod
    def draw(self, video: Video, starts: np.ndarray, rng: np.random.Generator) -> dict[str, Tensor]:
        """One sample of `video`, whose windows begin at the positions `starts`."""

    def crops(self, video: Video, positions) -> np.ndarray:
        """(n, h, w, 3) uint8."""
        return video_crops(video, positions, self.mouth_size)


class GeneratorSamples(TrainingSamples):
    """source (frames, h, w, 3), one reference (5, h, w, 3) for all of them, audio (channels, frames + 4) around them.

    silent () bool says whether that audio is silence, and not the sound of these frames.

    With `num_heard` also heard (num_heard, channels, 5), audio around other frames of the video, and opening
    (num_heard,), the lips' at these frames in standard deviations from the video's mean.

    A share of the samples pairs silence with a mouth that is as closed as it gets in its video: people who are filmed
    hardly pause, and a generator that never heard silence draws anything there.
    """

    def __init__(
        self,
        videos: list[Video],
        frames: int,
        mouth_size: int,
        augment_num: int,
        seed: int,
        silence: np.ndarray | None = None,
        silence_share: float = 0.0,
        num_heard: int = 0,
        references: str = "random",
        jitter: float = 0.0,
    ):
        """`silence` (channels,): the row of silence, None for no such samples; `references`: a rule of REFERENCES.

        `jitter`: see dataset/jitter.py.
        """
        super().__init__(videos, frames, mouth_size, augment_num, seed)
        self.silence, self.silence_share = silence, silence_share
        self.num_heard = num_heard
        self.reference_rule, self.jitter = REFERENCES[references], jitter

    def draw(self, video: Video, starts: np.ndarray, rng: np.random.Generator) -> dict[str, Tensor]:
        silent = self.silence is not None and video.lip_opening is not None and rng.random() < self.silence_share
        start = int(rng.choice(self.closed(video, starts) if silent else starts))
        number, steps = int(video.frame_numbers[start]), self.frames + 2 * CONTEXT
        audio = np.tile(self.silence[:, None], steps) if silent else video.audio(number - CONTEXT, steps)
        source = self.crops(video, range(start, start + self.frames))
        reference = self.crops(video, self.references(video, start, rng))
        if self.jitter:
            source = shift_source(source, self.jitter, rng)
            reference = move_references(reference, self.jitter, rng)
        sample = {
            "source": torch.from_numpy(source),
            "reference": torch.from_numpy(reference),
            "audio": torch.from_numpy(audio),
            "silent": torch.tensor(silent),
        }
        if self.num_heard:
            chosen = rng.choice(starts, self.num_heard)
            sample["heard"] = torch.from_numpy(
                video.audio_windows(video.frame_numbers[chosen] - CONTEXT, WINDOW_FRAMES)
            )
            sample["opening"] = torch.from_numpy(standard_opening(video)[chosen])
        return sample

    def closed(self, video: Video, starts: np.ndarray) -> np.ndarray:
        """The windows among `starts` whose mouths are the most closed."""
        openings = np.stack([video.lip_opening[starts + i] for i in range(self.frames)]).mean(0)
        return starts[np.argsort(openings, kind="stable")[: max(1, round(CLOSED_SHARE * len(starts)))]]

    def references(self, video: Video, start: int, rng: np.random.Generator) -> np.ndarray:
        """Positions (5,) of frames outside the window."""
        return self.reference_rule(video, start, start + self.frames, rng)


def standard_opening(video: Video) -> np.ndarray:
    """(N,) float32 of mean 0 and variance 1 over the video's frames."""
    opening = video.lip_opening
    return ((opening - opening.mean()) / max(opening.std(), 1e-3)).astype(np.float32)


class SyncSamples(TrainingSamples):
    """mouth (5, S, S, 3), its audio (channels, 9), and `negatives` (15, channels, 9) of the same video."""

    def __init__(self, videos: list[Video], mouth_size: int, augment_num: int, seed: int):
        long_enough = [video for video in videos if spans(video, 2 * MIN_NEGATIVE_DISTANCE)]
        if not long_enough:
            raise InputError(
                f"--train_data: {none_of(videos)} the second that SyncNet's out-of-sync audio takes; give longer videos"
            )
        super().__init__(long_enough, WINDOW_FRAMES, mouth_size, augment_num, seed)

    def draw(self, video: Video, starts: np.ndarray, rng: np.random.Generator) -> dict[str, Tensor]:
        start = int(rng.choice(starts))
        numbers, number = video.frame_numbers[starts], int(video.frame_numbers[start])
        away = numbers[np.abs(numbers - number) >= MIN_NEGATIVE_DISTANCE]
        negatives = [video.audio(int(n) - CONTEXT, CLIP_FRAMES) for n in rng.choice(away, NUM_NEGATIVES)]
        rows, columns = mouth_box(self.mouth_size)
        mouth = self.crops(video, range(start, start + WINDOW_FRAMES))[:, rows, columns]
        if rng.random() < 0.5:  # a mirrored mouth says the same
            mouth = mouth[:, :, ::-1]
        return {
            "mouth": torch.from_numpy(np.ascontiguousarray(mouth)),
            "audio": torch.from_numpy(video.audio(number - CONTEXT, CLIP_FRAMES)),
            "negatives": torch.from_numpy(np.stack(negatives)),
        }


def none_of(videos: list[Video]) -> str:
    names = ", ".join(video.name for video in videos[:3])
    return f"none of {len(videos)} video(s) ({names}{', ...' if len(videos) > 3 else ''}) has"


def spans(video: Video, frames: int) -> bool:
    """Whether the video's SyncNet windows begin more than `frames` apart, so that every one has a negative."""
    numbers = video.frame_numbers[video.windows(WINDOW_FRAMES, CONTEXT)]
    return len(numbers) > 0 and np.ptp(numbers) > frames
