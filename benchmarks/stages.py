"""The published stages, and what a sample of each kind reads."""

from config.config import StageOptions
from config.constants import NUM_REFERENCES, WINDOW_FRAMES
from tools.steps import ROOT
from training.stage_files import read_stages

STAGES = ("syncnet", "frame_64", "frame_128", "frame_256", "clip_256")
FRAMES = {"frame": 1, "clip": WINDOW_FRAMES, "syncnet": WINDOW_FRAMES}
CROPS = {kind: frames + (0 if kind == "syncnet" else NUM_REFERENCES) for kind, frames in FRAMES.items()}


def published_stages() -> dict[str, StageOptions]:
    """By name, in the order of training."""
    stages = {stage.name: stage.options for stage in read_stages("", str(ROOT / "config" / "experiment"), {})}
    return {name: stages[name] for name in STAGES}
