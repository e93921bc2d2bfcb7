"""Let an avatar of avatar.py speak, live: sound in, pictures with their sound out.

python live.py --avatar avatars/anna --input speech.wav --output anna.mp4
arecord -t raw -f S16_LE -r 16000 | python live.py --avatar avatars/anna --input - --output rtmp://HOST/KEY --realtime

With --realtime it keeps in step with the clock; where no sound comes, the mouth closes and the avatar idles. Ctrl-C
ends it, and what was written is whole.
"""

import os
from pathlib import Path

from config.config import LiveOptions
from config.errors import InputError, run_script
from config.options import parse
from dubbing.avatar_record import read_record
from media.files import check_outputs


def main() -> None:
    options = parse(LiveOptions, __doc__)
    for name in ("avatar", "input", "output"):
        if not getattr(options, name):
            raise InputError(f"--{name} is not given; see live.py --help")
    read_record(options.avatar)
    if options.input != "-" and "://" not in options.input and not Path(options.input).is_file():
        raise InputError(f"--input: {options.input} is not a file; give a file, a URL, or - for standard input")
    if "://" not in options.output:
        check_outputs({"--output": options.output}, {"--input": options.input})
    # Threads that wait for each other must not keep the encoder, or whatever else runs, from the processor: with other
    # programs at work a frame took 28 ms on 2 cores instead of 39. PyTorch reads it when it is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from dubbing.live.session import run_live  # takes seconds, which neither --help nor a wrong path should

    print(run_live(options))


if __name__ == "__main__":
    run_script(main)
