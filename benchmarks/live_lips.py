"""Whether lips that are drawn live follow the speech as well as those of a whole file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from config.config import InferenceOptions, LiveOptions
from dubbing.avatar_record import GENERATOR
from dubbing.live.session import run_live
from dubbing.pipeline import dub

if TYPE_CHECKING:
    from benchmarks.live import LiveBenchmarkOptions

ROOT = Path(__file__).resolve().parents[1]
SCORES = ("lip_correlation", "lip_lag", "lmd")


def lip_figures(options: "LiveBenchmarkOptions", avatar: Path, folder: Path) -> dict[str, object]:
    """Scores of evaluate.py against the truth, of both, from the same frames and encoded the same way."""
    whole, live = folder / "whole.mp4", folder / "live.mp4"
    common = {"device": options.device, "precision": options.precision, "crf": 16}
    generator = str(avatar / GENERATOR)
    dub(InferenceOptions(str(avatar), options.truth, generator, cache_folder="", **common), whole)
    run_live(LiveOptions(str(avatar), options.truth, str(live), **common))
    scores = {"whole": scores_of(whole, options.truth, folder), "live": scores_of(live, options.truth, folder)}
    figures = {f"{name}, {kind}": round(values[name], 3) for kind, values in scores.items() for name in SCORES}
    ratio = scores["live"]["lip_correlation"] / scores["whole"]["lip_correlation"]
    return figures | {"lip_correlation, live over whole": round(ratio, 3)}


def scores_of(generated: Path, truth: str, folder: Path) -> dict[str, float]:
    result = folder / f"{generated.stem}.json"
    command = [sys.executable, str(ROOT / "evaluate.py"), "--generated", str(generated), "--reference", truth]
    subprocess.run([*command, "--metrics", "landmarks", "--json", str(result)], check=True, stdout=subprocess.DEVNULL)
    return json.loads(result.read_text(encoding="utf-8"))["mean"]
