"""Whether a live face keeps its promises on this machine: rate, latency, interruption, memory, lips, picture and sound.

    python benchmarks/live.py --video SOURCE.mp4 --truth TRUE.mp4 --pretrained_clip_DINet_path CKPT --json live.json

SOURCE is the face; TRUE the same video with another speech and the mouth that belongs to it (of the demo:
output/demo/sample_speaker/source and truth), or SOURCE itself. Its sound, again and again, is spoken for --minutes in
step with the clock and encoded to a file, then interrupted at random moments, then spoken for --hours as fast as it
goes by a small generator, of which only the memory is looked at.
"""

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import DEVICES, PRECISIONS, AvatarOptions, LiveOptions
from config.errors import InputError, run_script
from config.options import option, parse
from dubbing.avatar_record import check_avatar_paths
from media.files import atomic_write


@dataclass
class LiveBenchmarkOptions:
    video: str = option("", "video of the face")
    truth: str = option("", "the same video with the speech to be spoken, and the true mouth")
    pretrained_clip_DINet_path: str = option("", "checkpoint of a generator")
    minutes: float = option(10.0, "of the paced stream", low=0.1, high=1440)
    delay: float = option(LiveOptions.delay, "as live.py's --delay", low=0, high=2)
    detail: float = option(LiveOptions.detail, "as live.py's --detail", low=0, high=1)
    interruptions: int = option(20, "moments at which speech is interrupted", low=0, high=1000)
    hours: float = option(2.0, "of the stream whose memory is measured; 0: none", low=0, high=100)
    device: str = option("auto", "auto: CUDA if there is a GPU", choices=DEVICES)
    precision: str = option("auto", "of the generator", choices=PRECISIONS)
    json: str = option("", "file that the figures are written to as JSON")


def main() -> None:
    options = parse(LiveBenchmarkOptions, __doc__)
    if not options.truth:
        raise InputError("--truth is not given; see benchmarks/live.py --help")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = AvatarOptions(options.video, options.pretrained_clip_DINet_path, str(folder / "avatar"))
        output = check_avatar_paths(made)
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as live.py does
        from dubbing.avatar_making import make_avatar  # seconds, which --help should not take

        print(make_avatar(made, output))
        figures = measured(options, output, folder)
    print("| what | measured |\n| --- | --- |")
    for name, value in figures.items():
        print(f"| {name} | {value} |")
    if options.json:
        with atomic_write(options.json) as temporary:
            temporary.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def measured(options: LiveBenchmarkOptions, avatar: Path, folder: Path) -> dict[str, object]:
    from benchmarks.live_lips import lip_figures
    from benchmarks.live_memory import memory_figures
    from benchmarks.live_pace import interrupt_figures, opening_seconds, pace_figures
    from models.device import choose_device, describe_device

    figures: dict[str, object] = {
        "device": describe_device(choose_device(options.device), options.precision),
        "load of the machine before": os.getloadavg()[0],
        "seconds to open the avatar": opening_seconds(avatar),
    }
    figures |= pace_figures(options, avatar, folder / "paced.mkv")
    figures |= interrupt_figures(options, avatar)
    figures |= lip_figures(options, avatar, folder)
    if options.hours:
        figures |= memory_figures(options.video, options.truth, options.hours, folder)
    return figures | {"load of the machine after": os.getloadavg()[0]}


if __name__ == "__main__":
    run_script(main)
