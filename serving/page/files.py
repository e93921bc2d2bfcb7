"""Files that the page shows: what runs have drawn, and reports of data sets."""

import hashlib
import tempfile
from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse

from serving.answers import NO_SNIFFING, media_file
from serving.api import Server
from serving.orders import inside
from serving.refused import Refused
from serving.reports import find_reports
from serving.runs import PICTURES, VIDEOS

# A report runs its own scripts, and may do nothing in the name of the one who looks at it.
SANDBOX = {"Content-Security-Policy": "sandbox allow-scripts allow-downloads", **NO_SNIFFING}
router = APIRouter(include_in_schema=False)


@router.get("/runs/{name:path}")
def run_file(name: str, service: Server) -> FileResponse:
    path = inside(Path(service.options.runs_folder), name, "runs")
    if path.suffix not in PICTURES + VIDEOS:
        raise Refused("only pictures and videos of runs are shown", HTTPStatus.NOT_FOUND)
    return media_file(playable(path, Path(tempfile.gettempdir()) / "played") if path.suffix in VIDEOS else path)


@router.get("/data/report")
def report(name: str, service: Server) -> FileResponse:
    options = service.options
    page = find_reports(Path(options.data_folder), Path(options.runs_folder)).get(name)
    if page is None:
        raise Refused("no such report", HTTPStatus.NOT_FOUND)
    return FileResponse(page, media_type="text/html", headers=SANDBOX)


@router.api_route("/gradio_api/file={scheme}:/{rest:path}", methods=["GET", "HEAD"])
def foreign_file(scheme: str, rest: str) -> None:
    """Gradio would fetch an address for whoever asks; nobody here needs that."""
    raise Refused("only files of this server are shown", HTTPStatus.FORBIDDEN)


def playable(path: Path, folder: Path) -> Path:
    """A video as browsers play it: training writes MPEG-4 Part 2, which is the most that OpenCV writes everywhere."""
    from media.video import VideoWriter, probe, read_frames

    key = f"{path}\n{path.stat().st_mtime_ns}"
    coded = folder / f"{hashlib.blake2b(key.encode(), digest_size=16).hexdigest()}.mp4"
    if not coded.is_file():
        info = probe(path)
        with VideoWriter(coded, info.width, info.height, info.fps) as writer:
            for frame in read_frames(path, info=info):
                writer.write(frame)
    return coded
