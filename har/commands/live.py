"""`har live` and `har certificate`."""

import ipaddress
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from har.commands.options import ModelOption
from har.errors import HarError
from har.model.bundle import RELEASED

CERTIFICATE, KEY = Path("data/certificate.pem"), Path("data/certificate.key")


def live(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for the whole network.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8000,
    https: Annotated[
        bool | None,
        typer.Option(
            help="Serve HTTPS, without which browsers hide motion sensors from other machines' "
            "pages; by default where others can connect. A certificate is made if none is named.",
            show_default=False,
        ),
    ] = None,
    certificate: Annotated[
        Path | None, typer.Option(help="A certificate of your own for HTTPS, with --key.")
    ] = None,
    key: Annotated[Path | None, typer.Option(help="The certificate's private key.")] = None,
    recordings: Annotated[
        Path, typer.Option(help="Folder of recordings that can be replayed.")
    ] = Path("data/recordings"),
    sessions: Annotated[Path, typer.Option(help="Folder to which sessions are recorded.")] = Path(
        "data/sessions"
    ),
    model: ModelOption = RELEASED,
    name: Annotated[
        list[str] | None,
        typer.Option(
            help="Name that this machine has in the network; repeat for several. Requests under "
            "any other name are answered `Invalid host header`."
        ),
    ] = None,
    streams: Annotated[
        int, typer.Option(min=1, help="Most phones at a time, for each worker.")
    ] = 600,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that serve, best one for each core.")
    ] = 1,
) -> None:
    """Serve the page that shows what a phone's wearer is doing, as it happens."""
    if (certificate is None) != (key is None):
        raise HarError("--certificate and --key belong together")
    for each in name or ():
        if "*" in each:
            raise HarError(f"--name {each}: should be a host name, not a pattern")
    from har.live import server
    from har.live.certificate import ensure, own_address, own_names
    from har.live.connection import Limits
    from har.live.workers import Site, prepared, run

    names = tuple(name or ()) if _is_loopback(host) else (host, *own_names(), *(name or ()))
    # First: where nothing can be served, a certificate that phones trust is not replaced.
    listening = server.listen(host, port)
    everywhere = host in ("0.0.0.0", "::")  # noqa: S104 - the person says so
    renewed = False
    if certificate is None and (https if https is not None else not _is_loopback(host)):
        certificate, key = CERTIFICATE, KEY
        own = () if everywhere or _is_loopback(host) else (host,)
        renewed = ensure(certificate, key, (*own, *(name or ())))
    if certificate is not None and key is not None:
        server.check_certificate(certificate, key)
    limits = Limits(streams=streams)
    recognizer = server.make_recognizer(model) if workers == 1 else None

    scheme = "http" if certificate is None else "https"
    shown = own_address() if everywhere else host
    shown = f"[{shown}]" if ":" in shown else shown
    address = f"{scheme}://{shown}:{listening.getsockname()[1]}"
    for_phones = None if _is_loopback(host) else address

    def tell() -> None:
        print(f"{address}   (Ctrl-C ends)", flush=True)
        if for_phones is not None:
            _tell_about_phones(address, certificate)
        if renewed:
            print(
                f"{certificate} is new; an iPhone that trusted an older one needs it.", flush=True
            )

    site = Site(model, recordings, sessions, names, limits, for_phones, certificate, key)
    with suppress(KeyboardInterrupt):  # which the server passes on or not, as it comes
        if recognizer is None:
            run(site, workers, listening, tell)
        else:
            alone = prepared(site, recognizer)
            tell()
            alone.run(sockets=[listening])
    print("\nended; recorded sessions are complete", flush=True)


def certificate(
    certificate: Annotated[Path, typer.Option(help="File to write.")] = CERTIFICATE,
    key: Annotated[Path, typer.Option(help="File to write; keep it to yourself.")] = KEY,
    name: Annotated[
        list[str] | None, typer.Option(help="Further name or address; repeat for several.")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite files that phones may trust already.")
    ] = False,
) -> None:
    """Make the certificate with which phones reach the page over HTTPS."""
    from har.live.certificate import DAYS, make

    every = make(certificate, key, tuple(name or ()), replace)
    print(f"{certificate} and {key}: for {', '.join(every)}; {DAYS - 1} days")


def _tell_about_phones(address: str, certificate: Path | None) -> None:
    _print_code(address)
    print(
        "Whoever is in this network can open the page, record, and see and delete what is kept.",
        flush=True,
    )
    if certificate is None:
        print("Without HTTPS, browsers on phones hide their motion sensors.", flush=True)
    else:
        print(
            "Browsers warn of the certificate, which is this machine's own: continue. "
            "The page says what an iPhone needs.",
            flush=True,
        )


def _print_code(address: str) -> None:
    """The address as a QR code, where the terminal has the characters for it."""
    import segno

    try:
        "▀▄█".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return
    segno.make(address, micro=False).terminal(compact=True)
    sys.stdout.flush()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
