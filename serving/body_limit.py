"""No request may hold more than it is said to need: large bodies are for files alone."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_TEXT = 1 << 20  # bytes of a body that holds no files


class TooLarge(Exception):
    """More came than is taken."""


class BodyLimit:
    """Answers 413 to requests whose body is, or becomes, larger than `most` bytes, or LARGEST_TEXT without files."""

    def __init__(self, app: ASGIApp, most: int):
        self.app, self.most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        most = self.most if headers.get("content-type", "").startswith("multipart/form-data") else LARGEST_TEXT
        stated, received, has_answered = headers.get("content-length", "0"), 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal has_answered
            has_answered = True
            await send(message)

        try:
            if stated.isdigit() and int(stated) > most:
                raise TooLarge
            await self.app(scope, counted, noted)
        except TooLarge:
            if not has_answered:
                await refusal(most)(scope, receive, send)


def refusal(most: int) -> JSONResponse:
    detail = f"the request is larger than {most / 1e6:.0f} MB, the most that is taken; send smaller files"
    return JSONResponse({"detail": detail}, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"Connection": "close"})
