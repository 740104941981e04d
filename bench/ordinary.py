"""The environment of somebody who has changed nothing of how Python starts."""

from __future__ import annotations

import os

_CHANGES = ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONOPTIMIZE", "PYTHONPROFILEIMPORTTIME")


def environment() -> dict[str, str]:
    """This process's, but that Python keeps what it has compiled, as it does by itself: a start is mostly imports."""
    return {name: value for name, value in os.environ.items() if name not in _CHANGES}
