"""The command line of both training scripts. Imports nothing heavy, so that --help answers at once."""

import dataclasses
from typing import Any

from config.config import ClipOptions, GeneratorOptions, RunOptions, StageOptions, SyncNetOptions
from config.options import build_parser, check, check_value

GROUPS = (RunOptions, StageOptions, GeneratorOptions, ClipOptions, SyncNetOptions)


def read_flags(description: str, argv: list[str] | None = None) -> tuple[RunOptions, dict[str, Any]]:
    """RunOptions, and the stage options that were given, which win over every stage file. Raises InputError."""
    given = vars(build_parser(GROUPS, description).parse_args(argv))
    run_names = {field.name for field in dataclasses.fields(RunOptions)}
    run = RunOptions(**{name: value for name, value in given.items() if name in run_names})
    check(run)
    stage_flags = {name: value for name, value in given.items() if name not in run_names}
    fields = {field.name: field for group in GROUPS[1:] for field in dataclasses.fields(group)}
    for name, value in stage_flags.items():
        check_value(fields[name], value, f"--{name}")
    return run, stage_flags
