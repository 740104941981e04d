"""Secrets that have to be used again, and so can't be hashed: kept sealed, under a key in a file of its own."""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from pathlib import Path

from huntlake.core.errors import Invalid, Unavailable

_KEY_BYTES, _NONCE_BYTES = 32, 12
_VERSION = "v1"


class Seal:
    """Seals texts by AES-256-GCM. The key lies in `file`, which only this account may read; it is made when needed.

    What is sealed for one `purpose` opens for no other: nobody who can write to the database can move a secret to
    where it would be sent to somebody else.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def seal(self, text: str, purpose: str) -> str:
        """What may be kept of `text` in a database."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + _cipher(self._key(make=True)).encrypt(nonce, text.encode(), purpose.encode())
        return f"{_VERSION}:{base64.b64encode(sealed).decode()}"

    def open(self, sealed: str, purpose: str) -> str:
        """The text again; `Unavailable` where the key is another one, or the purpose."""
        from cryptography.exceptions import InvalidTag

        version, _, text = sealed.partition(":")
        content = base64.b64decode(text)
        try:
            if version != _VERSION:
                raise InvalidTag
            nonce, rest = content[:_NONCE_BYTES], content[_NONCE_BYTES:]
            return str(_cipher(self._key()).decrypt(nonce, rest, purpose.encode()).decode())
        except InvalidTag:
            raise Unavailable(
                f"a secret can't be opened with the key in {self._file}: it was sealed with another one, or for "
                "something else; give it again"
            ) from None

    def _key(self, *, make: bool = False) -> bytes:
        with suppress(FileNotFoundError):
            key = self._file.read_bytes()
            if len(key) != _KEY_BYTES:
                raise Invalid(f"{self._file} holds no key")
            return key
        if not make:
            raise Unavailable(f"the key of the secrets that are kept here, {self._file}, is missing")
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._file.with_name(f".{self._file.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
            file.flush()
            os.fsync(descriptor)
        # A link fails where another process was faster: then its key counts.
        with suppress(FileExistsError):
            os.link(draft, self._file)
        draft.unlink()
        return self._key()


def _cipher(key: bytes):  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)
