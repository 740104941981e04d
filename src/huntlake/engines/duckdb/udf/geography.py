"""`geo_info_from_ip_address`"""

from __future__ import annotations

from dataclasses import asdict

import orjson

from huntlake.engines.duckdb.udf.function import Function
from huntlake.engines.geography import Geography, parse_address


def geo_info(geography: Geography) -> Function:
    """The place of an IP address as JSON text; see the page of `geo_info_from_ip_address` in Kusto's reference.

    An address without a known place, such as a private one, has an empty bag; what is no address has null.
    """

    def of(text: str | None) -> str | None:
        address = parse_address(text) if text else None
        if address is None:
            return None
        place = geography.place(address)
        return orjson.dumps(asdict(place)).decode() if place else "{}"

    return Function("hl_geo_info", ("VARCHAR",), "VARCHAR", of)
