"""What of the rows of a dry run may be kept for whoever reviews: not what opens doors, and no novels."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from huntlake.workspace.workspaces import Workspace

LONGEST = 500
_HIDDEN = "«hidden»"
_NAMES = re.compile(
    r"(?i)(?:^|[_\W])(?:password|passwd|pwd|secret|api_?key|access_?key|private_?key|token|authorization|cookie)s?(?:$|\W)"
)
_SECRETS = re.compile(
    r"""(?xi)
      (?P<head> \b (?: password | passwd | pwd | pass | secret | api[_-]?key | access[_-]?key | accountkey
                     | sharedaccesskey | client[_-]?secret | token | sig ) \s* [=:] \s* ["']? )  [^\s"'&;,]+
    | (?P<bearer> \b (?: bearer | basic ) \s+ )  [A-Za-z0-9._~+/=-]{8,}
    | (?P<jwt> \b ) eyJ[A-Za-z0-9_-]{8,} \. [A-Za-z0-9_-]{8,} (?: \. [A-Za-z0-9_-]* )?
    | (?P<aws> \b ) (?: AKIA | ASIA ) [A-Z0-9]{16} \b
    | (?P<pem> -----BEGIN\ [A-Z ]*PRIVATE\ KEY----- ) [^-]*
    | (?P<option> \s (?: -p | /p: | -password | --password | /password: | -passwd ) \s* [ =:]? \s* ) [^\s-] \S*
    """
)


class Redactor(Protocol):
    """Takes out of rows what mustn't be kept with a proof."""

    def redacted(self, workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
        """The rows without it."""
        ...


class SecretsHidden:
    """Hides what looks as a secret, and cuts what is long. Accounts, hosts and addresses stay: rows are about them."""

    def redacted(self, workspace: Workspace, rows: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
        """The rows without secrets."""
        return tuple({name: _value(value, name) for name, value in row.items()} for row in rows)


def _value(value: Any, name: str) -> Any:
    match value:
        case str():
            if value and _NAMES.search(name):
                return _HIDDEN
            return _text(value)
        case dict():
            return {k: _value(v, str(k)) for k, v in value.items()}
        case list():
            return [_value(v, name) for v in value[:LONGEST]]
    return value


def _text(text: str) -> str:
    hidden = _SECRETS.sub(lambda m: next((g for g in m.groups() if g), "") + _HIDDEN, text)
    return hidden if len(hidden) <= LONGEST else f"{hidden[:LONGEST]}…"
