"""The files that inference.py --jobs takes: YAML, JSON lines or CSV, read into the options of every job."""

import csv
import dataclasses
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as short_repr
from typing import Any

from config.config import InferenceOptions
from config.errors import InputError
from config.options import check, value_type
from dubbing.result import INPUTS, result_path

PATHS = (*INPUTS, "res_video_dir", "output", "cache_folder")  # options that name files or folders
Row = tuple[int, list[tuple[str, Any]]]  # the line where a job begins, and its names and values as they stand there


@dataclass(frozen=True)
class Job:
    """One video to dub. `place` says where it stands, for messages; numbers begin at 1."""

    number: int
    place: str
    options: InferenceOptions
    output: Path


def read_jobs(path: Path, common: InferenceOptions) -> list[Job]:
    """The jobs in a file, at least one; what a job does not name is as in `common`.

    Relative paths are relative to the file. Raises InputError, naming file, job and line, for what is not understood,
    an option that is not known, and a value that it cannot have. Whether files exist is not looked at.
    """
    jobs = []
    for number, (line, pairs) in enumerate(read_rows(path), start=1):
        place = f"{path}, job {number} (line {line})"
        try:
            options = job_options(pairs, common, path.parent)
            jobs.append(Job(number, place, options, result_path(options)))
        except InputError as error:
            raise InputError(f"{place}: {error}") from error
    if not jobs:
        raise InputError(f"--jobs: {path} holds no job; each has a video, a speech and an output")
    return jobs


def read_rows(path: Path) -> Iterator[Row]:
    formats = {".yaml": yaml_rows, ".yml": yaml_rows, ".jsonl": json_rows, ".csv": csv_rows}
    if path.suffix.lower() not in formats:
        raise InputError(f"--jobs: {path} does not end in {', '.join(formats)}; its name says how it is read")
    if not path.is_file():
        raise InputError(f"--jobs: {path} is not a file; give the path of a file that exists")
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets put a mark before it
    except UnicodeDecodeError as error:
        raise InputError(f"--jobs: {path} is not UTF-8 text ({error.reason}); save it as UTF-8") from error
    return formats[path.suffix.lower()](text, path)


def yaml_rows(text: str, path: Path) -> Iterator[Row]:
    """A list of mappings. Values are plain ones, so nothing that refers to other parts of the file is followed."""
    import yaml

    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if root is not None and not isinstance(root, yaml.SequenceNode):
            raise InputError(f"--jobs: {path} is no list; begin each job with a dash: - video: face.mp4")
        for node in root.value if root else ():
            line = node.start_mark.line + 1
            if not isinstance(node, yaml.MappingNode):
                raise InputError(f"{path}, line {line}: expected names with values, as video: face.mp4")
            yield line, [(yaml_value(loader, name), yaml_value(loader, value)) for name, value in node.value]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"--jobs: {path} is not understood as YAML ({' '.join(str(error).split())})") from error


def yaml_value(loader: Any, node: Any) -> Any:
    """A plain value; for a list or mapping None, which no option takes."""
    return loader.construct_object(node) if node.id == "scalar" else None


def json_rows(text: str, path: Path) -> Iterator[Row]:
    """One object a line."""
    for line, row in enumerate(text.split("\n"), start=1):
        if not row.strip():
            continue
        try:
            pairs = json.loads(row, object_pairs_hook=tuple)  # which tells objects from lists, and keeps what is double
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}, line {line}: not understood as JSON ({error})") from error
        if not isinstance(pairs, tuple):
            raise InputError(f'{path}, line {line}: expected an object, as {{"video": "face.mp4"}}')
        yield line, list(pairs)


def csv_rows(text: str, path: Path) -> Iterator[Row]:
    """The first line names the columns; an empty cell leaves the option as it is."""
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True)
    try:
        names = next(reader, [])
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(names):
                raise InputError(
                    f"{path}, line {reader.line_num}: {len(cells)} cells, but the first line names {len(names)} "
                    "columns; put cells with a comma in double quotes"
                )
            yield reader.line_num, [(name, cell) for name, cell in zip(names, cells, strict=True) if cell]
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: not understood as CSV ({error})") from error


def job_options(pairs: list[tuple[str, Any]], common: InferenceOptions, folder: Path) -> InferenceOptions:
    """`common` with what a job names, its relative paths taken from `folder`. Raises InputError, naming the option."""
    fields, given = job_fields(), {}
    for name, value in pairs:
        field = fields.get(name)
        if field is None:
            raise InputError(f"{short_repr(name)} is no option of inference.py; video, speech and output are usual")
        if field.name in given:
            raise InputError(f"{name} is given twice; leave one of them out")
        given[field.name] = plain_value(name, value, field)
        if field.name in PATHS and value and isinstance(value, str):
            given[field.name] = str(folder / value)
    options = dataclasses.replace(common, **given)
    check(options)
    return options


def job_fields() -> dict[str, dataclasses.Field]:
    """The options that a job may name, by all their names."""
    fields = [field for field in dataclasses.fields(InferenceOptions) if field.name != "jobs"]
    return {name: field for field in fields for name in (field.name, *field.metadata["aliases"])}


def plain_value(name: str, value: Any, field: dataclasses.Field) -> Any:
    """`value`, or the number that it spells where the option is one. Raises InputError for what no option can be."""
    if not isinstance(value, str | int | float):
        raise InputError(f"{name} has no plain value; give text or a number")
    if not isinstance(value, str):
        return value
    try:
        os.fsencode(value)
        return value_type(field)(value) if value_type(field) in (int, float) else value
    except UnicodeEncodeError as error:
        raise InputError(f"{name} holds half a character, which no file's name can; correct it") from error
    except ValueError:
        return value  # of which `check` says what was expected
