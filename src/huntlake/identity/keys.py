"""The RSA keys that sign tokens, kept on disk, and the public halves of those that did.

A key is one file named `<time made>-<kid>.pem`. The newest private key signs. Rotation leaves of the
others only what verifies; who removes a `.pub` file makes every token it signed worthless.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huntlake.core.clock import Clock
from huntlake.identity import files

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

ALGORITHM = "RS256"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and the id by which tokens name it."""

    kid: str
    private: RSAPrivateKey


class SigningKeys:
    """The keys in one folder; other processes may rotate them at any time."""

    def __init__(self, folder: Path, clock: Clock, *, bits: int = 2048) -> None:
        self._folder = files.folder(folder)
        self._clock = clock
        self._bits = bits
        self._loaded: tuple[frozenset[str], list[SigningKey], dict[str, RSAPublicKey]] = (frozenset(), [], {})

    def current(self) -> SigningKey:
        """The key that signs; it is made where there is none."""
        private, _ = self._load()
        return private[-1] if private else self._make()

    def public(self, kid: str) -> RSAPublicKey | None:
        """The public key of that id, or None."""
        return self._load()[1].get(kid)

    def jwks(self) -> dict[str, Any]:
        """Every public key as a JSON Web Key Set (RFC 7517)."""
        self.current()
        return {"keys": [{**_members(key), "kid": kid, "use": "sig"} for kid, key in self._load()[1].items()]}

    def rotate(self, *, keep_old: bool = True) -> str:
        """Sign with a new key from now on, and give its id.

        Tokens that the old keys signed stay good until they expire, unless `keep_old` is false.
        """
        old = [f for f in self._folder.iterdir() if f.suffix in (".pem", ".pub")]
        new = self._make()
        for file in old:
            if keep_old and file.suffix == ".pem":
                files.write(file.with_suffix(".pub"), _public_pem(_read_private(file).public_key()))
            if file.suffix == ".pem" or not keep_old:
                file.unlink(missing_ok=True)
        return new.kid

    def _make(self) -> SigningKey:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        private = rsa.generate_private_key(public_exponent=65537, key_size=self._bits)
        key = SigningKey(_thumbprint(private.public_key()), private)
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        files.write(self._folder / f"{self._clock.now():%Y%m%dT%H%M%S%f}-{key.kid}.pem", pem)
        return key

    def _load(self) -> tuple[list[SigningKey], dict[str, RSAPublicKey]]:
        from cryptography.hazmat.primitives import serialization

        # A file's name says which key it holds, so the names say whether anything has changed.
        names = frozenset(f.name for f in self._folder.iterdir() if f.suffix in (".pem", ".pub"))
        if names != self._loaded[0]:
            private: list[SigningKey] = []
            public: dict[str, Any] = {}
            for name in sorted(names):
                path = self._folder / name
                kid = path.stem.partition("-")[2]
                if path.suffix == ".pem":
                    private.append(SigningKey(kid, _read_private(path)))
                    public[kid] = private[-1].private.public_key()
                else:
                    public[kid] = serialization.load_pem_public_key(path.read_bytes())
            self._loaded = names, private, public
        return self._loaded[1:]


def _read_private(path: Path) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key


def _public_pem(key: RSAPublicKey) -> bytes:
    from cryptography.hazmat.primitives import serialization

    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _members(key: RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"kty": "RSA", "alg": ALGORITHM, "n": _base64(numbers.n), "e": _base64(numbers.e)}


def _thumbprint(key: RSAPublicKey) -> str:
    """The key's id: the SHA-256 of its required members, in order and without blanks (RFC 7638)."""
    members = _members(key)
    text = f'{{"e":"{members["e"]}","kty":"RSA","n":"{members["n"]}"}}'
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _base64(number: int) -> str:
    octets = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
