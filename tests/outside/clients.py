"""Runs the real clients of Microsoft's APIs, unmodified, against a server of our own.

    python tests/outside/clients.py [--accept] [--only TEXT] [--keep]

The clients live in environments under `.clients/`, made when they are missing: one for most, one for msticpy (which
needs another pandas), and a folder of npm packages. The server listens on a free port of this machine, over a lake in
a temporary folder, as long as the run lasts.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KIT = ROOT.parent / "shared" / "client_kit"
CLIENTS = ROOT / ".clients"
BASELINE = ROOT / "tests" / "baselines" / "clients.txt"
MSTICPY = "test_80_msticpy.py"
MSTICPY_NEEDS = ("msticpy[azsentinel]", "azure-kusto-data[pandas]", "pytest", "pytest-timeout")
sys.path.insert(0, str(ROOT))

from bench import figures as kept  # noqa: E402


@dataclass
class Outcome:
    """The tests that passed, failed (with why) and were skipped (with why)."""

    passed: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def lacking(self) -> set[str]:
        """The tests that don't pass."""
        return {*self.failed, *self.skipped}

    def mend(self, names: Iterable[str]) -> None:
        """These tests pass after all."""
        for name in names:
            self.failed.pop(name, None)
            self.skipped.pop(name, None)
            self.passed.add(name)


def main() -> int:
    """Run the kit; 0 where everything passes that passed before."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--accept", action="store_true", help="write the baseline anew")
    arguments.add_argument("--only", default="", help="only the files with this in their names")
    given = arguments.parse_args()
    if not KIT.is_dir():
        print("The kit of clients is not here; nothing was run.\n0 passed, 0 failed")
        return 0
    prepare()
    began = time.monotonic()
    before = set(BASELINE.read_text().split()) if BASELINE.exists() else set()
    with tempfile.TemporaryDirectory(prefix="huntlake-clients-") as folder, served(Path(folder)) as known:
        outcome = run(Path(folder), known, [f.name for f in KIT.glob("test_*.py") if given.only in f.name])
        if lost := before & outcome.lacking:
            # A machine that has much to do may let a client's patience end.
            print(f"asked once more: {', '.join(sorted(lost))}", flush=True)
            again = run(Path(folder), known, {f"{name.partition('::')[0]}.py" for name in lost})
            outcome.mend(lost & again.passed)
    show(outcome, time.monotonic() - began)
    if given.accept:
        BASELINE.write_text("\n".join(sorted(before | outcome.passed if given.only else outcome.passed)) + "\n")
    if not given.only:
        figures(outcome)
    lost = before & outcome.lacking
    if lost:
        print(f"   LOST since the baseline: {', '.join(sorted(lost))}")
    return 1 if lost and not given.accept else 0


def prepare() -> None:
    """Make the environments of the clients where they are missing, or the kit asks for others."""
    needs = KIT / "requirements.txt"
    _environment("most", ["--requirement", str(needs)], needs.read_text())
    _environment("msticpy", [*MSTICPY_NEEDS], " ".join(MSTICPY_NEEDS))
    packages = KIT / "node" / "package.json"
    node = CLIENTS / "node"
    if shutil.which("npm") is None:
        raise SystemExit("the clients of Node.js need `npm`, which isn't here")
    if _made(node, packages.read_text()):
        return
    node.mkdir(parents=True, exist_ok=True)
    shutil.copy(packages, node)
    _do(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=node)
    _mark(node, packages.read_text())


def _environment(name: str, packages: list[str], wanted: str) -> None:
    place = CLIENTS / name
    if _made(place, wanted):
        return
    print(f"making the environment {place.relative_to(ROOT)}", flush=True)
    _do([sys.executable, "-m", "venv", "--clear", str(place)])
    _do([str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])
    _mark(place, wanted)


def _do(command: list[str], cwd: Path | None = None) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")


def _made(place: Path, wanted: str) -> bool:
    mark = place / ".made"
    return mark.exists() and mark.read_text() == sha256(wanted.encode()).hexdigest()


def _mark(place: Path, wanted: str) -> None:
    (place / ".made").write_text(sha256(wanted.encode()).hexdigest())


@contextmanager
def served(folder: Path) -> Iterator[dict[str, str]]:
    """A server with a workspace and two applications, one of which may do nothing; what the kit must know of it."""
    home = folder / "home"
    ours = [sys.executable, "-c", "from huntlake.cli import main; main()"]

    def told(*arguments: str) -> str:
        command = [*ours, *arguments, "--home", str(home)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"huntlake {' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout

    told("workspace", "create", "kitworkspace")
    (workspace,) = json.loads(told("workspace", "list", "--output", "json"))
    ours_to_use = json.loads(told("principal", "create", "kit", "--role", "contributor", "--output", "json"))
    denied = json.loads(told("principal", "create", "denied", "--output", "json"))
    log = folder / "server.log"
    with log.open("wb") as file:
        command = [*ours, "serve", "--port", "0", "--home", str(home)]
        server = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        url, tenant = _listening(log, server)
        stdio = folder / "stdio"
        stdio.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{ours[-1]}" mcp --home {home}\n')
        stdio.chmod(0o755)
        yield {
            "KIT_BASE_URL": url,
            "KIT_CA_BUNDLE": str(home / "tls" / "ca.pem"),
            "KIT_TENANT": tenant,
            "KIT_CLIENT_ID": ours_to_use["client_id"],
            "KIT_CLIENT_SECRET": ours_to_use["secret"],
            "KIT_DENIED_CLIENT_ID": denied["client_id"],
            "KIT_DENIED_CLIENT_SECRET": denied["secret"],
            "KIT_WORKSPACE_ID": workspace["id"],
            "KIT_WORKSPACE_NAME": workspace["workspace"],
            "KIT_SUBSCRIPTION": tenant,
            "KIT_RESOURCE_GROUP": "huntlake",
            "KIT_MCP_STDIO_COMMAND": str(stdio),
            "KIT_NODE_DIR": str(CLIENTS / "node"),
        }
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def _listening(log: Path, server: subprocess.Popen[bytes]) -> tuple[str, str]:
    """The server's URL and its tenant, once it says that it listens."""
    end = time.monotonic() + 60
    while time.monotonic() < end and server.poll() is None:
        words = log.read_text(errors="replace").split()
        if "at" in words and "tenant" in words:
            return words[words.index("at") + 1].rstrip(";"), words[words.index("tenant") + 1]
        time.sleep(0.2)
    raise SystemExit(f"the server did not start:\n{log.read_text(errors='replace')}")


def run(folder: Path, known: Mapping[str, str], files: Iterable[str]) -> Outcome:
    """Run these files of the kit, a copy of it: it writes beside itself."""
    kit = folder / "kit"
    left = shutil.ignore_patterns("node_modules", "__pycache__", ".pytest_cache")
    shutil.copytree(KIT, kit, ignore=left, dirs_exist_ok=True)
    files = sorted(files)
    outcome = Outcome()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("KIT_", "PYTHON", "HUNTLAKE"))}
    environment.update(known)
    for name, chosen in (("most", [f for f in files if f != MSTICPY]), ("msticpy", [f for f in files if f == MSTICPY])):
        if not chosen:
            continue
        report = folder / f"{name}.xml"
        command = [str(CLIENTS / name / "bin" / "python"), "-m", "pytest", "-q", f"--junit-xml={report}", *chosen]
        done = subprocess.run(command, cwd=kit, env=environment, capture_output=True, text=True, check=False)
        if not report.exists():
            raise SystemExit(f"the kit did not run:\n{done.stdout}\n{done.stderr}")
        _read(report, outcome)
    return outcome


def _read(report: Path, outcome: Outcome) -> None:
    for case in ET.parse(report).iter("testcase"):  # noqa: S314: written by the kit's own pytest
        name = f"{case.get('classname')}::{case.get('name')}".replace(" ", "_")
        bad = next((case.find(kind) for kind in ("failure", "error") if case.find(kind) is not None), None)
        skip = case.find("skipped")
        if bad is not None:
            outcome.failed[name] = bad.get("message") or ""
        elif skip is not None:
            outcome.skipped[name] = skip.get("message") or ""
        else:
            outcome.passed.add(name)


def show(outcome: Outcome, seconds: float) -> None:
    """What a person wants to see of a run."""
    print(f"== clients: {len(outcome.passed)} passed, {len(outcome.failed)} failed, {len(outcome.skipped)} skipped")
    for title, found in (("failed", outcome.failed), ("skipped", outcome.skipped)):
        for name, why in sorted(found.items()):
            first = why.splitlines()[0] if why else ""
            print(f"   {title}: {name}: {first[:160]}")
    print(f"{seconds:.0f} s")
    print(f"{len(outcome.passed)} passed, {len(outcome.failed)} failed")


def figures(outcome: Outcome) -> None:
    """Keep the figure that the kit decides."""
    total = len(outcome.passed) + len(outcome.failed) + len(outcome.skipped)
    share = 100 * len(outcome.passed) / max(total, 1)
    unit = f"% of {total} tests of real clients pass, {len(outcome.skipped)} skipped"
    kept.write("clients.1", share, unit, "all, none skipped", len(outcome.passed) == total, by="make outside")


if __name__ == "__main__":
    sys.exit(main())
