"""Turns a dataclass of options into a command line.

Every option is a field made with `option(...)`; its default, help text and range stand in config.py and nowhere else.
"""

import argparse
import dataclasses
import types
import typing
from typing import Any, NoReturn, TypeVar

from config.errors import InputError

Options = TypeVar("Options")


def option(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    """A dataclass field with what the command line needs to know of it. `low` and `high` are inclusive."""
    metadata = {"help": help, "choices": choices, "low": low, "high": high}
    return dataclasses.field(default=default, metadata=metadata)


class OneLineParser(argparse.ArgumentParser):
    """argparse whose complaints are one line that names the flag."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def value_type(field: dataclasses.Field) -> type:
    """The type of one value: `int` for fields declared `int` and `int | None`."""
    if isinstance(field.type, types.UnionType):
        return next(kind for kind in typing.get_args(field.type) if kind is not type(None))
    return field.type


def build_parser(options_class: type, description: str) -> OneLineParser:
    """A parser with one flag per field of `options_class`; flags that were not given are left out of the result."""
    parser = OneLineParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for field in dataclasses.fields(options_class):
        settings: dict[str, Any] = {"default": argparse.SUPPRESS, "help": help_text(field)}
        if value_type(field) is bool:
            settings["action"] = argparse.BooleanOptionalAction if field.default else "store_true"
        else:
            settings["type"] = value_type(field)
            settings["choices"] = field.metadata["choices"]
            settings["metavar"] = None if field.metadata["choices"] else value_type(field).__name__.upper()
        parser.add_argument(f"--{field.name}", **settings)
    return parser


def help_text(field: dataclasses.Field) -> str:
    default = field.default
    shown = "not set" if default in (None, "") else default
    suffix = "" if value_type(field) is bool and not default else f" (default: {shown})"
    return (field.metadata["help"] + suffix).replace("%", "%%")


def parse(options_class: type[Options], description: str, argv: list[str] | None = None) -> Options:
    """Read the command line into `options_class`. Bad options end the program with one line and status 2."""
    given = vars(build_parser(options_class, description).parse_args(argv))
    options = options_class(**given)
    check(options)
    return options


def check(options: Any, origin: str = "--") -> None:
    """Raise InputError for a value of the wrong type, outside its range or not among its choices.

    `origin` stands before the name in the message: "--" for flags, the file's name for a stage file.
    """
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if value is None or not field.metadata:
            continue
        name = f"{origin}{field.name}"
        expected = value_type(field)
        if not isinstance(value, (int, float) if expected is float else expected):
            raise InputError(f"{name} is {value!r}; expected a value of type {expected.__name__}")
        choices, low, high = (field.metadata[key] for key in ("choices", "low", "high"))
        if choices and value not in choices:
            raise InputError(f"{name} is {value!r}; expected one of {', '.join(choices)}")
        if low is not None and value < low:
            raise InputError(f"{name} is {value}; expected at least {low}")
        if high is not None and value > high:
            raise InputError(f"{name} is {value}; expected at most {high}")
