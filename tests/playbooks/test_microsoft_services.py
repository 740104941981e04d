"""SharePoint, Blob Storage and Azure DevOps, against a server on the loopback address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote

import pytest
from tests.playbooks.desk import Desk
from tests.playbooks.test_http import Server, house, server
from tests.playbooks.test_new_items import polled
from tests.playbooks.test_services import reply

from huntlake.playbooks.connections import Mode

__all__ = ["house", "server"]

SITE = quote(quote("https://contoso.sharepoint.com/sites/SOC", safe=""), safe="")
GRAPH = "/v1.0/sites/contoso.sharepoint.com:/sites/SOC:"
KEY = base64.b64encode(b"k" * 32).decode()
ITEM = {
    "id": "7",
    "createdDateTime": "2026-03-02T10:00:00Z",
    "webUrl": "https://contoso.sharepoint.com/7",
    "createdBy": {"user": {"email": "ada@contoso.example", "displayName": "Ada"}},
    "fields": {"@odata.etag": "x", "Title": "Revoke", "UserPrincipalName": "bob@contoso.example"},
}


@pytest.fixture
def sharepoint(house: Desk, server: Server) -> Desk:
    given = {"tenant": "t", "client_id": "app", "graph": server.url, "authority": server.url}
    house.connect("sharepointonline", parameters=given, secret={"client_secret": "s"})
    reply(server, "/t/oauth2/v2.0/token", {"access_token": "tok", "expires_in": 3600})
    return house


def sent(server: Server, number: int = -1) -> tuple[str, str, Any]:
    seen = server.seen[number]
    return seen["method"], seen["path"], json.loads(seen["body"]) if seen["body"] else None


def test_an_item_of_a_list_is_shown_flat_and_changed(sharepoint: Desk, server: Server) -> None:
    reply(server, f"{GRAPH}/lists/Users/items/7", ITEM)
    found = sharepoint.ask("GET", f"/datasets/{SITE}/tables/Users/items/7", connection="sharepointonline").body
    assert (found["ID"], found["Title"], found["Author#Claims"]) == (
        7,
        "Revoke",
        "i:0#.f|membership|ada@contoso.example",
    )
    assert "@odata.etag" not in found
    assert server.seen[-1]["headers"]["authorization"] == "Bearer tok"
    reply(server, f"{GRAPH}/lists/Users/items/7/fields", {"Title": "Revoke", "Status": "Done"})
    path = f"/datasets/{SITE}/tables/Users/items/7"
    told = sharepoint.ask("PATCH", path, {"Status": {"Value": "Done"}}, connection="sharepointonline")
    assert told.body["Status"] == "Done"
    assert sent(server) == ("PATCH", f"{GRAPH}/lists/Users/items/7/fields", {"Status": "Done"})
    for path in (f"/datasets/{SITE}/tables/../items/7", "/datasets/here/tables/Users/items/7"):
        assert sharepoint.ask("GET", path, connection="sharepointonline").status == 400


def test_new_items_of_a_list_set_a_playbook_off_once(sharepoint: Desk, server: Server) -> None:
    path = f"/datasets/{SITE}/tables/Users/onnewitems"
    reply(server, f"{GRAPH}/lists/Users/items", {"value": [ITEM]})
    first = polled(sharepoint, "sharepointonline", path)
    assert first.status == 202, first
    new = {**ITEM, "id": "8", "createdDateTime": "2026-03-02T11:00:00Z"}
    reply(server, f"{GRAPH}/lists/Users/items", {"value": [new, ITEM]})
    second = polled(sharepoint, "sharepointonline", path, first.headers["Location"])
    assert [i["ID"] for i in second.body["value"]] == [8]
    assert second.body["value"][0]["UserPrincipalName"] == "bob@contoso.example"
    assert polled(sharepoint, "sharepointonline", path, second.headers["Location"]).status == 202
    assert "orderby=createdDateTime%20desc" in server.seen[-1]["path"]


def test_a_file_goes_into_the_sites_library_and_into_no_other(sharepoint: Desk, server: Server) -> None:
    made = {
        "id": "f1",
        "name": "a b.csv",
        "file": {"mimeType": "text/csv"},
        "parentReference": {"path": "/drive/root:/x"},
    }
    reply(server, f"{GRAPH}/drive/root:/x/a%20b.csv:/content", made)
    reply(server, f"{GRAPH}/drive/items/f1", {"sharepointIds": {"listItemId": "12"}})
    queries = {"folderPath": "/Shared Documents/x", "name": "a b.csv"}
    path = f"/datasets/{SITE}/files"
    told = sharepoint.ask("POST", path, "a,b\r\n", queries, connection="sharepointonline").body
    assert (told["ItemId"], told["Path"]) == (12, "/Shared Documents/x/a b.csv")
    assert next(s["body"] for s in server.seen if s["method"] == "PUT") == b"a,b\r\n"
    other = {"folderPath": "/Other library", "name": "a.csv"}
    assert sharepoint.ask("POST", path, "x", other, connection="sharepointonline").status == 400


def signed(seen: Any, account: str, resource: str) -> bool:
    """Whether a request bears the signature that the service would reckon."""
    headers = seen["headers"]
    own = "".join(f"{n}:{v}\n" for n, v in sorted(headers.items()) if n.startswith("x-ms-"))
    length = headers.get("content-length", "")
    parts = [seen["method"], "", "", "" if length == "0" else length, "", headers.get("content-type", ""), *[""] * 6]
    said = "\n".join(parts) + f"\n{own}{resource}"
    wanted = base64.b64encode(hmac.new(base64.b64decode(KEY), said.encode(), hashlib.sha256).digest()).decode()
    return bool(headers["authorization"] == f"SharedKey {account}:{wanted}")


def test_a_blob_is_written_and_read_with_the_accounts_signature(house: Desk, server: Server) -> None:
    house.connect("azureblob", parameters={"accountName": "acct", "endpoint": server.url}, secret={"accessKey": KEY})
    queries = {"folderPath": "/logs", "name": "run 1.json", "queryParametersSingleEncoded": True}
    made = house.ask("POST", "/datasets/default/files", {"n": 1}, queries, connection="azureblob").body
    assert (made["Path"], made["Size"]) == ("/logs/run 1.json", 7)
    put = server.seen[-1]
    assert (put["method"], put["path"], put["body"]) == ("PUT", "/logs/run%201.json", b'{"n":1}')
    assert signed(put, "acct", "/acct/logs/run%201.json")
    reply(server, "/logs/run%201.json", {"n": 1})
    id = quote(quote("/logs/run 1.json", safe=""), safe="")
    assert house.ask("GET", f"/datasets/default/files/{id}/content", connection="azureblob").body == {"n": 1}
    assert signed(server.seen[-1], "acct", "/acct/logs/run%201.json")
    wrong = quote(quote("/logs/../x", safe=""), safe="")
    assert house.ask("GET", f"/v2/datasets/default/files/{wrong}/content", connection="azureblob").status == 400


def test_a_folder_of_blobs_is_listed(house: Desk, server: Server) -> None:
    house.connect("azureblob", parameters={"accountName": "acct", "endpoint": server.url}, secret={"accessKey": KEY})
    listed = (
        "\ufeff<?xml version='1.0' encoding='utf-8'?><EnumerationResults><Blobs><Blob><Name>a/b.json</Name><Properties>"
        "<Content-Length>5</Content-Length><Content-Type>application/json</Content-Type><Etag>0x1</Etag>"
        "<Last-Modified>Mon, 02 Mar 2026 10:00:00 GMT</Last-Modified></Properties></Blob>"
        "<BlobPrefix><Name>a/c/</Name></BlobPrefix></Blobs><NextMarker>m2</NextMarker></EnumerationResults>"
    )
    server.answers["/logs"] = (200, {"Content-Type": "application/xml"}, listed.encode())
    id = quote(quote("/logs/a", safe=""), safe="")
    found = house.ask("GET", f"/datasets/default/foldersV2/{id}", connection="azureblob").body
    assert [(b["Path"], b["Size"], b["IsFolder"]) for b in found["value"]] == [
        ("/logs/a/b.json", 5, False),
        ("/logs/a/c", 0, True),
    ]
    assert found["nextPageMarker"] == "m2"
    resource = "/acct/logs\ncomp:list\ndelimiter:/\nmaxresults:500\nprefix:a/\nrestype:container"
    assert signed(server.seen[-1], "acct", resource)


def test_a_work_item_is_made_of_its_fields(house: Desk, server: Server) -> None:
    house.connect("visualstudioteamservices", parameters={"endpoint": server.url}, secret={"token": "pat"})
    reply(server, "/org/My%20Project/_apis/wit/workitems/$Task", {"id": 5})
    body = {"title": "Look", "description": "at it", "dynamicFields": {"System.Tags": "Sentinel"}}
    path = "/My%20Project/_apis/wit/workitems/$Task"
    told = house.ask("PATCH", path, body, {"account": "org"}, connection="visualstudioteamservices")
    assert told.body == {"id": 5}
    method, at, patch = sent(server)
    assert (method, at) == ("POST", "/org/My%20Project/_apis/wit/workitems/$Task?api-version=7.1")
    assert {p["path"]: p["value"] for p in patch} == {
        "/fields/System.Title": "Look",
        "/fields/System.Description": "at it",
        "/fields/System.Tags": "Sentinel",
    }
    assert server.seen[-1]["headers"]["content-type"] == "application/json-patch+json"
    odd = house.ask("PATCH", path, {"colour": "x"}, {"account": "org"}, connection="visualstudioteamservices")
    assert (odd.status, "not supported" in str(odd.body)) == (400, True)


def test_a_dry_run_of_these_sends_nothing(house: Desk, server: Server) -> None:
    given = {"tenant": "t", "client_id": "a", "graph": server.url}
    house.connect("sharepointonline", mode=Mode.DRY_RUN, parameters=given, secret={"client_secret": "s"})
    house.connect("azureblob", mode=Mode.DRY_RUN, parameters={"accountName": "a"}, secret={"accessKey": KEY})
    path = f"/datasets/{SITE}/tables/Users/items/7"
    assert house.ask("PATCH", path, {"A": 1}, connection="sharepointonline").body["ID"] == 7
    made = house.ask("POST", f"/datasets/{SITE}/files", "x", {"name": "a.csv"}, connection="sharepointonline").body
    assert made["Name"] == "a.csv"
    blob = house.ask("POST", "/datasets/default/files", "x", {"folderPath": "/c", "name": "a"}, connection="azureblob")
    assert blob.body["Size"] == 1
    assert not server.seen
