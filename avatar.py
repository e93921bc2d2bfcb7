"""Prepare a face once, so that it can be dubbed at once from then on: live by live.py and app.py, or by inference.py.

The folder holds the video's frames, where the face is in them, a copy of the generator, and what it keeps of the face.
"""

from config.config import AvatarOptions
from config.errors import run_script
from config.options import parse
from dubbing.avatar_record import check_avatar_paths


def main() -> None:
    options = parse(AvatarOptions, __doc__)
    output = check_avatar_paths(options)
    from dubbing.avatar_making import make_avatar  # takes seconds, which neither --help nor a wrong path should

    print(make_avatar(options, output))


if __name__ == "__main__":
    run_script(main)
