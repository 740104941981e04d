from __future__ import annotations

import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from huntlake.core.clock import FixedClock
from huntlake.identity.certificates import ServerCertificate, server_certificate


def names(certificate: ServerCertificate) -> set[str]:
    parsed = x509.load_pem_x509_certificates(certificate.chain.read_bytes())[0]
    san = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in san}


def test_a_client_that_trusts_the_authority_trusts_the_server(tmp_path: Path, clock: FixedClock) -> None:
    made = server_certificate(tmp_path, ["lake.example"], clock)
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    leaf = x509.load_pem_x509_certificates(made.chain.read_bytes())[0]
    leaf.verify_directly_issued_by(authority)
    verifier = x509.verification.PolicyBuilder().store(x509.verification.Store([authority])).time(clock.now())
    for name in ("lake.example", "localhost"):
        verifier.build_server_verifier(x509.DNSName(name)).verify(leaf, [])
    ssl.create_default_context(cafile=str(made.authority))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.chain, made.key)


def test_the_certificate_has_every_name(tmp_path: Path, clock: FixedClock) -> None:
    made = server_certificate(tmp_path, ["Lake.Example", "192.0.2.7", "[2001:db8::1]", "bücher.example", ""], clock)
    assert names(made) == {
        "localhost",
        "127.0.0.1",
        "::1",
        "lake.example",
        "192.0.2.7",
        "2001:db8::1",
        "xn--bcher-kva.example",
    }


def test_nothing_is_made_twice_without_need(tmp_path: Path, clock: FixedClock) -> None:
    first = server_certificate(tmp_path, [], clock)
    before = {f: f.read_bytes() for f in tmp_path.iterdir()}
    clock.at += timedelta(days=300)
    assert server_certificate(tmp_path, [], clock) == first
    assert {f: f.read_bytes() for f in tmp_path.iterdir()} == before


@pytest.mark.parametrize("why", ["expiry", "names", "broken", "mixed up"])
def test_a_server_certificate_is_renewed_under_the_same_authority(tmp_path: Path, clock: FixedClock, why: str) -> None:
    first = server_certificate(tmp_path, [], clock)
    authority, chain = first.authority.read_bytes(), first.chain.read_bytes()
    if why == "expiry":
        clock.at += timedelta(days=368)
    elif why == "broken":
        first.key.write_bytes(b"")
    elif why == "mixed up":
        first.key.write_bytes((tmp_path / "ca-key.pem").read_bytes())
    renewed = server_certificate(tmp_path, ["new.example"] if why == "names" else [], clock)
    assert renewed.authority.read_bytes() == authority
    assert renewed.chain.read_bytes() != chain
    assert renewed.expires > clock.now() + timedelta(days=300)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(renewed.chain, renewed.key)


def test_nobody_else_may_read_the_keys_and_everybody_the_authority(tmp_path: Path, clock: FixedClock) -> None:
    made = server_certificate(tmp_path / "tls", [], clock)
    modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in (tmp_path / "tls").iterdir()}
    assert modes == {"ca.pem": 0o644, "ca-key.pem": 0o600, "server.pem": 0o644, "server-key.pem": 0o600}
    assert made.authority.name == "ca.pem"
