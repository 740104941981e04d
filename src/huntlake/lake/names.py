"""Names that can be folders and never leave the lake's root."""

from __future__ import annotations

import re

from huntlake.core.errors import Invalid

_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_TABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def workspace_folder(name: str) -> str:
    """`name`, if it can be a workspace's folder: letters, digits, `_`, `.` and `-`, at most 128 of them."""
    if not _FOLDER.fullmatch(name) or ".." in name:
        raise Invalid(
            f"`{name[:128]}` can't be the name of a workspace: letters, digits, `_`, `.` and `-` make one, at most 128"
        )
    return name


def table_folder(name: str) -> str:
    """`name`, if it can be a table's folder: letters, digits and `_`, not beginning with a digit, at most 128."""
    if not _TABLE.fullmatch(name):
        raise Invalid(f"`{name[:128]}` can't be the name of a table: letters, digits and `_` make one, no digit first")
    return name
