"""The HTTP API: jobs and what becomes of them, avatars, the state of the server."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request

from serving.answers import AvatarAnswer, JobAnswer, StatusAnswer, media_file
from serving.api_schema import avatar_schema, job_schema, request_body
from serving.job_store import State
from serving.orders import make_avatar_order, make_order
from serving.request_values import RequestValues
from serving.service import Service, described


def service_of(call: HTTPConnection) -> Service:
    return call.app.state.service


Server = Annotated[Service, Depends(service_of)]
Identity = Annotated[str, PathParameter(pattern="^[0-9a-f]{32}$")]
Key = Annotated[str | None, Header(alias="Idempotency-Key")]
CREATED = {"status_code": HTTPStatus.CREATED, "response_model": JobAnswer}
router = APIRouter(prefix="/api")


@router.post("/jobs", tags=["jobs"], openapi_extra=request_body(job_schema), **CREATED)
async def post_job(request: Request, service: Server, key: Key = None) -> Any:
    """Post a job: dub a video with speech, or make one frame of it (kind: preview).

    Files are sent as multipart, or named in the server's --media_root. A post that is repeated with the same
    Idempotency-Key gives the job that the first one made.
    """
    async with RequestValues(request) as values:
        order = make_order(values, service.options, key)
        return described(await run_in_threadpool(service.submit, order))


@router.get("/jobs", tags=["jobs"], response_model=list[JobAnswer])
def list_jobs(service: Server, state: State | None = None, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Any:
    """Jobs, newest first."""
    return [described(job) for job in service.store.listed(state, limit)]


@router.get("/jobs/{identity}", tags=["jobs"], response_model=JobAnswer)
def get_job(identity: Identity, service: Server) -> Any:
    """How far a job is, or what became of it."""
    return described(service.get(identity))


@router.delete("/jobs/{identity}", tags=["jobs"], response_model=JobAnswer)
def delete_job(identity: Identity, service: Server) -> Any:
    """Cancel a job that waits or runs; delete one that has ended, with its result."""
    return described(service.discard(identity))


@router.get("/jobs/{identity}/result", tags=["jobs"], response_class=FileResponse)
def get_result(identity: Identity, service: Server) -> FileResponse:
    """The dubbed video; of a preview a picture, source and result side by side; of an avatar its picture."""
    job, path = service.result(identity)
    return media_file(path, f"{job.title}{path.suffix}")


@router.get("/jobs/{identity}/source", tags=["jobs"], response_class=FileResponse)
def get_source(identity: Identity, service: Server) -> FileResponse:
    """The source of a dub, small and silent, in step with the result."""
    return media_file(service.source(identity))


@router.post("/avatars", tags=["avatars"], openapi_extra=request_body(avatar_schema), **CREATED)
async def post_avatar(request: Request, service: Server, key: Key = None) -> Any:
    """Post a job that makes an avatar: a face prepared once, which jobs may name and which speaks live."""
    async with RequestValues(request) as values:
        order = make_avatar_order(values, service.options, key)
        return described(await run_in_threadpool(service.submit, order))


@router.get("/avatars", tags=["avatars"], response_model=list[AvatarAnswer])
def list_avatars(service: Server) -> Any:
    """Avatars by name."""
    return service.avatars.listed()


@router.get("/avatars/{name}/preview", tags=["avatars"], response_class=FileResponse)
def get_preview(name: str, service: Server) -> FileResponse:
    """A picture of an avatar."""
    return media_file(service.avatars.preview(name))


@router.get("/status", tags=["server"], response_model=StatusAnswer)
def get_status(service: Server) -> Any:
    """Whether the generator is loaded, and how many jobs there are."""
    return {**service.queue.state(), "jobs": service.store.counts()}
