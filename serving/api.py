"""The HTTP API: jobs and what becomes of them."""

import json
import sqlite3
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Header, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from config.errors import NO_ROOM, InputError, reason
from serving.api_schema import JOB_REQUEST
from serving.job_files import Upload
from serving.job_store import State
from serving.orders import make_order
from serving.refused import Refused
from serving.service import Service, described

MEDIA_TYPES = {
    **{".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm"},
    **{".mkv": "video/x-matroska", ".ogv": "video/ogg", ".jpg": "image/jpeg", ".png": "image/png"},
}
NO_SNIFFING = {"X-Content-Type-Options": "nosniff"}
MOST_FIELDS = 20
Identity = Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$")]


class JobAnswer(BaseModel):
    """A job. Times are seconds since 1970, `progress` is in 0..1, `result` the address of the result once it is there."""

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


class StatusAnswer(BaseModel):
    """`generator`: loading, ready, or broken for the reason `trouble`; `jobs`: how many are in each state."""

    generator: str
    trouble: str
    jobs: dict[str, int]


def routes(service: Service) -> APIRouter:
    """/api of a service."""
    router = APIRouter(prefix="/api", tags=["jobs"])

    @router.post("/jobs", status_code=HTTPStatus.CREATED, response_model=JobAnswer, openapi_extra=JOB_REQUEST)
    async def post_job(request: Request, idempotency_key: Annotated[str | None, Header()] = None) -> Any:
        """Post a job: dub a video with speech, or make one frame of it (kind: preview).

        Files are sent as multipart, or named in the server's --media_root. A post that is repeated with the same
        Idempotency-Key gives the job that the first one made.
        """
        async with RequestValues(request) as values:
            order = make_order(values, service.options, idempotency_key)
            return described(await run_in_threadpool(service.submit, order))

    @router.get("/jobs", response_model=list[JobAnswer])
    def list_jobs(state: State | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Any:
        """Jobs, newest first."""
        return [described(job) for job in service.store.listed(state, limit)]

    @router.get("/jobs/{identity}", response_model=JobAnswer)
    def get_job(identity: Identity) -> Any:
        """How far a job is, or what became of it."""
        return described(service.get(identity))

    @router.delete("/jobs/{identity}", response_model=JobAnswer)
    def delete_job(identity: Identity) -> Any:
        """Cancel a job that waits or runs; delete one that has ended, with its result."""
        return described(service.discard(identity))

    @router.get("/jobs/{identity}/result", response_class=FileResponse)
    def get_result(identity: Identity) -> FileResponse:
        """The dubbed video, or the picture of a preview: source and result side by side."""
        job, path = service.result(identity)
        return media_file(path, f"{job.title}{path.suffix}")

    @router.get("/jobs/{identity}/source", response_class=FileResponse)
    def get_source(identity: Identity) -> FileResponse:
        """The source of a dub, small and silent, in step with the result."""
        return media_file(service.source(identity))

    @router.get("/status", response_model=StatusAnswer)
    def get_status() -> Any:
        """Whether the generator is loaded, and how many jobs there are."""
        return {**service.queue.state(), "jobs": service.store.counts()}

    return router


def media_file(path: Path, name: str | None = None) -> FileResponse:
    """A file as what its name says, if that is something to look at; browsers may read nothing else into it."""
    if not path.is_file():
        raise Refused("the file is gone", HTTPStatus.NOT_FOUND)
    kind = MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
    return FileResponse(path, media_type=kind, filename=name, headers=NO_SNIFFING, content_disposition_type="inline")


class RequestValues:
    """The values of a request by name, files as Upload; what was sent is let go when the block ends."""

    def __init__(self, request: Request):
        self.request, self.form = request, None

    async def __aenter__(self) -> dict[str, Any]:
        kind = self.request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json":
            return json_values(await self.request.body())
        if kind != "multipart/form-data":
            message = "send multipart/form-data, or application/json"
            raise Refused(message, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
        self.form = await self.request.form(max_files=2, max_fields=MOST_FIELDS)
        pairs = self.form.multi_items()
        if len(pairs) > len(values := dict(pairs)):
            raise Refused("a name is given twice; leave one of them out")
        files = {name: value for name, value in values.items() if isinstance(value, UploadFile)}
        return values | {name: Upload(file.filename or name, file.file) for name, file in files.items()}

    async def __aexit__(self, *exception: object) -> None:
        if self.form is not None:
            await self.form.close()


def json_values(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the body is not understood as JSON ({error})") from error
    if not isinstance(values, dict):
        raise Refused('expected a JSON object, as {"video": "face.mp4", "speech": "speech.wav"}')
    return values


def add_error_answers(app: FastAPI) -> None:
    """Answer what was foreseen with its status and one line, {"detail": LINE}."""

    @app.exception_handler(InputError)
    async def refuse(_: Request, error: InputError) -> JSONResponse:
        return JSONResponse({"detail": reason(error)}, getattr(error, "status", HTTPStatus.BAD_REQUEST))

    @app.exception_handler(sqlite3.OperationalError)
    async def no_database(_: Request, error: sqlite3.OperationalError) -> JSONResponse:
        detail = f"the server cannot write its state ({error}); try again later"
        return JSONResponse({"detail": detail}, HTTPStatus.INSUFFICIENT_STORAGE)

    @app.exception_handler(OSError)
    async def no_room(_: Request, error: OSError) -> JSONResponse:
        if error.errno not in NO_ROOM:
            raise error
        return JSONResponse({"detail": "the server's disk is full"}, HTTPStatus.INSUFFICIENT_STORAGE)
