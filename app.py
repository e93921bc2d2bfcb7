"""A page and an HTTP API: dub face videos, and look at training runs and data sets. Open the address that it prints."""

import dataclasses
import socket
from pathlib import Path

from config.config import AppOptions
from config.errors import InputError, run_script
from config.options import parse
from serving.state_folder import check_own

PATHS = ("checkpoint", "avatars", "state_folder", "media_root", "runs_folder", "data_folder", "face_landmarker_model")
LOCAL_HOSTS = ("127.0.0.1", "::1", "localhost")


def main() -> None:
    options = parse(AppOptions, __doc__)
    check_options(options)
    listener = listen(options)
    given = {name: str(Path(path).absolute()) for name in PATHS if (path := getattr(options, name))}
    from serving.server import serve  # takes seconds, which neither --help nor a port in use should

    serve(dataclasses.replace(options, **given), listener)


def check_options(options: AppOptions) -> None:
    """Raise InputError for what can be known to be wrong before anything starts."""
    from media.files import check_writable

    if not options.checkpoint:
        raise InputError("--checkpoint is not given; see app.py --help")
    for name in ("checkpoint", "face_landmarker_model"):
        path = getattr(options, name)
        if path and not Path(path).is_file():
            raise InputError(f"--{name}: {path} is not a file; give the path of a file that exists")
    if options.media_root and not Path(options.media_root).is_dir():
        raise InputError(f"--media_root: {options.media_root} is not a folder; give one that exists")
    check_writable("--state_folder", options.state_folder, is_folder=True)
    check_own(Path(options.state_folder))
    if options.host not in LOCAL_HOSTS and not options.token:
        raise InputError(f"--host {options.host} is reached by others; say with --token what they must show")


def listen(options: AppOptions) -> socket.socket:
    """A socket at --host and --port. Raises InputError where the port is in use or the address is none of ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        raise InputError(
            f"--host {options.host} --port {options.port}: {error.strerror}; stop what uses it, or give another"
        ) from error
    return listener


if __name__ == "__main__":
    run_script(main)
