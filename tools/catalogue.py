"""Makes `src/huntlake/content/tables/` from a file of schema facts.

    python tools/catalogue.py SCHEMAS.json

The file has `{"tables": {NAME: {"columns": {COLUMN: KUSTO TYPE}, "sources": [...], "open": bool}}}`. The order of the
columns is kept: queries' results depend on it.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

TABLES = Path(__file__).parent.parent / "src" / "huntlake" / "content" / "tables"

LETTERS = {
    "bool": "b",
    "datetime": "t",
    "decimal": "m",
    "dynamic": "d",
    "guid": "g",
    "int": "i",
    "long": "l",
    "real": "r",
    "timespan": "n",
}


def families(table: dict[str, Any]) -> str:
    """The file that a table belongs to."""
    sources = " ".join(table["sources"])
    defender = "Defender XDR" in sources or "defender-docs" in sources or "Timestamp" in table["standard_added"]
    if "Application Insights" in sources:
        return "application-insights"
    if defender:
        return "defender-xdr"
    return "azure-monitor" if "azure-monitor-docs" in sources else "sentinel"


def line(name: str, table: dict[str, Any]) -> str:
    """One table: its name, its flags, its columns, between tabs."""
    columns = []
    for column, kind in table["columns"].items():
        if re.search(r"[,:\t\n]", column):
            raise SystemExit(f"{name}: the column {column!r} can't be written")
        columns.append(column if kind == "string" else f"{column}:{LETTERS[kind]}")
    return "\t".join((name, "open" if table.get("open") else "", ",".join(columns)))


def main() -> None:
    """Write one file for each family, its tables in alphabetical order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("schemas", type=Path)
    tables = json.loads(parser.parse_args().schemas.read_text(encoding="utf-8"))["tables"]
    files: dict[str, list[str]] = {}
    for name in sorted(tables):
        files.setdefault(families(tables[name]), []).append(line(name, tables[name]))
    for old in TABLES.glob("*.tsv"):
        if old.stem != "huntlake":
            old.unlink()
    for family, lines in files.items():
        (TABLES / f"{family}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{family}: {len(lines)} tables")


if __name__ == "__main__":
    main()
