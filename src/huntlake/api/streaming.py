"""Answers that are made while they are sent, by work that runs in threads of its own."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from itertools import chain

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from huntlake.api.limits import Turns
from huntlake.engines.cancellation import Cancellation
from huntlake.engines.workers import working_for

_GATHERED = 64 << 10
_WORTH_PACKING = 1024
_STALLED_SECONDS = 60.0


class _UntilGone(Response):
    """An answer whose work is cancelled when the client goes away."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cancellation = Cancellation()
        answering = asyncio.ensure_future(self._answer(cancellation, send))
        gone = asyncio.ensure_future(_until_gone(receive))
        try:
            await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                cancellation.cancel()
                answering.cancel()
                await asyncio.wait((answering,))
                return
            answering.result()
        finally:
            cancellation.cancel()
            gone.cancel()
            answering.cancel()

    async def _answer(self, cancellation: Cancellation, send: Send) -> None:
        raise NotImplementedError


class Streamed(_UntilGone):
    """An answer, mostly JSON, out of chunks that plain, blocking code makes.

    Nothing is sent before the first chunk is there, so that an error up to then is an answer of its
    own. When the client goes away, or stops reading for a minute, the work is cancelled.
    """

    def __init__(
        self,
        make: Callable[[Cancellation], Iterator[bytes]],
        *,
        pool: Executor,
        turns: Turns,
        principal: str,
        place: AbstractContextManager[None],
        gzip: bool,
        kind: str = "application/json",
    ) -> None:
        self._make, self._pool, self._turns, self._principal = make, pool, turns, principal
        self._place, self._gzip, self._kind = place, gzip, kind
        self.background = None

    async def _answer(self, cancellation: Cancellation, send: Send) -> None:
        with self._place:
            async with self._turns.turn(self._principal):
                steps = _Steps(self._pool, gathered(self._make(cancellation)), self._principal)
                try:
                    await self._send(steps, send)
                finally:
                    cancellation.cancel()
                    await asyncio.shield(steps.close())

    async def _send(self, steps: _Steps, send: Send) -> None:
        first = await steps.next() or b""
        headers = [(b"content-type", self._kind.encode()), (b"cache-control", b"no-store")]
        if self._gzip and len(first) > _WORTH_PACKING:
            headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
            first = await steps.through(packed, first) or b""
        elif len(first) < _GATHERED:
            headers.append((b"content-length", str(len(first)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        chunk: bytes | None = first
        while chunk is not None:
            last = steps.over
            body = {"type": "http.response.body", "body": chunk, "more_body": not last}
            async with asyncio.timeout(_STALLED_SECONDS):
                await send(body)
            if last:
                return
            chunk = await steps.next()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Steps:
    """An iterator each of whose steps runs in a thread, and that is closed only between steps."""

    def __init__(self, pool: Executor, chunks: Iterator[bytes], owner: str) -> None:
        self._pool, self._chunks, self._origin, self._owner = pool, chunks, chunks, owner
        self._step: asyncio.Future[bytes | None] | None = None
        self.over = False
        """Whether the last chunk was given, and the work for it is done."""

    async def next(self) -> bytes | None:
        """The next chunk; None at the end."""
        if self.over:
            return None
        self._step = asyncio.wrap_future(self._pool.submit(self._advance))
        return await asyncio.shield(self._step)

    def _advance(self) -> bytes | None:
        with working_for(self._owner):
            return self._advanced()

    def _advanced(self) -> bytes | None:
        chunk = next(self._chunks, None)
        if chunk is None:
            self.over = True
        elif len(chunk) < _GATHERED and self._chunks is self._origin:
            # A short one is the last: a small answer is made, and its work ended, in one step.
            following = next(self._chunks, None)
            assert following is None
            self.over = True
        return chunk

    async def through(self, filter: Callable[[Iterator[bytes]], Iterator[bytes]], first: bytes) -> bytes | None:
        """Put `first` back and send all chunks through `filter` from now on; gives the new first one."""
        self._chunks = filter(chain((first,), self._chunks))
        self.over = False
        return await self.next()

    async def close(self) -> None:
        """Let the step that is under way end, then close the iterator."""
        if self._step is not None:
            await asyncio.wait((self._step,))
            self._step.exception()  # nobody may be left to hear of it, which asyncio would log
        close = getattr(self._origin, "close", None)
        if close is not None and not self.over:
            await asyncio.wrap_future(self._pool.submit(close))


class StreamedLines(_UntilGone):
    """An answer in lines of JSON: what plain, blocking work tells while it goes on, and at last what it gives.

    The first line is sent when the work has its turn, so that being refused one is an answer of its own; an error after
    it is the last line, as `failed` words it. When the client goes away, or stops reading, the work is cancelled.
    """

    def __init__(
        self,
        work: Callable[[Cancellation, Callable[[object], None]], object],
        failed: Callable[[Exception], object],
        *,
        pool: Executor,
        turns: Turns,
        principal: str,
        place: AbstractContextManager[None],
        headers: Mapping[str, str],
    ) -> None:
        self._work, self._failed = work, failed
        self._pool, self._turns, self._principal, self._place = pool, turns, principal, place
        self._beside = [(k.lower().encode(), v.encode()) for k, v in headers.items()]
        self.background = None

    async def _answer(self, cancellation: Cancellation, send: Send) -> None:
        lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def tell(line: object) -> None:
            loop.call_soon_threadsafe(lines.put_nowait, orjson.dumps(line, option=orjson.OPT_UTC_Z) + b"\n")

        def work() -> None:
            try:
                with working_for(self._principal):
                    tell(self._work(cancellation, tell))
            except Exception as error:
                tell(self._failed(error))
            finally:
                loop.call_soon_threadsafe(lines.put_nowait, None)

        with self._place:
            async with self._turns.turn(self._principal):
                working = asyncio.wrap_future(self._pool.submit(work))
                try:
                    head = [(b"content-type", b"application/x-ndjson"), (b"cache-control", b"no-store"), *self._beside]
                    await send({"type": "http.response.start", "status": 200, "headers": head})
                    while (line := await lines.get()) is not None:
                        async with asyncio.timeout(_STALLED_SECONDS):
                            await send({"type": "http.response.body", "body": line, "more_body": True})
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                finally:
                    cancellation.cancel()
                    await asyncio.shield(working)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def gathered(chunks: Iterator[bytes], size: int = _GATHERED) -> Iterator[bytes]:
    """The same bytes in chunks of at least `size`, but for the last: a short first one is all there is."""
    waiting: list[bytes] = []
    length = 0
    for chunk in chunks:
        waiting.append(chunk)
        length += len(chunk)
        if length >= size:
            yield b"".join(waiting)
            waiting, length = [], 0
    if waiting:
        yield b"".join(waiting)


def packed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The chunks as one gzip stream; each that comes out is whole enough to be read at once."""
    # Level 1 packs JSON to a tenth as well as most, several times faster than the default.
    packer = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    for chunk in chunks:
        out = packer.compress(chunk)
        if out:
            yield out
    yield packer.flush()
