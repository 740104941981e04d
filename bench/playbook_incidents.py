"""What sets the published playbooks off: an incident of the demo, in the forms that triggers have."""

from __future__ import annotations

from datetime import datetime
from typing import Any


def occasion(connector: str, path: str, now: datetime) -> Any:
    return None
