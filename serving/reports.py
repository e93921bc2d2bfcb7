"""The reports that make_dataset.py has written."""

from pathlib import Path

REPORT, RECORD = "report.html", "report.json"
DEEPEST = 3  # folders below the folder of runs


def find_reports(data_folder: Path, runs_folder: Path) -> dict[str, Path]:
    """Pages by their name: that of --data_folder, then those below --runs_folder, as the demo makes them."""
    patterns = ["*/" * depth + RECORD for depth in range(1, DEEPEST + 1)]
    folders = [data_folder, *sorted(path.parent for pattern in patterns for path in runs_folder.glob(pattern))]
    pages = {str(folder): folder / REPORT for folder in folders if (folder / RECORD).is_file()}
    return {name: page for name, page in pages.items() if page.is_file()}
