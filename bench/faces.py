"""Requests made up at random, out of the faces' own declarations, against ARM, Graph and Defender: none may be a 500.

`HUNTLAKE_FUZZ_SECONDS` says for how long (ten minutes), `HUNTLAKE_FUZZ_SEED` with which numbers.
"""

from __future__ import annotations

import enum
import logging
import os
import string
import sys
import tempfile
import time
import types
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pyarrow as pa
from starlette.testclient import TestClient

from bench import figures
from huntlake.api.arm.resource import Resource
from huntlake.api.arm.resources import RESOURCES
from huntlake.api.arm.wire import Part
from huntlake.api.defender.machines import KINDS
from huntlake.api.graph.logs import DIRECTORY_AUDITS, SIGN_INS
from huntlake.app import App
from huntlake.core.clock import FixedClock
from huntlake.core.settings import load
from huntlake.identity.rights import Role
from huntlake.server import create_app

SECONDS = 600.0
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASE = "https://lake.example:8443"
SUBSCRIPTION = "cccccccc-0000-0000-0000-000000000001"

AUDIENCES = {
    "arm": "https://management.azure.com",
    "graph": "https://graph.microsoft.com",
    "defender": "https://api.security.microsoft.com",
}

WRITTEN = [resource for resource in RESOURCES if resource.write is not None]
NAMES = ("one", "two", "ONE", "a1", "m1", "1", "soc", "other", "a b", "ä", "x" * 300, "%", "..", "'", '"', "null")
TEXTS = (
    "",
    "a",
    "it's",
    '"',
    "\\",
    "\x00",
    "\u2028",
    "😀",
    "New",
    "High",
    "0",
    "-1",
    "x" * 5000,
    "[ipv4-addr:value = 'a'",
    "{{",
)
NUMBERS = (0, 1, -1, 2**31, 2**63, -(2**63) - 1, 10**30, 1.5, -0.0, 1e308)
TIMES = ("2026-03-01T12:00:00Z", "2026-03-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "tomorrow", "")
SPANS = ("PT1H", "PT5M", "P1D", "P14D", "PT0S", "-PT5M", "P99999999D", "P1Y", "1:00:00", "")
QUERIES = (
    "print x = 1",
    "SigninLogs | take 1",
    "DeviceInfo | count",
    "print dynamic({'a':[1,null,1e999]}), real(nan), 1d, decimal(1.5), guid(null), ['q\"'] = 'ü'",
    "SigninLogs | where",
    "range x from 1 to 10 step 1 | render barchart",
    "print 1; print 2",
    ".show tables",
)
OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le", "in", "has", "and", "or", "=")


@dataclass(frozen=True)
class Sent:
    """One request."""

    api: str
    method: str
    path: str
    parameters: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Outcome:
    """How many requests were sent, the statuses that came back, and each fault: what was wrong, and the request."""

    requests: int
    statuses: Counter[int]
    faults: tuple[tuple[str, Sent], ...]


class Maker:
    """Makes requests up."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def request(self) -> Sent:
        """The next request."""
        api = self.random.choice(("arm", "arm", "graph", "defender"))
        path, method, body = {"arm": self._arm, "graph": self._graph, "defender": self._defender}[api]()
        headers = {}
        if self._seldom(10):
            headers[self.random.choice(("If-Match", "If-None-Match"))] = self.random.choice(("*", '"x"', "W/"))
        return Sent(api, method, path, tuple(self._parameters(api)), headers, self._bytes(body))

    def _seldom(self, times: int) -> bool:
        return self.random.randrange(times) == 0

    def _arm(self) -> tuple[str, str, Any]:
        resource: Resource[Any] = self.random.choice(WRITTEN if not self._seldom(4) else RESOURCES)
        known = {"subscription": SUBSCRIPTION, "group": "huntlake", "workspace": "soc"}
        parts = []
        for segment in resource.segments:
            wrong = self._seldom(120)
            name = known.get(segment[1:-1]) if segment[0] == "{" and not wrong else None
            parts.append((name or self._name()) if segment[0] == "{" or wrong else segment)
        end = self.random.randrange(6)
        if end:
            posts = [*resource.posts, *resource.collection_posts]
            parts += [self._name()] if end < 5 or not posts else []
            parts += [self.random.choice(posts)] if posts and end > 3 else []
        body: dict[str, Any] = {"properties": self._properties(resource)}
        for beside, values in (
            ("kind", ("Scheduled", "NRT", "indicator", "Fusion", 1)),
            ("etag", ('"x"', 1)),
            ("tags", ({},)),
        ):
            if self._seldom(2 if beside == "kind" and "alertRules" in resource.path else 12):
                body[beside] = self.random.choice(values)
        usual = {0: ("GET",), 1: ("PUT",), 2: ("PUT",), 3: ("PATCH", "GET", "DELETE"), 4: ("POST",), 5: ("POST",)}[end]
        method = self.random.choice(usual if not self._seldom(6) else ("GET", "PUT", "PATCH", "POST", "DELETE", "HEAD"))
        return "/" + "/".join(parts), method, body if not self._seldom(10) else body["properties"]

    def _properties(self, resource: Resource[Any]) -> Any:
        models = [m for m in _parts(Part) if m.__module__ == type(resource.form).__module__]
        model = getattr(resource.form, "_model", None) or (self.random.choice(models) if models else None)
        return self._value(model) if model else {self._name(): self._json()}

    def _graph(self) -> tuple[str, str, Any]:
        root = self.random.choice(("/v1.0", "/beta"))
        id = self.random.choice(("1", "2", "99", "a1", *NAMES))
        paths = (
            "security/runHuntingQuery",
            "security/incidents",
            f"security/incidents/{id}",
            f"security/incidents/{id}/comments",
            f"security/incidents/{id}/alerts",
            "security/alerts_v2",
            f"security/alerts_v2/{id}",
            f"security/alerts_v2/{id}/comments",
            "auditLogs/signIns",
            f"auditLogs/signIns/{id}",
            "auditLogs/directoryAudits",
            f"auditLogs/directoryAudits/{id}",
        )
        body: dict[str, Any] = {
            self.random.choice(("Query", "query")): self.random.choice((*QUERIES, *TEXTS)),
            **({"Timespan": self.random.choice((*TIMES, *SPANS, "P1D/P1D", "/"))} if self._seldom(2) else {}),
        }
        if self._seldom(2):
            names = ("status", "classification", "assignedTo", "severity", "customTags", "comment", "determination")
            values = ("resolved", "active", "truePositive", "high", ["a"], "other", None, 1)
            body = {self.random.choice(names): self.random.choice(values) for _ in range(3)}
        method = self.random.choice(("GET", "GET", "GET", "POST", "PATCH", "PUT", "DELETE"))
        return f"{root}/{self.random.choice(paths)}", method, body

    def _defender(self) -> tuple[str, str, Any]:
        id = self.random.choice(("m1", "m2", "srv1", "a1", *NAMES))
        kind = self.random.choice([*KINDS, "cancel", "explode"])
        paths = (
            "advancedhunting/run",
            "advancedqueries/run",
            "machines",
            f"machines/{id}",
            f"machines/{id}/{kind}",
            f"machines/{id}/machineactions",
            "machineactions",
            f"machineactions/{id}",
            f"machineactions/{id}/cancel",
            "alerts",
            f"alerts/{id}",
        )
        body: Any = {"Query": self.random.choice((*QUERIES, *TEXTS))}
        if self._seldom(2):
            body = self._value(
                KINDS[kind].body if kind in KINDS else self.random.choice([k.body for k in KINDS.values()])
            )
        method = self.random.choice(("GET", "GET", "POST", "POST", "PATCH", "DELETE"))
        return f"/api/{self.random.choice(paths)}", method, body

    def _parameters(self, api: str) -> Iterator[tuple[str, str]]:
        if api == "arm" and not self._seldom(20):
            yield "api-version", "2024-03-01" if not self._seldom(15) else self.random.choice(("latest", "x", ""))
        for option in (
            "$filter",
            "$orderby",
            "$top",
            "$skip",
            "$skiptoken",
            "$skipToken",
            "$select",
            "$count",
            "$expand",
        ):
            if self._seldom(8):
                yield option, self._option(option)

    def _option(self, option: str) -> str:
        match option:
            case "$filter":
                return " ".join(self._term() for _ in range(self.random.randrange(1, 4)))
            case "$orderby":
                return f"{self._property()} {self.random.choice(('asc', 'desc', ''))}"
            case "$top" | "$skip":
                return self.random.choice(("0", "1", "5", "1000", "-1", "x", "9" * 30, "²", ""))
            case "$count":
                return self.random.choice(("true", "false", "x"))
        return self.random.choice(
            ("x", "alerts", "id", "", "e30", "eyJhZnRlciI6WzFdfQ", "eyJhdCI6IngiLCJza2lwIjoxfQ", *TEXTS)
        )

    def _term(self) -> str:
        random = self.random
        value = random.choice(
            (
                "'x'",
                "1",
                "true",
                "null",
                "2026-03-01T12:00:00Z",
                "('a', 'b')",
                "1e400",
                "'",
                "datetime'x'",
                "9999-99-99",
            )
        )
        joint = random.choice(("", "", "and ", "or ", "not ", "(", ")"))
        call = random.choice(("", "", "startswith", "tolower", "contains", "length", "any", "matches"))
        left = f"{call}({self._property()}{', ' + value if self._seldom(2) else ''})" if call else self._property()
        if self._seldom(12):
            left = f"{self._property()}/any(l: l/labelName eq 'x')"
        return f"{joint}{left} {random.choice(OPERATORS)} {value}"

    def _property(self) -> str:
        known = [
            *SIGN_INS.filters,
            *DIRECTORY_AUDITS.filters,
            "properties/title",
            "properties/status",
            "severity",
            "osPlatform",
        ]
        return self.random.choice(
            (*known, *known, "x", "a/b/c", "labels", "id", "properties/incidentNumber", "lastSeen")
        )

    def _bytes(self, body: Any) -> bytes:
        if self._seldom(12):
            return self.random.choice(
                (
                    b"",
                    b"{",
                    b"[]",
                    b"null",
                    b"\xff",
                    b'"x"',
                    b'{"a":' * 2000,
                    b"[" * 2000,
                    repr(body).encode("utf-8", "ignore"),
                )
            )
        try:
            text = orjson.dumps(body)
        except (TypeError, orjson.JSONEncodeError):
            return repr(body).encode("utf-8", "ignore")
        if self._seldom(12):
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + self.random.choice((b"\x00", b"'", b",", b"}", b"\\ud800", b"1e999")) + text[at:]
        return text

    def _name(self) -> str:
        return self.random.choice(("one", "one", "two") if not self._seldom(4) else NAMES)

    def _json(self, depth: int = 0) -> Any:
        kind = self.random.randrange(8)
        if kind == 0 and depth < 3:
            return {self._name(): self._json(depth + 1) for _ in range(self.random.randrange(3))}
        if kind == 1 and depth < 3:
            return [self._json(depth + 1) for _ in range(self.random.randrange(3))]
        return self.random.choice((None, True, False, *NUMBERS, *TEXTS, *TIMES, *SPANS))

    def _value(self, type: Any) -> Any:
        """A value of that annotation, but now and then of any other."""
        if self._seldom(60):
            return self._json()
        origin, arguments = typing.get_origin(type), typing.get_args(type)
        if origin is typing.Annotated:
            return self._value(arguments[0])
        if origin in (typing.Union, types.UnionType):
            return self._value(self.random.choice(arguments))
        if origin is tuple:
            return [self._value(arguments[0]) for _ in range(self.random.randrange(3))]
        if isinstance(origin, _CLASS) and issubclass(origin, Mapping):
            return {self._name(): self._value(arguments[1]) for _ in range(self.random.randrange(3))}
        if isinstance(type, _CLASS):
            if issubclass(type, Part):
                return {
                    field.alias or name: self._value(field.annotation)
                    for name, field in type.model_fields.items()
                    if field.is_required() or self._seldom(3)
                }
            if issubclass(type, enum.Enum):
                return self.random.choice([member.value for member in type])
            if issubclass(type, bool):
                return self.random.choice((True, False))
            if issubclass(type, int):
                return self.random.choice((0, 1, 5, 100, *NUMBERS))
            if issubclass(type, datetime):
                return self.random.choice(TIMES)
            if issubclass(type, timedelta):
                return self.random.choice(SPANS)
            if issubclass(type, str):
                return self.random.choice(("print 1", "one", "Quick", "Full", "ip,owner\n1,2\n", "text/csv", *TEXTS))
        return self._json()


_CLASS = type


def _parts(base: type[Part]) -> Iterator[type[Part]]:
    for part in base.__subclasses__():
        yield part
        yield from _parts(part)


def fuzz(client: TestClient, tokens: Mapping[str, str], seconds: float, seed: int, most: int = 10**9) -> Outcome:
    """Send requests for so long, or until there are so many."""
    maker, statuses, faults = Maker(Random(seed)), Counter[int](), []
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end and count < most:
        sent = maker.request()
        count += 1
        headers = {"Authorization": f"Bearer {tokens[sent.api]}", **sent.headers}
        answer = client.request(
            sent.method, _quoted(sent.path), params=list(sent.parameters), content=sent.body, headers=headers
        )
        statuses[answer.status_code] += 1
        if told := _wrong(sent, answer):
            faults.append((told, sent))
    return Outcome(count, statuses, tuple(faults))


def _wrong(sent: Sent, answer: Any) -> str:
    if answer.status_code >= 500:
        return f"{answer.status_code} {answer.text[:200]}"
    if answer.status_code >= 400 and sent.method != "HEAD":
        try:
            error = answer.json()["error"]
            if not error["code"] or not error["message"]:
                return f"an error without a word: {answer.text[:200]}"
        except (ValueError, KeyError, TypeError):
            return f"not the API's envelope: {answer.text[:200]}"
    return ""


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(path, safe="/" + string.punctuation.replace("%", "").replace("?", "").replace("#", ""))


@contextmanager
def lake(home: Path) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A server over a small lake, and a token for each of the APIs."""
    settings = load(home, memory_limit="500MB", threads=1, subscription_id=SUBSCRIPTION)
    app = App.open(home, settings, FixedClock(NOW))
    principal, workspace = app.principals.create("fuzzer"), app.workspaces.create("soc")
    principal = app.principals.grant(principal.client_id, workspace.id, Role.CONTRIBUTOR)
    times = [datetime(2026, 2, 28, hour) for hour in range(3)]
    rows = {"TimeGenerated": times, "Id": ["a1", "a2", "a3"], "UserPrincipalName": ["a", "b", "c"]}
    app.ingestion.append_arrow(workspace, "SigninLogs", pa.table(rows))
    machines = {"TimeGenerated": times, "DeviceId": ["m1", "m1", "m2"], "DeviceName": ["srv1", "srv1", "srv2"]}
    app.ingestion.append_arrow(workspace, "DeviceInfo", pa.table(machines))
    tokens = {api: app.tokens.issue(principal, aud, issuer=BASE).text for api, aud in AUDIENCES.items()}
    with TestClient(create_app(app), BASE) as client:
        yield client, tokens
    app.close()


def main() -> None:
    seconds = float(os.environ.get("HUNTLAKE_FUZZ_SECONDS", SECONDS))
    seed = int(os.environ.get("HUNTLAKE_FUZZ_SEED", str(time.time_ns() % 10**9)))
    print(f"seed {seed}", flush=True)
    logging.disable(logging.CRITICAL)  # a line for each request would take longer than the request
    with tempfile.TemporaryDirectory() as folder, lake(Path(folder)) as (client, tokens):
        outcome = fuzz(client, tokens, seconds, seed)
    statuses = ", ".join(f"{count} of {status}" for status, count in sorted(outcome.statuses.items()))
    print(f"{outcome.requests} requests: {statuses}")
    for told, sent in outcome.faults[:10]:
        print(f"{told}\n  {sent}", file=sys.stderr)
    unit = f"faults in {outcome.requests} requests made up at random over ARM, Graph and Defender, in {seconds:.0f} s"
    met = not outcome.faults and seconds >= SECONDS
    figures.write("clients.3", len(outcome.faults), unit, "0 in 600 s", met, by="python -m bench faces")
    if outcome.faults:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
