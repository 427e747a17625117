"""The server of the live page."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any

import numpy as np
import uvicorn
from fastapi import Body, FastAPI, HTTPException, Request, WebSocket
from fastapi.responses import FileResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp
from threadpoolctl import threadpool_limits

from har.errors import HarError
from har.evaluation.colours import ACTIVITY_COLOURS
from har.live import profiles, saved, uploads
from har.live.certificate import alone
from har.live.connection import Connections, Limits
from har.live.descriptors import Server
from har.live.guard import Guard
from har.live.javascript import RECOGNIZER, for_javascript
from har.live.link import Link
from har.live.messages import MAX_MESSAGE, MAX_SAMPLES
from har.live.protocol import RequestTimeout
from har.live.sessions import InUse
from har.model import bundle
from har.model.bundle import MODEL, Description
from har.recognition.recognizer import Recognizer
from har.signals.recordings import SOME_POSTURE
from har.signals.sensors import MOUNTINGS

STATIC = Path(__file__).parent / "static"

HOP = 25
"""Samples at 50 Hz from one prediction to the next, unless a page asks for another hop."""

OTHERS = 200
"""Connections at a time, beside the phones'."""


UPLOADS, MAX_IN_MEMORY = 8, 1 << 20
"""Files that are received at a time, and what of one is held in memory meanwhile, bytes."""


def configuration(description: Description, recordings: list[str] | None) -> dict[str, Any]:
    """What the page needs to know, `config.json`.

    Args:
        description: The trained model's.
        recordings: Names of the recordings to replay, None if there is no folder of them.
    """
    return {
        "recognition": "server",
        "activities": description.activities,
        "still": {"answer": SOME_POSTURE, "postures": description.postures},
        "colours": ACTIVITY_COLOURS,
        "window": description.window_size,
        "hop": HOP,
        "maxSamples": MAX_SAMPLES,
        "needsGyroscope": description.needs_gyroscope,
        "mountings": {name: matrix.flatten().tolist() for name, matrix in MOUNTINGS.items()}
        if description.needs_mounting
        else None,
        "placements": description.placements,
        "trainedOn": description.trained_on,
        "recordings": recordings,
        "dataset": description.training.dataset,
    }


def make_app(
    recognizer: Recognizer,
    recordings: Path,
    sessions: Path,
    names: tuple[str, ...] = (),
    limits: Limits | None = None,
    address: str | None = None,
    certificate: Path | None = None,
    link: Link | None = None,
) -> ASGIApp:
    """The server's application.

    Args:
        recognizer: Recognises for all clients.
        recordings: Folder of recordings to replay; need not exist.
        sessions: Folder that the clients' sessions are written to, and the profiles that they keep
            here in one below it; made when first needed.
        names: Names of this machine, beside `localhost` and its addresses.
        limits: Of each client.
        address: Where phones reach the page, which shows it to them as a QR code.
        certificate: Of that address; phones can fetch it, to trust it.
        link: To other processes that serve the same sessions.
    """
    limits = limits or Limits()
    connections = Connections(recognizer, sessions, limits, link)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        connections.listen()
        yield
        connections.close()

    app = FastAPI(openapi_url=None, lifespan=lifespan)

    @app.get("/config.json")
    def config() -> dict[str, Any]:
        made = configuration(recognizer.description, _recordings(recordings))
        here = {"address": address, "certificate": certificate is not None}
        return made | here | {"sessions": str(sessions), "files": uploads.SUFFIXES}

    if address is not None:
        code = qr_svg(address)

        @app.get("/address.svg")
        def qr() -> Response:
            return Response(code, media_type="image/svg+xml")

    if certificate is not None:
        trusted = alone(certificate)

        @app.get("/certificate.crt")
        def authority() -> Response:
            return Response(trusted, media_type="application/x-x509-ca-cert")

    @app.get("/recordings/{name}.csv")
    def recording(name: str) -> FileResponse:
        if name not in (_recordings(recordings) or []):
            raise HTTPException(404, "no such recording")
        return FileResponse(recordings / f"{name}.csv", media_type="text/csv")

    @app.get("/sessions.json")
    def session_list() -> list[dict[str, Any]]:
        return saved.listed(sessions)

    @app.get("/sessions/{name}.csv")
    def session(name: str) -> FileResponse:
        with _refused(404):
            return FileResponse(saved.path_of(sessions, name), media_type="text/csv")

    @app.patch("/sessions/{name}", status_code=204)
    def rename(name: str, new: Annotated[str, Body(alias="name", embed=True)]) -> None:
        with _refused(409):
            saved.rename(sessions, name, new)

    @app.delete("/sessions/{name}", status_code=204)
    def delete(name: str) -> None:
        with _refused(404):
            saved.delete(sessions, name)

    kept_profiles = sessions / profiles.FOLDER
    app.include_router(profiles.routes(kept_profiles, recognizer.description.model_sha256))

    # Files come side by side, onto the disk: one that drips delays no other. One at a time is read,
    # which takes memory.
    receiving, reading = asyncio.Semaphore(UPLOADS), asyncio.Semaphore(1)

    @app.post("/read")
    async def read(request: Request, name: str) -> Response:
        if _announced(request) > uploads.MAX_BYTES:
            raise _too_large()
        try:
            async with receiving:
                with SpooledTemporaryFile(MAX_IN_MEMORY) as received:
                    async with asyncio.timeout(limits.upload):
                        await _receive(request, received)
                    async with reading:
                        received.seek(0)
                        gyroscope = recognizer.description.needs_gyroscope
                        made = await asyncio.to_thread(
                            uploads.converted, received.read(), name, gyroscope
                        )
            return Response(made, media_type="application/json")
        except TimeoutError:
            raise HTTPException(
                408,
                f"the file did not come within {limits.upload:g} s; try again",
                {"Connection": "close"},  # what else comes of it is not waited for
            ) from None
        except HarError as error:
            raise HTTPException(422, str(error)) from None

    @app.websocket("/live")
    async def live(websocket: WebSocket) -> None:
        await connections.serve(websocket)

    @app.get(f"/{MODEL}")
    def model() -> Response:
        return Response(recognizer.bundle.model, media_type="application/octet-stream")

    @app.get(f"/{RECOGNIZER}")
    def description() -> dict[str, Any]:
        return for_javascript(recognizer.description)

    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return Guard(app, names)


def qr_svg(text: str) -> bytes:
    """A QR code, black on white whatever the page's colours."""
    import segno

    file = BytesIO()
    segno.make(text, micro=False).save(file, kind="svg", scale=4, light="#fff", xmldecl=False)
    return file.getvalue()


@contextmanager
def _refused(status: int) -> Iterator[None]:
    """An error of the user's is answered with this status, what is in use with 409."""
    try:
        yield
    except InUse as error:
        raise HTTPException(409, str(error)) from None
    except HarError as error:
        raise HTTPException(status, str(error)) from None


async def _receive(request: Request, file: IO[bytes]) -> None:
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > uploads.MAX_BYTES:
            raise _too_large()
        file.write(part)


def _announced(request: Request) -> int:
    return int(request.headers.get("content-length", "0"))  # digits, or h11 refuses it


def _too_large() -> HTTPException:
    return HTTPException(413, f"larger than {uploads.MAX_BYTES >> 20} MB")


def _recordings(folder: Path) -> list[str] | None:
    if not folder.is_dir():
        return None
    return sorted(path.stem for path in folder.glob("*.csv") if path.is_file())


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        HarError: The address cannot be used.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(1024)
    except OSError as error:
        raise HarError(
            f"cannot listen on {host}, port {port} ({error.strerror}); "
            "--host and --port name another address"
        ) from None
    return listening


def check_certificate(certificate: Path, key: Path) -> None:
    """Raise HarError unless these are a certificate and its key."""
    for path in (certificate, key):
        if not path.is_file():
            raise HarError(f"{path}: no such file; `har certificate` makes both")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        what = error.strerror or str(error)
        raise HarError(
            f"{certificate} and {key}: not a certificate and its key ({what:.100})"
        ) from None


def make_recognizer(folder: Path) -> Recognizer:
    """The recognizer that a bundle makes, on one thread.

    Raises:
        HarError: As for `har.model.bundle.load`.
    """
    # The windows are small: more threads would wait for each other.
    threadpool_limits(1)
    recognizer = Recognizer(bundle.load(folder), hop=HOP)
    description = recognizer.description
    # The first run takes longer than those after it.
    nothing = np.zeros((1, description.window_size, len(description.signals)), np.float32)
    recognizer.bundle.predict(nothing)
    return recognizer


def make_server(
    app: ASGIApp,
    certificate: Path | None = None,
    key: Path | None = None,
    limits: Limits | None = None,
) -> uvicorn.Server:
    """A server for an application; `run` it with `listen`'s socket."""
    limits = limits or Limits()
    # What clients do wrong is no news; the application logs its own failures.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    return Server(
        uvicorn.Config(
            app,
            http=RequestTimeout,
            ws="websockets-sansio",  # the only one of uvicorn's that reads no faster than we take
            ws_max_size=MAX_MESSAGE,
            ws_ping_interval=10,
            ws_ping_timeout=20,
            ws_per_message_deflate=False,
            limit_concurrency=limits.streams + OTHERS,
            timeout_keep_alive=limits.request,
            timeout_graceful_shutdown=5,
            access_log=False,
            log_config=None,
            server_header=False,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
    )
