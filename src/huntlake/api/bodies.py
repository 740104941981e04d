"""Request bodies, read no further than the server is willing to."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request

from huntlake.api.errors import BodyTooLarge
from huntlake.core.errors import Cancelled


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body; `BodyTooLarge` as soon as it is known to have more than `limit` bytes."""
    too_large = f"the body has more than {limit} bytes"
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise BodyTooLarge(too_large)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge(too_large)
    except ClientDisconnect:
        raise Cancelled("the client went away while it was sending") from None
    return bytes(body)
