"""The files of the pages, as they were built."""

from __future__ import annotations

import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLACE = Path(__file__).parent / "static"
SHELL = "index.html"
_FOREVER = "public, max-age=31536000, immutable"
_ASK = "no-cache"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class PageFile:
    """One file: where it lies, packed where it was packed when it was built, and what it is."""

    path: Path
    packed: Path | None
    media_type: str
    caching: str
    etag: str


@cache
def built(place: Path = PLACE) -> Mapping[str, PageFile]:
    """Every file by its path below the folder; empty where the pages were not built."""
    found = {}
    for path in sorted(p for p in place.rglob("*") if p.is_file() and p.suffix != ".gz"):
        name = path.relative_to(place).as_posix()
        packed = path.with_name(f"{path.name}.gz")
        kind = _TYPES.get(path.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        text = kind.startswith("text/")
        # What is in `assets` has a hash of its content in its name.
        caching = _FOREVER if name.startswith("assets/") else _ASK
        facts = path.stat()
        found[name] = PageFile(
            path,
            packed if packed.exists() else None,
            f"{kind}; charset=utf-8" if text else kind,
            caching,
            f'"{facts.st_size:x}-{facts.st_mtime_ns:x}"',
        )
    return found
