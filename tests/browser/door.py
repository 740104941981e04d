"""A way to write what a page could write, without the page."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page


class Door:
    """What a page could write below its workspace, written without it."""

    def __init__(self, page: Page) -> None:
        page.locator("header.bar").wait_for()
        self._page, self._session = page, page.request.get("/app/session").json()
        self.group = (
            f"/app/api/subscriptions/{self._session['subscription']}/resourceGroups/{self._session['resourceGroup']}"
        )
        name = self._session["workspaces"][0]["name"]
        self.workspace = f"{self.group}/providers/Microsoft.OperationalInsights/workspaces/{name}/providers"

    def put(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._sent("PUT", f"{self.workspace}/{path}", body)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._sent("POST", f"{self.workspace}/{path}", body)

    def search(self, name: str, properties: dict[str, Any]) -> None:
        path = f"{self.workspace.removesuffix('/providers')}/savedSearches/{name}"
        self._sent("PUT", path, {"properties": properties})

    def workflow(self, name: str, body: dict[str, Any]) -> None:
        self._sent("PUT", f"{self.group}/providers/Microsoft.Logic/workflows/{name}", body)

    def _sent(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._page.request.fetch(
            f"{path}?api-version=2024-09-01",
            method=method,
            data=body,
            headers={"x-huntlake-proof": self._session["proof"]},
            timeout=120_000,
        )
        assert answer.ok, answer.text()
        # Work that takes long says line by line how far it is, and last what came of it.
        found: dict[str, Any] = json.loads(answer.text().splitlines()[-1])
        return found
