"""Which cases there are. Modules named cases_*.py add to them with `case` and `table`."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One input or fault: the line of the list that it belongs to, a name, and what is done in a fresh sandbox."""

    line: str
    name: str
    run: Callable[..., None]
    arguments: tuple = ()
    fault: bool = False
    quick: bool = False


CASES: list[Case] = []


def case(line: str, name: str, fault: bool = False, quick: bool = False):
    """Decorator: one case, `function(box)`."""

    def add(function: Callable) -> Callable:
        CASES.append(Case(line, name, function, (), fault, quick))
        return function

    return add


def table(line: str, title: str, rows: Mapping[str, tuple], fault: bool = False, quick: tuple[str, ...] = ()):
    """Decorator: a case a row, `function(box, *arguments)`. `quick`: names of rows that the test suite runs."""
    unknown = set(quick) - set(rows)
    assert not unknown, f"{title}: no such rows: {unknown}"

    def add(function: Callable) -> Callable:
        for name, arguments in rows.items():
            CASES.append(Case(line, f"{title}: {name}", function, arguments, fault, name in quick))
        return function

    return add


def all_cases() -> list[Case]:
    """Every case, by line; those of one line in the order in which they are written."""
    if not CASES:
        for path in sorted(Path(__file__).parent.glob("cases_*.py")):
            importlib.import_module(path.stem)
    names = [f"{case.line} {case.name}" for case in CASES]
    assert len(set(names)) == len(names), {name for name in names if names.count(name) > 1}
    return sorted(CASES, key=lambda case: [int(part) for part in case.line.split(".")])
