"""Lists of indicators as CSV: a value in each line, and what is known of it."""

from __future__ import annotations

import csv
import io
import re
from uuid import UUID, uuid5

from huntlake.core.diagnostics import did_you_mean
from huntlake.core.errors import Invalid
from huntlake.detection.indicators import Indicator
from huntlake.detection.intel.patterns import quoted
from huntlake.detection.intel.stix import Gathered, moment

_NAMES = UUID("0f4f6d5e-1d8c-4b9f-8f3e-6b1f0c6f7a21")
_KEYS = {
    "ipv4": "ipv4-addr:value",
    "ipv4-addr": "ipv4-addr:value",
    "ip": "ipv4-addr:value",
    "ipv6": "ipv6-addr:value",
    "ipv6-addr": "ipv6-addr:value",
    "domain": "domain-name:value",
    "domain-name": "domain-name:value",
    "hostname": "domain-name:value",
    "url": "url:value",
    "md5": "file:hashes.MD5",
    "sha1": "file:hashes.'SHA-1'",
    "sha256": "file:hashes.'SHA-256'",
    "email": "email-addr:value",
    "email-addr": "email-addr:value",
}
_COLUMNS = tuple("value type name description confidence valid_from valid_until labels threat_type revoked".split())
_HASHES = {32: "md5", 40: "sha1", 64: "sha256"}


def listed(text: bytes, source: str) -> Gathered:
    """The indicators of a CSV text whose first line names its columns; only `value` must be there.

    An indicator is the same as one of an earlier list from the same source with the same value.
    """
    try:
        lines = io.StringIO(text.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError:
        raise Invalid("a list of indicators is UTF-8 text") from None
    reader = csv.DictReader((line for line in lines if not line.startswith("#")), strict=True)
    columns = [(c or "").strip().lower() for c in reader.fieldnames or ()]
    if "value" not in columns:
        raise Invalid("a list of indicators has the column `value`, and there is none")
    if unknown := [c for c in columns if c not in _COLUMNS]:
        hint = did_you_mean(unknown[0], _COLUMNS) or f"there are {', '.join(_COLUMNS)}"
        raise Invalid(f"the column `{unknown[0][:60]}` is not supported: {hint}")
    reader.fieldnames = columns
    found: list[tuple[str, Indicator]] = []
    refused: list[tuple[str, str]] = []
    try:
        for row in reader:
            value = (row.get("value") or "").strip()
            try:
                found.append(_indicator(value, {k: (v or "").strip() for k, v in row.items() if k}, source))
            except Invalid as error:
                refused.append((value[:60] or f"line {reader.line_num}", str(error)))
    except csv.Error as error:
        raise Invalid(f"line {reader.line_num}: {error}") from None
    return Gathered(tuple(found), {}, tuple(refused))


def _indicator(value: str, row: dict[str, str], source: str) -> tuple[str, Indicator]:
    if not value:
        raise Invalid("it has no value")
    type = row.get("type", "").lower() or _guessed(value)
    if type == "ip" and ":" in value:
        type = "ipv6"
    if (key := _KEYS.get(type)) is None:
        raise Invalid(f"the type `{type[:40]}` is not supported: there are {', '.join(sorted(_KEYS))}")
    confidence = row.get("confidence", "")
    if confidence and not (confidence.isdecimal() and int(confidence) <= 100):
        raise Invalid("its `confidence` is not a number from 0 to 100")
    revoked = row.get("revoked", "").lower()
    if revoked not in ("", "true", "false"):
        raise Invalid("its `revoked` is neither `true` nor `false`")
    since, until = moment(row.get("valid_from"), "valid_from"), moment(row.get("valid_until"), "valid_until")
    if since and until and until <= since:
        raise Invalid("its `valid_until` is not after its `valid_from`")
    threat = row.get("threat_type", "")
    name = f"indicator--{uuid5(_NAMES, f'{source}/{key}/{value.lower()}')}"
    return name, Indicator(
        pattern=f"[{key} = {quoted(value)}]",
        pattern_type="stix",
        display_name=row.get("name") or value,
        source=source,
        description=row.get("description") or None,
        threat_types=(threat,) if threat else (),
        labels=tuple(t.strip() for t in re.split(r"[;|]", row.get("labels", "")) if t.strip()),
        confidence=int(confidence) if confidence else None,
        valid_from=since,
        valid_until=until,
        revoked=revoked == "true",
        external_id=name,
    )


def _guessed(value: str) -> str:
    if re.fullmatch(r"[0-9A-Fa-f]+", value) and len(value) in _HASHES:
        return _HASHES[len(value)]
    if re.fullmatch(r"\d{1,3}(\.\d{1,3}){3}(/\d{1,2})?", value):
        return "ipv4"
    if "://" in value:
        return "url"
    if "@" in value:
        return "email"
    if re.fullmatch(r"[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+", value):
        return "ipv6"
    if re.fullmatch(r"(?=.*[A-Za-z])[\w-]+(\.[\w-]+)+\.?", value):
        return "domain"
    raise Invalid("its type can't be guessed: say it in the column `type`")
