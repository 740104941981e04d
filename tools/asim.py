"""Makes what follows from others in `src/huntlake/content/functions/asim/`, and `docs/asim.md`.

    python tools/asim.py                  after a source parser or a filter was added or changed
    python tools/asim.py SCHEMAS.json     also takes the columns of each schema from a file of schema facts

Written by hand, below a folder for each schema: a source parser `_ASim_SCHEMA_SOURCE`, which maps a table to the
schema; `_ASIM_SCHEMA_Common`, which completes what they give; `_ASIM_SCHEMA_Filter`, whose parameters are those of
`_Im_SCHEMA`. Made, below `made/`: the schema's columns as `_Im_SCHEMA_Empty`; the union of the sources `_ASim_SCHEMA`;
the filtering parsers `_Im_SCHEMA` and `_Im_SCHEMA_SOURCE`; and the names that these have where a workspace deploys them
itself.

The file of facts has `{"functions": [{"name": "_Im_SCHEMA", "returns": "(column:type,…)"}]}`; the columns keep its
order.
"""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ASIM = ROOT / "src" / "huntlake" / "content" / "functions" / "asim"
PAGE = ROOT / "docs" / "asim.md"

MORE_COLUMNS = {"RegistryEvent": ("ActingProcessCommandLine:string",)}
"""Columns that the tables of a schema have, and the facts don't list."""


@dataclass(frozen=True)
class Schema:
    """A schema of the model: its name, its folder, what it is about, and how deployed parsers spell it."""

    name: str
    folder: str
    about: str
    old: tuple[str, ...]
    """Names behind `im` and `ASim`, where those aren't only the schema's own."""
    parts: tuple[tuple[str, str], ...] = ()
    """Parsers of a part of the events: name and the EventType that they ask for."""

    def sources(self) -> list[str]:
        """The sources that have a parser, in alphabetical order."""
        head = f"_ASim_{self.name}_"
        return sorted(f.stem.removeprefix(head) for f in (ASIM / self.folder).glob(f"{head}*.kql"))

    def parameters(self) -> list[str]:
        """The filtering parameters, such as `eventresult:string = "*"`, in order."""
        text = (ASIM / self.folder / f"_ASIM_{self.name}_Filter.kql").read_text(encoding="utf-8")
        listed = re.search(r"T:\(\*\),\s*(.*?)\s*\) \{", text, re.DOTALL)
        assert listed is not None, f"{self.name}: the filter has no parameters"
        return re.split(r",\s*(?=\w+:)", listed[1])


SCHEMAS = (
    Schema("Authentication", "authentication", "logons, logoffs and changes of user", ("Authentication",)),
    Schema(
        "ProcessEvent",
        "process_event",
        "processes that start and end",
        ("ProcessEvent", "Process"),
        (("ProcessCreate", "ProcessCreated"), ("ProcessTerminate", "ProcessTerminated")),
    ),
    Schema("NetworkSession", "network_session", "connections and flows", ("NetworkSession",)),
    Schema("Dns", "dns", "DNS queries and their answers", ("Dns",)),
    Schema("FileEvent", "file_event", "files that are created, read, changed, moved and deleted", ("FileEvent",)),
    Schema("RegistryEvent", "registry_event", "changes of the Windows registry", ("RegistryEvent", "Registry")),
    Schema("WebSession", "web_session", "requests through proxies and to web servers", ("WebSession",)),
    Schema("AuditEvent", "audit_event", "changes of configuration", ("AuditEvent",)),
)

OTHER_NAMES = {"imProcessCreation": "_Im_ProcessCreate"}
"""Spellings of single parsers that published queries use."""

SWITCHES = ["pack:bool = false", "disabled:bool = false"]


@dataclass(frozen=True)
class Made:
    """A function that follows from others."""

    name: str
    about: str
    parameters: tuple[str, ...]
    body: str

    def text(self) -> str:
        """The file's text."""
        about = textwrap.fill(self.about, 117, initial_indent="// ", subsequent_indent="// ")
        head = f"{self.name}({', '.join(self.parameters)}) {{"
        if len(head) > 120:
            wrapped = textwrap.fill(_unbroken(", ".join(self.parameters)), 116, break_long_words=False)
            head = f"{self.name}(\n{textwrap.indent(wrapped.replace(_GLUE, ' '), '    ')}\n) {{"
        return f"{about}\n{head}\n{textwrap.indent(self.body, '    ')}\n}}\n"


_GLUE = "\x00"


def _unbroken(parameters: str) -> str:
    return re.sub(r" (?==)|(?<==) ", _GLUE, parameters)


def _called(name: str, parameters: list[str]) -> str:
    """A call that passes each parameter on under its own name."""
    text = ", ".join(p.split(":")[0] for p in parameters)
    line = f"{name}({text})"
    return line if len(line) <= 114 else f"{name}(\n{textwrap.indent(textwrap.fill(text, 108), '    ')}\n)"


def made(schema: Schema) -> Iterator[Made]:
    """Every function of a schema that isn't written by hand; `_Im_SCHEMA_Empty` is a matter of facts."""
    name, sources, filters = schema.name, schema.sources(), schema.parameters()
    switches = ["disabled:bool = false", "pack:bool = false"]
    all_parameters = tuple(filters + SWITCHES)
    branches = [f"_Im_{name}_Empty()", *(f"_ASim_{name}_{s}(disabled, pack)" for s in sources)]
    yield Made(
        f"_ASim_{name}",
        f"All {schema.about}, whatever source tells of them, in the columns of ASIM's schema {name}.",
        tuple(switches),
        "union\n" + textwrap.indent(",\n".join(branches), "    "),
    )
    filtered = "| invoke " + _called(f"_ASIM_{name}_Filter", filters)
    yield Made(
        f"_Im_{name}",
        f"What `_ASim_{name}` gives, as far as the filtering parameters ask for it.",
        all_parameters,
        f"_ASim_{name}(disabled, pack)\n{filtered}",
    )
    for source in sources:
        yield Made(
            f"_Im_{name}_{source}",
            f"What `_ASim_{name}_{source}` gives, in all columns of the schema, as far as the parameters ask for it.",
            all_parameters,
            f"union\n    _Im_{name}_Empty(),\n    _ASim_{name}_{source}(disabled, pack)\n{filtered}",
        )
    for part, kind in schema.parts:
        # A source that is of one kind says so in its name: the others needn't be asked.
        others = tuple(p.removeprefix("Process") for p, _ in schema.parts if p != part)
        asked = [branches[0], *(b for s, b in zip(sources, branches[1:], strict=True) if not s.startswith(others))]
        of_kind = f'| where EventType == "{kind}"'
        union = "union\n" + textwrap.indent(",\n".join(asked), "    ")
        about = f"`{kind}`, whatever source tells of it"
        yield Made(f"_ASim_{part}", f"Events of the type {about}.", tuple(switches), f"{union}\n{of_kind}")
        yield Made(
            f"_Im_{part}",
            f"Events of the type {about}, as far as the filtering parameters ask for them.",
            all_parameters,
            f"_ASim_{part}(disabled, pack)\n{filtered}",
        )
    yield from _old_names(schema, all_parameters, tuple(switches))


def _old_names(schema: Schema, filtering: tuple[str, ...], switches: tuple[str, ...]) -> Iterator[Made]:
    """The names that parsers have where a workspace deploys them itself."""
    name = schema.name
    pairs: list[tuple[str, str]] = []
    for old, new, single in (("im", "_Im_", "vim"), ("ASim", "_ASim_", "ASim")):
        pairs += [(f"{old}{spelled}", f"{new}{name}") for spelled in schema.old]
        pairs += [(f"{old}{part}", f"{new}{part}") for part, _ in schema.parts]
        for source in schema.sources():
            pairs.append((f"{single}{name}{source}", f"{new}{name}_{source}"))
            for part, _ in schema.parts:
                rest = source.removeprefix(part.removeprefix("Process"))
                if rest != source:
                    pairs += [
                        (f"{spelled}{rest}", f"{new}{name}_{source}") for spelled in (single + part, f"{new}{part}_")
                    ]
    pairs += [(old, new) for old, new in OTHER_NAMES.items() if new.removeprefix("_Im_") in dict(schema.parts)]
    for old, new in pairs:
        parameters = filtering if new.startswith("_Im_") else switches
        yield Made(old, f"Another name of `{new}`.", parameters, _called(new, list(parameters)))
    yield Made(f"vim{name}Empty", f"Another name of `_Im_{name}_Empty`.", (), f"_Im_{name}_Empty()")


def empty(schema: Schema, returns: str) -> Made:
    """The columns of a schema, as a table without rows."""
    columns = [*returns.strip("()").split(","), *MORE_COLUMNS.get(schema.name, ())]
    listed = textwrap.indent(textwrap.fill(", ".join(columns), 112), "    ")
    return Made(
        f"_Im_{schema.name}_Empty",
        f"No events, and every column of ASIM's schema {schema.name}: what the union of sources shows.",
        (),
        f"datatable (\n{listed}\n) []",
    )


def page() -> str:
    """`docs/asim.md`: what is there, from which tables, with which parameters."""
    lines = [PAGE_HEAD]
    for schema in SCHEMAS:
        about = schema.about[0].upper() + schema.about[1:]
        names = ", ".join(f"`im{o}`" for o in schema.old)
        lines += [f"## {schema.name}", "", f"{about}. `_Im_{schema.name}`, `_ASim_{schema.name}`; also {names}.", ""]
        if schema.parts:
            parts = " and ".join(f"`_Im_{p}` (`{kind}`)" for p, kind in schema.parts)
            lines += [f"For one type of event: {parts}, also as `im…`.", ""]
        lines += ["Parameters: " + ", ".join(f"`{p}`" for p in schema.parameters()) + ".", ""]
        lines += ["| source | table | what it tells of |", "|---|---|---|"]
        for source in schema.sources():
            text = (ASIM / schema.folder / f"_ASim_{schema.name}_{source}.kql").read_text(encoding="utf-8")
            about = " ".join(line.removeprefix("// ") for line in text.splitlines() if line.startswith("// "))
            lines.append(f"| `{source}` | {', '.join(f'`{t}`' for t in _tables(schema, text))} | {about} |")
        lines.append("")
    return "\n".join(lines)


def _tables(schema: Schema, text: str) -> list[str]:
    found = re.findall(r"^\s*(\w+)\s*\n\s*\| where not\(disabled\)", text, re.MULTILINE)
    if not found and (called := re.search(r"^\s*(_ASIM_\w+)\(\d+, disabled, pack\)", text, re.MULTILINE)):
        return _tables(schema, (ASIM / schema.folder / f"{called[1]}.kql").read_text(encoding="utf-8"))
    return found


PAGE_HEAD = """\
<!-- Made from the parsers by `make docs`: change `tools/asim.py` or a parser's first comment, not this page. -->
# ASIM: one schema over many sources

The Advanced Security Information Model gives events of one kind the same columns, whatever product tells of them. These
parsers are in every workspace, and read the tables that its sources fill:

```kql
_Im_Authentication(starttime = ago(1d), eventresult = "Failure")
| summarize Failures = count() by TargetUsername, EventProduct
```

- `_Im_SCHEMA(…)` takes filtering parameters, `_ASim_SCHEMA()` takes none. Both read every source below;
  `_Im_SCHEMA_SOURCE` and `_ASim_SCHEMA_SOURCE` read one.
- `starttime` and `endtime` bound TimeGenerated: files outside are not opened. A parameter that is left out asks for
  nothing, and costs nothing.
- `_ASim_SCHEMA_SOURCE` gives the columns that its source can fill. All others give every column of the schema, in one
  order, with the schema's types; what a source doesn't tell is empty, or null.
- `pack = true` puts what a source tells beyond the schema into AdditionalFields. `disabled = true` gives no events.
- Parsers go by several names. Those of parsers that a workspace deploys itself are known too: `imAuthentication`,
  `vimDnsMicrosoftOMS`, `ASimProcessEventCreateMicrosoftSysmon`.
- A function that the workspace saves comes before one of these with the same name. So a parser of your own joins in:
  save `_ASim_Authentication` anew, as the union of `_Im_Authentication_Empty()`, the sources below and yours.

Of the aliases, `Src` and `Dst` are the address where there is one, else the name, else the identifier; `Dvc` is the
full name of the reporting device, else its short name, its address, its identifier, and else the product. `User` is who
logs on, who runs the process, or who acts.

Not here yet: the schemas AlertEvent, AssetEntity, DhcpEvent and UserManagement, and sources that are not in the tables
below. The parser of such a schema or source is an unknown function, and the query that calls it an error.

"""


def files() -> dict[Path, str]:
    """Each file that follows from others, and its text: all functions but those of the facts, and the page."""
    found = {PAGE: page()}
    for schema in SCHEMAS:
        found |= {ASIM / "made" / schema.folder / f"{f.name}.kql": f.text() for f in made(schema)}
    return found


def main() -> None:
    """Write the functions and the page anew; what no longer follows from anything is deleted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("schemas", type=Path, nargs="?")
    given = parser.parse_args().schemas
    texts = files()
    if given is not None:
        facts = {f["name"]: f for f in json.loads(given.read_text(encoding="utf-8"))["functions"]}
        for schema in SCHEMAS:
            function = empty(schema, facts[f"_Im_{schema.name}"]["returns"])
            texts[ASIM / "made" / schema.folder / f"{function.name}.kql"] = function.text()
    for old in ASIM.glob("made/*/*.kql"):
        if old not in texts and not (given is None and re.fullmatch(r"_Im_[A-Za-z]+_Empty", old.stem)):
            old.unlink()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    print(f"{len(texts)} files")


if __name__ == "__main__":
    main()
