"""Azure Blob Storage: files in containers, by its REST API with the account's key.

What workflows call a file or a folder is its path, `/container/folder/name`; this connector gives the same.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from huntlake.core.clock import Clock
from huntlake.core.errors import Invalid
from huntlake.playbooks.answers import moment
from huntlake.playbooks.bodies import encoded
from huntlake.playbooks.connectors.connector import Asked, ConnectionParameter, Connector, Effect, Operation
from huntlake.playbooks.connectors.declared import Send
from huntlake.wdl.expressions.values import Fault, text
from huntlake.wdl.markup.documents import Element, Text, read
from huntlake.wdl.runner.effects import Answer

_VERSION = "2021-08-06"
_JSON = {"Content-Type": "application/json"}
_DATASETS = ("/datasets/{dataset}", "/v2/datasets/{dataset}")
_PAGE = 500

PARAMETERS = (
    ConnectionParameter("accountName", "Name of the storage account."),
    ConnectionParameter("accessKey", "One of its keys.", secret=True),
    ConnectionParameter(
        "endpoint", "Where its blobs are, if not `https://<name>.blob.core.windows.net`.", required=False
    ),
)


def azureblob(send: Send, clock: Clock) -> Connector:
    """The connector `azureblob`."""
    blobs, read_, write = _Blobs(send, clock), Effect.READ, Effect.WRITE
    made = []
    for version, base in zip(("", "_V2"), _DATASETS, strict=True):
        file = f"{base}/files/{{id}}"
        made += [
            Operation(f"GetFileContent{version}", "GET", f"{file}/content", "What a blob holds.", read_, blobs.content),
            Operation(f"GetFileMetadata{version}", "GET", file, "What is known of a blob.", read_, blobs.about),
            Operation(
                f"ListFolder{version}", "GET", f"{base}/foldersV2/{{id}}", "What a folder holds.", read_, blobs.list
            ),
            Operation(
                f"CreateFile{version}", "POST", f"{base}/files", "Make a blob.", write, blobs.create, blobs.would_create
            ),
            Operation(f"UpdateFile{version}", "PUT", file, "Replace a blob.", write, blobs.update, blobs.would_update),
            Operation(f"DeleteFile{version}", "DELETE", file, "Delete a blob.", write, blobs.delete),
        ]
    twice = frozenset({"id", "dataset"})
    return Connector("azureblob", "Azure Blob Storage", tuple(_twice(o, twice) for o in made), parameters=PARAMETERS)


def _twice(operation: Operation, names: frozenset[str]) -> Operation:
    return replace(operation, twice=frozenset(n for n in names if f"{{{n}}}" in operation.path))


@dataclass(frozen=True)
class _Blobs:
    send: Send
    clock: Clock

    def content(self, asked: Asked) -> Answer:
        return self._asked(asked, "GET", _path(asked.arguments["id"]))

    def about(self, asked: Asked) -> Answer:
        path = _path(asked.arguments["id"])
        answer = self._asked(asked, "HEAD", path)
        return answer if _bad(answer) else Answer(200, _JSON, _shown(path, answer.headers))

    def list(self, asked: Asked) -> Answer:
        container, _, prefix = _path(asked.arguments["id"]).strip("/").partition("/")
        queries = {"restype": "container", "comp": "list", "maxresults": str(_PAGE)}
        if prefix:
            queries["prefix"] = prefix.rstrip("/") + "/"
        if text(asked.queries.get("useFlatListing")).lower() != "true":
            queries["delimiter"] = "/"
        if marker := text(asked.queries.get("nextPageMarker")):
            queries["marker"] = marker
        answer = self._asked(asked, "GET", f"/{container}", queries)
        return answer if _bad(answer) else Answer(200, _JSON, _listed(container, answer.body))

    def create(self, asked: Asked) -> Answer:
        return self._put(asked, _new(asked))

    def update(self, asked: Asked) -> Answer:
        return self._put(asked, _path(asked.arguments["id"]))

    def delete(self, asked: Asked) -> Answer:
        answer = self._asked(asked, "DELETE", _path(asked.arguments["id"]))
        return answer if _bad(answer) else Answer(200, _JSON, {})

    def would_create(self, asked: Asked) -> Answer:
        return self._as_if(asked, _new(asked))

    def would_update(self, asked: Asked) -> Answer:
        return self._as_if(asked, _path(asked.arguments["id"]))

    def _as_if(self, asked: Asked, path: str) -> Answer:
        content, type = encoded(asked.body, _type(asked))
        headers = {"Content-Length": str(len(content)), "Content-Type": type}
        return Answer(200, _JSON, _shown(path, headers) | {"LastModified": moment(asked.context.now)})

    def _put(self, asked: Asked, path: str) -> Answer:
        content, type = encoded(asked.body, _type(asked))
        answer = self._asked(asked, "PUT", path, content=content, type=type)
        if _bad(answer):
            return answer
        shown = _shown(path, {**answer.headers, "Content-Length": str(len(content)), "Content-Type": type})
        return Answer(200, _JSON, shown)

    def _asked(
        self,
        asked: Asked,
        method: str,
        path: str,
        queries: Mapping[str, str] | None = None,
        content: bytes = b"",
        type: str = "",
    ) -> Answer:
        account, key = asked.secrets.get("accountName", ""), asked.secrets.get("accessKey", "")
        if not account or not key:
            return Answer(refused=f"the connection `{asked.connection}` lacks `accountName` or `accessKey`")
        base = (asked.secrets.get("endpoint") or f"https://{quote(account, safe='')}.blob.core.windows.net").rstrip("/")
        quoted = quote(path, safe="/-_.~")
        own = {"x-ms-date": format_datetime(self.clock.now(), usegmt=True), "x-ms-version": _VERSION}
        if method == "PUT":
            own["x-ms-blob-type"] = "BlockBlob"
        said = [
            method, "", "", str(len(content)) if content else "", "", type, "", "", "", "", "", "",
            *(f"{n}:{v}" for n, v in sorted(own.items())),
            f"/{account}{urlsplit(base).path}{quoted}",
            *(f"{n}:{v}" for n, v in sorted((queries or {}).items())),
        ]  # fmt: skip
        try:
            signed = hmac.new(base64.b64decode(key, validate=True), "\n".join(said).encode(), hashlib.sha256).digest()
        except ValueError:
            return Answer(
                refused=f"the `accessKey` of the connection `{asked.connection}` is no key of a storage account"
            )
        headers = {**own, "Authorization": f"SharedKey {account}:{base64.b64encode(signed).decode()}"}
        url = f"{base}{quoted}" + (f"?{urlencode(queries, quote_via=quote)}" if queries else "")
        body: Any = None
        if method == "PUT":
            # As the very bytes that are signed.
            body = {"$content-type": type, "$content": base64.b64encode(content).decode()}
        return self.send(method, url, headers, body, urlsplit(base).netloc.rpartition("@")[2])


def _bad(answer: Answer) -> bool:
    return bool(answer.lost or answer.refused or answer.status >= 300)


def _type(asked: Asked) -> str:
    return next((v for k, v in asked.headers.items() if k.lower() == "content-type"), "")


def _path(id: str) -> str:
    """The path of a file or a folder, with its container first."""
    parts = [p for p in id.split("/") if p]
    if not parts or any(p in (".", "..") for p in parts):
        raise Invalid(f"`{id[:100]}` is no path of a blob: `/container/name` is one")
    return "/" + "/".join(parts)


def _new(asked: Asked) -> str:
    folder, name = text(asked.queries.get("folderPath")), text(asked.queries.get("name"))
    if not name or "/" in name:
        raise Invalid("a new blob has a `name`, without a `/` in it")
    return _path(f"{folder}/{name}")


def _shown(path: str, headers: Mapping[str, str]) -> dict[str, Any]:
    given = {k.lower(): v for k, v in headers.items()}
    try:
        changed = moment(parsedate_to_datetime(given["last-modified"]))
    except (KeyError, ValueError):
        changed = None
    name, size = path.rpartition("/")[2], given.get("content-length", "")
    return {
        "Id": path,
        "Name": name,
        "DisplayName": name,
        "Path": path,
        "LastModified": changed,
        "Size": int(size) if size.isdecimal() else 0,
        "MediaType": given.get("content-type", ""),
        "IsFolder": False,
        "ETag": given.get("etag", ""),
        "FileLocator": path,
    }


def _listed(container: str, body: Any) -> dict[str, Any]:
    try:
        content = base64.b64decode(body["$content"]) if isinstance(body, Mapping) else text(body).encode()
        root = next(c for c in read(content).children if isinstance(c, Element))
    except (Fault, KeyError, ValueError, StopIteration):
        raise Invalid("the storage account's answer isn't a list of blobs") from None
    found: list[dict[str, Any]] = []
    for one in _children(_child(root, "Blobs")):
        path = f"/{container}/{_text(_child(one, 'Name'))}"
        if one.name == "BlobPrefix":
            path = path.rstrip("/")
            found.append(_shown(path, {}) | {"IsFolder": True})
            continue
        said = {c.name: _text(c) for c in _children(_child(one, "Properties"))}
        found.append(_shown(path, {"etag": said.get("Etag", ""), **said}))
    marker = _text(_child(root, "NextMarker"))
    return {"value": found, "nextPageMarker": marker or None}


def _children(element: Element | None) -> list[Element]:
    return [c for c in element.children if isinstance(c, Element)] if element is not None else []


def _child(element: Element | None, name: str) -> Element | None:
    return next((c for c in _children(element) if c.name == name), None)


def _text(element: Element | None) -> str:
    return "".join(c.text for c in element.children if isinstance(c, Text)) if element is not None else ""
