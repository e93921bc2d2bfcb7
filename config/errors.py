"""The one exception for bad input, and how a script turns it into an exit status."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is one line that names the file or flag, says what was expected and what to do.
    """


def run_script(main: Callable[[], int | None]) -> None:
    """Run `main` and exit: its status, 2 with one line on InputError, 130 on Ctrl-C."""
    try:
        sys.exit(main() or 0)
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
