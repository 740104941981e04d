"""What a call does that nobody has declared: judged by its method and by what it is called."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

from huntlake.playbooks.connectors.connector import Asked, Effect, Operation

URLS = "http"
"""The connector of actions that call a URL."""

_READS = frozenset({"get", "head", "options"})
_CONTAINS = re.compile(
    r"(?<!un)(?<!un_)(?<!un-)(?:isolat|quarantin|contain(?!er)|disable|suspend|block|deactivat|lock_?(?:out|user|account)|"
    r"revoke|kill|terminat|shutdown|deallocat|power_?off|\bban\b|restrict|firewall|security_?rule|"
    r"black_?list|expire|reset_?password|deny|offboard|confirm_?compromised)"
)
"""What in a name tells that something is taken from people or machines."""

_DISABLES = re.compile(r"\"(?:accountEnabled|enabled|active|isActive)\"\s*:\s*false", re.IGNORECASE)


def effect_of(method: str, *names: str) -> Effect:
    """What an operation does, by its method and its names: rather taken too seriously than not."""
    if method.lower() in _READS:
        return Effect.READ
    plain = " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", n) for n in names).lower()
    return Effect.CONTAIN if _CONTAINS.search(plain) else Effect.WRITE


def judged(asked: Asked, operation: Operation) -> Effect:
    """What a call does: what its operation is declared to do, but for URLs, which tell it only themselves."""
    if operation.reads(asked):
        return Effect.READ
    if operation.effect is not Effect.WRITE or asked.connector != URLS:
        return operation.effect
    try:
        path = unquote(urlsplit(asked.path).path)
    except ValueError:
        path = asked.path
    if _DISABLES.search(_text(asked.body)):
        return Effect.CONTAIN
    return effect_of(asked.method, path)


def _text(body: Any) -> str:
    try:
        said = json.dumps(body, default=str)
    except (ValueError, RecursionError):
        return ""
    # A body that is JSON in a text is told with its quotes escaped.
    return said.replace('\\"', '"')
