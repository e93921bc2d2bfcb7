"""The learning benchmark's table and plot."""

import json
import shlex
import sys
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.learning_bench import Bench
from benchmarks.learning_data import HELD_OUT, HELD_OUT_VIDEOS
from benchmarks.learning_settings import LearningOptions
from media.files import atomic_write
from models.device import choose_device, describe_device

Rows = dict[str, list[dict[str, dict[str, float]]]]  # by name of a recipe, of every seed, the scores by protocol
LEARNED = {
    "lip_correlation": "lip-opening correlation",
    "lmd": "LMD (px)",
    "mouth_psnr": "mouth PSNR (dB)",
    "mouth_ssim": "mouth SSIM",
    "mouth_motion": "mouth motion",
    "lse_c": "LSE-C (own SyncNet)",
    "sync_offset": "sync offset",
}
SEEN = {
    "texture_ratio": "texture ratio",
    "open_area_ratio": "open-area ratio",
    "opening_gain": "opening gain",
    "jitter": "jitter",
    "leak": "leak",
    "leak_partial": "leak, partial",
    "leak_chance": "leak by chance",
    "obedience": "obedience",
    "closed_in_silence": "closed in silence",
    "closed_in_silence_true": "truth closed in silence",
    "lpips": "LPIPS",
    "dists": "DISTS",
    "fid": "FID",
}


def report(bench: Bench, options: LearningOptions, rows: Rows, curves: list[list[dict[str, float]]]) -> None:
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
    flag += " --own_only" if options.own_only else ""
    lines = [
        f"`python benchmarks/learning.py --setting {options.setting} --seeds {options.seeds}{flag}` on "
        f"{machine(options.device)}.",
        f"Trained on {data}; {setting.minutes:g} minutes for every recipe, {setting.clip_minutes:g} more for the clip "
        f"stage; scored on {scored}, ± standard deviation over seeds.",
    ]
    for name, protocol in bench.protocols.items():
        lines += ["", f"{protocol.explanation}.", *score_table(rows, name, LEARNED), *score_table(rows, name, SEEN)]
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
        command = shlex.join(["python", *sys.argv])
        record = {"command": command, "machine": machine(options.device), "recipes": rows, "syncnet": curves}
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    plot_curves(folder / f"syncnet_{options.setting}.png", curves)
    print(f"written to {folder}")


def score_table(rows: Rows, protocol: str, metrics: dict[str, str]) -> list[str]:
    """Lines of a table, after an empty one: a row a recipe, a column for each of `metrics` that any has."""
    found = {name: [scores[protocol] for scores in seeds if protocol in scores] for name, seeds in rows.items()}
    shown = {
        key: title for key, title in metrics.items() if any(key in each for seeds in found.values() for each in seeds)
    }
    if not shown:
        return []
    lines = ["", "| | " + " | ".join(shown.values()) + " |", "| --- |" + " --- |" * len(shown)]
    for name, seeds in found.items():
        if seeds:
            cells = [cell([scores.get(key) for scores in seeds]) for key in shown]
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def cell(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return ""
    spread = f" ± {np.std(known):.3f}" if len(known) > 1 else ""
    return f"{np.mean(known):.3f}{spread}"


def machine(device: str) -> str:
    """What --device names here."""
    return describe_device(choose_device(device), "auto")


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
