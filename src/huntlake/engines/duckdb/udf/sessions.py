"""Sessions of rows that come in order."""

from __future__ import annotations

from huntlake.engines.duckdb.udf.function import udf


@udf("hl_row_window_session", "VARCHAR", "VARCHAR", "BIGINT", "BIGINT", returns="VARCHAR")
def row_window_session(times: str | None, restarts: str | None, longest: int | None, pause: int | None) -> str | None:
    """The time at which each row's session began, in microseconds since 1970, parted by commas; empty for a null.

    `times` are so too, `restarts` are 1 where a session must begin, `longest` and `pause` are microseconds.
    """
    if times is None or restarts is None or longest is None or pause is None:
        return None
    started: list[str] = []
    first = last = None
    for text, restart in zip(times.split(","), restarts.split(","), strict=True):
        if not text:
            started.append("")
            continue
        now = int(text)
        if first is None or last is None or restart == "1" or now - first > longest or now - last > pause:
            first = now
        last = now
        started.append(str(first))
    return ",".join(started)
