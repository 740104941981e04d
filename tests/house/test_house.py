"""The promises of the project as a whole."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from huntlake.core.diagnostics import SourceError
from huntlake.identity.rights import Action
from huntlake.kql import operators, plugins
from huntlake.kql.aggregates import AGGREGATES
from huntlake.kql.aggregates import REFUSED as REFUSED_AGGREGATES
from huntlake.kql.binding import NoTables
from huntlake.kql.binding.scalars import SCOPED
from huntlake.kql.compiler import compile_kql
from huntlake.kql.functions import FUNCTIONS, KNOWN

ROOT = Path(__file__).resolve().parents[2]


def _refused() -> Iterator[str]:
    for name in sorted(KNOWN - FUNCTIONS.keys() - SCOPED.keys() - AGGREGATES.keys()):
        yield f"print x = {name}()"
    for name in sorted(REFUSED_AGGREGATES):
        yield f"print x = 1 | summarize y = {name}(x)"
    for name in sorted(operators.REFUSED):
        yield f"print x = 1 | {name} x"
    for name in sorted(plugins.REFUSED):
        yield f"print x = 1 | evaluate {name}()"


def test_what_is_not_there_is_refused_by_name() -> None:
    wrong = []
    for query in _refused():
        try:
            compile_kql(query, NoTables())
            wrong.append(f"{query}: compiles")
        except SourceError as error:
            if "not supported" not in str(error):
                wrong.append(f"{query}: {error.diagnostics[0].message}")
    assert not wrong, "\n".join(wrong)


def test_the_floors_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize(("module", "most"), [("huntlake", 60), ("huntlake.cli", 320)])
def test_importing_is_quick(module: str, most: int) -> None:
    program = f"import sys; before = set(sys.modules); import {module}; print(*sorted(set(sys.modules) - before))"
    told = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, text=True, env=_path(), check=True
    )
    loaded = told.stdout.split()
    heavy = {"duckdb", "pyarrow", "deltalake", "cryptography", "sqlalchemy", "pandas", "pydantic", "starlette", "numpy"}
    assert not heavy & {m.partition(".")[0] for m in loaded}
    assert len(loaded) <= most


def _path() -> dict[str, str]:
    return {"PYTHONPATH": ":".join(p for p in sys.path if p), "PATH": ""}


def test_no_committed_file_names_a_registry_or_this_machine() -> None:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a checkout")
    # Written in two parts, for this file is committed too.
    hosts = ("pypi" + ".org", "python" + "hosted.org", "npmjs" + ".org", "index" + "-url", "crates" + ".io")
    places = ("/work" + "/main", "/work" + "/shared", str(Path.home()) + "/.")
    found = []
    for name in listed.split("\0"):
        path = ROOT / name
        if not name or not path.is_file():
            continue
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{name}: {word}" for word in (*hosts, *places) if word in text]
    assert not found


def test_every_operator_has_a_page() -> None:
    others = {"filter": "where", "limit": "take", "order": "sort", "mvexpand": "mv-expand", "mvapply": "mv-apply"}
    others |= {"parse-where": "parse", "external_data": "externaldata"}
    names = {others.get(n, n) for n in (*operators.OPERATORS, *operators.SOURCES)}
    written = {page.stem for page in (ROOT / "tests" / "conformance" / "operators").glob("*.md")}
    assert names <= written, f"without a page: {sorted(names - written)}"


def test_pages_name_their_reference() -> None:
    silent = [
        str(page.relative_to(ROOT))
        for page in sorted((ROOT / "tests" / "conformance").glob("operators/*.md"))
        if not re.search(r"^<https://learn\.microsoft\.com/kusto/query/.+>$", page.read_text(encoding="utf-8"), re.M)
    ]
    assert not silent


def test_the_pages_know_every_right_by_its_name() -> None:
    text = (ROOT / "web" / "src" / "shell" / "session.ts").read_text(encoding="utf-8")
    declared = re.search(r"^export type Right =([^;]+);", text, re.M)
    assert declared is not None
    assert re.findall(r'"([^"]+)"', declared[1]) == [action.value for action in Action]
