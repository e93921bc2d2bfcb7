"""From app.py's options to a server that answers: API and page on one port."""

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from config.config import AppOptions
from serving.access import Access
from serving.answers import add_error_answers
from serving.api import router
from serving.body_limit import BodyLimit
from serving.live_socket import router as live_router
from serving.service import Service, sole_server

MOST_CONNECTIONS = 500  # at a time; more are answered with 503
ABOUT = "Dub face videos with any speech, and see what became of it."


def serve(options: AppOptions, listener: socket.socket) -> None:
    """Answer on an open socket until a signal comes. Raises InputError where another server has the state folder."""
    host, port = listener.getsockname()[:2]
    with sole_server(Path(options.state_folder)):
        keep_temporary_files(Path(options.state_folder) / "uploads")
        service = Service(options)
        app = build_api(options, service, port)
        from serving.page.page import add_page

        add_page(app, service)
        settings = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=3, ws_max_size=1 << 20
        )  # fmt: skip
        shown = f"[{host}]" if ":" in host else host
        print(f"http://{shown}:{port}/  (API: /docs)", flush=True)
        uvicorn.Server(settings).run([listener])


def keep_temporary_files(folder: Path) -> None:
    """Have uploads go to a folder of ours until they are complete, and Gradio tell nobody that it is used."""
    shutil.rmtree(folder, ignore_errors=True)  # what an earlier server left
    folder.mkdir(parents=True)
    tempfile.tempdir = str(folder)
    os.environ.update(GRADIO_TEMP_DIR=str(folder), GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1")


def build_api(options: AppOptions, service: Service, port: int) -> FastAPI:
    """The application without the page, and who may call it."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with service.running():
            yield

    app = FastAPIOffline(title="DINet lip sync", version="1", description=ABOUT, lifespan=lifespan, redoc_url=None)
    app.state.service = service
    app.include_router(router)
    app.include_router(live_router)
    add_error_answers(app)
    app.add_middleware(BodyLimit, most=options.max_upload * 10**6)
    app.add_middleware(Access, token=options.token, port=port)
    return app
