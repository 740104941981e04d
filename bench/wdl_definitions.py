"""The published templates of Logic Apps: how many of the workflows that they hold can be read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import figures
from bench.wdl import SHARED
from huntlake.wdl.definition.reading import InvalidDefinition, read

TEMPLATES = SHARED / "playbooks" / "templates"


def definitions() -> Iterator[tuple[str, Any]]:
    """Every workflow's definition, with the file that holds it; None for a file that is not JSON."""
    index = (SHARED / "playbooks" / "index.jsonl").read_text(encoding="utf-8")
    for line in index.splitlines():
        name = json.loads(line)["file"]
        try:
            template = json.loads(_path(name).read_text(encoding="utf-8-sig"), strict=False)
        except ValueError:
            yield name, None
        else:
            yield from ((name, found) for found in _within(template))


def _path(name: str) -> Path:
    path = TEMPLATES / name
    return path if path.exists() else TEMPLATES.parent / name


def _within(node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        for inner in node:
            yield from _within(inner)
    elif isinstance(node, dict):
        # Access control has triggers and actions, too.
        if isinstance(node.get("triggers"), dict) and isinstance(node.get("actions"), dict) and "$schema" in node:
            yield node
            return
        for inner in node.values():
            yield from _within(inner)


def main() -> None:
    if not TEMPLATES.is_dir():
        print("no templates are in ../shared/playbooks")
        return
    good = total = other = 0
    for name, definition in definitions():
        if definition is None:
            other += 1
            print(f"{name}: is not strict JSON")
            continue
        total += 1
        try:
            read(definition)
        except InvalidDefinition as error:
            print(f"{name}: {error}")
        else:
            good += 1
    unit = f"% of {total} published workflow definitions are read; {other} templates are not strict JSON"
    figures.write("playbooks.definitions", 100 * good / total, unit, by="python -m bench wdl_definitions")


if __name__ == "__main__":
    main()
