"""What a definition holds. Templates stay text here: each is read when a run reaches it, and may fail only there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """What became of an action, or of a run."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    SKIPPED = "Skipped"
    TIMED_OUT = "TimedOut"
    CANCELLED = "Cancelled"
    RUNNING = "Running"


class ActionType(StrEnum):
    """The kinds of action that are known."""

    AGENT = "Agent"
    API_CONNECTION = "ApiConnection"
    API_CONNECTION_WEBHOOK = "ApiConnectionWebhook"
    API_MANAGEMENT = "ApiManagement"
    APPEND_TO_ARRAY = "AppendToArrayVariable"
    APPEND_TO_STRING = "AppendToStringVariable"
    COMPOSE = "Compose"
    CSHARP = "CSharpScriptCode"
    DECREMENT = "DecrementVariable"
    EXPRESSION = "Expression"
    FLAT_FILE_DECODING = "FlatFileDecoding"
    FLAT_FILE_ENCODING = "FlatFileEncoding"
    FOREACH = "Foreach"
    FUNCTION = "Function"
    HTTP = "Http"
    HTTP_WEBHOOK = "HttpWebhook"
    IF = "If"
    INCREMENT = "IncrementVariable"
    INITIALIZE = "InitializeVariable"
    INLINE_CODE = "JavaScriptCode"
    INTEGRATION_ARTIFACT = "IntegrationAccountArtifactLookup"
    INVOKE_FUNCTION = "InvokeFunction"
    JOIN = "Join"
    LIQUID = "Liquid"
    PARSE_JSON = "ParseJson"
    POWERSHELL = "PowerShellCode"
    QUERY = "Query"
    RESPONSE = "Response"
    SCOPE = "Scope"
    SELECT = "Select"
    SEND_TO_BATCH = "SendToBatch"
    SERVICE_PROVIDER = "ServiceProvider"
    SET_VARIABLE = "SetVariable"
    SWITCH = "Switch"
    TABLE = "Table"
    TERMINATE = "Terminate"
    UNTIL = "Until"
    WAIT = "Wait"
    WORKFLOW = "Workflow"
    XML_COMPOSE = "XmlCompose"
    XML_PARSE = "XmlParse"
    XML_VALIDATION = "XmlValidation"
    XSLT = "Xslt"


_OF_STANDARD = "that runs within Logic Apps Standard"
NOT_HERE: Mapping[ActionType, str] = {
    ActionType.AGENT: "an agent, which lets a model choose its tools,",
    ActionType.CSHARP: "an action that runs C#",
    ActionType.FLAT_FILE_DECODING: "decoding flat files",
    ActionType.FLAT_FILE_ENCODING: "encoding flat files",
    ActionType.INLINE_CODE: "an action that runs JavaScript",
    ActionType.INTEGRATION_ARTIFACT: "an artifact of an integration account",
    ActionType.INVOKE_FUNCTION: f"a function {_OF_STANDARD}",
    ActionType.LIQUID: "a transformation in Liquid",
    ActionType.POWERSHELL: "an action that runs PowerShell",
    ActionType.SERVICE_PROVIDER: f"an operation {_OF_STANDARD}",
    ActionType.XML_COMPOSE: "composing XML by a schema",
    ActionType.XML_PARSE: "parsing XML by a schema",
    ActionType.XML_VALIDATION: "validating XML by a schema",
    ActionType.XSLT: "a transformation in XSLT",
}
"""The kinds that are known and fail when they are reached, with what it is that isn't supported."""


class TriggerType(StrEnum):
    """The kinds of trigger that are known."""

    API_CONNECTION = "ApiConnection"
    API_CONNECTION_NOTIFICATION = "ApiConnectionNotification"
    API_CONNECTION_WEBHOOK = "ApiConnectionWebhook"
    BATCH = "Batch"
    HTTP = "Http"
    HTTP_WEBHOOK = "HttpWebhook"
    RECURRENCE = "Recurrence"
    REQUEST = "Request"
    SERVICE_PROVIDER = "ServiceProvider"
    SLIDING_WINDOW = "SlidingWindow"


@dataclass(frozen=True)
class Limit:
    """How long an action may take, and how many rounds an Until may have."""

    timeout: Any = None
    """An ISO 8601 duration, or a template of one."""
    count: Any = None


@dataclass(frozen=True)
class Action:
    """One action as it is defined; `actions`, `otherwise`, `cases` are those within it."""

    name: str
    type: ActionType
    path: str
    """Its place in the definition, as a JSON path."""
    run_after: Mapping[str, frozenset[Status]] = field(default_factory=dict)
    """Of each action that goes before, by its name as defined, the statuses that let this one run."""
    inputs: Any = None
    kind: str = ""
    actions: tuple[Action, ...] = ()
    otherwise: tuple[Action, ...] = ()
    cases: tuple[Case, ...] = ()
    expression: Any = None
    foreach: Any = None
    limit: Limit = Limit()
    options: frozenset[str] = frozenset()
    """Of `operationOptions`, in lower case."""
    repetitions: int | None = None
    """How many rounds of a Foreach go on at once; None where the definition doesn't say."""
    secure: frozenset[str] = frozenset()
    """Of `inputs` and `outputs`, those that the history must not show."""
    static_result: str = ""
    """The name of the result that stands for a call; empty where the call is made."""
    least_items: int | None = None
    """How many items of a paged answer are wanted."""
    tracked: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else the definition says of it."""

    @property
    def within(self) -> tuple[Action, ...]:
        """All actions directly within, of every branch."""
        return self.actions + self.otherwise + tuple(a for c in self.cases for a in c.actions)

    def all(self) -> Iterator[Action]:
        """It and all actions within, at every depth."""
        yield self
        for action in self.within:
            yield from action.all()


@dataclass(frozen=True)
class Case:
    """One case of a Switch."""

    name: str
    value: Any
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Trigger:
    """What starts a run."""

    name: str
    type: TriggerType
    path: str
    kind: str = ""
    inputs: Any = None
    recurrence: Mapping[str, Any] | None = None
    conditions: tuple[Any, ...] = ()
    """Expressions that must all be true."""
    split_on: Any = None
    options: frozenset[str] = frozenset()
    runs: int | None = None
    """How many runs go on at once; None where there is no bound."""
    most_waiting: int | None = None
    secure: frozenset[str] = frozenset()
    tracked: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


class ParameterType(StrEnum):
    """The types of a workflow's parameters."""

    STRING = "String"
    SECURE_STRING = "SecureString"
    INT = "Int"
    FLOAT = "Float"
    BOOL = "Bool"
    ARRAY = "Array"
    OBJECT = "Object"
    SECURE_OBJECT = "SecureObject"

    @property
    def secure(self) -> bool:
        """Whether its values must never be shown."""
        return self in (ParameterType.SECURE_STRING, ParameterType.SECURE_OBJECT)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a workflow."""

    name: str
    type: ParameterType
    default: Any = None
    has_default: bool = False
    allowed: tuple[Any, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class Definition:
    """A workflow as it is defined."""

    triggers: tuple[Trigger, ...]
    actions: tuple[Action, ...]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    static_results: Mapping[str, Any] = field(default_factory=dict)
    schema: str = ""
    content_version: str = ""

    def all(self) -> Iterator[Action]:
        """Every action, at every depth, in the order of the definition."""
        for action in self.actions:
            yield from action.all()
