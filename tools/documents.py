"""Writes the generated pages of docs/, ASIM's functions that follow from others, and the table in README.md.

python -m tools.documents          writes them
python -m tools.documents --check    says which are not what the code says, and exits with 1
"""

from __future__ import annotations

import difflib
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from pathlib import Path

from bench import figures
from tools import asim

from huntlake.hunting.proof.rules import RULES
from huntlake.kql import operators, plugins
from huntlake.kql.aggregates import AGGREGATES
from huntlake.kql.aggregates import REFUSED as REFUSED_AGGREGATES
from huntlake.kql.binding.scalars import SCOPED
from huntlake.kql.functions import FUNCTIONS, KNOWN
from huntlake.kql.symbols import Function, OneOf, Signature
from huntlake.kql.types import ANY, NUMBERS, SIMPLE, ScalarType
from huntlake.playbooks.connectors import declared, names
from huntlake.playbooks.connectors import described as connector_of
from huntlake.wdl.functions import FUNCTIONS as WDL_FUNCTIONS
from huntlake.workspace.catalogue import Catalogue
from huntlake.workspace.commands import COMMANDS, Need
from huntlake.workspace.commands import REFUSED as COMMANDS_REFUSED

ROOT = Path(__file__).resolve().parents[1]
IN_CONTEXT = sorted(SCOPED.keys() - FUNCTIONS.keys())
"""Functions that the binder knows by itself, for they need the query around them."""

REFUSED_FUNCTIONS = KNOWN - FUNCTIONS.keys() - SCOPED.keys() - AGGREGATES.keys()

RIGHTS = {Need.NOTHING: "", Need.READ: "read", Need.WRITE: "add rows", Need.MANAGE: "change tables and functions"}

SHOWN = 12
"""Lines of a difference that are told."""

GENERATED = "<!-- Made from the code by `make docs`: change the code, not this page. -->"
BEGIN, END = "<!-- what works: begin -->", "<!-- what works: end -->"
REFERENCE = "https://learn.microsoft.com/kusto/query"


def main() -> int:
    check = "--check" in sys.argv[1:]
    wrong = 0
    for path, text in pages().items():
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old == text:
            continue
        wrong += 1
        if check:
            names = {"fromfile": str(path.relative_to(ROOT)), "tofile": "what the code says"}
            lines = difflib.unified_diff(old.splitlines(), text.splitlines(), lineterm="", n=0, **names)
            print("\n".join(islice(lines, SHOWN)))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    if check and wrong:
        print(f"{wrong} pages are not what the code says: `make docs` writes them")
    return 1 if check and wrong else 0


def wdl_page() -> str:
    """The functions of the workflow language, by their families."""
    families: dict[str, list[str]] = defaultdict(list)
    for function in sorted({f.name: f for f in WDL_FUNCTIONS.values()}.values(), key=lambda f: f.name.lower()):
        said = function.doc.split("\n\n")[0].replace("\n", " ").replace("|", "\\|")
        shown = "<br>".join(f"`{call}` → `{value}`" for call, value in function.examples).replace("|", "\\|")
        also = "".join(f", `{a}`" for a in function.aliases)
        family = function.body.__module__.rpartition(".")[2]
        families[family].append(f"| `{function}`{also} | {said} | {shown} |")
    parts = ["# Functions of workflow definitions", GENERATED, f"{sum(map(len, families.values()))} functions."]
    for family in sorted(families):
        parts.append(f"## {family.capitalize()}")
        parts.append("\n".join(["| function | what it gives | |", "|---|---|---|", *families[family]]))
    return "\n\n".join(parts) + "\n"


def operations_page() -> str:
    """The operations of each connector to this house, as they are declared."""
    every = [made for name in names() if (made := connector_of(name)) is not None and made.name == name]
    also = {name: d.aliases for name, d in declared().items() if d.aliases}
    count = sum(len(c.operations) for c in every)
    parts = ["# Operations of connectors", GENERATED, f"{len(every)} connectors, {count} operations."]
    for one in every:
        lines = ["| operation | call | effect | what it does |", "|---|---|---|---|"]
        lines += [
            f"| {o.id} | `{o.method} {o.path}` | {o.effect.value} | {o.summary} |".replace("*}", "}")
            for o in one.operations
        ]
        where = "It never leaves this house." if one.inside else "It calls a service."
        if one.name in also:
            where += " Also known as " + ", ".join(f"`{n}`" for n in also[one.name]) + "."
        needs = "".join(
            f"\n- `{p.name}`{' (secret)' if p.secret else ''}{'' if p.required else ' (optional)'}: {p.summary}"
            for p in one.parameters
        )
        parts.append(f"## `{one.name}`: {one.title}\n\n{where}" + (f" Its connections know:\n{needs}" if needs else ""))
        parts.append("\n".join(lines))
        if one.triggers:
            parts.append("Triggers: " + ", ".join(f"`{t.path}` ({t.summary.rstrip('.')})" for t in one.triggers) + ".")
        if one.polls:
            asked = ", ".join(f"`{p.method} {p.path}` ({p.summary.rstrip('.')})" for p in one.polls)
            parts.append(f"Triggers that ask again and again: {asked}.")
    return "\n\n".join(parts) + "\n"


def findings_page() -> str:
    """The rules about queries of hunts."""
    lines = ["| code | level | weight | what | what to do |", "|---|---|---|---|---|"]
    lines += [f"| {r.code} | {r.level} | {r.weight} | {r.title} | {r.help} |" for r in RULES.values()]
    return "\n\n".join(["# Findings about queries of hunts", GENERATED, "\n".join(lines)]) + "\n"


def pages() -> dict[Path, str]:
    """Every generated page, and README.md with its generated part."""
    folder = ROOT / "docs" / "kql"
    readme = ROOT / "README.md"
    return asim.files() | {
        folder / "operators.md": operators_page(),
        folder / "functions.md": functions_page("Scalar functions", FUNCTIONS, REFUSED_FUNCTIONS, IN_CONTEXT),
        folder / "aggregates.md": functions_page("Aggregates", AGGREGATES, REFUSED_AGGREGATES),
        folder / "plugins.md": plugins_page(),
        folder / "commands.md": commands_page(),
        ROOT / "docs" / "hunting" / "findings.md": findings_page(),
        ROOT / "docs" / "playbooks" / "functions.md": wdl_page(),
        ROOT / "docs" / "playbooks" / "operations.md": operations_page(),
        readme: with_table(readme.read_text(encoding="utf-8")),
    }


# -- pages -----------------------------------------------------------------------


def operators_page() -> str:
    rows = [
        (f"[`{name}`]({REFERENCE}/{name}-operator)", first_line(kind.__doc__), "yes" if name in where else "")
        for kinds, where in ((operators.OPERATORS, operators.SOURCES), (operators.SOURCES, operators.SOURCES))
        for name, kind in sorted(kinds.items())
        if kinds is operators.OPERATORS or name not in operators.OPERATORS
    ]
    return page(
        "Query operators",
        f"{len(rows)} work, {len(operators.REFUSED)} are refused by name with the words `not supported`.",
        table(("operator", "what it gives", "may begin a query"), rows),
        refused(operators.REFUSED),
    )


def functions_page(
    title: str, known: Mapping[str, Function], missing: Iterable[str], in_context: Collection[str] = ()
) -> str:
    missing = frozenset(missing)
    families: dict[str, dict[str, Function]] = defaultdict(dict)
    for function in _public(known):
        families[function.signatures[0].body.__module__.rpartition(".")[2]].setdefault(function.name, function)
    total = len({f.name for f in _public(known)}) + len(in_context)
    parts = [f"{total} work, {len(missing)} are refused by name with the words `not supported`."]
    if in_context:
        parts.append(f"Some look at the query around them: {', '.join(f'`{n}`' for n in in_context)}.")
    for family in sorted(families):
        parts.append(f"## {family.replace('_', ' ').capitalize()}")
        for name in sorted(families[family]):
            parts.append(described(families[family][name]))
    return page(title, *parts, refused(missing))


def _public(known: Mapping[str, Function]) -> list[Function]:
    # `* has` and its like are what an operator is made of; no query can name them.
    return [f for f in known.values() if not f.name.startswith("* ")]


def described(function: Function) -> str:
    """One function: its signatures, what it gives, its examples."""
    name = function.name
    lines = [f"### `{name}`", "", first_line(function.doc), "", "```kql"]
    lines += dict.fromkeys(f"{name}{signature(s)} -> {result(function, s)}" for s in function.signatures)
    lines += [f"{call}\n// {value}" for call, value in function.examples]
    lines.append("```")
    if function.aliases:
        lines += ["", f"Also called {', '.join(f'`{a}`' for a in function.aliases)}."]
    return "\n".join(lines)


def plugins_page() -> str:
    rows = [
        (f"[`{name}`]({REFERENCE}/{name.replace('_', '-')}-plugin)", first_line(plugin.__doc__))
        for name, plugin in sorted(plugins.PLUGINS.items())
    ]
    return page(
        "Plugins of `evaluate`",
        f"{len(rows)} work, {len(plugins.REFUSED)} are refused by name with the words `not supported`.",
        table(("plugin", "what it gives"), rows),
        refused(plugins.REFUSED),
    )


def commands_page() -> str:
    groups: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for one in COMMANDS:
        family = one.run.__module__.rpartition(".")[2]
        groups[family].append((f"`{one.syntax}`", one.doc, RIGHTS[one.needs]))
    parts = [
        f"{len(COMMANDS)} work, {len(COMMANDS_REFUSED)} are refused by name with the words `not supported`. "
        "A `<place>` is the caller's, what stands in brackets may be left out. "
        "`<properties>` are `with (name = value, …)`, and may be left out everywhere; `<query>` and `<data>` follow "
        "`<|`."
    ]
    for family, rows in groups.items():
        parts += [f"## {family.capitalize()}", table(("command", "what it does", "right"), rows)]
    return page("Management commands", *parts, refused(COMMANDS_REFUSED))


def with_table(readme: str) -> str:
    """README.md, its table of what works made anew."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"README.md has no lines `{BEGIN}` and `{END}`")
    return f"{before}{BEGIN}\n{what_works()}\n{END}{after}"


def what_works() -> str:
    functions = {f.name for f in _public(FUNCTIONS)} | set(IN_CONTEXT)
    aggregates = {f.name for f in _public(AGGREGATES)}
    found = sorted({*operators.OPERATORS, *operators.SOURCES})
    rows = [
        ("query operators", str(len(found)), str(len(operators.REFUSED)), "[list](docs/kql/operators.md)"),
        ("scalar functions", str(len(functions)), str(len(REFUSED_FUNCTIONS)), "[list](docs/kql/functions.md)"),
        ("aggregates", str(len(aggregates)), str(len(REFUSED_AGGREGATES)), "[list](docs/kql/aggregates.md)"),
        ("management commands", str(len(COMMANDS)), str(len(COMMANDS_REFUSED)), "[list](docs/kql/commands.md)"),
        ("plugins", str(len(plugins.PLUGINS)), str(len(plugins.REFUSED)), "[list](docs/kql/plugins.md)"),
        ("tables known by name", f"{len(Catalogue().names()):,}", "", "[where from](src/huntlake/content/tables)"),
    ]
    parts = [table(("KQL", "works", "refused by name", ""), rows)]
    measured = [
        (name, f"{f.value:,} {f.unit}", f.goal, {True: "yes", False: "**no**", None: ""}[f.met], f"`{f.by}`, {f.date}")
        for name, f in sorted(figures.read().items())
    ]
    if measured:
        parts.append(table(("measured", "value", "goal", "met", "by"), measured))
    return "\n\n".join(parts)


# -- Markdown ----------------------------------------------------------------------


def page(title: str, *parts: str) -> str:
    return "\n\n".join((f"# {title}", GENERATED, *parts)) + "\n"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def refused(names: Iterable[str]) -> str:
    listed = ", ".join(f"`{n}`" for n in sorted(names))
    return f"## Refused by name\n\n{listed or 'Nothing.'}"


def first_line(doc: str | None) -> str:
    return (doc or "").strip().partition("\n")[0]


def signature(s: Signature) -> str:
    parameters = [
        f"{p.name}: {type_name(p.accepts)}" + ("…" if p.repeats else "") + ("" if p.default is None else " = …")
        for p in s.parameters
    ]
    return f"({', '.join(parameters)})"


def result(function: Function, s: Signature) -> str:
    """The type of what it gives, or the columns: the names that they have after the function's and the argument's."""
    columns = function.columns(function.name, [ScalarType.DYNAMIC], ["_"]) if function.columns else ()
    if len(columns) < 2:
        return type_name(s.returns)
    stem = f"{function.name}___"
    return f"({', '.join(f'{c.name.removeprefix(stem)}: {c.type}' for c in columns)})"


def type_name(one: OneOf) -> str:
    if one.letter:
        return one.letter
    names = {ANY: "any", SIMPLE: "simple", NUMBERS: "number"}
    return names.get(one.types) or " | ".join(str(t) for t in one.types)


if __name__ == "__main__":
    sys.exit(main())
