"""Command lines of the tools that take files or folders before their flags."""

from pathlib import Path
from typing import TypeVar

from config.options import build_parser, check

Options = TypeVar("Options")


def parse_with_paths(
    options_class: type[Options], description: str, name: str, help: str, number: str = "+"
) -> tuple[Options, list[Path]]:
    """The options and the paths of the command line, `number` of them in argparse's notation.

    Bad options end the program with one line and status 2.
    """
    parser = build_parser(options_class, description)
    parser.add_argument("paths", nargs=number, metavar=name, help=help)
    given = vars(parser.parse_args())
    paths = given.pop("paths")
    if "" in paths:
        parser.error(f"argument {name}: an empty path; give the path of a file or folder")
    options = options_class(**given)
    check(options)
    return options, [Path(path) for path in paths]
