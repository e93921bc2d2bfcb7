"""The avatars of a server: folders that avatar.py made, by their names."""

import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

from config.errors import InputError
from dubbing.avatar_record import PREVIEW, is_avatar, read_record
from serving.refused import Refused

NAME = re.compile(r"[\w-]{1,64}")


@dataclass(frozen=True)
class Avatars:
    """Those in the folder `root`, which need not be there yet."""

    root: Path

    def folder(self, name: Any) -> Path:
        """Where an avatar of this name lies, or would. Raises Refused for what is no name."""
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise Refused("avatar: a name has 1 to 64 letters, digits, _ and -")
        return self.root / name

    def find(self, name: Any) -> Path:
        """The folder of an avatar. Raises Refused where there is none."""
        folder = self.folder(name)
        if not is_avatar(folder):
            raise Refused(f"avatar: this server has no {name}", HTTPStatus.NOT_FOUND)
        return folder

    def vacant(self, name: Any) -> Path:
        """Where a new avatar goes. Raises Refused where there is one, or something else."""
        folder = self.folder(name)
        if folder.exists():
            raise Refused(f"avatar: there is a {name} already; give another name", HTTPStatus.CONFLICT)
        return folder

    def preview(self, name: Any) -> Path:
        return self.find(name) / PREVIEW

    def names(self) -> list[str]:
        return sorted(path.name for path in self.root.glob("*") if NAME.fullmatch(path.name) and is_avatar(path))

    def listed(self) -> list[dict[str, Any]]:
        """What is known of each; one that cannot be used says why, as `trouble`."""
        return [describe(self.root / name) for name in self.names()]


def describe(folder: Path) -> dict[str, Any]:
    shown = {"name": folder.name, "preview": f"/api/avatars/{quote(folder.name)}/preview"}
    try:
        record = read_record(folder)
    except InputError as error:
        return {**shown, "trouble": str(error).replace(str(folder), folder.name)}
    sizes = {"width": record.width, "height": record.height, "fps": float(record.rate), "frames": record.num_frames}
    return {**shown, **sizes, "trouble": ""}
