"""What a recipe gives beside the plain one, in equal steps from equal seeds: on your own video or the sample speaker.

    python benchmarks/ablation.py --video VIDEO --recipes freeze_hearing,gan_mouth --seeds 2
    python benchmarks/ablation.py --first_stage_only --recipes jitter,references,hide_half --seeds 3

960 steps at mouth 32 and 480 at mouth 64 of batches of 8, by the stage files of config/experiment/demo, then scored as
learning.py does. Recipes that differ in the second stage alone share the first. The first alone tells what sound and
source say of the mouth, in a third of the time. A run that was stopped goes on where it was.
"""

import json
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import DEVICES
from config.errors import InputError, run_script
from config.options import option, parse
from media.files import atomic_write
from tools.steps import ROOT

Flags = tuple[str, ...]
PLAIN = "plain"
EPOCHS = {"frame_32": 10, "frame_64": 5}  # of 96 steps, the rate falling over the second half
BLUNT = ("--lamb_gan_mouth", "0")
# By name, the flags of both stages beside the demo's; all but the last rows without its mouth discriminator.
RECIPES: dict[str, tuple[Flags, Flags]] = {
    PLAIN: ((), BLUNT),
    "freeze_hearing": ((), ("--freeze_hearing", *BLUNT)),
    "jitter": (("--jitter", "0.05"), ("--jitter", "0.05", *BLUNT)),
    "references": (("--references", "pose_spread"), ("--references", "pose_spread", *BLUNT)),
    "hide_half": (("--hide", "half"), ("--hide", "half", *BLUNT)),
    "lawdnet": (("--model", "lawdnet"), ("--model", "lawdnet", *BLUNT)),
    "detail": ((), ("--lamb_detail", "20", *BLUNT)),
    "gan_mouth_less": ((), ("--lamb_gan_mouth", "0.03")),
    "gan_mouth": ((), ("--lamb_gan_mouth", "0.1")),
    "frozen_gan_mouth": ((), ("--freeze_hearing", "--lamb_gan_mouth", "0.1")),
}


@dataclass
class AblationOptions:
    recipes: str = option("freeze_hearing", f"what is compared with {PLAIN}: some of {','.join(RECIPES)}, by commas")
    seeds: int = option(1, "how often everything is trained, each time from another seed", low=1)
    first_stage_only: bool = option(False, "train and score mouth 32 alone")
    video: str = option("", "your own video to train on and to score, with sound; empty: the sample speaker")
    output_folder: str = option(str(ROOT / "output" / "benchmarks" / "ablation"), "folder of data, runs and results")
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)


def main() -> None:
    options = parse(AblationOptions, __doc__)
    names = list(dict.fromkeys([PLAIN, *filter(None, options.recipes.split(","))]))
    if unknown := [name for name in names if name not in RECIPES]:
        raise InputError(f"--recipes: {', '.join(unknown)}: expected some of {', '.join(RECIPES)}")
    plain = RECIPES[PLAIN][0]
    if options.first_stage_only and (alike := [name for name in names[1:] if RECIPES[name][0] == plain]):
        raise InputError(f"--first_stage_only: {', '.join(alike)} is {PLAIN} until the second stage; leave it out")
    stages = list(EPOCHS)[: 1 if options.first_stage_only else None]
    from benchmarks.learning_bench import Bench  # seconds, which --help should not take
    from benchmarks.learning_report import LEARNED, SEEN, machine, score_table
    from benchmarks.learning_settings import LearningOptions

    bench = Bench(LearningOptions(output_folder=options.output_folder, video=options.video, device=options.device))
    bench.protocols.pop("paired", None)  # flatters, and tells no recipe from another
    bench.make_data()
    rows = {name: [] for name in names}
    for seed in range(options.seeds):
        for name in names:
            stage = trained(bench, name, seed, stages)
            rows[name].append(bench.dub_and_score(stage, None) | {"validation": last_validation(stage)})
    for protocol in bench.protocols:
        print("\n".join(["", protocol, *score_table(rows, protocol, LEARNED), *score_table(rows, protocol, SEEN)]))
    path = bench.folder / "ablation.json"
    with atomic_write(path) as temporary:
        record = {"command": shlex.join(["python", *sys.argv]), "machine": machine(options.device), "recipes": rows}
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"written to {path}")


def trained(bench: "Bench", name: str, seed: int, stages: list[str]) -> Path:  # noqa: F821, imported late
    """The folder of the recipe's last stage, of these that are trained."""
    from training.checkpoints import best_checkpoint

    start: Flags = ()
    for stage, flags, run in zip(stages, RECIPES[name], runs(name, seed), strict=False):
        epochs = EPOCHS[stage]
        half = ("--non_decay", str(epochs // 2), "--decay", str(epochs - epochs // 2), "--max_minutes", "0")
        folder = bench.train(run, f"demo/{stage}.py", seed, *half, *flags, *start)
        start = ("--pretrained_path", str(best_checkpoint(folder)))
    return folder


def runs(name: str, seed: int) -> Iterator[str]:
    """The name of each stage's run: of the first, that of the first recipe with the same flags."""
    yield next(f"{other}_{seed}" for other, flags in RECIPES.items() if flags[0] == RECIPES[name][0])
    yield f"{name}_{seed}"


def last_validation(stage: Path) -> dict[str, float]:
    """What the stage measured on its own held-out part when it ended."""
    rows = map(json.loads, (stage / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    return [row for row in rows if "val/mouth_psnr" in row][-1]


if __name__ == "__main__":
    run_script(main)
