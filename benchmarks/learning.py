"""What training learns, measured on held-out sentences of the sample speaker: one command, one table.

    python benchmarks/learning.py                       one seed, a small setting: under 40 minutes on 2 CPU cores
    python benchmarks/learning.py --seeds 3             with the spread over seeds
    python benchmarks/learning.py --setting full        the published sizes, on a GPU
    python benchmarks/learning.py --video VIDEO         on your own video: its first 80 % to train, its end to score

Per seed: SyncNet from scratch, then every recipe for the same wall time from a random start, then the clip stage. Three
held-out videos are dubbed with sentences nobody trained on, and scored against the truth by evaluate.py. A run that was
stopped goes on where it was. Results: results_SETTING.md, .json and PNG plots in --output_folder, a folder a setting.
"""

import json
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.learning_data import HELD_OUT, HELD_OUT_VIDEOS, MADE_FROM, make_own_data, make_speaker_data
from config.config import DEVICES
from config.errors import InputError, run_script
from config.options import option, parse
from media.files import atomic_write
from media.video import probe
from tools.steps import ROOT, run
from training.checkpoints import best_checkpoint

BY_TIME = ("--non_decay", 100_000, "--decay", 100_000)  # --max_minutes ends every stage, not its epochs
DRAWS = 768  # of your own video in an epoch: as many as of 24 videos
METRICS = {
    "lip_correlation": "lip-opening correlation",
    "lmd": "LMD (px)",
    "mouth_psnr": "mouth PSNR (dB)",
    "mouth_ssim": "mouth SSIM",
    "mouth_motion": "mouth motion",
    "lse_c": "LSE-C (own SyncNet)",
    "sync_offset": "sync offset",
}


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


@dataclass
class LearningOptions:
    setting: str = option("small", "small: 2 CPU cores; full: a GPU", choices=tuple(SETTINGS))
    seeds: int = option(1, "how often everything is trained, each time from another seed", low=1)
    output_folder: str = option(str(ROOT / "output" / "benchmarks" / "learning"), "folder of data, runs and results")
    video: str = option("", "your own video to train on and to score, with sound; empty: the sample speaker")
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)


def main() -> None:
    options = parse(LearningOptions, __doc__)
    bench = Bench(options)
    bench.make_data()
    rows: dict[str, list[dict[str, float]]] = {bench.copy_name: [bench.score("copy", bench.data / "copies", None)]}
    curves = []
    for seed in range(options.seeds):
        curves.append(bench.train_syncnet(seed))
        for name, scores in bench.score_recipes(seed):
            rows.setdefault(name, []).append(scores)
    report(bench, options, rows, curves)


class Bench:
    """Data, runs and results in one folder. Whatever is there already is not made again."""

    def __init__(self, options: LearningOptions):
        self.setting, self.device = SETTINGS[options.setting], options.device
        self.video = Path(options.video) if options.video else None
        self.folder = Path(options.output_folder) / options.setting
        self.copy_name, self.sources, self.flags = "source mouth, copied", "source", []
        if self.video:
            probe(self.video)
            self.folder = self.folder / "videos" / self.video.stem
            self.copy_name, self.sources = "mouth of another moment", "copies"
            self.flags = ["--val_fraction", HELD_OUT, "--augment_num", DRAWS]
        self.data = self.folder / "data"
        self.training_json = self.data / "training_data" / "training_json.json"

    def make_data(self) -> None:
        if self.training_json.is_file():
            if self.video and (self.data / MADE_FROM).resolve() != self.video.resolve():
                raise InputError(
                    f"--video {self.video}: {self.folder} is of another video; give another --output_folder"
                )
            return
        if self.video:
            make_own_data(self.data, self.video)
        else:
            make_speaker_data(self.data, self.setting.videos)

    def train_syncnet(self, seed: int) -> list[dict[str, float]]:
        """The validated accuracy over time."""
        flags = ["--max_minutes", self.setting.sync_minutes, *self.setting.sync_flags]
        stage = self.train(f"syncnet_{seed}", f"{self.setting.folder}/syncnet.py", seed, *flags)
        lines = (stage / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [row for row in map(json.loads, lines) if "val/offset_within_1" in row]

    def score_recipes(self, seed: int) -> Iterator[tuple[str, dict[str, float]]]:
        """Train, dub and score every recipe with this seed."""
        setting = self.setting
        syncnet = best_checkpoint(self.folder / f"syncnet_{seed}" / "syncnet")
        for label, model in (("published DINet recipe", "dinet"), ("published LawDNet recipe", "lawdnet")):
            files = {f"published/{name}.py": share for name, share in setting.published.items()}
            flags = ["--model", model, "--perceptual_weights", "auto", *setting.published_flags]
            yield label, self.dub_and_score(self.train_frames(f"{model}_{seed}", files, seed, *flags), syncnet)
        files = {f"{setting.folder}/{name}.py": share for name, share in setting.default.items()}
        stage = self.train_frames(f"default_{seed}", files, seed)
        yield "this project's frame stages", self.dub_and_score(stage, syncnet)
        start = ["--pretrained_path", best_checkpoint(stage), "--pretrained_syncnet_path", syncnet]
        clip = f"{setting.folder}/{setting.clip}.py"
        stage = self.train(f"default_{seed}", clip, seed, *start, "--max_minutes", setting.clip_minutes)
        yield "and its clip stage", self.dub_and_score(stage, syncnet)

    def train_frames(self, name: str, files: dict[str, float], seed: int, *flags: object) -> Path:
        """Train frame stages coarse to fine, each for its share of the minutes. Returns the last one's folder."""
        start: list[object] = []
        for file, share in files.items():
            stage = self.train(name, file, seed, *start, *flags, "--max_minutes", self.setting.minutes * share)
            start = ["--pretrained_path", best_checkpoint(stage)]
        return stage

    def train(self, name: str, config: str, seed: int, *flags: object) -> Path:
        """Train one stage, or find it trained. Returns its folder."""
        run("train_sequence.py", "--config_path", ROOT / "config" / "experiment" / config, "--name", name, "--resume",
            "--result_path", self.folder, "--train_data", self.training_json, "--device", self.device, "--seed", seed,
            "--wandb", "disabled", *BY_TIME, *flags, *self.flags)  # fmt: skip
        return self.folder / name / Path(config).stem

    def dub_and_score(self, stage: Path, syncnet: Path) -> dict[str, float]:
        dubbed = stage / "dubbed"
        for truth in sorted((self.data / "truth").glob("*.mp4")):
            if not (dubbed / truth.name).is_file():
                source = self.data / self.sources / truth.name
                run("inference.py", "--source_video_path", source, "--driving_audio_path", truth, "--output",
                    dubbed / truth.name, "--pretrained_clip_DINet_path", best_checkpoint(stage),
                    "--device", self.device)  # fmt: skip
        return self.score(f"{stage.parent.name}_{stage.name}", dubbed, syncnet)

    def score(self, name: str, generated: Path, syncnet: Path | None) -> dict[str, float]:
        """Mean scores over the held-out videos; pictures go to pictures/NAME."""
        path = self.folder / "scores" / f"{name}.json"
        if not path.is_file():
            judged = ["--syncnet", syncnet] if syncnet else []
            run("evaluate.py", "--generated", generated, "--reference", self.data / "truth", "--json", path,
                "--pictures", self.folder / "pictures" / name, *judged)  # fmt: skip
        return json.loads(path.read_text(encoding="utf-8"))["mean"]


def report(bench: Bench, options: LearningOptions, rows: dict, curves: list[list[dict[str, float]]]) -> None:
    """Write the table as Markdown and JSON, and SyncNet's curves as PNG."""
    setting, folder = bench.setting, bench.folder
    if bench.video:
        flag, data = f" --video {bench.video.name}", f"the first {1 - HELD_OUT:.0%} of the video"
        scored = f"its last {HELD_OUT:.0%}"
        validated = f"the last {HELD_OUT:.0%} of the training part"
    else:
        flag, data = "", f"{setting.videos} training videos of 10 s"
        scored = f"mean over {HELD_OUT_VIDEOS} held-out videos"
        validated = "held-out videos"
    lines = [
        f"`python benchmarks/learning.py --setting {options.setting} --seeds {options.seeds}{flag}` on {machine()}.",
        f"Trained on {data}; {setting.minutes:g} minutes for every recipe, {setting.clip_minutes:g} more for the clip "
        f"stage; scored on {scored}, ± standard deviation over seeds.",
        "",
        "| | " + " | ".join(METRICS.values()) + " |",
        "| --- |" + " --- |" * len(METRICS),
    ]
    for name, seeds in rows.items():
        lines.append(f"| {name} | " + " | ".join(cell([scores.get(key) for scores in seeds]) for key in METRICS) + " |")
    lines += [
        "",
        f"SyncNet at the end of its minutes, on {validated} (31 offsets; chance: 0.03 exact, 0.10 within 1):",
        "",
    ]
    ends = [curve[-1] for curve in curves if curve]  # none of a video that is too short for 31 offsets
    lines += ["| single, exact | single, within 1 | 1 s, exact | 1 s, within 1 |", "| --- | --- | --- | --- |"]
    keys = [f"val/{name}_{kind}" for name in ("offset", "offset_1s") for kind in ("exact", "within_1")]
    lines.append("| " + " | ".join(cell([end.get(key) for end in ends]) for key in keys) + " |")
    table = "\n".join(lines) + "\n"
    print(f"\n{table}")
    with atomic_write(folder / f"results_{options.setting}.md") as temporary:
        temporary.write_text(table, encoding="utf-8")
    with atomic_write(folder / f"results_{options.setting}.json") as temporary:
        record = {"machine": machine(), "recipes": rows, "syncnet": curves}
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    plot_curves(folder / f"syncnet_{options.setting}.png", curves)
    print(f"written to {folder}")


def cell(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    spread = f" ± {np.std(known):.3f}" if len(known) > 1 else ""
    return f"{np.mean(known):.3f}{spread}"


def machine() -> str:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} CPU threads ({platform.machine()}), without a GPU"


def plot_curves(path: Path, curves: list[list[dict[str, float]]]) -> None:
    """Share of held-out windows whose offset is found within a frame, by minutes of training, a colour a seed."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="minutes of training", ylabel="found within 1 frame", ylim=(0, 1.02))
    for seed, curve in enumerate(curves):
        minutes = [row["train_minutes"] for row in curve]
        for key, style in (("val/offset_1s_within_1", "-"), ("val/offset_within_1", "--")):
            label = f"seed {seed}, {'1 s averages' if style == '-' else 'single windows'}"
            axes.plot(minutes, [row.get(key, np.nan) for row in curve], style, color=f"C{seed}", label=label)
    axes.axhline(0.1, color="grey", linestyle=":", label="chance")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


if __name__ == "__main__":
    run_script(main)
