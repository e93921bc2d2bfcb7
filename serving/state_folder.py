"""The folder that a server keeps all its state in, and that nobody else's files lie in. Imports nothing heavy."""

from pathlib import Path

from config.errors import InputError

DATABASE, LOCK = "jobs.sqlite", ".lock"


def check_own(folder: Path) -> None:
    """Raise InputError for a folder with other files: a server that starts clears what an earlier one left."""
    found = {path.name for path in folder.iterdir()} - {LOCK} if folder.is_dir() else set()
    if found and DATABASE not in found:
        raise InputError(
            f"--state_folder: {folder} holds other files, such as {min(found)}; give a folder for it alone"
        )
