"""Turns dataclasses of options into a command line.

Every option is a field made with `option(...)`; its default, help text and range stand in config.py and nowhere else.
"""

import argparse
import dataclasses
import math
import types
import typing
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

from config.errors import InputError

Options = TypeVar("Options")
LARGEST = 10**9  # of every number that states no smaller bound


def option(
    default: Any,
    help: str,
    *,
    choices: tuple[str, ...] | None = None,
    low: float | None = None,
    high: float = LARGEST,
    aliases: tuple[str, ...] = (),
) -> Any:
    """A dataclass field with what the command line needs to know of it.

    `low` and `high` are inclusive; `aliases` are other names of the flag, older or shorter ones.
    """
    metadata = {"help": help, "choices": choices, "low": low, "high": high, "aliases": aliases}
    return dataclasses.field(default=default, metadata=metadata)


class OneLineParser(argparse.ArgumentParser):
    """argparse whose complaints are one line that names the flag."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {' '.join(message.split())} (see {self.prog} --help)\n")


def value_type(field: dataclasses.Field) -> type:
    """The type of one value: `int` for fields declared `int` and `int | None`."""
    if isinstance(field.type, types.UnionType):
        return next(kind for kind in typing.get_args(field.type) if kind is not type(None))
    return field.type


def build_parser(options_classes: type | Sequence[type], description: str) -> OneLineParser:
    """A parser with one flag per field; flags that were not given are left out of the result.

    Several classes become groups of the help, titled by the first line of their docstrings; a field that more than one
    of them has is one flag, in the first.
    """
    classes = [options_classes] if isinstance(options_classes, type) else list(options_classes)
    parser = OneLineParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    known: set[str] = set()
    for options_class in classes:
        title = (options_class.__doc__ or "options").splitlines()[0].rstrip(".")
        group = parser.add_argument_group(title) if len(classes) > 1 else parser
        for field in dataclasses.fields(options_class):
            if field.name not in known:
                known.add(field.name)
                add_flag(group, field)
    return parser


def add_flag(group: argparse._ActionsContainer, field: dataclasses.Field) -> None:
    settings: dict[str, Any] = {"default": argparse.SUPPRESS, "help": help_text(field), "dest": field.name}
    if value_type(field) is bool:
        settings["action"] = argparse.BooleanOptionalAction if field.default else "store_true"
    else:
        settings["type"] = value_type(field)
        settings["choices"] = field.metadata["choices"]
        settings["metavar"] = None if field.metadata["choices"] else value_type(field).__name__.upper()
    group.add_argument(*(f"--{name}" for name in (field.name, *field.metadata["aliases"])), **settings)


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

    `origin` stands before the name in the message: "--" for flags, the file's name for a stage file. NaN and infinity
    are outside every range.
    """
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if not field.metadata or (value is None and field.default is None):
            continue
        check_value(field, value, f"{origin}{field.name}")


def check_value(field: dataclasses.Field, value: Any, name: str) -> None:
    expected = value_type(field)
    accepted = (int, float) if expected is float else expected
    if not isinstance(value, accepted) or (isinstance(value, bool) and expected is not bool):
        raise InputError(f"{name} is {value!r}; expected a value of type {expected.__name__}")
    choices, low, high = (field.metadata[key] for key in ("choices", "low", "high"))
    if choices and value not in choices:
        raise InputError(f"{name} is {value!r}; expected one of {', '.join(choices)}")
    if isinstance(value, str):
        if "\0" in value:
            raise InputError(f"{name} is {value!r}; a path or name cannot hold a null character")
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{name} is {value}; expected a finite number")
    if low is not None and value < low:
        raise InputError(f"{name} is {value}; expected at least {low}")
    if value > high:
        raise InputError(f"{name} is {shorten(value)}; expected at most {high}")


def shorten(value: float) -> str:
    """A number as text, its middle left out where it has hundreds of digits."""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:20]}...{text[-5:]}"
