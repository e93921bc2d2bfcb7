"""The one exception for bad input, and how a script turns what ends it into an exit status."""

import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class InputError(Exception):
    """Something the user gave cannot be used.

    The message is one line that names the file or flag, says what was expected and what to do.
    """


def run_script(main: Callable[[], int | None]) -> None:
    """Run `main` and exit with its status.

    2 with one line on InputError, a full disk, a file that cannot be read or written, too little memory, on a GPU too,
    or a library that is missing; 130 on Ctrl-C and 143 on SIGTERM, after everything has cleaned up behind itself;
    silently where whoever reads the output stops reading.
    """
    signal.signal(signal.SIGTERM, terminate)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # some pipes cannot be asked where they are
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # names of files hold what no encoding can
    status, end = 0, None
    try:
        status = main() or 0
        sys.stdout.flush()
    except BaseException as error:
        end = error
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # an exception while Python itself ends would be a traceback
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(status if end is None else report(end))


def report(error: BaseException) -> int:
    """Say in one line why a program ends, or with a traceback where that is a mistake of ours; its exit status."""
    match error:
        case BrokenPipeError():
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at its end
            return 128 + signal.SIGPIPE
        case InputError() | OSError() | MemoryError() | ImportError():
            return complain(reason(error))
        case KeyboardInterrupt():
            print("\ninterrupted", file=sys.stderr)
            return 130
        case SystemExit():
            return int(error.code or 0)
        case _ if is_gpu_full(error):
            return complain(reason(error))
    traceback.print_exception(error)
    return 1


def complain(message: str) -> int:
    """Print one line on standard error, below a progress bar if there is one. Returns the exit status."""
    at_bar = "\n" if sys.stderr.isatty() else ""
    print(f"{at_bar}error: {' '.join(message.split())}", file=sys.stderr)
    return 2


def reason(error: Exception) -> str:
    """One line that says why work failed; for exceptions that nobody foresaw, with the place in the code."""
    match error:
        case InputError():
            text = str(error)
        case OSError():
            text = describe(error)
        case MemoryError():
            text = "not enough memory; close other programs, or lower --batch_size or --num_workers"
        case _ if is_gpu_full(error):
            text = "the GPU has not enough memory; close other programs on it, or lower --batch_size; in training "
            text += "--accumulate 2 or more keeps the batch"
        case ImportError():
            text = f"a library cannot be imported ({error}); install what requirements.txt names"
        case _:
            frames = traceback.extract_tb(error.__traceback__)
            places = [f" ({Path(frame.filename).name}, line {frame.lineno})" for frame in frames]
            text = f"{type(error).__name__}: {error}{places[-1] if places else ''}"
    return " ".join(text.split())


def is_gpu_full(error: BaseException) -> bool:
    """Whether it is PyTorch's, which most scripts should not import for this."""
    return type(error).__name__ == "OutOfMemoryError"


def describe(error: OSError) -> str:
    """One line for an error of the operating system, with its file and what to do."""
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in NO_ROOM:
        return f"{where}the disk is full; make room and run the same command again: what was finished is kept"
    return f"{where}{error.strerror or error}; check the path and its permissions"


def terminate(_signal: int, _frame: FrameType | None) -> None:
    """Let a SIGTERM end the program as an exception does, so that temporary files and child processes go too."""
    raise SystemExit(128 + signal.SIGTERM)
