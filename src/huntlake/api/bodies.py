"""Request bodies, read no further than the server is willing to."""

from __future__ import annotations

import zlib

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from huntlake.api.errors import BodyTooLarge, UnsupportedEncoding
from huntlake.core.errors import Cancelled, Invalid


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


async def read_packed_body(request: Request, limit: int) -> bytes:
    """The whole body, unpacked where it says that it is gzip; `limit` counts for both forms of it.

    `UnsupportedEncoding` for another packing, `Invalid` for what isn't packed as it says.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", ""):
        raise UnsupportedEncoding(f"the content encoding '{encoding[:50]}' is not supported; send gzip, or none")
    body = await read_body(request, limit)
    return body if encoding in ("identity", "") else await run_in_threadpool(unpacked, body, limit)


def unpacked(body: bytes, limit: int) -> bytes:
    """The bytes inside one or more gzip members; no more than `limit` of them are ever made."""
    found, at = bytearray(), 0
    while at < len(body):
        unpacker, size = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), _FIRST_PIECE
        # In pieces: what follows a member is copied, and a body may be nothing but tiny members.
        while not unpacker.eof:
            piece = unpacker.unconsumed_tail or body[at : at + size]
            if not piece:
                raise Invalid("the body is no gzip: it ends too soon")
            at += 0 if unpacker.unconsumed_tail else len(piece)
            try:
                found += unpacker.decompress(piece, limit + 1 - len(found))
            except zlib.error as error:
                raise Invalid(f"the body is no gzip: {error}") from None
            if len(found) > limit:
                raise BodyTooLarge(f"the body has more than {limit} bytes when it is unpacked")
            size *= 2
        at -= len(unpacker.unused_data)
    return bytes(found)


_FIRST_PIECE = 1 << 10
