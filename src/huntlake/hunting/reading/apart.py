"""One file, read in a process of its own: `python -m huntlake.hunting.reading.apart FORMAT`, and the file follows.

Whatever a report does to its reader happens here, within limits, and without a network. The answer is JSON.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import orjson

from huntlake.core.errors import DomainError, Invalid, LimitExceeded
from huntlake.hunting.reading.documents import LARGEST, Part, Report, ReportFormat
from huntlake.hunting.reading.markup import page_of_html
from huntlake.hunting.reading.pages import pages_of_pdf

MEMORY = 1 << 30
"""Bytes that the process may use."""
SECONDS = 30
"""Of a processor; twice as much may pass."""


def read_apart(data: bytes, name: str, format: ReportFormat) -> Report:
    """Read a file in a process of its own.

    :raises Invalid: the file can't be read, or has brought its reader down
    :raises LimitExceeded: it took too long, or is too much
    """
    known = {n: os.environ[n] for n in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if n in os.environ}
    try:
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "huntlake.hunting.reading.apart", format],
            input=data,
            capture_output=True,
            env=known | {"PYTHONIOENCODING": "utf-8"},
            timeout=2 * SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LimitExceeded(f"reading {name} took longer than {2 * SECONDS} s") from None
    if ended.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise LimitExceeded(f"reading {name} took more of the processor or the memory than one report may")
    if ended.returncode:
        raise Invalid(f"{name} can't be read: it has brought its reader down")
    answer: dict[str, Any] = orjson.loads(ended.stdout)
    if "limit" in answer:
        raise LimitExceeded(f"{name} can't be read: {answer['limit']}")
    if "error" in answer:
        raise Invalid(f"{name} can't be read: {answer['error']}")
    parts = tuple(Part(**part) for part in answer["parts"])
    return Report(name, format, answer["text"], answer["title"], parts, tuple(answer["remarks"]))


def main() -> int:
    from huntlake.workspace.evidence.confinement import confine

    data = sys.stdin.buffer.read(LARGEST)
    out = sys.stdout.buffer
    # Readers write their warnings to standard output as well, some of them.
    sys.stdout = sys.stderr
    confine(MEMORY, SECONDS, LARGEST)
    try:
        format = ReportFormat(sys.argv[1])
        report = pages_of_pdf(data, "") if format is ReportFormat.PDF else page_of_html(data.decode(), "")
        answer: dict[str, Any] = asdict(report)
    except LimitExceeded as error:
        answer = {"limit": str(error)}
    except MemoryError:
        answer = {"limit": "it takes more memory than one report may"}
    except DomainError as error:
        answer = {"error": str(error)}
    out.write(orjson.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
