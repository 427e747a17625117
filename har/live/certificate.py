"""A certificate for HTTPS in a local network: motion sensors work on secure pages only."""

import datetime
import ipaddress
import os
import re
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from har.errors import HarError
from har.files import replacing_file

DAYS = 397
"""iOS takes certificates for 825 days at most, other browsers of 398."""

_USES = x509.KeyUsage(
    digital_signature=True,
    key_cert_sign=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def own_address() -> str:
    """This machine's address in its network, 127.0.0.1 if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: only the route is looked up
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def own_names() -> tuple[str, ...]:
    """Names that this machine may go by in its network."""
    name = socket.gethostname().lower()
    return (name, f"{name.split('.')[0]}.local")


def make(
    certificate: Path, key: Path, names: tuple[str, ...] = (), replace: bool = False
) -> list[str]:
    """Write a self-signed certificate and its key, readable by nobody else.

    It can be installed on a phone as its own authority, which iOS wants for WebSockets; that
    authority is for these names and no others (RFC 5280, 4.2.1.10).

    Args:
        certificate: File to write.
        key: Likewise.
        names: Names and addresses that it is for, beside those of this machine.
        replace: Write over files that are there: phones that trust those do not trust the new ones.

    Returns:
        All names and addresses that it is for.

    Raises:
        HarError: There are files already, both are the same file, or a name is not valid.
    """
    if os.path.realpath(certificate) == os.path.realpath(key):
        raise HarError(f"{certificate}: the certificate and its key should be two files")
    for path in (certificate, key):
        if path.exists() and not replace:
            raise HarError(
                f"{path} is there already, and phones may trust it; --replace makes another"
            )
    for name in names:
        if not _is_name(name):
            raise HarError(
                f"{name!a}: no host name or address; write letters, digits, hyphens and dots"
            )
    own = [name for name in own_names() if _is_name(name)]
    every = list(dict.fromkeys(["localhost", "127.0.0.1", "::1", own_address(), *own, *names]))
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Live activity recognition")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS - 1))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in every]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(x509.NameConstraints([_alone(name) for name in every], None), True)
        .add_extension(_USES, True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .sign(private, hashes.SHA256())
    )
    with replacing_file(key) as partial:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(
                private.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                )
            )
    with replacing_file(certificate) as partial:
        partial.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return every


def ensure(certificate: Path, key: Path, names: tuple[str, ...] = ()) -> bool:
    """See that there is a pair for this machine as it is called and found now.

    A pair for other addresses, or one that has ended, is replaced by one that is for its names too.

    Args:
        certificate: As for `make`.
        key: Likewise.
        names: Likewise.

    Returns:
        Whether one was made: then phones that trusted an older one must be told of this one.

    Raises:
        HarError: One of the files is there and cannot be used, or a name is not valid.
    """
    if not certificate.exists() and not key.exists():
        make(certificate, key, names)
        return True
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        every = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        raise HarError(f"{certificate}: cannot be read; --certificate names another one") from None
    old = {str(each.value) for each in every if isinstance(each, x509.IPAddress | x509.DNSName)}
    left = found.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    if {own_address(), *names} <= old and left > datetime.timedelta(days=1):
        return False
    make(certificate, key, tuple(sorted(old | set(names))), replace=True)
    return True


def alone(certificate: Path) -> bytes:
    """A certificate as phones take it (DER), without whatever else is in its file."""
    found = x509.load_pem_x509_certificate(certificate.read_bytes())
    return found.public_bytes(serialization.Encoding.DER)


def _is_name(name: str) -> bool:
    label = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    try:
        return "%" not in str(ipaddress.ip_address(name))  # nobody else knows its zone
    except ValueError:
        return len(name) < 254 and bool(re.fullmatch(rf"{label}(\.{label})*", name))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _alone(name: str) -> x509.GeneralName:
    general = _general(name)
    if isinstance(general, x509.IPAddress):
        return x509.IPAddress(ipaddress.ip_network(general.value))
    return general
