"""Sizes and times of the learning benchmark, and its options."""

from dataclasses import dataclass

from config.config import DEVICES
from config.options import option
from tools.steps import ROOT


@dataclass(frozen=True)
class Setting:
    """Sizes and minutes. The flags go to train_sequence.py."""

    videos: int
    sync_minutes: float
    minutes: float  # of every recipe
    clip_minutes: float
    folder: str  # of the default recipe's stage files, in config/experiment
    default: dict[str, float]  # its frame stages, and their shares of the minutes
    clip: str  # its clip stage
    published: dict[str, float]  # its frame stages, in config/experiment/published
    sync_flags: tuple[str, ...]
    published_flags: tuple[str, ...]


SETTINGS = {
    "small": Setting(
        videos=24,
        sync_minutes=2.5,
        minutes=4,
        clip_minutes=1,
        folder="demo",
        default={"frame_32": 0.4, "frame_64": 0.6},
        clip="clip_64",
        published={"frame_64": 1.0},
        sync_flags=("--mouth_size", "64", "--augment_num", "64", "--eval_every", "1"),
        published_flags=("--base_channels", "32", "--batch_size", "8", "--num_workers", "0"),
    ),
    "full": Setting(
        videos=120,
        sync_minutes=15,
        minutes=30,
        clip_minutes=10,
        folder="demo_gpu",
        default={"frame_64": 0.25, "frame_128": 0.25, "frame_256": 0.5},
        clip="clip_256",
        published={"frame_64": 0.25, "frame_128": 0.25, "frame_256": 0.5},
        sync_flags=("--mouth_size", "64", "--eval_every", "1"),
        published_flags=(),
    ),
}


@dataclass(frozen=True)
class Protocol:
    """Which videos are dubbed with which sound, folders of the data (see learning_data.py), and what is scored.

    speech: videos of the new sound, which are the references too.
    """

    source: str
    speech: str
    metrics: str = "auto"
    explanation: str = ""


PAIRED = Protocol("truth", "truth", explanation="Paired: the true videos, dubbed with their own sound")
SPEAKER_PROTOCOLS = {
    "unpaired": Protocol(
        "source", "truth", explanation="Unpaired: videos with other sentences, dubbed with the truth's"
    ),
    "paired": PAIRED,
}
OWN_VIDEO_PROTOCOLS = {
    "unpaired": Protocol(
        "copies", "truth", explanation="Unpaired: the end, with mouths of another moment, and its sound"
    ),
    "paired": PAIRED,
    "other_speech": Protocol(
        "truth",
        "before",
        "leak,silence",
        "Other speech: the end, dubbed with the sound just before it, which training heard and whose lips are known",
    ),
}


@dataclass
class LearningOptions:
    setting: str = option("small", "small: 2 CPU cores; full: a GPU", choices=tuple(SETTINGS))
    seeds: int = option(1, "how often everything is trained, each time from another seed", low=1)
    output_folder: str = option(str(ROOT / "output" / "benchmarks" / "learning"), "folder of data, runs and results")
    video: str = option("", "your own video to train on and to score, with sound; empty: the sample speaker")
    own_only: bool = option(False, "leave out the published recipes, which take half of the time")
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)
