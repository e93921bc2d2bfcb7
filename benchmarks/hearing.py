"""How far speech tells the lip opening, by the seconds of it that a generator's audio encoder was trained on.

    python benchmarks/hearing.py --train_data TRAINING_JSON                      held out: a quarter of the videos
    python benchmarks/hearing.py --train_data TRAINING_JSON --people anna,ben    held out: the end of each one's

The encoder of DINet learns the opening from windows of sound alone, without pictures, as --lamb_opening has it learn
beside them; the correlation on held-out speech is what a dubbed mouth can reach at best. With --people, each named
video is a person: trained on its own beginning, on all others, and on all others before its own.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.errors import InputError, run_script
from config.options import option, parse

SECONDS = (8, 20, 40, 80, 120)
HELD_OUT_VIDEOS, HELD_OUT_PART = 0.25, 0.3


@dataclass
class HearingOptions:
    train_data: str = option("", "training JSON, with lip openings")
    people: str = option("", "names of videos, each of a person of its own, separated by commas")
    seeds: int = option(3, "how often everything is trained, each time from another seed", low=1, high=100)


def main() -> None:
    options = parse(HearingOptions, __doc__)
    if not options.train_data:
        raise InputError("--train_data is not given; give a training JSON")
    from benchmarks.hearing_bench import known_speech, of_people, of_seconds  # seconds, which --help should not take

    speech = known_speech(options.train_data)
    if not options.people:
        print("| seconds | correlation, ± over seeds |\n| --- | --- |")
        for seconds, text in of_seconds(speech, options.seeds, SECONDS, HELD_OUT_VIDEOS):
            print(f"| {seconds} | {text} |", flush=True)
        return
    names = options.people.split(",")
    for name in names:
        if name not in speech:
            raise InputError(
                f"--people: {name} is no video of {options.train_data}; it has {', '.join(sorted(speech))}"
            )
    print(f"| trained on | {' | '.join(names)} |\n| --- |{' --- |' * len(names)}")
    for label, cells in of_people(speech, names, options.seeds, HELD_OUT_PART):
        print(f"| {label} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    run_script(main)
