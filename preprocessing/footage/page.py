"""report.html: one page, whole in itself, by which a person judges in minutes what was made of raw footage.

Its looks and its script lie in page_parts. All that comes from files goes in as JSON, which the script turns into text
nodes, and a content security policy admits no other script and no network.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from preprocessing.footage.page_data import QUIETEST_DB, WIDEST_OPENING, Limits, pictures_data, report_data
from preprocessing.footage.report import ClipPictures, VideoReport
from preprocessing.footage.report_files import write_csv, write_json, write_text

PARTS = Path(__file__).with_name("page_parts")
SCRIPTS = ("elements.js", "summary.js", "histograms.js", "clips.js", "main.js")
PAGE_BYTES = 19_000_000
SLOT = re.compile(r"\{\{(\w+)\}\}")


def write_report(
    folder: Path,
    videos: Sequence[VideoReport],
    limits: Limits,
    pictures: Callable[[str], ClipPictures | None],
    notes: Sequence[str],
) -> None:
    """Write report.json, report.csv and report.html into `folder`.

    `limits` map names of measures.MEASURES, and "offset_frames", to the lowest and the highest value that is kept,
    None where there is no limit. `pictures` gives those of a clip by its name. `notes` are sentences that stand at the
    top of the page.
    """
    write_json(folder / "report.json", videos)
    write_csv(folder / "report.csv", videos)
    write_text(folder / "report.html", page(videos, limits, pictures, notes))


def page(
    videos: Sequence[VideoReport],
    limits: Limits,
    pictures: Callable[[str], ClipPictures | None],
    notes: Sequence[str],
) -> str:
    """The text of report.html: at most PAGE_BYTES and its looks, unless its words alone need more."""
    names = [clip.name for video in videos for clip in video.clips]
    report = embedded(report_data(videos, limits, notes))
    shown = pictures_data(names, pictures, PAGE_BYTES - len(report))
    style = (PARTS / "page.css").read_text(encoding="utf-8")
    script = "\n".join((PARTS / name).read_text(encoding="utf-8") for name in SCRIPTS)
    parts = {
        "report": report,
        "pictures": embedded(shown),
        "style": style,
        "style_hash": policy_hash(style),
        "script": script,
        "script_hash": policy_hash(script),
        "quietest": f"{-QUIETEST_DB:.0f}",
        "widest": str(WIDEST_OPENING),
    }
    return SLOT.sub(lambda slot: parts[slot[1]], (PARTS / "page.html").read_text(encoding="utf-8"))


def embedded(data: Any) -> str:
    """JSON that may stand in a page: no "<" can end its element."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def policy_hash(text: str) -> str:
    """What a content security policy calls an inline script or style that it admits."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
