"""The process in which a file is read, seen from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from huntlake.core.errors import Invalid, LimitExceeded

_MODULE, _REPORT = "huntlake.workspace.evidence.parsing", "report.json"


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take."""

    memory: int = 2 << 30
    """Bytes of memory."""
    cpu: int = 600
    """Seconds of a processor."""
    wall: float = 1200
    """Seconds that pass."""
    output: int = 8 << 30
    """Bytes of rows that it may make, or of files that an archive may hold."""


def run(job: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Do a job in a process of its own; what it reports.

    :raises Invalid: the file can't be read, or has brought its reader down
    :raises LimitExceeded: it took too long, or too much
    """
    told = orjson.dumps(job | {"memory": limits.memory, "cpu": limits.cpu, "output": limits.output})
    # What the process knows of the world: where its own code lies.
    known = {n: os.environ[n] for n in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "TZDIR") if n in os.environ}
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", _MODULE],
            input=told,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=job["folder"],
            env=known | {"PYTHONIOENCODING": "utf-8"},
            timeout=limits.wall,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LimitExceeded(f"reading it took longer than {limits.wall:g} s") from None
    if ended.returncode:
        raise _why(ended.returncode, ended.stderr)
    report: dict[str, Any] = orjson.loads((Path(job["folder"]) / _REPORT).read_bytes())
    if "error" in report:
        raise Invalid(report["error"])
    return report


def _why(code: int, errors: bytes) -> Exception:
    if code == -signal.SIGXCPU or code == -signal.SIGKILL:
        return LimitExceeded("reading it took more of the processor than one file may")
    if code == -signal.SIGXFSZ:
        return LimitExceeded("reading it made a larger file than it may")
    if code < 0:
        return Invalid(f"reading it ended by {signal.Signals(-code).name}")
    last = errors.decode("utf-8", "backslashreplace").strip().rsplit("\n", 1)[-1][:300]
    if "File too large" in last:
        return LimitExceeded("reading it made a larger file than it may")
    return Invalid(f"reading it failed: {last}")
