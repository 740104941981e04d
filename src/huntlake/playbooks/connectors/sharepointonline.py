"""SharePoint Online: items of lists, and files of a site's library, by Microsoft Graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.playbooks.connectors.connector import Asked, ConnectionParameter, Connector, Effect, Operation
from huntlake.playbooks.connectors.declared import Send, Token, Tokens
from huntlake.playbooks.connectors.new_items import NewItems, Page, moment
from huntlake.wdl.expressions.values import text
from huntlake.wdl.runner.effects import Answer

_GRAPH, _AUTHORITY = "https://graph.microsoft.com", "https://login.microsoftonline.com"
_LIBRARIES = ("shared documents", "documents")
"""What the folder of a site's own library is called."""
_UNSORTED = {"Prefer": "HonorNonIndexedQueriesWarningMayFailRandomly"}
"""Without it a list is sorted by indexed columns only."""
_MOST = 100
_JSON = {"Content-Type": "application/json"}
_SITE, _TABLE = "/datasets/{dataset*}", "/datasets/{dataset*}/tables/{table}"

PARAMETERS = (
    ConnectionParameter("tenant", "Id or domain of the tenant."),
    ConnectionParameter("client_id", "The application's client id."),
    ConnectionParameter("client_secret", "The application's secret.", secret=True),
    ConnectionParameter("authority", "Where tokens come from.", required=False),
    ConnectionParameter("graph", "Where Microsoft Graph is.", required=False),
)


def sharepointonline(send: Send, clock: Clock) -> Connector:
    """The connector `sharepointonline`."""
    site, read, write = _Site(send, Tokens(send, clock)), Effect.READ, Effect.WRITE
    both, one = frozenset({"dataset", "table"}), frozenset({"dataset"})
    item = f"{_TABLE}/items/{{id}}"
    made = NewItems(site.newest("createdDateTime"), lambda i: text(i["ID"]), lambda i: moment(i.get("Created")))
    changed = NewItems(
        site.newest("lastModifiedDateTime"),
        lambda i: f"{i['ID']} {i.get('Modified')}",
        lambda i: moment(i.get("Modified")),
    )
    return Connector(
        "sharepointonline",
        "SharePoint",
        (
            Operation("GetItems", "GET", f"{_TABLE}/items", "Items of a list.", read, site.items, twice=both),
            Operation("GetItem", "GET", item, "An item of a list.", read, site.item, twice=both),
            Operation("PostItem", "POST", f"{_TABLE}/items", "Make an item.", write, site.create, _as_if, twice=both),
            Operation("PatchItem", "PATCH", item, "Change an item.", write, site.change, _as_if, twice=both),
            Operation("DeleteItem", "DELETE", item, "Delete an item.", write, site.delete, twice=both),
            Operation(
                "CreateNewFolder",
                "POST",
                f"{_TABLE}/createnewfolder",
                "Make a folder.",
                write,
                site.folder,
                _as_if,
                twice=both,
            ),
            Operation(
                "CreateSharingLink",
                "POST",
                f"{_SITE}/codeless/_api/v2.0/sites/root/lists/{{table}}/items/{{id}}/driveItem/createLink",
                "Share a file by a link.",
                write,
                site.link,
                _linked,
                twice=both | {"id"},
            ),
            Operation("CreateFile", "POST", f"{_SITE}/files", "Make a file.", write, site.file, _filed, twice=one),
        ),
        polls=(
            Operation("GetOnNewItems", "GET", f"{_TABLE}/onnewitems", "An item is made.", read, made, twice=both),
            Operation(
                "GetOnUpdatedItems",
                "GET",
                f"{_TABLE}/onupdateditems",
                "An item is made or changed.",
                read,
                changed,
                twice=both,
            ),
        ),
        parameters=PARAMETERS,
    )


@dataclass(frozen=True)
class _Site:
    send: Send
    tokens: Tokens

    def items(self, asked: Asked) -> Answer:
        most = _MOST
        for name, value in asked.queries.items():
            if name.lower() != "$top" or not text(value).isdecimal():
                raise Invalid(f"`{name[:40]}` of a list of items is not supported")
            most = min(int(text(value)), 5000)
        answer = self._graph(asked, "GET", _list(asked) + "/items", {"$expand": "fields", "$top": str(most)})
        if _bad(answer):
            return answer
        return Answer(200, _JSON, {"value": [_flat(i) for i in _values(answer.body)[:most]]})

    def newest(self, order: str) -> Any:
        """What gives the pages of a list, those items first that are newest by that."""

        def page(asked: Asked, link: str) -> Page | Answer:
            if asked.queries:
                raise Invalid(f"`{min(asked.queries)[:40]}` of a trigger on items is not supported")
            queries = {"$expand": "fields", "$top": str(_MOST), "$orderby": f"{order} desc"}
            path = _list(asked) + "/items"
            answer = self._graph(asked, "GET", path, queries, headers=_UNSORTED, link=link)
            if _bad(answer):
                return answer
            following = answer.body.get("@odata.nextLink") if isinstance(answer.body, Mapping) else ""
            return Page([_flat(i) for i in _values(answer.body)], text(following))

        return page

    def item(self, asked: Asked) -> Answer:
        answer = self._graph(asked, "GET", f"{_list(asked)}/items/{_id(asked)}", {"$expand": "fields"})
        return answer if _bad(answer) else Answer(200, _JSON, _flat(answer.body))

    def create(self, asked: Asked) -> Answer:
        answer = self._graph(asked, "POST", _list(asked) + "/items", body={"fields": _fields(asked)})
        return answer if _bad(answer) else Answer(200, _JSON, _flat(answer.body))

    def change(self, asked: Asked) -> Answer:
        answer = self._graph(asked, "PATCH", f"{_list(asked)}/items/{_id(asked)}/fields", body=_fields(asked))
        if _bad(answer):
            return answer
        fields = answer.body if isinstance(answer.body, Mapping) else {}
        return Answer(200, _JSON, _flat({"id": asked.arguments["id"], "fields": fields}))

    def delete(self, asked: Asked) -> Answer:
        answer = self._graph(asked, "DELETE", f"{_list(asked)}/items/{_id(asked)}")
        return answer if _bad(answer) else Answer(200, _JSON, {})

    def link(self, asked: Asked) -> Answer:
        path = f"{_list(asked)}/items/{_id(asked)}/driveItem/createLink"
        return self._graph(asked, "POST", path, body=asked.body)

    def folder(self, asked: Asked) -> Answer:
        body = asked.body if isinstance(asked.body, Mapping) else {}
        above, _, name = _clean(text(body.get("path"))).rpartition("/")
        where = f"root:/{quote(above)}:" if above else "root"
        made = {"name": name, "folder": {}, "@microsoft.graph.conflictBehavior": "fail"}
        answer = self._graph(asked, "POST", f"{_list(asked)}/drive/{where}/children", body=made)
        return answer if _bad(answer) else self._in_list(asked, answer, f"{_list(asked)}/drive")

    def file(self, asked: Asked) -> Answer:
        path = f"{_root(asked)}/drive/root:/{quote(_file(asked))}:/content"
        answer = self._graph(asked, "PUT", path, body="" if asked.body is None else asked.body)
        return answer if _bad(answer) else self._in_list(asked, answer, f"{_root(asked)}/drive")

    def _in_list(self, asked: Asked, answer: Answer, drive: str) -> Answer:
        """A file or a folder with the number that it has as an item of its list."""
        made = answer.body if isinstance(answer.body, Mapping) else {}
        found = self._graph(asked, "GET", f"{drive}/items/{quote(text(made.get('id')))}", {"$select": "sharepointIds"})
        ids = found.body.get("sharepointIds") if not _bad(found) and isinstance(found.body, Mapping) else None
        number = text(ids.get("listItemId")) if isinstance(ids, Mapping) else ""
        return Answer(200, _JSON, _filed_as(made, int(number) if number.isdecimal() else None))

    def _graph(
        self,
        asked: Asked,
        method: str,
        path: str,
        queries: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        link: str = "",
    ) -> Answer:
        given = asked.secrets
        if missing := [n for n in ("tenant", "client_id", "client_secret") if not given.get(n)]:
            return Answer(refused=f"the connection `{asked.connection}` to `sharepointonline` has no `{missing[0]}`")
        graph = (given.get("graph") or _GRAPH).rstrip("/")
        authority = given.get("authority") or _AUTHORITY
        token = self.tokens.of(
            Token(authority, given["tenant"], given["client_id"], given["client_secret"], f"{_GRAPH}/.default")
        )
        if isinstance(token, Answer):
            return token
        url = f"{graph}/v1.0{path}" + (f"?{urlencode(queries, quote_via=quote, safe='$')}" if queries else "")
        if link:
            if urlsplit(link)[:2] != urlsplit(graph)[:2]:
                raise Invalid("the rest of the list lies elsewhere: that is not supported")
            url = link
        shown = {"Authorization": f"Bearer {token}", "Accept": "application/json", **(headers or {})}
        return self.send(method, url, shown, body, urlsplit(graph).netloc.rpartition("@")[2])


def _bad(answer: Answer) -> bool:
    return bool(answer.lost or answer.refused or answer.status >= 300)


def _values(body: Any) -> list[Mapping[str, Any]]:
    found = body.get("value") if isinstance(body, Mapping) else None
    return [i for i in found if isinstance(i, Mapping)] if isinstance(found, list) else []


def _root(asked: Asked) -> str:
    """Where Graph has the site: sites are called by their address."""
    try:
        parts = urlsplit(asked.arguments["dataset"])
    except ValueError:
        parts = urlsplit("")
    path = parts.path.strip("/")
    if parts.scheme != "https" or not parts.hostname or any(p in (".", "..") for p in path.split("/")):
        raise Invalid(f"`{asked.arguments['dataset'][:200]}` is no address of a site")
    host = quote(parts.hostname, safe=".-")
    return f"/sites/{host}:/{quote(path)}:" if path else f"/sites/{host}"


def _list(asked: Asked) -> str:
    return f"{_root(asked)}/lists/{_part(asked.arguments['table'])}"


def _id(asked: Asked) -> str:
    return _part(asked.arguments["id"])


def _part(value: str) -> str:
    if not value or value in (".", ".."):
        raise Invalid(f"`{value}` is no part of a path")
    return quote(value, safe="")


def _fields(asked: Asked) -> dict[str, Any]:
    if not isinstance(asked.body, Mapping) or not asked.body:
        raise Invalid("an item is an object of its columns")
    # A choice is told by its value, as the connector has it.
    return {n: v["Value"] if isinstance(v, Mapping) and set(v) == {"Value"} else v for n, v in asked.body.items()}


def _clean(path: str) -> str:
    """A path within the site's library."""
    parts = [p for p in path.split("/") if p]
    if parts and parts[0].lower() in _LIBRARIES:
        parts = parts[1:]
    if not parts or any(p in (".", "..") for p in parts):
        raise Invalid(f"`{path[:200]}` is no path of a file or a folder")
    return "/".join(parts)


def _file(asked: Asked) -> str:
    folder, name = text(asked.queries.get("folderPath")), text(asked.queries.get("name"))
    if not name or "/" in name:
        raise Invalid("a new file has a `name`, without a `/` in it")
    first = next((p for p in folder.split("/") if p), "")
    if first and first.lower() not in _LIBRARIES:
        raise Invalid(f"the library `{first[:60]}` is not supported: files go to `/Shared Documents`")
    return _clean(f"{folder}/{name}")


def _flat(item: Any) -> dict[str, Any]:
    """An item as the connector gives it: its columns, and beside them what is known of every item."""
    given = item if isinstance(item, Mapping) else {}
    fields = given.get("fields")
    id = text(given.get("id"))
    made = {k: v for k, v in (fields if isinstance(fields, Mapping) else {}).items() if not k.startswith("@")}
    made |= {"ID": int(id) if id.isdecimal() else id, "{Identifier}": id}
    if "webUrl" in given:
        made["{Link}"] = given["webUrl"]
    for column, name in (("Created", "createdDateTime"), ("Modified", "lastModifiedDateTime")):
        if name in given:
            made[column] = given[name]
    for column, name in (("Author", "createdBy"), ("Editor", "lastModifiedBy")):
        by = given.get(name)
        user = by.get("user") if isinstance(by, Mapping) else None
        if isinstance(user, Mapping):
            email = text(user.get("email"))
            claims = f"i:0#.f|membership|{email}" if email else ""
            made[column] = {"Claims": claims, "DisplayName": text(user.get("displayName")), "Email": email}
            made[f"{column}#Claims"] = claims
    return made


def _filed_as(made: Mapping[str, Any], number: int | None) -> dict[str, Any]:
    name = text(made.get("name"))
    kind = made.get("file")
    above = made.get("parentReference")
    where = text(above.get("path")).partition("root:")[2] if isinstance(above, Mapping) else ""
    shown = {
        "Id": text(made.get("id")),
        "ID": number,
        "ItemId": number,
        "Name": name,
        "DisplayName": name.rpartition(".")[0] or name,
        "Path": f"/Shared Documents{where}/{name}",
        "LastModified": made.get("lastModifiedDateTime"),
        "Size": made.get("size", 0),
        "MediaType": text(kind.get("mimeType")) if isinstance(kind, Mapping) else "",
        "IsFolder": "folder" in made,
        "ETag": text(made.get("eTag")),
        "{Link}": made.get("webUrl"),
    }
    return {k: v for k, v in shown.items() if v is not None}


def _as_if(asked: Asked) -> Answer:
    now: datetime = asked.context.now
    body = asked.body if isinstance(asked.body, Mapping) else {}
    id = asked.arguments.get("id", "0")
    shown = _flat({"id": id, "fields": body, "lastModifiedDateTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"})
    return Answer(200, _JSON, shown)


def _filed(asked: Asked) -> Answer:
    name = _file(asked).rpartition("/")[2]
    return Answer(200, _JSON, _filed_as({"id": "0", "name": name, "file": {}}, 0))


def _linked(asked: Asked) -> Answer:
    return Answer(200, _JSON, {"link": {"webUrl": asked.arguments["dataset"]}})
