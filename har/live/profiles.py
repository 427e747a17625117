"""Profiles that people keep on the server, when they ask for it; the files are all that is known.

A profile is stored under its own name, so there is one of a name. Nobody is recognised by it unless
they take it.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import Response
from filelock import FileLock

from har.errors import HarError
from har.live import saved
from har.recognition import profile as profiles
from har.recognition.profile import MAX_SIZE, Profile

FOLDER = "profiles"
"""Of the profiles, in that of the recorded sessions."""

MOST = 200
"""Profiles that a server keeps."""

SECONDS = 20.0
"""How long a profile may take to come."""


def listed(folder: Path) -> list[dict[str, Any]]:
    """Each profile's `name`, `bytes` and when it was `saved` (s since 1970), the newest first."""
    every = saved.listed(folder, ".json")
    return [each for each in every if re.fullmatch(profiles.NAME, each["name"])]


def path_of(folder: Path, name: str) -> Path:
    """A profile's file, which need not be there.

    Raises:
        HarError: It cannot be a profile's name.
    """
    if not re.fullmatch(profiles.NAME, name):
        raise HarError(f"there is no profile {name:.80}")
    return folder / f"{name}.json"


def keep(folder: Path, profile: Profile, replace: bool) -> bool:
    """Write a profile, whole or not at all, whatever other processes write meanwhile.

    Args:
        folder: Of the profiles; made when first needed.
        profile: To be kept under its name.
        replace: Whether it may take the place of another one.

    Returns:
        Whether it is kept; not if there is one of its name that it may not replace.

    Raises:
        HarError: There are too many already.
    """
    path = path_of(folder, profile.name)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        if path.exists():
            if not replace:
                return False
        elif len(listed(folder)) >= MOST:
            raise HarError(f"the server keeps {MOST} profiles already: delete one first")
        profiles.save(path, profile)
    return True


def routes(folder: Path, model_sha256: str) -> APIRouter:
    """What the page asks for: `profiles.json`, and `profiles/NAME.json` to get, put and delete.

    Args:
        folder: Where profiles are kept.
        model_sha256: Of the server's model; profiles of another one are refused.
    """
    router = APIRouter()

    @router.get("/profiles.json")
    def every() -> list[dict[str, Any]]:
        return listed(folder)

    @router.get("/profiles/{name}.json")
    def one(name: str) -> Response:
        with _not_there(name):
            text = path_of(folder, name).read_bytes()
        return Response(text, media_type="application/json")

    @router.delete("/profiles/{name}.json", status_code=204)
    def delete(name: str) -> None:
        with _not_there(name):
            path_of(folder, name).unlink()

    @router.put("/profiles/{name}.json", status_code=204)
    async def put(
        request: Request, name: str, if_none_match: Annotated[str | None, Header()] = None
    ) -> Response:
        text = await _body(request)
        try:
            profile = profiles.parse(text, "the profile")
            if profile.name != name:
                raise HarError(f"the profile's name is {profile.name}, not {name:.80}")
            if profile.model_sha256 != model_sha256:
                raise HarError(f"profile {name} was made with another model: teach it anew")
            kept = await asyncio.to_thread(keep, folder, profile, if_none_match != "*")
        except HarError as error:
            raise HTTPException(422, str(error)) from None
        except OSError as error:
            raise HTTPException(507, f"it cannot be written: {error.strerror}") from None
        if not kept:
            raise HTTPException(412, f"there is a profile {name} already")
        return Response(status_code=204)

    return router


@contextmanager
def _not_there(name: str) -> Iterator[None]:
    try:
        yield
    except (HarError, FileNotFoundError):
        raise HTTPException(404, f"there is no profile {name:.80}") from None


async def _body(request: Request) -> bytes:
    """What is sent, up to the size of a profile."""
    text = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                text += part
                if len(text) > MAX_SIZE:
                    raise HTTPException(413, f"larger than {MAX_SIZE >> 10} kB")
    except TimeoutError:
        raise HTTPException(
            408, f"the profile did not come within {SECONDS:g} s", {"Connection": "close"}
        ) from None
    return bytes(text)
