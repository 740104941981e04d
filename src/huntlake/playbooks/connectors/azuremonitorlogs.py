"""Azure Monitor Logs: queries over the tables of a workspace."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huntlake.core.errors import Invalid
from huntlake.playbooks.answers import answer
from huntlake.playbooks.connectors.asking import Period, Rows, named_workspace, period, rows
from huntlake.playbooks.connectors.connector import Asked, Connector, Effect, Operation
from huntlake.playbooks.connectors.house import House, fields
from huntlake.wdl.runner.effects import Answer


def azureloganalytics(house: House) -> Connector:
    """The connector that was there before: the first two operations of today's."""
    today = azuremonitorlogs(house)
    older = tuple(o for o in today.operations if o.path in ("/queryData", "/visualizeQuery"))
    return Connector("azureloganalytics", "Azure Log Analytics", older, inside=True)


def azuremonitorlogs(house: House) -> Connector:
    """The connector over the tables of this house."""
    logs, read = _Logs(house), Effect.READ
    return Connector(
        "azuremonitorlogs",
        "Azure Monitor Logs",
        (
            Operation("QueryData", "POST", "/queryData", "The rows of a query.", read, logs.list),
            Operation("QueryDataV2", "POST", "/queryDataV2", "The rows of a query.", read, logs.list_v2),
            Operation("VisualizeQuery", "POST", "/visualizeQuery", "An HTML table of a query.", read, logs.show),
            Operation("VisualizeQueryV2", "POST", "/visualizeQueryV2", "An HTML table of a query.", read, logs.show_v2),
        ),
        inside=True,
    )


@dataclass(frozen=True)
class _Logs:
    house: House

    def list(self, asked: Asked) -> Answer:
        return answer({"value": self._plain(asked).rows})

    def list_v2(self, asked: Asked) -> Answer:
        return answer({"value": self._ranged(asked).rows})

    def show(self, asked: Asked) -> Answer:
        _check_html(asked)
        return _shown(self._plain(asked))

    def show_v2(self, asked: Asked) -> Answer:
        _check_html(asked)
        return _shown(self._ranged(asked))

    def _plain(self, asked: Asked) -> Rows:
        """The rows of a query that is the body, in the time range among the URL's queries."""
        said = {k.lower(): v for k, v in asked.queries.items()}.get("timerange")
        return self._rows(asked, asked.body, period(said, asked.context.now))

    def _ranged(self, asked: Asked) -> Rows:
        """The rows of a query in the body, with its time range."""
        given = fields(asked, "query", "timerangetype", "timerange", "parameters")
        range = given.get("timerange") or {}
        if not isinstance(range, Mapping):
            raise Invalid("`timerange` is not an object")
        named = {k.lower(): v for k, v in range.items()}
        kind = str(given.get("timerangetype") or ("2" if named else "3"))
        match kind:
            case "2":
                if set(named) - {"relativetimerange"}:
                    raise Invalid(f"`timerange.{min(set(named) - {'relativetimerange'})[:60]}` is not supported")
                bounds = period(named.get("relativetimerange"), asked.context.now)
            case "3":
                bounds = Period()
            case _:
                raise Invalid(
                    f"the `timerangetype` {kind[:20]} is not supported; there are 2 (relative) and 3 (in query)"
                )
        return self._rows(asked, given.get("query"), bounds, given.get("parameters"))

    def _rows(self, asked: Asked, query: Any, bounds: Period, parameters: Any = None) -> Rows:
        workspace = named_workspace(self.house, asked)
        return rows(self.house, asked, workspace, query, bounds, parameters=parameters)


def _check_html(asked: Asked) -> None:
    wanted = str({k.lower(): v for k, v in asked.queries.items()}.get("vistype") or "Html Table")
    if "".join(wanted.split()).lower() != "htmltable":
        raise Invalid(f"the chart `{wanted[:60]}` is not supported: there is `Html Table`")


def _shown(found: Rows) -> Answer:
    # What a log says is data: no cell may become markup.
    head = "".join(f"<th>{html.escape(c.name)}</th>" for c in found.columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(_cell(row[c.name]))}</td>" for c in found.columns) + "</tr>"
        for row in found.rows
    )
    page = f'<table border="1"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    content = base64.b64encode(page.encode()).decode()
    return answer({"body": content, "attachmentContent": content, "attachmentName": "visualization.html"})


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
    return json.dumps(value, ensure_ascii=False)
