"""Evidence that is sent to be imported, and how far it has come. Azure has nothing like it: this contract is ours."""

from __future__ import annotations

from typing import Any, Protocol

from anyio import CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from huntlake.api.authentication import Authentication
from huntlake.api.errors import BodyTooLarge, json_response
from huntlake.api.services import Services
from huntlake.core.errors import Refused
from huntlake.identity.audiences import MANAGEMENT
from huntlake.identity.rights import Action
from huntlake.workspace.evidence.uploads import Upload, Uploads
from huntlake.workspace.workspaces import Workspace

_AT_ONCE = 8
_MOST_OF_AN_ID = 100
_PATH = "/imports/workspaces/{workspace}"


class ImportServices(Services, Protocol):
    """What this face needs."""

    @property
    def uploads(self) -> Uploads: ...


class ImportsFace:
    """Takes files of evidence, as the body of a POST, and tells what became of them."""

    def __init__(self, services: ImportServices, authentication: Authentication) -> None:
        self._services, self._authentication = services, authentication
        # Whoever waits for the disk keeps no thread from queries and sign-ins.
        self._threads = CapacityLimiter(_AT_ONCE)

    def routes(self) -> list[Route]:
        """The face's routes."""
        return [
            Route(_PATH, self.imports, methods=["GET", "POST"]),
            Route(f"{_PATH}/{{id}}", self.one, methods=["GET"]),
        ]

    async def imports(self, request: Request) -> Response:
        """The files that were sent lately; with POST one more, named by `name`, its stamps of `timeZone`."""
        if request.method == "GET":
            workspace, _ = await self._place(request, Action.READ)
            return json_response({"value": [shown(upload) for upload in self._services.uploads.list(workspace)]})
        workspace, by = await self._place(request, Action.WRITE)
        asked, most = request.query_params, self._services.settings.max_import_bytes
        length = request.headers.get("content-length", "")
        total = int(length) if length.isdecimal() else 0
        if total > most:
            raise BodyTooLarge(f"a file that is sent may have {most:,} bytes, and this has {total:,}")
        uploads, zone = self._services.uploads, asked.get("timeZone", "UTC")
        called = request.headers.get("x-ms-client-request-id", "")[:_MOST_OF_AN_ID]
        upload, file = uploads.begin(workspace, asked.get("name", ""), by, zone, total, client_request_id=called)
        try:
            size = 0
            with file.open("wb") as out:
                async for chunk in request.stream():
                    size += len(chunk)
                    if size > most:
                        raise BodyTooLarge(f"a file that is sent may have {most:,} bytes")
                    await to_thread.run_sync(out.write, chunk, limiter=self._threads)
        except ClientDisconnect:
            uploads.abandoned(upload, "it didn't come whole")
            raise
        except Exception as error:
            uploads.abandoned(upload, str(error))
            raise
        return json_response(shown(uploads.received(upload, workspace)), 202)

    async def one(self, request: Request) -> Response:
        """How far a file has come."""
        workspace, _ = await self._place(request, Action.READ)
        return json_response(shown(self._services.uploads.get(workspace, request.path_params["id"])))

    async def _place(self, request: Request, action: Action) -> tuple[Workspace, str]:
        principal = await self._authentication.principal(request, MANAGEMENT)
        workspace = self._services.workspaces.by_database(request.path_params["workspace"])
        if not principal.may(action, workspace.id):
            raise Refused(f"{principal.display_name} may not {action.value} in {workspace.name}")
        return workspace, principal.display_name


def shown(upload: Upload) -> dict[str, Any]:
    """A file that was sent, as JSON."""
    report = upload.report
    told: dict[str, Any] = {
        "id": upload.id,
        "clientRequestId": upload.client_request_id,
        "name": upload.name,
        "by": upload.by,
        "startedTimeUtc": upload.at.isoformat(),
        "state": upload.state,
        "doneBytes": upload.done,
        "totalBytes": upload.total,
        "rows": upload.rows,
        "failure": upload.failure,
    }
    if report is not None:
        told["tables"] = report.tables
        told["rowsRead"], told["rowsRefused"] = report.read, report.dead
        told["skipped"] = list(report.skipped)
        told["files"] = [
            {
                "name": f.path,
                "format": f.format,
                "status": f.status,
                "reason": f.reason,
                "sha256": f.sha256,
                "rows": f.made,
            }
            for f in report.files
        ]
        told["unknownColumns"] = report.unknown_columns
    return told
