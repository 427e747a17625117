"""Who may talk to the server: pages that came from it, under a name that is its own."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Guard:
    """Refuses requests under other names and from other pages; tells browsers to load nothing else.

    A page elsewhere can make a browser connect here in two ways. It can do so openly: then the
    browser names it as `Origin`. Or its own name can be made to point to this machine (DNS
    rebinding): then that name is in `Host`. An address in figures cannot be made to point anywhere.
    Programs that are no browsers send no `Origin`, and are let in.

    Args:
        app: What is guarded.
        names: The server's own, beside `localhost` and any address in figures.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...] = ()) -> None:
        self._app = app
        self._names = {"localhost", *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if problem := self._problem(host, headers.get("origin")):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": problem})
            else:
                await PlainTextResponse(problem + "\n", 403)(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_safety(host))
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _problem(self, host: str, origin: str | None) -> str:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if name not in self._names and not _is_address(name):
            return "This server does not answer to that name: see --name."
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            return "Only the server's own page may use it."
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _safety(host: str) -> dict[str, str]:
    # Older Safari does not take 'self' to mean WebSockets as well.
    policy = (
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; "
        f"img-src 'self' data:; connect-src 'self' ws://{host} wss://{host}; "
        "worker-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "accelerometer=(self), gyroscope=(self), camera=(), "
        "geolocation=(), microphone=()",
        "Cache-Control": "no-cache",
    }
