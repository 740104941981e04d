"""A hunt as a YAML file on a branch of a git repository, without touching what is checked out there."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from huntlake.core.errors import Conflict, Invalid, NotFound, Unavailable
from huntlake.hunting.delivery.connectors import connectors_of
from huntlake.hunting.delivery.piece import Piece, Step, Verb

_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}")
_FOLDER = re.compile(r"[A-Za-z0-9._ -]+(?:/[A-Za-z0-9._ -]+)*")
_TIMEOUT = 60


@dataclass(frozen=True)
class Repository:
    """Delivers to a branch of a repository on this machine; pushing it elsewhere is its owner's affair."""

    path: Path
    branch: str
    author: str
    folder: str = "Hunting Queries"

    def __post_init__(self) -> None:
        if (
            not _BRANCH.fullmatch(self.branch)
            or ".." in self.branch
            or self.branch == "HEAD"
            or self.branch.endswith((".lock", "/", "."))
        ):
            raise Invalid(f"`{self.branch[:60]}` can't be the name of a branch")
        if not _FOLDER.fullmatch(self.folder) or ".." in self.folder.split("/"):
            raise Invalid(f"`{self.folder[:60]}` can't be a folder in a repository")

    @property
    def name(self) -> str:
        """What it is, and where."""
        return f"git {self.path} {self.branch}"

    def plan(self, piece: Piece) -> Sequence[Step]:
        """What would be written; `Conflict` for a branch that is checked out: its files would seem to be deleted."""
        if f"branch refs/heads/{self.branch}" in self._git("worktree", "list", "--porcelain").splitlines():
            raise Conflict(f"`{self.branch}` is checked out there: name another branch, and merge that")
        text, file = yaml_of(piece), f"{self.folder}/{piece.id}.yaml"
        before = self._show(file)
        verb = Verb.MAKE if before is None else Verb.KEEP if before == text else Verb.CHANGE
        return (Step(verb, "file", file, text),)

    def write(self, piece: Piece, steps: Sequence[Step]) -> None:
        """Commit it to the branch, which is made where there is none; `Conflict` where others moved it meanwhile."""
        for step in steps:
            if step.verb is not Verb.KEEP:
                self._commit(
                    step.name, str(step.body), f"Hunt: {' '.join(piece.title.split())} (version {piece.version})"
                )

    def _commit(self, file: str, text: str, message: str) -> None:
        tip = self._tip()
        base = tip or self._tip("HEAD")
        with tempfile.TemporaryDirectory(prefix="huntlake-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if base:
                self._git("read-tree", base, env=index)
            blob = self._git("hash-object", "-w", "--stdin", "--no-filters", input=text)
            self._git("update-index", "--add", "--cacheinfo", f"100644,{blob},{file}", env=index)
            tree = self._git("write-tree", env=index)
        parents = ["-p", base] if base else []
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", _plain(self.author) or "huntlake"), ("EMAIL", "huntlake@localhost"))
        }
        commit = self._git("commit-tree", tree, *parents, input=message, env=who)
        try:
            self._git("update-ref", f"refs/heads/{self.branch}", commit, tip or "0" * len(commit))
        except Invalid:
            raise Conflict(f"the branch `{self.branch}` was moved by somebody else; try again") from None

    def _tip(self, name: str | None = None) -> str:
        try:
            return self._git("rev-parse", "--verify", "--quiet", name or f"refs/heads/{self.branch}")
        except Invalid:
            return ""

    def _show(self, file: str) -> str | None:
        tip = self._tip()
        if not tip:
            return None
        try:
            return self._git("cat-file", "blob", f"{tip}:{file}", strip=False)
        except Invalid:
            return None

    def _git(self, *arguments: str, input: str = "", env: dict[str, str] | None = None, strip: bool = True) -> str:
        if not self.path.is_dir():
            raise NotFound(f"no folder is at {self.path}")
        command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-C", str(self.path)]
        # Where `GIT_DIR` names another repository, as in a hook, it would count before the path.
        outside = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        try:
            # Locks, prompts and a machine's own settings must not reach in here.
            done = subprocess.run(
                [*command, *arguments],
                input=input.encode(),
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
                env={**outside, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", **(env or {})},
            )
        except FileNotFoundError:
            raise Unavailable("git isn't installed on this machine") from None
        except subprocess.TimeoutExpired:
            raise Unavailable(f"git took longer than {_TIMEOUT} s") from None
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip().splitlines()
            raise Invalid(f"git {arguments[0]}: {told[-1] if told else 'failed'}")
        said = done.stdout.decode(errors="replace")
        return said.strip() if strip else said


def yaml_of(piece: Piece) -> str:
    """A hunting query as the public repositories of such have them."""
    connectors = [{"connectorId": id, "dataTypes": list(tables)} for id, tables in connectors_of(piece.tables).items()]
    entities = [
        {
            "entityType": one.entity_type,
            "fieldMappings": [{"identifier": f.identifier, "columnName": f.column_name} for f in one.field_mappings],
        }
        for one in piece.entities
    ]
    said = {
        "id": piece.id,
        "name": piece.title,
        "description": f"{piece.statement}\n{piece.rationale}".strip(),
        **({"requiredDataConnectors": connectors} if connectors else {}),
        "tactics": [tactic.value for tactic in piece.tactics],
        "relevantTechniques": list(piece.techniques),
        "query": piece.query,
        **({"entityMappings": entities} if entities else {}),
        "version": f"{piece.version}.0.0",
        "tags": [piece.status, f"version {piece.version}", f"sha256 {piece.content_hash}"],
        "metadata": {
            "hunt": piece.hunt,
            "origin": piece.maker,
            "model": piece.model,
            "author": piece.author,
            "approver": piece.approver,
            "signals": list(piece.signals),
            "notice": piece.notice,
        },
    }
    return str(yaml.dump(said, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are."""


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represented)


def _plain(text: str) -> str:
    return "".join(c for c in text if c.isprintable() and c not in "<>")[:100].strip()
