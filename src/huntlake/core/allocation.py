"""For a process that makes and drops many middling arrays: memory that was given back is kept for the next of them."""

from __future__ import annotations

import ctypes
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 32 * 1024 * 1024
"""Bytes. An arena of the C library keeps so much at its end; a single block of more is given back at once."""


@cache
def keep_freed() -> bool:
    """Have the C library keep what is freed instead of giving it back to the system; whether it can.

    By itself it gives back nearly all, and the system clears each page anew: a fifth of the time of a load. It would
    come to such bounds by itself after one block of 16 MiB. Other libraries than glibc have no such setting.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    # Once one of the two is set, the library no longer moves the other.
    return all([mallopt(_MMAP_THRESHOLD, _KEPT), mallopt(_TRIM_THRESHOLD, _KEPT)])
