"""The names of what actions and triggers are given: known in whatever case they are written, as in the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from huntlake.wdl.definition.workflow import ActionType, TriggerType


@dataclass(frozen=True)
class _Names:
    """The names of an object, and those within some of its parts; of a list, those of each element."""

    plain: str
    within: Mapping[str, _Names] = field(default_factory=dict)

    @property
    def spelled(self) -> dict[str, str]:
        """By each name in lower case, how it is spelled."""
        return {n.lower(): n for n in (*self.plain.split(), *self.within)}


_URL = "method uri headers queries body authentication cookie retryPolicy"
_REQUEST = _Names(_URL)
_HOST = _Names("triggerName", {"connection": _Names("name referenceName"), "workflow": _Names("id")})
_CONNECTED = _Names("method path headers queries body authentication retryPolicy", {"host": _HOST})
_OF_URL = _Names(
    _URL, {"function": _Names("id uri"), "api": _Names("id uri"), "subscribe": _REQUEST, "unsubscribe": _REQUEST}
)
_VARIABLE = _Names("name type value")
_OVER = {
    ActionType.JOIN: "joinWith",
    ActionType.QUERY: "where",
    ActionType.SELECT: "select",
}
_KNOWN: Mapping[ActionType | TriggerType, _Names] = {
    **dict.fromkeys((ActionType.API_CONNECTION, ActionType.API_CONNECTION_WEBHOOK), _CONNECTED),
    **dict.fromkeys(
        (TriggerType.API_CONNECTION, TriggerType.API_CONNECTION_NOTIFICATION, TriggerType.API_CONNECTION_WEBHOOK),
        _CONNECTED,
    ),
    **dict.fromkeys(
        (ActionType.HTTP, ActionType.HTTP_WEBHOOK, ActionType.FUNCTION, ActionType.API_MANAGEMENT), _OF_URL
    ),
    **dict.fromkeys((TriggerType.HTTP, TriggerType.HTTP_WEBHOOK), _OF_URL),
    TriggerType.REQUEST: _Names("method relativePath schema"),
    TriggerType.BATCH: _Names("mode configurations"),
    **{a: _Names(f"from {n}") for a, n in _OVER.items()},
    ActionType.TABLE: _Names("from format", {"columns": _Names("header value")}),
    ActionType.PARSE_JSON: _Names("content schema"),
    ActionType.EXPRESSION: _Names("baseTime sourceTimeZone destinationTimeZone formatString interval timeUnit"),
    ActionType.INITIALIZE: _Names("", {"variables": _VARIABLE}),
    **dict.fromkeys(
        (
            ActionType.APPEND_TO_ARRAY,
            ActionType.APPEND_TO_STRING,
            ActionType.DECREMENT,
            ActionType.INCREMENT,
            ActionType.SET_VARIABLE,
        ),
        _VARIABLE,
    ),
    ActionType.RESPONSE: _Names("statusCode headers body schema"),
    ActionType.SEND_TO_BATCH: _Names("batchName partitionName messageId content", {"host": _HOST}),
    ActionType.TERMINATE: _Names("runStatus", {"runError": _Names("code message")}),
    ActionType.WAIT: _Names("", {"interval": _Names("count unit"), "until": _Names("timestamp")}),
    ActionType.WORKFLOW: _Names("headers queries body retryPolicy", {"host": _HOST}),
}
"""What those types are given; what others are given is nobody's but the author's."""


def spelled(type: ActionType | TriggerType, inputs: Any) -> Any:
    """The inputs with known names as they are spelled here."""
    names = _KNOWN.get(type)
    return inputs if names is None else _spelled(inputs, names)


def _spelled(value: Any, names: _Names) -> Any:
    if isinstance(value, list):
        return [_spelled(v, names) for v in value]
    if not isinstance(value, dict):
        return value
    known, made = names.spelled, dict[str, Any]()
    for key, inner in value.items():
        name: str = known.get(key.lower()) or key
        # Where both stand there, the one that is spelled right counts.
        name = key if name in value or name in made else name
        made[name] = _spelled(inner, names.within[name]) if name in names.within else inner
    return made
