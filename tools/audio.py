"""Change sound files, one or many: resample, mix to mono, cut, trim or pad silence, set the loudness, join.

    python tools/audio.py recordings --output clean --rate 16000 --mono --trim --loudness -23 --format wav
    python tools/audio.py interview.mp4 --output answer.m4a --start 12.5 --end 40 --pad 0.5
    python tools/audio.py one.wav two.mp3 three.flac --output all.flac --join

Takes files, and folders with their subfolders, of any sound or video that FFmpeg reads; writes wav, mp3, flac and m4a.
What is asked for happens in this order: cut, trim, resample and mix, join, pad, loudness. Loudness is EBU R 128's, set
by one gain for the whole file, and by a limiter where peaks would exceed -1 dB. Files that are read are never written
to. A file without sound is named, the others go on, and the exit status is 1; files that are joined stand or fall
together.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.config import AudioOptions
from config.errors import InputError, run_script
from tools.command_line import parse_with_paths


def main() -> int:
    options, paths = parse_with_paths(AudioOptions, __doc__, "SOUND", "sound or video files, or folders of them")
    if not options.output:
        raise InputError("--output is missing; give a folder, or a file's name for one file or --join")
    if options.end is not None and options.end <= options.start:
        raise InputError(f"--end is {options.end:g}, and --start {options.start:g}; expected an end after the start")
    return run(paths, options)


def run(paths: Sequence[Path], options: AudioOptions) -> int:
    """The exit status: 1 where a file failed."""
    from tqdm import tqdm

    from preprocessing.jobs import attempt, summarise
    from tools.sound.chain import process
    from tools.sound.files import check_rate, plan_jobs

    jobs = plan_jobs(paths, options)
    check_rate(jobs, options.rate)
    if options.join:
        print(process(str(jobs[0].output), jobs[0], options).detail)
        return 0
    outcomes = [attempt(process, (str(job.sources[0]), job, options)) for job in tqdm(jobs, "audio", unit="file")]
    return 1 if summarise("audio", outcomes) else 0


if __name__ == "__main__":
    run_script(main)
