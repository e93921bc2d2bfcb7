"""Rebuild the tables of benchmarks/README.md and docs/ from benchmarks/results/*.json, which hold runs as measured.

    python benchmarks/tables.py

A table stands between <!-- table: FILE ARGUMENTS --> and <!-- end -->. FILE is in benchmarks/results; arguments are of
scores the protocol and the columns, as metrics by commas; of speed the file of an earlier version's run, whose times
are put beside; of the others none.
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from config.errors import InputError, run_script
from media.files import atomic_write
from tools.steps import ROOT

RESULTS = ROOT / "benchmarks" / "results"
PAGES = [ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PLACE = re.compile(r"(<!-- table: (\S+)(.*?) -->\n).*?(<!-- end -->)", re.DOTALL)
Lines = list[str]
PART = "- "  # what the name of a part of the row above begins with


def main() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if (new := with_tables(text)) != text:
            with atomic_write(page) as temporary:
                temporary.write_text(new, encoding="utf-8")
            print(f"{page}: tables rebuilt")


def with_tables(text: str) -> str:
    """The text of a page, its tables as the results say. Raises InputError for results that are missing."""

    def filled(place: re.Match) -> str:
        record, kind = result(place[2]), place[2].partition("_")[0]
        if kind not in TABLES:
            raise InputError(f"{RESULTS / place[2]}: expected a name that begins with {', '.join(TABLES)}")
        lines = TABLES[kind](record, *place[3].split())
        return "\n".join([place[1].rstrip(), *lines, place[4]])

    return PLACE.sub(filled, text)


def result(name: str) -> dict:
    path = RESULTS / name
    if not path.is_file():
        raise InputError(f"{path} is missing, and a table is made of it; run the benchmark that writes it")
    return json.loads(path.read_text(encoding="utf-8"))


def score_lines(record: dict, protocol: str, columns: str) -> Lines:
    """A row a recipe: means over seeds, with their spread."""
    from benchmarks.learning_report import LEARNED, SEEN, score_table

    titles = LEARNED | SEEN
    if unknown := [key for key in columns.split(",") if key not in titles]:
        raise InputError(f"a table's columns: {', '.join(unknown)}: expected some of {', '.join(titles)}")
    return score_table(record["recipes"], protocol, {key: titles[key] for key in columns.split(",")})[1:]


def speed_lines(record: dict, earlier: str = "") -> Lines:
    from benchmarks.timing import HEADER, Row

    rows = [Row(**row) for row in record["rows"]]
    header, cells = HEADER, [row.cells() for row in rows]
    if earlier:
        past = [Row(**row) for row in result(earlier)["rows"]]
        seconds = dict(zip(whole_names(past), [row.seconds for row in past], strict=True))
        header = [*HEADER, "before", "now of before"]
        named = zip(rows, whole_names(rows), strict=True)
        cells = [row.cells() + compared(row.seconds, seconds.get(name)) for row, name in named]
    return [line(header), line(["---"] * len(header)), *map(line, cells)]


def whole_names(rows: "list[Row]") -> list[tuple[str, str]]:  # noqa: F821, imported late
    """Of each row the name, behind that of the row above that it is a part of: parts begin with a dash."""
    names, whole = [], ""
    for row in rows:
        is_part = row.name.startswith(PART)
        whole = whole if is_part else row.name
        names.append((whole, row.name if is_part else ""))
    return names


def compared(now: float, before: float | None) -> list[str]:
    return [f"{1e3 * before:.2f} ms", f"{now / before:.2f}"] if before else ["", ""]


def engine_lines(record: dict) -> Lines:
    cells = [["generator", "engine", "ms a frame (spread)", "times as fast", "PSNR, dB"], ["---"] * 5]
    for row in record["rows"]:
        spread = f"{row['ms']:.1f} ({row['least']:.1f} to {row['most']:.1f})"
        cells.append([row["generator"], row["engine"], spread, f"{row['ratio']:.2f}", f"{row['psnr']:.1f}"])
    return [line(row) for row in cells]


def operator_lines(record: dict) -> Lines:
    from benchmarks.operators import told

    rows = [line([row["work"], told(row["operators"])]) for row in record["rows"]]
    return [line(["work", "its operators, by their own time"]), line(["---"] * 2), *rows]


def live_lines(record: dict) -> Lines:
    return [line(["", "measured"]), line(["---"] * 2), *(line([name, str(value)]) for name, value in record.items())]


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


TABLES: dict[str, Callable[..., Lines]] = {  # by the beginning of the file's name
    "learning": score_lines,
    "ablation": score_lines,
    "speed": speed_lines,
    "engines": engine_lines,
    "live": live_lines,
    "operators": operator_lines,
}

if __name__ == "__main__":
    run_script(main)
