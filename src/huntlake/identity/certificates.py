"""A certificate authority of this server's own, and the certificate its clients see."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huntlake.core.clock import Clock
from huntlake.identity import files

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_AUTHORITY_LIFETIME = timedelta(days=3650)
# Some systems refuse a server certificate that is good for more than 398 days.
_SERVER_LIFETIME = timedelta(days=397)
_RENEW_BEFORE = timedelta(days=30)
# A client whose clock is a little behind would find a fresh certificate not valid yet.
_BACKDATED = timedelta(days=1)

ALWAYS = ("localhost", "127.0.0.1", "::1")
"""The names that a server certificate always has."""


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """Where the PEM files are: the CA that clients must trust, the server's chain and its private key."""

    authority: Path
    chain: Path
    key: Path
    expires: datetime


def server_certificate(folder: Path, names: Iterable[str], clock: Clock) -> ServerCertificate:
    """A certificate for `localhost` and `names` (host names and addresses), good for at least a month.

    What is missing, about to expire, or made for other names is made anew. The authority is kept as
    long as it lives, for clients have been told to trust it.
    """
    files.folder(folder, 0o755)
    wanted = _san((*ALWAYS, *names))
    now = clock.now()
    authority = _authority(folder, now)
    chain, key = folder / "server.pem", folder / "server-key.pem"
    server = _read(chain, key)
    if not (server and _is_good(server[0], now) and _names(server[0]) == wanted and _is_from(server[0], authority[0])):
        server = _issue(authority, wanted, now)
        # Should the process end between the two, the pair doesn't match and is made again.
        files.write(key, _private_pem(server[1]))
        files.write(chain, _pem(server[0]) + _pem(authority[0]), files.PUBLIC)
    return ServerCertificate(folder / "ca.pem", chain, key, server[0].not_valid_after_utc)


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    certificate, key = folder / "ca.pem", folder / "ca-key.pem"
    kept = _read(certificate, key)
    # A server certificate must not outlive its authority.
    if kept and kept[0].not_valid_after_utc > now + _SERVER_LIFETIME:
        return kept
    made = _issue(None, None, now)
    files.write(key, _private_pem(made[1]))
    files.write(certificate, _pem(made[0]), files.PUBLIC)
    return made


def _issue(
    authority: tuple[x509.Certificate, EllipticCurvePrivateKey] | None, san: frozenset[Any] | None, now: datetime
) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """A certificate and its key: an authority that signs itself, or a server's that `authority` signs."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    signer = authority[1] if authority else key
    serial = x509.random_serial_number()
    # Two authorities of one name would be mixed up by whoever trusts both.
    subject = _name(f"huntlake local CA {serial:040x}"[:30] if authority is None else "huntlake")
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority[0].subject if authority else subject)
        .public_key(public)
        .serial_number(serial)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + (_SERVER_LIFETIME if authority else _AUTHORITY_LIFETIME))
        .add_extension(x509.BasicConstraints(ca=not authority, path_length=None if authority else 0), critical=True)
        .add_extension(_usage(authority=not authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if san is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(sorted(san, key=str)), critical=False)
        usage = x509.ExtendedKeyUsage([x509.oid.ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(usage, critical=False)
    return builder.sign(signer, hashes.SHA256()), key


def _name(text: str) -> x509.Name:
    from cryptography import x509

    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _san(names: Iterable[str]) -> frozenset[Any]:
    """Names as a certificate has them: addresses apart from host names, the latter in ASCII."""
    from cryptography import x509

    found: set[Any] = set()
    for name in filter(None, (n.strip().strip("[]").lower() for n in names)):
        try:
            found.add(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            try:
                found.add(x509.DNSName(name.encode("idna").decode()))
            except UnicodeError:
                continue  # a machine may be called what no certificate can say
    return frozenset(found)


def _names(certificate: x509.Certificate) -> frozenset[Any]:
    from cryptography import x509

    return frozenset(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)


def _is_good(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - _RENEW_BEFORE


def _is_from(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _read(certificate: Path, key: Path) -> tuple[x509.Certificate, EllipticCurvePrivateKey] | None:
    """A certificate and its key as they are on disk; None where they are missing, broken or no pair."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not (certificate.exists() and key.exists()):
        return None
    try:
        first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
        private = load_pem_private_key(key.read_bytes(), password=None)
    except ValueError:
        return None
    matches = isinstance(private, EllipticCurvePrivateKey) and private.public_key() == first.public_key()
    return (first, private) if matches and isinstance(private, EllipticCurvePrivateKey) else None


def _pem(certificate: x509.Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _private_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
