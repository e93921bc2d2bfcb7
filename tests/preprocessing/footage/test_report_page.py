"""report.json, report.csv and report.html: their form, what hostile names do to them, and the page in a browser."""

import csv
import functools
import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data

from preprocessing.footage.page import write_report
from preprocessing.footage.page_data import CURVE_POINTS, curve, reason_kinds
from preprocessing.footage.report import ClipPictures, ClipReport, VideoReport

HERE = Path(__file__).parent
HOSTILE = "</script><img src=x onerror=\"document.title='run'\"><!-- 'quoted'\nsecond line 街头"
NOT_UTF8 = os.fsdecode(b"caf\xe9.mp4")
LIMITS = {"seconds": (2.0, 60.0), "face_size": (60.0, None), "yaw": (None, 30.0), "offset_frames": (None, 6.0)}
NOTE = "Nobody checked the sync: give --syncnet."
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def clip(name: str, start: float, reasons: tuple[str, ...] = (), offset: int | None = 0, **measures) -> ClipReport:
    return ClipReport(name, start, start + 3.5, not reasons, list(reasons), offset, {"seconds": 3.5, **measures})


def some_videos() -> list[VideoReport]:
    small = "the face is {} px high, less than 60 px"
    first = [
        clip("b", 0, face_size=np.float32(120), yaw=5.0),
        clip("a", 4, (small.format(31),), offset=-3, face_size=31.25, yaw=float("nan")),
    ]
    second = [
        clip("c10", 0, (small.format(45), "its sound is late"), offset=None, face_size=45, yaw=12.0),
        clip("c9", 4, offset=2, face_size=80.0, yaw=31.0),
        clip(HOSTILE, 8, face_size=100.0, yaw=None),
    ]
    return [
        VideoReport("first.mp4", 60.0, 25.0, "used", "", first),
        VideoReport("=cmd|'/c calc'!A1", 12.5, 29.97, "used", "", second),
        VideoReport(NOT_UTF8, None, float("inf"), "failed", '+no frame, can be "decoded"', []),
        VideoReport(HOSTILE, 3.0, 25.0, "left out", "no face was found", []),
    ]


@functools.cache
def strip(seed: int = 0, noise: float = 8) -> bytes:
    """A JPEG of six frames of 96 x 72 pixels: a photographed face and the noise of a camera."""
    face = cv2.resize(skimage.data.astronaut()[0:270, 50:410, ::-1], (96, 72), interpolation=cv2.INTER_AREA)
    frames = np.tile(face, (1, 6, 1)) + np.random.default_rng(seed).normal(0, noise, (72, 576, 3))
    return cv2.imencode(".jpg", frames.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()


def pictures_of(name: str, noise: float = 8) -> ClipPictures:
    times = np.arange(1500) / 25
    opening = (0.06 + 0.05 * np.sin(times * 20)).astype(np.float32)
    opening[40:60] = np.nan
    return ClipPictures(strip(len(name) % 10, noise), opening, -30 + 20 * np.cos(times * 20))


def write(folder: Path, videos: list[VideoReport], pictures=pictures_of) -> Path:
    write_report(folder, videos, LIMITS, pictures, [NOTE])
    return folder


def strict_json(text: str):
    return json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is no JSON"))


def embedded(page: str, name: str):
    return strict_json(re.search(rf'id="{name}">(.*?)</script>', page, re.DOTALL)[1])


def many_clips(count: int) -> list[VideoReport]:
    """Videos of ten clips each, with as many measures as are taken."""
    measures = {f"measure_{number}": 100 / 3 * number for number in range(16)}
    clips = [clip(f"an interview of some length_{number:05d}", number, **measures) for number in range(count)]
    return [VideoReport(f"{n}.mp4", 600.0, 25.0, "used", "", clips[n : n + 10]) for n in range(0, count, 10)]


def test_json_has_the_form_that_is_promised(tmp_path):
    report = strict_json((write(tmp_path, some_videos()) / "report.json").read_text(encoding="utf-8"))

    assert list(report) == ["videos"]
    assert [list(video) for video in report["videos"]] == [["path", "seconds", "fps", "status", "reason", "clips"]] * 4
    assert report["videos"][0]["clips"][1] == {
        "name": "a",
        "start": 4.0,
        "end": 7.5,
        "kept": False,
        "reasons": ["the face is 31 px high, less than 60 px"],
        "offset_frames": -3,
        "measures": {"seconds": 3.5, "face_size": 31.25, "yaw": None},
    }
    assert report["videos"][1]["clips"][2]["name"] == HOSTILE
    assert report["videos"][2]["path"] == NOT_UTF8 and os.fsencode(report["videos"][2]["path"]) == b"caf\xe9.mp4"
    assert report["videos"][2]["fps"] is None


def test_csv_has_a_row_for_every_clip_and_runs_nothing_in_a_spreadsheet(tmp_path):
    with (write(tmp_path, some_videos()) / "report.csv").open(encoding="utf-8", newline="") as file:
        table = csv.DictReader(file)
        rows = list(table)

    assert len(set(table.fieldnames)) == len(table.fieldnames)
    assert [row["name"] for row in rows] == ["b", "a", "c10", "c9", HOSTILE, "", ""]
    assert [row["kept"] for row in rows] == ["yes", "no", "no", "yes", "yes", "", ""]
    assert rows[1]["offset_frames"] == "-3" and rows[1]["face_size"] == "31.25" and rows[1]["yaw"] == ""
    assert rows[2]["reasons"] == "the face is 45 px high, less than 60 px; its sound is late"
    assert rows[2]["path"] == "'=cmd|'/c calc'!A1" and rows[5]["reason"] == '\'+no frame, can be "decoded"'
    for value in (value for row in rows for column, value in row.items() if column not in ("offset_frames", "yaw")):
        assert not value.startswith(("=", "+", "-", "@"))


def test_hostile_names_are_data_in_the_page(tmp_path):
    page = (write(tmp_path, some_videos()) / "report.html").read_text(encoding="utf-8")

    assert page.count("</script>") == 3 and "<img" not in page and page.count("<!--") == 0
    report = embedded(page, "report")
    assert report["clips"][4]["name"] == HOSTILE and report["videos"][2]["path"] == NOT_UTF8
    assert report["notes"] == [NOTE]


def test_the_page_needs_no_network(tmp_path):
    page = (write(tmp_path, some_videos()) / "report.html").read_text(encoding="utf-8")
    addresses = re.findall(r"https?://[^\"'\s]+|url\(|@import|<link|\ssrc=(?!x)", page)
    assert addresses == ["http://www.w3.org/2000/svg"]  # a name space


def test_four_hundred_clips_with_their_pictures_stay_under_20_mb(tmp_path):
    page = write(tmp_path, many_clips(400)) / "report.html"

    assert len(strip()) > 8000  # as heavy as strips of real clips, of which 34 had 8.8 kB in the mean
    assert page.stat().st_size < 20e6
    pictures = embedded(page.read_text(encoding="utf-8"), "pictures")
    assert pictures["are_all"] and all(pictures["of_clips"])


def test_thousands_of_clips_stay_under_20_mb_with_pictures_from_all_over(tmp_path):
    page = write(tmp_path, many_clips(3000), functools.partial(pictures_of, noise=40)) / "report.html"

    assert 18e6 < page.stat().st_size < 20e6
    pictures = embedded(page.read_text(encoding="utf-8"), "pictures")
    assert not pictures["are_all"]
    shown = [sum(map(bool, pictures["of_clips"][begin : begin + 500])) for begin in range(0, 3000, 500)]
    assert min(shown) > 0.98 * max(shown) > 100


def test_the_same_records_give_the_same_bytes(tmp_path):
    one, other = write(tmp_path / "one", some_videos()), write(tmp_path / "other", some_videos())
    names = ["report.csv", "report.html", "report.json"]
    assert sorted(path.name for path in one.iterdir()) == names
    assert [(one / name).read_bytes() for name in names] == [(other / name).read_bytes() for name in names]


def test_a_report_that_fails_leaves_the_older_page(tmp_path):
    before = (write(tmp_path, some_videos()) / "report.html").read_bytes()

    def broken(name):
        raise OSError(name)

    with pytest.raises(OSError):
        write(tmp_path, some_videos(), broken)
    assert (tmp_path / "report.html").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 3


def test_curves_keep_peaks_and_gaps():
    values = np.zeros(3 * CURVE_POINTS)
    values[4], values[7] = 1, 0.5
    values[9:12] = np.nan
    values[12] = np.nan
    assert curve(values)[:6] == "0zU-00" and len(curve(values)) == CURVE_POINTS
    assert curve(np.array([-np.inf, -1, 2, np.inf])) == "00zz"
    assert curve(np.array([])) == ""


def test_reasons_that_differ_in_numbers_are_of_one_kind():
    clips = [
        clip("a", 0, ("34.5 px, less than 60", "dark")),
        clip("b", 0, ("-7 px, less than 60", "7 frames late")),
        clip("c", 0, ("34.5 px, less than 60",)),
        clip("d", 0),
    ]
    kinds, of_clips = reason_kinds(clips)
    assert kinds == ["… px, less than 60", "dark", "7 frames late"]
    assert of_clips == [[0, 1], [0, 2], [0], []]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """What drive_page.js saw of the page in Chromium, and what Chromium said of scripts that failed."""
    if CHROMIUM is None:
        pytest.skip("no Chromium; on Debian and Ubuntu: apt install chromium")
    folder = write(tmp_path_factory.mktemp("report"), some_videos())
    frames = "".join(f'<iframe src="report.html" width="{width}" height="900"></iframe>' for width in (1400, 400))
    script = (HERE / "drive_page.js").read_text(encoding="utf-8")
    (folder / "drive.html").write_text(f"<!DOCTYPE html><meta charset=utf-8>{frames}<script>{script}</script>")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--allow-file-access-from-files"]
    told = ["--enable-logging=stderr", "--virtual-time-budget=2000", "--dump-dom"]
    run = subprocess.run(
        [CHROMIUM, *flags, f"--user-data-dir={folder / 'profile'}", *told, (folder / "drive.html").as_uri()],
        capture_output=True,
        text=True,
        timeout=240,
    )
    found = re.search(r'<pre id="told">(.*?)</pre>', run.stdout, re.DOTALL)
    assert found, run.stderr
    return json.loads(html.unescape(found[1])), [line for line in run.stderr.splitlines() if "CONSOLE" in line]


def test_scripts_run_without_an_error_in_a_browser(told):
    seen, complaints = told
    assert complaints == []
    assert seen["verdict"] == "3 of 5 clips kept"
    assert seen["notes"] == [NOTE]
    assert seen["limits"] == 5 and "3.6 (limit 60\u00a0s \N{BLACK RIGHT-POINTING SMALL TRIANGLE})" in seen["axes"]


def test_names_stay_text_in_a_browser(told):
    seen, _ = told
    assert seen["listed"]["at first"][4] == HOSTILE
    assert seen["videos"] == [NOT_UTF8, HOSTILE]
    assert set(seen["images"]) == {"data:image/jpeg;base64,"}
    assert seen["unnamed"] == 0


def test_sorting_reorders_the_list(told):
    listed = told[0]["listed"]
    assert listed["at first"] == listed["at last"] == ["b", "a", "c10", "c9", HOSTILE]
    assert listed["by face size"] == ["a", "c10", "c9", HOSTILE, "b"]
    assert listed["by face size, descending"] == ["b", HOSTILE, "c9", "c10", "a"]
    assert listed["by yaw"] == ["c9", "c10", "b", "a", HOSTILE]  # the worst first, those without it last
    assert listed["by name"] == [HOSTILE, "a", "b", "c9", "c10"]


def test_filters_and_searches_narrow_the_list(told):
    listed = told[0]["listed"]
    assert told[0]["reasons"] == ["the face is … px high, less than 60 px", "its sound is late"]
    assert listed["left out"] == listed["of the first reason"] == ["a", "c10"]
    assert listed["kept"] == ["b", "c9", HOSTILE]
    assert listed["found"] == [HOSTILE]
    assert listed["beyond"] == ["c9"]
    assert listed["of the first bar"] == ["b", "a", "c10", "c9", HOSTILE]  # all are 3.5 s long


def test_neither_wide_nor_narrow_screens_scroll_sideways(told):
    assert told[0]["overflow"] == [0, 0]
