"""A dataclass of options as a command line: types, ranges, choices, aliases, groups."""

import argparse
from dataclasses import dataclass

import pytest

from config.errors import InputError
from config.options import build_parser, check, option, parse


@dataclass
class Colours:
    """How it looks."""

    hue: float = option(0.5, "100 % is red", low=0, high=1)
    name: str = option("", "of the paint", aliases=("paint",))
    kind: str = option("oil", "of paint", choices=("oil", "water"))
    shiny: bool = option(False, "or dull")
    dry: bool = option(True, "or wet")
    layers: int = option(2, "of paint", low=1)
    weight: float | None = option(None, "of all", low=0)


@dataclass
class Sizes:
    """How large it is."""

    layers: int = option(2, "the same flag", low=1)
    width: int = option(3, "across", low=1, high=100)


def test_flags_become_values_and_what_is_not_given_keeps_its_default():
    options = parse(Colours, "test", ["--hue", "0.25", "--paint", "red", "--shiny", "--no-dry", "--weight", "3"])
    assert options == Colours(hue=0.25, name="red", shiny=True, dry=False, weight=3.0)
    assert parse(Colours, "test", []) == Colours()


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--hue", "nan"], "--hue is nan; expected a finite number"),
        (["--hue", "inf"], "--hue is inf"),
        (["--hue", "-0.1"], "--hue is -0.1; expected at least 0"),
        (["--hue", "1.1"], "--hue is 1.1; expected at most 1"),
        (["--layers", "0"], "--layers is 0; expected at least 1"),
        (["--layers", "1" + "0" * 400], "--layers is 10000000000000000000...00000; expected at most"),
        (["--weight", "nan"], "--weight is nan"),
        (["--name", "a\0b"], "null character"),
    ],
)
def test_a_value_out_of_range_names_its_flag_and_what_was_expected(arguments, words):
    with pytest.raises(InputError) as refused:
        parse(Colours, "test", arguments)
    assert words in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("arguments", [["--layers", "two"], ["--kind", "chalk"], ["--colour"], ["--hue"]])
def test_what_the_parser_refuses_is_one_line_and_status_2(capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        parse(Colours, "test", arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("error: ") and capsys.readouterr().err.count("\n") <= 1


@pytest.mark.parametrize("value", [True, "2", 2.5, None])
def test_values_of_another_type_are_refused_wherever_they_come_from(value):
    with pytest.raises(InputError, match="stage.py: layers"):
        check(Colours(layers=value), origin="stage.py: ")
    check(Colours(hue=1, weight=None))  # a whole number is a float, and None where it is the default


def test_classes_become_groups_of_the_help_and_a_shared_field_one_flag():
    parser: argparse.ArgumentParser = build_parser([Colours, Sizes], "test")
    text = parser.format_help()
    explained = text[text.index("How it looks:") :]
    assert explained.index("--hue") < explained.index("How large it is:") < explained.index("--width")
    assert explained.count("--layers") == 1
    assert "100 % is red (default: 0.5)" in text and "of the paint (default: not set)" in text
    assert vars(parser.parse_args(["--layers", "4", "--width", "5"])) == {"layers": 4, "width": 5}
