"""Who may talk to the server: pages that came from it, under a name that is its own."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Guard:
    """Refuses requests under other names and from other pages; tells browsers to load nothing else.

    A page elsewhere can make a browser connect here in two ways. It can do so openly: then the
    browser names it as `Origin`. Or its own name can be made to point to this machine (DNS
    rebinding): then that name is in `Host`. An IP address cannot be made to point anywhere else,
    so every one is accepted, which Starlette's `TrustedHostMiddleware` cannot say. Programs that
    are not browsers send no `Origin`, and are let in.

    Args:
        app: What is guarded.
        names: The server's own host names, beside `localhost`; no patterns.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...] = ()) -> None:
        self._app = app
        self._app_by_name = TrustedHostMiddleware(app, ["localhost", *names], www_redirect=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _is_foreign(headers.get("origin"), host):
            refusal = PlainTextResponse("Only the server's own page may use it.\n", 403)
            await refusal(scope, receive, send)
            return
        app = self._app if _is_address(host) else self._app_by_name
        if scope["type"] == "websocket":
            await app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_safety(host))
            await send(message)

        await app(scope, receive, send_with_headers)


def policy(sockets: str = "") -> str:
    """What the page may load and talk to: nothing that is elsewhere (Content Security Policy).

    Args:
        sockets: Addresses of WebSockets that it may open, if any.
    """
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self' {sockets}; worker-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'"
    )


def _is_foreign(origin: str | None, host: str) -> bool:
    return origin is not None and origin.partition("://")[2].lower() != host.lower()


def _is_address(host: str) -> bool:
    """Whether a `Host` header holds an IP address, with or without a port."""
    try:
        ipaddress.ip_address(urlsplit(f"//{host}").hostname or "")
    except ValueError:
        return False
    return True


def _safety(host: str) -> dict[str, str]:
    # Older Safari does not take 'self' to mean WebSockets as well.
    own = policy(f"ws://{host} wss://{host}")
    return {
        "Content-Security-Policy": f"{own}; frame-ancestors 'none'",  # a page cannot say the latter
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "accelerometer=(self), gyroscope=(self), camera=(), "
        "geolocation=(), microphone=()",
        "Cache-Control": "no-cache",
    }
