"""Addresses of Bitcoin: their checksums tell them from any other long word."""

from __future__ import annotations

from hashlib import sha256

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CONSTANTS = frozenset({1, 0x2BC830A3})
"""Of BIP 173 and of BIP 350."""


def is_bitcoin(text: str) -> bool:
    """Whether a word is an address of Bitcoin's main network."""
    if text[:3].lower() == "bc1":
        return _is_segwit(text)
    return text[:1] in ("1", "3") and _is_base58(text)


def _is_base58(text: str) -> bool:
    number = 0
    for sign in text:
        digit = _BASE58.find(sign)
        if digit < 0:
            return False
        number = number * 58 + digit
    if number >> 200:
        return False
    data = number.to_bytes(25, "big")
    return data[0] in (0, 5) and sha256(sha256(data[:21]).digest()).digest()[:4] == data[21:]


def _is_segwit(text: str) -> bool:
    if text not in (text.lower(), text.upper()):
        return False
    values = [_BECH32.find(sign) for sign in text.lower()[3:]]
    if -1 in values:
        return False
    check = 1
    for value in [*(ord(c) >> 5 for c in "bc"), 0, *(ord(c) & 31 for c in "bc"), *values]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            if top >> bit & 1:
                check ^= generator
    return check in _CONSTANTS
