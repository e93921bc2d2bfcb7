"""What the server answers: the forms of its JSON, files, and one line for everything that was foreseen to go wrong."""

import sqlite3
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel
from starlette.requests import Request

from config.errors import NO_ROOM, InputError, reason
from serving.job_store import State
from serving.refused import Refused

MEDIA_TYPES = {".mp4": "video/mp4", ".jpg": "image/jpeg", ".png": "image/png"}
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}


class JobAnswer(BaseModel):
    """A job. Times are seconds since 1970, `progress` is in 0..1, `result` is the address of the result, once there."""

    id: str
    kind: str
    state: State
    progress: float
    message: str
    title: str
    stage: dict[str, Any]
    created: float
    began: float | None
    ended: float | None
    result: str | None


class AvatarAnswer(BaseModel):
    """An avatar; `trouble`: why it cannot be used, if so."""

    name: str
    preview: str
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    frames: int | None = None
    trouble: str


class StatusAnswer(BaseModel):
    """`generator`: loading, ready, or broken for the reason `trouble`; `jobs`: how many are in each state."""

    generator: str
    trouble: str
    jobs: dict[str, int]


def media_file(path: Path, name: str | None = None) -> FileResponse:
    """A picture or video of ours; browsers may read nothing else into it. Raises Refused where it is gone."""
    if not path.is_file():
        raise Refused("the file is gone", HTTPStatus.NOT_FOUND)
    kind = MEDIA_TYPES[path.suffix]
    return FileResponse(path, media_type=kind, filename=name, headers=NO_SNIFFING, content_disposition_type="inline")


def add_error_answers(app: FastAPI) -> None:
    """Answer what was foreseen with its status and one line, {"detail": LINE}."""
    app.add_exception_handler(InputError, refuse)
    app.add_exception_handler(sqlite3.OperationalError, no_database)
    app.add_exception_handler(OSError, no_room)


def refuse(_: Request, error: InputError) -> JSONResponse:
    return JSONResponse({"detail": reason(error)}, getattr(error, "status", HTTPStatus.BAD_REQUEST))


def no_database(_: Request, error: sqlite3.OperationalError) -> JSONResponse:
    detail = f"the server cannot write its state ({error}); try again later"
    return JSONResponse({"detail": detail}, HTTPStatus.INSUFFICIENT_STORAGE)


def no_room(_: Request, error: OSError) -> JSONResponse:
    if error.errno not in NO_ROOM:
        raise error
    return JSONResponse({"detail": "the server's disk is full; try again later"}, HTTPStatus.INSUFFICIENT_STORAGE)
