"""What went wrong, told to a person on standard error, and the exit code that tells a script."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from huntlake.cli.screen import printable
from huntlake.core.diagnostics import SourceError
from huntlake.core.errors import Cancelled, DomainError, LimitExceeded

FAILED, USAGE, LIMIT, INTERRUPTED = 1, 2, 3, 130


@contextmanager
def reported() -> Iterator[None]:
    """Turn what the house's parts raise into words and an exit code; this is the only place that does."""
    try:
        yield
    except SourceError as error:
        # The picture quotes the query, which may have come out of a log.
        _leave(str(error), FAILED)
    except LimitExceeded as error:
        _leave(f"error: {error}", LIMIT)
    except Cancelled as error:
        _leave(f"error: {error}", INTERRUPTED)
    except DomainError as error:
        _leave(f"error: {error}", FAILED)
    except KeyboardInterrupt:
        _leave("interrupted", INTERRUPTED)


def _leave(text: str, code: int) -> None:
    print(printable(text, keep="\n\t"), file=sys.stderr)
    sys.exit(code)
