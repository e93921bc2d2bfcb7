"""What training learns, measured on held-out sentences of the sample speaker: one command, one table.

    python benchmarks/learning.py                       one seed, a small setting: under 40 minutes on 2 CPU cores
    python benchmarks/learning.py --seeds 3             with the spread over seeds
    python benchmarks/learning.py --own_only            without the published recipes, in half of the time
    python benchmarks/learning.py --setting full        the published sizes, on a GPU
    python benchmarks/learning.py --video VIDEO         on your own video: its first 80 % to train, its end to score

Per seed: SyncNet from scratch, then every recipe for the same wall time from a random start, then the clip stage. Three
held-out videos are dubbed with sentences nobody trained on, and scored against the truth by evaluate.py: unpaired, from
other videos, and paired, from the true ones, which flatters; a video of your own also with other speech. A run that was
stopped goes on where it was. Results: results_SETTING.md, .json and PNG plots in --output_folder, a folder a setting.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.learning_settings import LearningOptions
from config.errors import run_script
from config.options import parse


def main() -> None:
    options = parse(LearningOptions, __doc__)
    from benchmarks.learning_bench import Bench  # seconds, which --help should not take
    from benchmarks.learning_report import report

    bench = Bench(options)
    bench.make_data()
    rows = {bench.copy_name: [bench.score_copies()]}
    curves = []
    for seed in range(options.seeds):
        curves.append(bench.train_syncnet(seed))
        for name, scores in bench.score_recipes(seed):
            rows.setdefault(name, []).append(scores)
    report(bench, options, rows, curves)


if __name__ == "__main__":
    run_script(main)
