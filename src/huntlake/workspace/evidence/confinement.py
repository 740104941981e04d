"""What a process that reads a stranger's file may still do, from then on."""

from __future__ import annotations

import ctypes
import resource
import sys
from contextlib import suppress
from typing import Any

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000


def confine(memory: int, cpu: int, output: int) -> None:
    """Limits that the kernel keeps: bytes of memory, seconds of a processor, bytes of a file, no core; no network."""
    for what, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, output),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            # An own network without an interface, where the system lets a process have one; and in any case:
            ctypes.CDLL(None, use_errno=True).unshare(_NEW_USER | _NEW_NETWORK)
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.fork", "os.system")):
        raise PermissionError(f"{event} while reading evidence")
