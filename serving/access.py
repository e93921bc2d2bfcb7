"""Who may call: holders of the token, and no page of another site by way of somebody's browser."""

import hashlib
import hmac
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
POLICY_VIOLATION = 1008  # RFC 6455
FORM = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>DINet lip sync</title><body style="font-family: system-ui, sans-serif; margin: 15vh auto; max-width: 20rem">
<form><label>Token / 令牌<br><input name="token" type="password" autofocus style="width: 100%; font-size: 1.2rem">
</label></form>"""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address or a host's name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Access:
    """Answers those who may not call, 401 without the token, 403 where another site's page asks.

    The token comes as Authorization: Bearer TOKEN, or as ?token=TOKEN, which a browser gets a cookie for. Without a
    token only this machine may call, by one of its own names: a name of another site could lead here too.
    """

    def __init__(self, app: ASGIApp, token: str, port: int):
        self.app, self.token = app, token.encode()
        self.cookie, self.cookie_value = f"lip_sync_{port}", hashlib.sha256(self.token).hexdigest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        call = HTTPConnection(scope)
        if (trouble := self.trouble(call)) is None and not self.is_entering(call):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            socket = WebSocket(scope, receive, send)
            await socket.accept()
            await socket.send_json({"error": trouble[1]})
            await socket.close(POLICY_VIOLATION)
        else:
            answer = self.entrance(call) if trouble is None else refusal(call, *trouble)
            await answer(scope, receive, send)

    def trouble(self, call: HTTPConnection) -> tuple[HTTPStatus, str] | None:
        """Why somebody may not call."""
        host, origin = call.headers.get("host", ""), call.headers.get("origin")
        if self.token and not self.has_token(call):
            return HTTPStatus.UNAUTHORIZED, "no token, or a wrong one; send Authorization: Bearer TOKEN"
        if not self.token and not is_loopback(urlsplit(f"//{host}").hostname or ""):
            return HTTPStatus.FORBIDDEN, "this server is called by 127.0.0.1 or localhost, or started with --token"
        is_safe = call.scope["type"] == "http" and call.scope["method"] in SAFE_METHODS
        if origin is not None and not is_safe and urlsplit(origin).netloc != host:
            return HTTPStatus.FORBIDDEN, "a page of another site may not do this"
        return None

    def has_token(self, call: HTTPConnection) -> bool:
        kind, _, given = call.headers.get("authorization", "").partition(" ")
        shown = [call.query_params.get("token", "").encode(errors="replace")]
        if kind.lower() == "bearer":
            shown.append(given.strip().encode("latin-1"))  # as headers are decoded
        cookie = call.cookies.get(self.cookie, "").encode(errors="replace")
        is_right = [hmac.compare_digest(token, self.token) for token in shown]
        return any(is_right) or hmac.compare_digest(cookie, self.cookie_value.encode())

    def is_entering(self, call: HTTPConnection) -> bool:
        """Whether a browser brings the token in the address, where it should not stay."""
        is_page = call.scope["type"] == "http" and call.scope["path"] == "/"
        return bool(self.token) and is_page and "token" in call.query_params

    def entrance(self, call: HTTPConnection) -> Response:
        answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
        is_https = call.scope["scheme"] == "https"
        answer.set_cookie(self.cookie, self.cookie_value, httponly=True, samesite="lax", secure=is_https)
        return answer


def refusal(call: HTTPConnection, status: HTTPStatus, detail: str) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    if status == HTTPStatus.UNAUTHORIZED and call.scope["path"] == "/":
        return HTMLResponse(FORM, status, headers)
    return JSONResponse({"detail": detail}, status, headers)
