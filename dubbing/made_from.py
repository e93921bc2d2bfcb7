"""What a result was made from, as a tag inside the file itself: there is none without it, whenever a run is killed."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

from config.config import InferenceOptions
from dubbing.avatar_record import RECORD, is_avatar
from dubbing.result import INPUTS
from media.video import read_comment

VERSION = 2  # of how results are made; another one makes all of them anew
TAG = re.compile(r"dubbed from [0-9a-f]{40}")
# Options that name places, or change how fast a result is made and not what it is.
INDIFFERENT = (*INPUTS, "res_video_dir", "output", "cache_folder", "jobs", "batch_size", "num_workers", "device")


def made_from(options: InferenceOptions, content_hash: Callable[[str], str]) -> str:
    """The tag of the result of these options: inputs count by their content, other options where they are changed.

    An avatar counts by its record, which holds the hashes of its files. An input left at its default, DeepSpeech's
    published graph, does not count.
    """
    changed = {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(options)
        if getattr(options, field.name) != field.default
    }
    given = {name: changed[name] for name in INPUTS if name in changed}
    given |= {name: str(Path(path) / RECORD) for name, path in given.items() if is_avatar(path)}
    inputs = {name: content_hash(path) if Path(path).is_file() else path for name, path in given.items()}
    settings = {name: value for name, value in changed.items() if name not in INDIFFERENT}
    record = json.dumps([VERSION, inputs, settings], sort_keys=True)
    return f"dubbed from {hashlib.blake2b(record.encode(), digest_size=20).hexdigest()}"


def read_tag(result: Path) -> str:
    """The tag of a result; empty for any other file."""
    comment = read_comment(result)
    return comment if TAG.fullmatch(comment) else ""
